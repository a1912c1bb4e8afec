"""Data sets are read whole, and whatever is wrong with one is named by file and line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ragkit.errors import ExtractionError, InputError, MissingPackageError
from ragkit.evaluation.datasets.beir import load_ranking_set
from ragkit.evaluation.datasets.files import find_file_reader, read_files
from ragkit.evaluation.datasets.lines import DatasetError, Line
from ragkit.evaluation.datasets.loading import load_dataset
from ragkit.evaluation.datasets.page_sets import check_pages, load_page_set
from ragkit.evaluation.datasets.span_sets import load_span_set
from ragkit.evaluation.datasets.structure import document_row, restored_document
from ragkit.evaluation.datasets.types import PageSet, RankingSet, SpanSet, choose_part, part_of, read_ids, with_queries
from ragkit.types.documents import Block, Document, Heading, Page
from tests.support import evaluation_sets as sets

SHARED = Path(__file__).parents[2].parent / "shared"


def add_line(path: Path, line: str) -> int:
    """Append a line and return its number."""
    text = path.read_text(encoding="utf-8") + line
    path.write_text(text + "\n", encoding="utf-8")
    return text.count("\n") + 1


def test_the_kind_of_a_set_is_told_by_what_is_in_the_folder(tmp_path: Path) -> None:
    assert isinstance(load_dataset(sets.write_beir(tmp_path / "a")), RankingSet)
    assert isinstance(load_dataset(sets.write_pages(tmp_path / "b")), PageSet)
    assert isinstance(load_dataset(sets.write_spans(tmp_path / "c")), SpanSet)
    (tmp_path / "d").mkdir()
    with pytest.raises(DatasetError, match=r"is no data set; it needs corpus\.jsonl"):
        load_dataset(tmp_path / "d")


def test_a_beir_folder_is_read_whole(tmp_path: Path) -> None:
    found = load_ranking_set(sets.write_beir(tmp_path / "set"))
    assert found.name == "set"
    assert [document.source for document in found.documents] == list(sets.TOPICS)
    assert found.queries["q1"].text == "How long is the refund window?"
    assert found.qrels["q1"] == {"refunds": 1}
    assert {query.part for query in found.queries.values()} == {""}
    assert len(found.digest) == 64


def test_numbers_as_ids_null_titles_blank_lines_byte_order_marks_and_carriage_returns_are_read(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_bytes(b'\xef\xbb\xbf{"_id": 7, "title": null, "text": "seven"}\r\n\r\n')
    (tmp_path / "queries.jsonl").write_bytes(b'{"_id": "1", "text": "what?"}\r\n')
    (tmp_path / "qrels" / "test.tsv").write_bytes(b"\xef\xbb\xbfquery-id\tcorpus-id\tscore\r\n1\t7\t2\r\n\r\n")
    found = load_ranking_set(tmp_path)
    assert found.qrels == {"1": {"7": 2}}
    assert found.documents[0].text == "seven"


@pytest.mark.parametrize(
    ("file", "line", "says"),
    [
        ("corpus.jsonl", '{"_id": "refunds", "text": "again"}', "duplicate id 'refunds', first on line 1"),
        ("corpus.jsonl", '{"_id": "x"}', "'text' is missing or not a string"),
        ("corpus.jsonl", '{"_id": "", "text": "x"}', "'_id' is missing, empty or not a string"),
        ("corpus.jsonl", '{"_id": true, "text": "x"}', "'_id' is missing, empty or not a string"),
        ("corpus.jsonl", '{"_id": "a\\u0000b", "text": "x"}', "document source"),
        ("corpus.jsonl", "{not json", "not JSON"),
        ("corpus.jsonl", "[1, 2]", "not a JSON object"),
        ("corpus.jsonl", "[" * 100_000, "not JSON"),
        ("corpus.jsonl", '{"_id": "s", "text": "x", "structure": {"pages": 3}}', "'structure' is malformed"),
        ("queries.jsonl", '{"_id": "q1", "text": "again"}', "duplicate id 'q1', first on line 1"),
        ("queries.jsonl", '{"_id": "q9", "text": "  "}', "the question is empty"),
        ("queries.jsonl", json.dumps({"_id": "q9", "text": "x" * 8_001}), "the limit is 8,000"),
        ("queries.jsonl", '{"_id": "q9", "text": "x", "part": "train"}', "part 'train' is not known"),
        ("queries.jsonl", '{"_id": "q9", "text": "x", "passages": [4]}', "'passages' is not a list of objects"),
        (
            "queries.jsonl",
            '{"_id": "q9", "text": "x", "passages": [{"document": "refunds", "start": 0, "end": 900}]}',
            "the passage 0..900 is not in 'refunds'",
        ),
        ("qrels/test.tsv", "q1\tshipping", "not 'query-id, corpus-id, score' separated by tabs"),
        ("qrels/test.tsv", "q1\tshipping\tyes", "not 'query-id, corpus-id, score' separated by tabs"),
        ("qrels/test.tsv", "q1\tshipping\t99999999999", "not 'query-id, corpus-id, score' separated by tabs"),
        ("qrels/test.tsv", "q77\tshipping\t1", "no query 'q77' in queries.jsonl"),
        ("qrels/test.tsv", "q1\tnothing\t1", "no document 'nothing' in corpus.jsonl"),
        ("qrels/test.tsv", "q1\trefunds\t0", "'q1' and 'refunds' are judged twice"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, file: str, line: str, says: str) -> None:
    folder = sets.write_beir(tmp_path / "set")
    number = add_line(folder / file, line)
    with pytest.raises(DatasetError) as raised:
        load_ranking_set(folder)
    assert f"{Path(file).name}:{number}: " in str(raised.value)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    folder = sets.write_beir(tmp_path / "set")
    (folder / "qrels" / "test.tsv").write_bytes(b"q1\trefunds\t1\nq2\t\xff\t1\n")
    with pytest.raises(DatasetError, match=r"test\.tsv:2: not UTF-8"):
        load_ranking_set(folder)


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("qrels/test.tsv", "", "holds no judgement"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", "holds no judgement"),
        ("corpus.jsonl", "", "holds no document"),
        ("queries.jsonl", "\n", "holds no query"),
    ],
)
def test_an_empty_file_is_an_error(tmp_path: Path, file: str, text: str, says: str) -> None:
    folder = sets.write_beir(tmp_path / "set")
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=says):
        load_ranking_set(folder)


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_an_error_with_a_cure(tmp_path: Path, file: str) -> None:
    folder = sets.write_beir(tmp_path / "set")
    (folder / file).unlink()
    with pytest.raises(DatasetError, match=r"cannot be read \(No such file or directory\); "):
        load_ranking_set(folder)


def test_a_query_without_a_relevant_document_is_an_error_unless_it_is_to_be_skipped(tmp_path: Path) -> None:
    folder = sets.write_beir(tmp_path / "set")
    add_line(folder / "queries.jsonl", '{"_id": "q9", "text": "What is unjudged?"}')
    add_line(folder / "queries.jsonl", '{"_id": "q10", "text": "What is judged as wrong?"}')
    add_line(folder / "qrels" / "test.tsv", "q10\tgarden\t0")
    with pytest.raises(DatasetError, match=r"2 of 7 queries have no relevant document, such as 'q9'.*--skip-unjudged"):
        load_ranking_set(folder)
    assert list(load_ranking_set(folder, skip_unjudged=True).queries) == list(sets.QUESTIONS)


def test_a_set_in_which_nothing_is_relevant_is_an_error_even_when_skipping(tmp_path: Path) -> None:
    folder = sets.write_beir(tmp_path / "set")
    sets.write_qrels(folder / "qrels" / "test.tsv", [("q1", "refunds", 0)])
    with pytest.raises(DatasetError, match="holds no query with a relevant document"):
        load_ranking_set(folder, skip_unjudged=True)


# ------------------------------------------------------------------ parts


def test_the_judgement_files_of_beir_are_the_parts(tmp_path: Path) -> None:
    found = load_ranking_set(sets.write_parted_beir(tmp_path / "set"))
    parts = {name: query.part for name, query in found.queries.items()}
    assert parts == {"q1": "tune", "q2": "tune", "q3": "validate", "q4": "test", "q5": "test"}
    assert list(part_of(found, "test").queries) == ["q4", "q5"]
    assert part_of(found, "test").digest == found.digest


def test_a_query_in_two_parts_is_an_error(tmp_path: Path) -> None:
    folder = sets.write_parted_beir(tmp_path / "set")
    number = add_line(folder / "qrels" / "test.tsv", "q3\trefunds\t1")
    with pytest.raises(DatasetError, match=rf"test\.tsv:{number}: 'q3' is judged in dev\.tsv too"):
        load_ranking_set(folder)


def test_a_part_that_contradicts_its_judgements_is_an_error(tmp_path: Path) -> None:
    folder = sets.write_parted_beir(tmp_path / "set")
    rows = [{"_id": name, "text": text, "part": "tune"} for name, (text, _) in sets.QUESTIONS.items()]
    sets.write_jsonl(folder / "queries.jsonl", rows)
    with pytest.raises(DatasetError, match=r"dev\.tsv:2: 'q3' is judged in part 'validate' and states part 'tune'"):
        load_ranking_set(folder)


def test_the_test_part_is_reported_unless_another_is_wanted(tmp_path: Path) -> None:
    found = load_ranking_set(sets.write_parted_beir(tmp_path / "set"))
    assert choose_part(found, None).part == "test"
    assert not choose_part(found, None).note
    assert not choose_part(found, "validate").note
    assert choose_part(found, "tune").note == "on the tuning part: no evidence"
    assert choose_part(found, "all").note == "includes the tuning part: no evidence"
    untuned = with_queries(found, {"q3", "q4"})
    assert not choose_part(untuned, "all").note
    assert choose_part(with_queries(found, {"q1"}), None).note  # only the tuning part is left


def test_a_part_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    plain = load_ranking_set(sets.write_beir(tmp_path / "plain"))
    assert choose_part(plain, None).part == ""
    assert choose_part(plain, "all").part == ""
    with pytest.raises(InputError, match="plain has no parts, so no part 'tune'"):
        choose_part(plain, "tune")
    parted = with_queries(load_ranking_set(sets.write_parted_beir(tmp_path / "parted")), {"q1", "q4"})
    with pytest.raises(InputError, match="no query in part 'validate'; it has test, tune"):
        choose_part(parted, "validate")


def test_queries_are_chosen_by_a_list_of_ids(tmp_path: Path) -> None:
    found = load_ranking_set(sets.write_beir(tmp_path / "set"))
    ids = tmp_path / "ids"
    ids.write_text("q5\n\nq2\n", encoding="utf-8")
    assert list(with_queries(found, read_ids(ids, found)).queries) == ["q2", "q5"]
    for text, says in [
        ("q5\nq6\n", "ids:2: no query 'q6'"),
        ("q5\nq5\n", "ids:2: 'q5' is listed twice"),
        ("\n", "lists no"),
    ]:
        ids.write_text(text, encoding="utf-8")
        with pytest.raises(DatasetError, match=says):
            read_ids(ids, found)


# ------------------------------------------------------------------ pages and spans


def test_pages_of_evidence_count_from_one(tmp_path: Path) -> None:
    found = load_page_set(sets.write_pages(tmp_path / "set"))
    assert found.evidence["q2"] == {("one.pdf", 2)}
    assert list(found.files) == ["one.pdf", "two.pdf"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"_id": "q1", "question": "x", "evidence": []}, "duplicate id 'q1', first on line 1"),
        ({"_id": "n", "question": "x", "evidence": []}, "the question 'n' has no evidence"),
        ({"_id": "n", "question": "x"}, "the question 'n' has no evidence"),
        ({"_id": "n", "question": "x", "evidence": [{"document": "no.pdf", "page_index": 0}]}, "no file 'no.pdf'"),
        ({"_id": "n", "question": "x", "evidence": [{"document": "one.pdf", "page_index": -1}]}, "'page_index' is"),
        ({"_id": "n", "question": "x", "evidence": [{"document": "one.pdf", "page_index": "1"}]}, "'page_index' is"),
        ({"_id": "n", "question": "x", "evidence": {"document": "one.pdf"}}, "'evidence' is not a list of objects"),
        ({"_id": "n", "evidence": []}, "'question' is missing"),
    ],
)
def test_a_malformed_question_on_pages_is_named(tmp_path: Path, row: dict[str, object], says: str) -> None:
    folder = sets.write_pages(tmp_path / "set")
    number = add_line(folder / "questions.jsonl", json.dumps(row))
    with pytest.raises(DatasetError, match=rf"questions\.jsonl:{number}: .*{says}"):
        load_page_set(folder)


def test_a_page_that_the_file_does_not_have_is_named_by_its_line(tmp_path: Path) -> None:
    found = load_page_set(sets.write_pages(tmp_path / "set"))
    check_pages(found, {"one.pdf": 3, "two.pdf": 2})
    with pytest.raises(DatasetError, match=r"questions\.jsonl:3: page_index 2 is not in 'one\.pdf', which has 2 pages"):
        check_pages(found, {"one.pdf": 2, "two.pdf": 2})
    check_pages(found, {"two.pdf": 2})  # a file that was not read has no pages to check


def test_spans_are_read_and_found_again_in_cleaned_text(tmp_path: Path) -> None:
    plain = load_span_set(sets.write_spans(tmp_path / "plain"))
    windows = load_span_set(sets.write_spans(tmp_path / "windows", newline="\r\n\r\n"))
    for found in (plain, windows):
        assert len(found.queries) == 5
        for name, query in found.queries.items():
            (start, end), *_ = found.spans[name]
            topic = next(topic for text, topic in sets.QUESTIONS.values() if text == query.text)
            assert found.corpora[found.corpus_of[name]].text[start:end] == sets.TOPICS[topic].split(". ")[0] + "."


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"corpus": "no", "question": "x", "references": []}, "no corpus 'no' in corpora/"),
        ({"corpus": "office", "question": "x", "references": []}, "the question has no references"),
        (
            {"corpus": "office", "question": "x", "references": [{"start_index": 5, "end_index": 5}]},
            "the range 5..5 is",
        ),
        (
            {"corpus": "office", "question": "x", "references": [{"start_index": 0, "end_index": 3, "content": "Tha"}]},
            "the range 0..3 does not hold its content 'Tha'",
        ),
        ({"corpus": "office", "question": "x", "references": [{"start_index": 0}]}, "'end_index' is missing"),
    ],
)
def test_a_malformed_question_on_spans_is_named(tmp_path: Path, row: dict[str, object], says: str) -> None:
    folder = sets.write_spans(tmp_path / "set")
    number = add_line(folder / "questions.jsonl", json.dumps(row))
    with pytest.raises(DatasetError, match=rf"questions\.jsonl:{number}: .*{says}"):
        load_span_set(folder)


# ------------------------------------------------------------------ structure and files


def test_the_structure_of_a_document_survives_a_corpus_file(tmp_path: Path) -> None:
    document = Document(
        source="a/b.pdf",
        text="Title\nprose of the page\n1 | 2\n",
        sha256="ab" * 32,
        media_type="application/pdf",
        title="A title",
        pages=(Page(0, "iv"), Page(6)),
        headings=(Heading(0, 1, "Title"),),
        blocks=(Block(24, 30, "table", "x | y"),),
        metadata={"language": "en"},
    )
    line = Line(tmp_path, 1, json.loads(json.dumps(document_row(document))))
    assert restored_document(line, "a/b.pdf") == document


def test_files_are_read_in_order_and_failures_are_told(tmp_path: Path) -> None:
    files = {}
    for number in range(12):
        files[f"{number}.pdf"] = tmp_path / f"{number}.pdf"
        files[f"{number}.pdf"].write_text("broken" if number == 5 else f"text {number}", encoding="utf-8")
    failed: dict[str, ExtractionError] = {}
    found = list(read_files(files, sets.read_lines_as_pages, failed=failed.__setitem__))
    assert [document.source for document in found] == [name for name in files if name != "5.pdf"]
    assert failed["5.pdf"].reason == "damaged"


def test_an_error_that_is_not_of_a_file_stops_the_reading(tmp_path: Path) -> None:
    def fails(path: Path, *, source: str) -> Document:
        raise OSError("the disk is gone")

    files = {str(number): tmp_path for number in range(9)}
    with pytest.raises(OSError, match="the disk is gone"):
        list(read_files(files, fails, failed=lambda name, error: None))


def write_entry_point(folder: Path, target: str) -> None:
    info = folder / "some_reader-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-reader\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[ragkit.file_readers]\ndefault = {target}\n", encoding="utf-8")


def test_the_reader_of_files_is_found_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_entry_point(tmp_path, "tests.support.evaluation_sets:read_lines_as_pages")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert find_file_reader() is sets.read_lines_as_pages


def test_a_missing_reader_is_named_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_entry_point(tmp_path, "no_such_package:read")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(MissingPackageError, match=r"needs the package no_such_package; run: pip install ragkit"):
        find_file_reader()


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="the evaluation data in ../shared is not here")
def test_the_shared_sets_are_read() -> None:
    data = SHARED / "data"
    squad, cranfield = load_dataset(data / "squad"), load_dataset(data / "cranfield")
    chunking, filings = load_dataset(data / "chunking"), load_dataset(data / "financebench")
    sizes = [len(found.queries) for found in (squad, cranfield, chunking, filings)]
    assert sizes == [1834, 113, 276, 31]
