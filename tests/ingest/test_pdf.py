"""PDF: pages, tables, headings, furniture, and the two libraries as each other's oracle."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import Document, ExtractionError
from ragkit_ingest.extract import path_job
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.readers.pdf.lines import Words
from ragkit_ingest.readers.pdf.structure.by_pypdf import PypdfFile
from ragkit_ingest.readers.pdf.tables.runs import find_tables
from ragkit_ingest.workers.pool import WorkerPool
from tests.support.ingest_files import blocks, extract, headings, outcome, page_text, pages_pdf, pdf, stream

SHARED = Path(__file__).parents[2].parent / "shared"
needs_shared = pytest.mark.skipif(not (SHARED / "data").exists(), reason="needs the evaluation data in ../shared")


def reason(data: bytes, *, limits: ReadLimits | None = None) -> str:
    return outcome(data, "x.pdf", limits=limits)


PROSE = "This is line {} of running text that goes on well beyond the fiftieth column of it,"


def report_pages(count: int) -> list[list[str | tuple[str, int, str]]]:
    return [
        [
            "ACME Annual Report 2024",
            "",
            (f"Chapter {number} on things", 18, "F2"),
            "",
            PROSE.format(number * 7),
            f"and this is how it continues on the next line of paragraph {number} on the page.",
            "",
            "",
            f"A second paragraph stands apart from the first, number {number} of them all in here.",
            "",
            f"Page {number} of {count}",
        ]
        for number in range(1, count + 1)
    ]


def test_pages_paragraphs_headings_and_running_lines() -> None:
    found = extract(pages_pdf(report_pages(5)), "r.pdf")
    assert len(found.pages) == 5
    assert [text for _, text in headings(found)] == [f"Chapter {n} on things" for n in range(1, 6)]
    assert page_text(found, 3).split("\n\n") == [
        "ACME Annual Report 2024",
        "Chapter 3 on things",
        f"{PROSE.format(21)}\nand this is how it continues on the next line of paragraph 3 on the page.",
        "A second paragraph stands apart from the first, number 3 of them all in here.",
        "Page 3 of 5",
    ]
    furniture = " ".join(text for _, text in blocks(found, "boilerplate"))
    assert furniture.count("ACME Annual Report") == 5
    assert "Page 4 of 5" in furniture
    assert "Chapter" not in furniture


def test_a_table_is_a_block_with_the_lines_that_name_its_columns() -> None:
    lines: list[str | tuple[str, int, str]] = [
        "CONSOLIDATED BALANCE SHEETS",
        "(In millions)",
        "2022 2021",
        "Current assets:",
        "Cash and cash equivalents $ 4,236 $ 3,844",
        "Total current assets 8,996 8,669",
        "Common stock, 900 shares authorized;",
        "462 and 475 shares outstanding, respectively - -",
        "Total assets $ 27,165 $ 27,241",
        "",
        "",
        "See the notes to these statements, which are a part of them and explain each line.",
    ]
    found = extract(pages_pdf([lines]), "t.pdf")
    ((header, text),) = blocks(found, "table")
    assert header == "CONSOLIDATED BALANCE SHEETS (In millions) 2022 2021"
    assert "Cash and cash equivalents $ 4,236 $ 3,844" in text.splitlines()
    assert "See the notes" not in text


def test_rows_are_told_from_prose() -> None:
    assert find_tables(["Net sales grew in 2022 and 2021", "They fell by 10%.", "All was well in 2020."], set()) == []
    spans = find_tables(["Item 2022 2021", "A 1 2", "B 3 4", "Text."], set())
    assert [(span.start, span.end) for span in spans] == [(0, 3)]


def test_words_cut_at_line_ends_are_joined_as_they_are_written_elsewhere() -> None:
    words = Words()
    words.add("international year-over-year non-GAAP")
    assert words.join("inter", "national") == "international"
    assert words.join("year", "over") == "year-over" or words.join("year", "over") == "yearover"
    assert words.join("non", "GAAP") == "non-GAAP"
    lines: list[str | tuple[str, int, str]] = [
        "These are words of an inter-",
        "national company that is known.",
        "It is an international one.",
    ]
    assert "an international company" in extract(pages_pdf([lines]), "h.pdf").text


def test_labels_outline_and_metadata() -> None:
    outline = [
        b"<</Type/Outlines/First 14 0 R/Last 16 0 R/Count 3>>",
        b"<</Title(First part)/Parent 13 0 R/Next 15 0 R/Dest[5 0 R/Fit]>>",
        b"<</Title(Second part)/Parent 13 0 R/Prev 14 0 R/Next 16 0 R/Dest[7 0 R/Fit]>>",
        b"<</Title(Elsewhere)/Parent 13 0 R/Prev 15 0 R/Dest[9 0 R/Fit]>>",
        b"<</Title(The real title)/Author(Ann)/CreationDate(D:20240102030405Z)>>",
    ]
    data = pages_pdf(
        [["First part", "", "", "words"], ["some words", "", "", "Second part", "", "", "more"], ["third"], ["fourth"]],
        catalog=b"/Outlines 13 0 R/Lang(en-GB)/PageLabels<</Nums[0<</S/r>>2<</S/D/St 1>>]>>",
        trailer=b"/Info 17 0 R",
        more=outline,
    )
    found = extract(data, "o.pdf")
    assert found.title == "The real title"
    assert found.metadata["author"] == "Ann"
    assert found.metadata["created"] == "2024-01-02T03:04:05"
    assert found.metadata["language"] == "en-GB"
    assert [page.label for page in found.pages] == ["i", "ii", "1", "2"]
    assert headings(found) == [(1, "First part"), (1, "Second part"), (1, "Elsewhere")]
    second = found.headings[1]
    assert found.text[second.offset :].startswith("Second part")
    assert found.headings[2].offset == found.pages[2].start


def test_pages_without_text_are_named_and_a_file_without_any_is_left_out() -> None:
    found = extract(pages_pdf([["one"], [], ["three"], [], []]), "e.pdf")
    assert found.warnings == ("pages 2, 4-5 without text",)
    assert len(found.pages) == 5
    assert reason(pages_pdf([[], []])) == "no_text"
    image = stream(
        zlib.compress(bytes(64)),
        b"/Type/XObject/Subtype/Image/Width 8/Height 8/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode",
    )
    scanned = pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>",
            stream(b"q 9 0 0 9 0 0 cm /I Do Q"),
            image,
        ]
    )
    assert reason(scanned) == "no_text_layer"


def test_limits_on_pages_and_unpacked_bytes() -> None:
    found = extract(pages_pdf([[f"page {n}"] for n in range(30)]), "l.pdf", limits=ReadLimits(max_pages=7))
    assert len(found.pages) == 7
    assert found.warnings == ("only the first 7 of 30 pages were read",)
    machine = zlib.compressobj(9)
    bomb = b"".join(machine.compress(b" " * (1 << 20)) for _ in range(80)) + machine.flush()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
    ]
    for data, filters in (
        (bomb, b"/Filter/FlateDecode"),
        (zlib.compress(bomb), b"/Filter[/FlateDecode/FlateDecode]"),
        (b">", b"/Filter[" + b"/ASCIIHexDecode" * 5_000 + b"]"),
    ):
        assert reason(pdf([*objects, stream(data, filters)])) == "expands_too_much"


def test_a_file_that_lost_its_end_is_rebuilt_and_the_loss_is_told() -> None:
    data = pages_pdf([[f"needle {n}"] for n in range(1, 11)])
    found = extract(data[: int(len(data) * 0.5)], "half.pdf")
    assert "needle 1" in found.text
    assert "rebuilt" in found.warnings[0]
    assert any("cannot be read" in words for words in found.warnings)
    garbage = bytes(range(256)) * 5_000
    assert "needle 3" in extract(garbage + data, "garbage.pdf").text
    assert reason(b"%PDF-1.7\n") == "damaged"


def test_a_careful_reading_leaves_pdfium_out_and_finds_the_same_words() -> None:
    data = pages_pdf(report_pages(3))
    file = PypdfFile(data, seconds=20)
    text = " ".join(file.page_text(index, seconds=20) or "" for index in range(3))
    assert set(text.split()) == set(extract(data, "r.pdf").text.split())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_pdf_gives_text_or_a_reason(data: st.DataObject) -> None:
    good = bytearray(pages_pdf([["one two"], ["three"]]))
    for _ in range(data.draw(st.integers(1, 6))):
        good[data.draw(st.integers(9, len(good) - 1))] = data.draw(st.integers(0, 255))
    reason(bytes(good))


# --------------------------------------------------------------------- real files


@needs_shared
def test_filings_have_their_evidence_on_the_right_page_and_rows_on_one_line() -> None:
    folder = SHARED / "data" / "financebench"
    wanted = [
        evidence
        for line in (folder / "questions.jsonl").read_text().splitlines()
        for evidence in json.loads(line)["evidence"]
    ]
    limits = ReadLimits(timeout=120)
    with WorkerPool(limits, size=2) as pool:
        files = sorted((folder / "pdfs").glob("*.pdf"))
        read = {job.name: result for job, result in pool.map(path_job(file, limits=limits) for file in files)}
    rows = whole = words = found = 0
    for evidence in wanted:
        document = read[evidence["document"]]
        assert isinstance(document, Document)
        index = evidence["page_index"]
        starts = [page.start for page in document.pages] + [len(document.text)]
        text = document.text[starts[index] : starts[index + 1]]
        flat = re.sub(r"\W", "", text.lower())
        tokens = re.findall(r"[^\W_]+", evidence["text"].lower())
        words += len(tokens)
        found += sum(token in flat for token in tokens)
        lines = [set(re.findall(r"[\w,.]+", line)) for line in text.split("\n")]
        for row in _rows(evidence["text"]):
            rows += 1
            whole += any(row <= line for line in lines)
    assert found / words > 0.99
    assert rows > 200
    assert whole / rows > 0.95


def _rows(text: str) -> list[set[str]]:
    """Put a label and the numbers on the lines below it together: what one row of a table is."""
    rows: list[set[str]] = []
    label, numbers = "", list[str]()
    for line in [*text.split("\n"), "end"]:
        found = re.findall(r"\d[\d,.]*", line)
        if re.search("[A-Za-z]{3}", line):
            if label and len(numbers) > 1:
                rows.append({*re.findall(r"[\w,.]+", label), *numbers})
            label, numbers = line, []
        else:
            numbers += found
    return rows


@needs_shared
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_no_text_of_odd_files_is_lost_in_silence(every: int) -> None:
    """A file of the suites of pdf.js and pypdf that gives no text gives pypdf none either, and has a reason."""
    limits = ReadLimits()
    files = sorted((SHARED / "data" / "pdfs").glob("*/*.pdf"))
    assert len(files) > 100
    files = files[::every]
    lost: list[str] = []
    typed = 0
    with WorkerPool(limits, size=2) as pool:
        for file, (job, result) in zip(files, pool.map(path_job(file, limits=limits) for file in files), strict=True):
            if isinstance(result, Document):
                continue
            typed += 1
            assert result.reason in ("no_text", "no_text_layer", "encrypted", "damaged"), (job.name, result)
            if _pypdf_words(file):
                lost.append(f"{job.name}: {result}")
    assert 0 < typed < 50
    assert lost == []


def _pypdf_words(file: Path) -> set[str]:
    try:
        other = PypdfFile(file.read_bytes(), seconds=20)
    except ExtractionError:
        return set()
    pages = [other.page_text(index, seconds=20) or "" for index in range(min(other.count(), 20))]
    return {word for word in re.findall(r"[^\W\d_]{4,}", " ".join(pages)) if word.isascii()}
