"""OCR: pictures and scanned pages, in this process and in a reading child; figures on drawn pages of known text."""

from __future__ import annotations

import io
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from ragkit import ConfigError, ExtractionError
from ragkit_ingest.extract import extract_file
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.readers.ocr.engine import OcrLine, OcrPage
from ragkit_ingest.readers.ocr.pictures import ocr_image
from ragkit_ingest.readers.ocr.reading_order import ordered_lines
from ragkit_ingest.readers.ocr.report import Confidences
from tests.support.ingest_files import extract, media_type, outcome
from tests.support.placed_pdf import pictured_pdf
from tests.support.rendered_text import drawn, known_text, word_error_rate

needs_ocr = pytest.mark.skipif(find_spec("rapidocr") is None, reason="needs the extra ocr")


def page_of(*lines: tuple[str, float, float], confidence: float = 0.95) -> OcrPage:
    """A page of 600 by 800 pixels; each line is (text, left, top), 6 pixels a letter and 12 high."""
    return OcrPage(
        tuple(OcrLine(text, left, top, left + 6 * len(text), top + 12, confidence) for text, left, top in lines),
        600,
        800,
    )


def picture(text: str, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    drawn(text, dpi=110).crop((0, 0, 909, 260)).save(out, kind, **options)
    return out.getvalue()


def test_columns_of_a_scan_are_read_one_after_the_other_though_their_lines_are_not_level() -> None:
    left = [f"left column line number {n} of it" for n in range(5)]
    right = [f"right column line number {n} of it" for n in range(5)]
    lines = [("A title that stands over both of the columns of this scanned page", 50.0, 20.0)]
    lines += [(text, 50.0, 60.0 + 16 * n) for n, text in enumerate(left)]
    lines += [(text, 330.0, 67.0 + 16 * n) for n, text in enumerate(right)]
    assert [line.text for line in ordered_lines(page_of(*lines))] == [lines[0][0], *left, *right]


def test_cells_of_a_row_stand_on_one_line() -> None:
    rows = [("Gate", "Toll"), ("North", "4.50"), ("South", "3.20")]
    lines = [(text, 50.0 + 200 * at, 40.0 + 20 * n) for n, row in enumerate(rows) for at, text in enumerate(row)]
    found = [line.text.replace(" |", "") for line in ordered_lines(page_of(*lines))]
    assert found == ["Gate Toll", "North 4.50", "South 3.20"]


def test_confidence_is_told_for_each_page_and_low_confidence_apart() -> None:
    seen = Confidences()
    seen.add(0, page_of(("clear words", 10, 10), confidence=0.97))
    seen.add(1, page_of(("blurred words", 10, 10), confidence=0.45))
    assert seen.warnings() == [
        "page 1: OCR, confidence 0.97",
        "page 2: OCR, confidence 0.45",
        "page 2: low OCR confidence 0.45",
    ]
    assert seen.metadata() == {"ocr_pages": 2, "ocr_confidence": 0.71}


def test_without_the_extra_a_picture_is_skipped_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit_ingest.readers.ocr.pictures.available", lambda: False)
    with pytest.raises(ExtractionError, match=r"ragkit\[ocr\]") as caught:
        extract(b"\x89PNG\r\n\x1a\n" + bytes(40), "a.png")
    assert caught.value.reason == "unsupported"
    assert caught.value.skipped


def test_ocr_can_be_turned_off_and_other_words_are_refused() -> None:
    assert outcome(b"\xff\xd8\xff" + bytes(40), "a.jpg", limits=ReadLimits(ocr="off")) == "unsupported"
    with pytest.raises(ConfigError, match="auto, off, force"):
        ReadLimits(ocr="always")  # type: ignore[arg-type]


def test_pictures_are_known_by_their_bytes() -> None:
    assert media_type(b"II*\0" + bytes(20), "x.bin") == "image/tiff"
    assert media_type(b"RIFF\x10\0\0\0WEBPVP8 ", "x.bin") == "image/webp"


@needs_ocr
@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n....", b"\xff\xd8\xff\xe0" + bytes(90), b"II*\0\xff\xff\xff\xff"])
def test_a_broken_picture_is_damaged(data: bytes) -> None:
    assert outcome(data, "x.png") == "damaged"


@needs_ocr
def test_a_picture_is_read_in_a_child_with_a_page_for_each_frame(tmp_path: Path) -> None:
    first, second = known_text(1, words=24), known_text(2, words=24)
    frames = [drawn(text, dpi=110).crop((0, 0, 909, 260)) for text in (first, second)]
    path = tmp_path / "scan.tiff"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    document = extract_file(path, limits=ReadLimits(timeout=60))
    assert len(document.pages) == 2
    page = document.text[: document.pages[1].start]
    assert word_error_rate(first, page) <= 0.05
    assert document.metadata["ocr_pages"] == 2
    said = r"page 2: OCR, confidence (0\.[5-9]\d|1\.00)"  # 1.00 on processors with AVX2 alone
    assert any(re.fullmatch(said, line) for line in document.warnings)


@needs_ocr
def test_a_scanned_pdf_is_read_and_says_so() -> None:
    text = known_text(3, words=24)
    found = extract(picture(text, "PDF"), "scan.pdf")
    assert word_error_rate(text, found.text) <= 0.05
    assert found.warnings[0].startswith("page 1: OCR, confidence")
    assert outcome(picture(text, "PDF"), "scan.pdf", limits=ReadLimits(ocr="off")) == "no_text_layer"
    lines = ocr_image(picture(text, "PNG"))
    assert word_error_rate(text, " ".join(lines)) <= 0.05


def page_with_picture() -> bytes:
    image = drawn("Pump nine stops at forty degrees", dpi=110).crop((0, 0, 909, 260)).convert("L")
    words = [(60.0, 780.0, "The first sentence stands above the picture and has words enough to be one.")]
    words += [(60.0, 400.0, "The second sentence stands below the picture, and that is the end of it.")]
    return pictured_pdf(words, image.tobytes(), image.size, [(60, 600, 300, 86), (60, 480, 300, 86), (500, 20, 30, 9)])


@needs_ocr
def test_pictures_inside_pages_are_read_once_where_a_setting_says_so() -> None:
    found = extract(page_with_picture(), "p.pdf", limits=ReadLimits(ocr_pictures=True))
    assert found.text.count("[Text in picture: Pump nine stops at forty degrees]") == 1
    assert found.text.index("above the picture") < found.text.index("Pump") < found.text.index("second sentence")
    assert [words.partition(",")[0] for words in found.warnings] == ["pictures read by OCR: 1"]
    plain = extract(page_with_picture(), "p.pdf")
    assert "Pump" not in plain.text
    assert plain.metadata["pictures"] == 1


def test_pictures_inside_pages_want_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit_ingest.readers.ocr.inside.available", lambda: False)
    found = extract(page_with_picture(), "p.pdf", limits=ReadLimits(ocr_pictures=True))
    assert found.warnings == ("pictures inside the document were not read: it needs OCR (pip install 'ragkit[ocr]')",)


@needs_ocr
@pytest.mark.slow
@pytest.mark.parametrize(
    ("dpi", "skew", "noise", "most"),
    [(150, 0.0, 0.0, 0.01), (300, 0.0, 0.0, 0.01), (300, 2.0, 0.0, 0.03), (300, 0.0, 25.0, 0.03)],
)
def test_word_error_rate(dpi: int, skew: float, noise: float, most: float) -> None:
    from tests.bench.ocr_quality import error_rate

    assert error_rate([known_text(seed) for seed in range(2)], dpi, skew, noise)[0] <= most
