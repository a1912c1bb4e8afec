"""Write sample_docs/aquila-w2-manual.pdf (needs `pip install reportlab`): python docs/sample_manual.py."""

from __future__ import annotations

from pathlib import Path

from pypdf import PdfWriter
from pypdf.constants import PageLabelStyle
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageBreak, PageTemplate, Paragraph, Spacer, Table, TableStyle

TARGET = Path(__file__).parents[1] / "sample_docs" / "aquila-w2-manual.pdf"
STYLES = getSampleStyleSheet()

CHAPTERS: list[tuple[str, list[str | list[list[str]]]]] = [
    (
        "1 Before you start",
        [
            "The Aquila W2 measures pH, conductivity, temperature and, with the probe HP-305, turbidity. It is made for work"
            " in the field: the housing is watertight to one metre (IP67) and floats.",
            "Charge the battery before first use. A full charge takes 2.5 hours over USB-C and lasts for 40 hours of"
            " measuring. Charge it only between 0 °C and 40 °C.",
            "Do not open the housing. Opening it ends the warranty of 24 months.",
            "In the box: the meter, a pH probe HP-201, a field case HA-031, a USB-C cable and a calibration certificate.",
        ],
    ),
    (
        "2 Technical data",
        [
            "All figures hold at 25 °C unless another temperature is given.",
            [
                ["Quantity", "Range", "Resolution", "Accuracy"],
                ["pH", "0 to 14", "0.01", "± 0.02"],
                ["Conductivity", "0 to 70 mS/cm", "0.01 mS/cm", "± 1 % of reading"],
                ["Temperature", "−10 to 60 °C", "0.1 °C", "± 0.2 °C"],
                ["Turbidity", "0 to 1000 NTU", "0.1 NTU", "± 3 % of reading"],
            ],
            "The meter stores 50,000 readings with time and place. It weighs 410 g and works from −10 °C to 50 °C.",
            "Batteries and probes suffer from frost: store the meter above −10 °C, and the pH probe wet, in storage solution"
            " HR-720.",
        ],
    ),
    (
        "3 Measuring",
        [
            "Rinse the probe with clean water, dip it at least 30 mm deep and stir gently. Press MEASURE. The reading is"
            " stable when the bar on the display is full, as a rule after 20 seconds.",
            "Press HOLD to keep a reading, and STORE to save it. A stored reading carries the time, the place and the serial"
            " number of the probe.",
            "In sea water, rinse all probes with fresh water at the end of the day.",
        ],
    ),
    (
        "4 Calibration",
        [
            "Calibrate the pH probe every two weeks of use, with two of the three buffers of the set HR-704. The meter knows"
            " the buffers by itself. Calibrate the conductivity cell every three months with a standard of 1413 µS/cm.",
            "The slope of a new pH probe is between 95 % and 102 %. Under 85 % the meter refuses the calibration and shows"
            " E-4012.",
            "A calibration with a certificate is done by the workshop in Osnabrück (order number SV-100). It takes five"
            " working days.",
        ],
    ),
    (
        "5 Error codes",
        [
            "Switch the meter off and on once. If the code comes back, do what the table says. Codes from E-5000 up are for"
            " the second level of support.",
            [
                ["Code", "Meaning", "What to do"],
                ["E-1003", "battery under 5 %", "charge it"],
                ["E-2210", "no probe found", "clean the contacts, plug the probe in again"],
                ["E-4012", "slope of the pH probe under 85 %", "clean it, calibrate; else replace HP-201"],
                ["E-4020", "conductivity cell dry", "dip it deeper"],
                ["E-5001", "memory damaged", "call support, do not update the firmware"],
                ["E-5107", "temperature sensor broken", "send the meter in"],
            ],
        ],
    ),
]


class Manual(BaseDocTemplate):
    """A document with bookmarks, running heads, and Roman numbers for the front matter."""

    def afterFlowable(self, flowable: object) -> None:  # noqa: N802 (reportlab's name)
        if isinstance(flowable, Paragraph) and flowable.style.name == "Heading1":
            text = flowable.getPlainText()
            self.canv.bookmarkPage(text)
            self.canv.addOutlineEntry(text, text, level=0)


def running(canvas: Canvas, document: Manual) -> None:
    """Draw the running head and foot."""
    canvas.saveState()
    canvas.setFont("Helvetica", 8)
    canvas.drawString(20 * mm, 285 * mm, "Halden Instruments · Aquila W2 user manual")
    label = "i" if document.page == 1 else str(document.page - 1)
    canvas.drawRightString(190 * mm, 10 * mm, f"HM-2026-02 · page {label}")
    canvas.restoreState()
    canvas.setTitle("Aquila W2 user manual")
    canvas.setAuthor("Halden Instruments")


def main() -> None:
    """Write the manual."""
    document = Manual(str(TARGET), pagesize=A4, invariant=1)
    frame = Frame(20 * mm, 20 * mm, 170 * mm, 255 * mm)
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=running))
    story: list[object] = [
        Spacer(1, 60 * mm),
        Paragraph("Aquila W2", STYLES["Title"]),
        Paragraph("User manual, edition of February 2026, for firmware 3.2 and newer", STYLES["Normal"]),
        Spacer(1, 10 * mm),
        Paragraph("Halden Instruments AS, Tollbugata 4, 1767 Halden, Norway", STYLES["Normal"]),
    ]
    for title, parts in CHAPTERS:
        story += [PageBreak(), Paragraph(title, STYLES["Heading1"])]
        for part in parts:
            if isinstance(part, str):
                story += [Paragraph(part, STYLES["Normal"]), Spacer(1, 3 * mm)]
            else:
                table = Table(part, hAlign="LEFT")
                table.setStyle(
                    TableStyle([("GRID", (0, 0), (-1, -1), 0.4, colors.grey), ("FONTSIZE", (0, 0), (-1, -1), 9)])
                )
                story += [table, Spacer(1, 3 * mm)]
    document.build(story)
    writer = PdfWriter(clone_from=TARGET)
    writer.set_page_label(0, 0, PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(1, len(writer.pages) - 1, PageLabelStyle.DECIMAL, start=1)
    writer.write(TARGET)


if __name__ == "__main__":
    main()
