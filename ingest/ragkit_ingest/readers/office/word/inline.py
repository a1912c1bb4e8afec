"""The content of paragraphs in a Word document: runs, fields, links, content controls, symbols and drawings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.office.pieces import Raised, joined
from ragkit_ingest.readers.office.word.containers import Source
from ragkit_ingest.readers.office.word.controls import BoundData, Control
from ragkit_ingest.readers.office.word.drawings import Drawings, Links
from ragkit_ingest.readers.office.word.fields import Fields
from ragkit_ingest.readers.office.word.numbering import natural, small
from ragkit_ingest.readers.office.word.paragraphs import Paragraph, Run
from ragkit_ingest.readers.office.word.styles import Style, is_on, outline_level
from ragkit_ingest.readers.text.symbols import is_symbol_font, symbol, symbol_text
from ragkit_ingest.readers.zip_package import Event

_PRIVATE: Final = re.compile("[\uf020-\uf0ff]")
_DRAWN: Final = frozenset(
    [
        "docPr",
        "cNvPr",
        "pic",
        "shape",
        "rect",
        "imagedata",
        "blip",
        "textpath",
        "hlinkClick",
        "decorative",
        "OLEObject",
        "control",
        "relIds",
        "chart",
    ]
)
_MOST_LINKS: Final = 20  # that are nested
_FORM: Final = frozenset({"checkBox", "default", "checked", "ddList", "result", "listEntry"})
_CONTROL: Final = frozenset({"checkbox", "checked", "text", "showingPlcHdr", "dataBinding", "listItem"})
_SIGNS: Final = {"tab": " ", "ptab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_HEIGHT: Final = re.compile(r"-?\d{1,4}")
_OFF_THE_LINE: Final = 3  # half points
_INDEX: Final = re.compile(r"[\d+\-−*,()]{1,6}")
_RAISED: Final[dict[str, Raised]] = {"superscript": "superscript", "subscript": "subscript"}


_OUTER: Final = frozenset({"drawing", "pict", "object", "ffData", "sdt", "sdtPr", "sdtContent"})
_ENDING: Final = _OUTER | {
    "t",
    "instrText",
    "pic",
    "r",
    "pPr",
    "fldSimple",
    "hyperlink",
    "hlink",
    "rt",
    "rubyBase",
    "oMathPara",
}


class Inline:
    """Reads the events inside paragraphs, and fills the open paragraph."""

    def __init__(self, source: Source) -> None:
        self.display = False  # equations that stand on lines of their own
        self._styles = source.styles
        self._losses = source.losses
        self._drawings = Drawings(source.package, source.losses, source.pictures)
        self._data = BoundData(source.package)
        self._fields = Fields()
        self._controls: list[Control] = []
        self._in_control = False  # in w:sdtPr
        self._in_form = False  # in w:ffData
        self._hyperlinks: list[tuple[Paragraph, int, str]] = []
        self._ruby: list[tuple[Paragraph, int]] = []
        self._reading = ""
        self._text = ""  # the element whose text counts: "t" or "instrText"
        self._starts: dict[str, Callable[[Event, Paragraph, Links], None]] = {
            "pPr": self._start_properties,
            "r": self._start_run,
            **dict.fromkeys(
                ("vanish", "specVanish", "strike", "dstrike", "vertAlign", "position", "rStyle", "rFonts"),
                self._run_property,
            ),
            **dict.fromkeys(("pStyle", "outlineLvl", "numId", "ilfo", "ilvl"), self._property),
            **dict.fromkeys(_SIGNS, self._sign),
            "t": self._start_text,
            "instrText": self._start_text,
            "sym": self._symbol,
            "symEx": self._symbol,
            "fldChar": lambda event, paragraph, _links: self._fields.mark(
                event.attributes.get("fldCharType", ""), paragraph
            ),
            "fldSimple": self._simple_field,
            "hyperlink": self._hyperlink,
            "hlink": self._hyperlink,
            "rt": lambda _event, paragraph, _links: self._ruby.append((paragraph, len(paragraph.pieces))),
            "oMathPara": self._display,
        }

        self._known = frozenset({*self._starts, *_DRAWN, *_FORM, *_OUTER})

    def end_paragraph(self, paragraph: Paragraph) -> None:
        """End a paragraph."""
        self._fields.end_paragraph(paragraph)

    def is_hidden(self, paragraph: Paragraph) -> bool:
        """Tell whether the next text of a paragraph is hidden, or the code of a field."""
        return self._fields.in_code or (paragraph.run is not None and paragraph.run.hidden)

    def text(self, text: str, paragraph: Paragraph | None) -> None:
        """Take text."""
        if not self._text or paragraph is None:
            return
        if self._text == "instrText":
            self._fields.code(text)
            return
        run = paragraph.run
        if self._fields.in_code:
            return
        if run is not None and run.hidden:
            self._losses.add("hidden", len(text))
            return
        if run is not None and run.struck:
            self._losses.add("struck", len(text))
            return
        if run is not None and run.font:
            text = symbol_text(text, run.font)
        elif _PRIVATE.search(text):
            text = symbol_text(text, "")
        paragraph.add(text, _shift(run, text) if run is not None else "")

    def start(self, event: Event, paragraph: Paragraph | None, links: Links) -> None:
        """Take the start of an element."""
        name = event.name
        if name not in self._known and not self._in_control:
            return
        if name in ("drawing", "pict", "object"):
            self._drawings.begin(name)
        elif name in _DRAWN:
            self._drawings.take(name, event.attributes, paragraph, links)
        elif name == "ffData":
            self._in_form = True
        elif self._in_form and name in _FORM:
            self._form(event)
        elif name in ("sdt", "sdtPr", "sdtContent") or self._in_control:
            self._control(event, paragraph)
        elif paragraph is not None and name in self._starts:
            self._starts[name](event, paragraph, links)

    def end(self, name: str, paragraph: Paragraph | None) -> None:
        """Take the end of an element."""
        if name not in _ENDING:
            return
        if name in ("t", "instrText"):
            self._text = ""
        elif name in ("drawing", "pict", "object"):
            self._drawings.end(paragraph)
        elif name == "pic":
            self._drawings.end_picture()
        elif name == "ffData":
            self._in_form = False
        elif name in ("sdt", "sdtPr", "sdtContent"):
            self._end_control(name)
        elif paragraph is not None:
            self._end_inline(name, paragraph)

    def _end_inline(self, name: str, paragraph: Paragraph) -> None:
        if name == "r":
            paragraph.run = None
        elif name == "pPr":
            paragraph.in_properties = False
        elif name == "fldSimple":
            self._fields.mark("end", paragraph)
        elif name in ("hyperlink", "hlink") and self._hyperlinks:
            of, start, address = self._hyperlinks.pop()
            if of is paragraph and address:
                said = joined(paragraph.pieces[start:])
                paragraph.add(address_after(said, address))
        elif name == "rt" and self._ruby:
            of, start = self._ruby.pop()
            if of is paragraph:
                self._reading = joined(paragraph.pieces[start:]).strip()
                del paragraph.pieces[start:]
        elif name == "rubyBase":
            paragraph.add(f"({self._reading})" if self._reading else "")
            self._reading = ""
        elif name == "oMathPara":
            self.display = False

    # ------------------------------------------------------------------ properties

    def _start_properties(self, _event: Event, paragraph: Paragraph, _links: Links) -> None:
        paragraph.in_properties = True

    def _start_run(self, _event: Event, paragraph: Paragraph, _links: Links) -> None:
        paragraph.run = self._look(paragraph.style)

    def _look(self, style: str) -> Run:
        look = self._styles.get(style)
        if look is None:
            return Run()
        font = look.font if is_symbol_font(look.font) else ""
        return Run(hidden=bool(look.hidden), struck=bool(look.struck), raised=look.raised, font=font)

    def _run_property(self, event: Event, paragraph: Paragraph, _links: Links) -> None:
        run, value = paragraph.run, event.attributes.get("val", "")
        if run is None:
            if event.name == "vanish" and paragraph.in_properties:
                paragraph.mark_hidden = is_on(event.attributes)
        elif event.name in ("vanish", "specVanish"):
            run.hidden = is_on(event.attributes) or (run.hidden and event.name == "specVanish")
        elif event.name in ("strike", "dstrike"):
            run.struck = is_on(event.attributes)
        elif event.name == "vertAlign":
            run.raised = value
        elif event.name == "position":
            run.height = int(value) if _HEIGHT.fullmatch(value) else 0
        elif event.name == "rFonts":
            font = event.attributes.get("ascii", event.attributes.get("hAnsi", ""))
            run.font = font if is_symbol_font(font) else ""
        else:
            style = self._styles.get(value, Style())
            run.hidden = run.hidden if style.hidden is None else style.hidden
            run.struck = run.struck if style.struck is None else style.struck
            run.raised = style.raised or run.raised
            run.font = style.font if is_symbol_font(style.font) else run.font

    def _property(self, event: Event, paragraph: Paragraph, _links: Links) -> None:
        if not paragraph.in_properties:
            return
        value = event.attributes.get("val", "")
        if event.name == "pStyle":
            paragraph.style = value
        elif event.name == "outlineLvl":
            paragraph.level = outline_level(value)
        elif event.name == "ilvl":
            paragraph.indent = small(value)
        else:
            paragraph.numbering = value

    # ------------------------------------------------------------------ text

    def _start_text(self, event: Event, paragraph: Paragraph, _links: Links) -> None:
        if paragraph.in_properties:
            paragraph.shown_mark = event.attributes.get("val", "")
        else:
            self._text = event.name

    def _sign(self, event: Event, paragraph: Paragraph, _links: Links) -> None:
        run = paragraph.run
        if run is not None and not self.is_hidden(paragraph) and (not run.struck or event.name in ("br", "cr")):
            paragraph.add(_SIGNS[event.name])

    def _symbol(self, event: Event, paragraph: Paragraph, _links: Links) -> None:
        if not self.is_hidden(paragraph) and not (paragraph.run is not None and paragraph.run.struck):
            sign = symbol(event.attributes.get("font", ""), event.attributes.get("char", ""))
            raised = paragraph.run.raised if paragraph.run is not None else ""
            paragraph.add(sign, _RAISED.get(raised, ""))

    def _display(self, _event: Event, paragraph: Paragraph, _links: Links) -> None:
        paragraph.add("\n")
        self.display = True

    # ------------------------------------------------------------------ fields, links, forms, controls

    def _simple_field(self, event: Event, paragraph: Paragraph, _links: Links) -> None:
        self._fields.mark("begin", paragraph)
        self._fields.code(event.attributes.get("instr", ""))
        self._fields.mark("separate", paragraph)

    def _hyperlink(self, event: Event, paragraph: Paragraph, links: Links) -> None:
        address = links.addresses.get(event.attributes.get("r:id", ""), "") or event.attributes.get("dest", "")
        anchor = event.attributes.get("anchor", "")
        if address and anchor and "#" not in address:
            address = f"{address}#{anchor}"
        if len(self._hyperlinks) >= _MOST_LINKS:
            address = ""
        self._hyperlinks.append((paragraph, len(paragraph.pieces), address))

    def _form(self, event: Event) -> None:
        form = self._fields.form()
        if form is None:
            return
        name, value = event.name, event.attributes.get("val", "")
        if name == "checkBox":
            form.box = True
        elif name == "checked":
            form.ticked = is_on(event.attributes)
        elif name == "default" and form.box:
            form.default = is_on(event.attributes)
        elif name in ("result", "default") and not form.box:
            form.chosen = natural(value) if name == "result" or not form.chosen else form.chosen
        elif name == "listEntry" and len(form.choices) < 1_000:
            form.choices.append(value)

    def _control(self, event: Event, paragraph: Paragraph | None) -> None:
        if event.name == "sdt":
            self._controls.append(Control())
        elif event.name == "sdtPr":
            self._in_control = True
        elif event.name == "sdtContent":
            if self._controls:
                self._controls[-1].begin(paragraph)
        elif self._controls and event.name in _CONTROL:
            self._controls[-1].take(event.name, event.attributes)

    def _end_control(self, name: str) -> None:
        if name == "sdtPr":
            self._in_control = False
        elif self._controls and name == "sdtContent":
            self._controls[-1].finish(self._data)
        elif self._controls:
            self._controls.pop()


def _shift(run: Run, text: str) -> Raised:
    """Return whether text is raised or lowered: by the run's alignment, or figures by their height.

    Other words that are moved keep the line: the first letter of a chapter is lowered, too.
    """
    if run.raised or abs(run.height) < _OFF_THE_LINE or not _INDEX.fullmatch(text.strip()):
        return _RAISED.get(run.raised, "")
    return "superscript" if run.height > 0 else "subscript"
