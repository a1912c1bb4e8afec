"""Runs over every kind of set: the figures, the collections they leave, abstention, and the files for other tools."""

from __future__ import annotations

import json
from pathlib import Path

import ir_measures
import pytest

from ragkit.errors import InputError
from ragkit.evaluation.datasets.beir import load_ranking_set
from ragkit.evaluation.datasets.lines import DatasetError
from ragkit.evaluation.datasets.loading import load_dataset
from ragkit.evaluation.datasets.types import Choice, Dataset, PageSet, choose_part, part_of
from ragkit.evaluation.evaluate import Options, Result, measure_collection, measure_dataset
from ragkit.evaluation.measures.abstention import FOREIGN, NEAR, Unanswerable, measure_abstention, read_unanswerable
from ragkit.evaluation.measures.pages import METRICS as PAGE_METRICS
from ragkit.evaluation.measures.ranking import PASSAGE_METRICS
from ragkit.evaluation.measures.runner import Asker, Measured, Workbench
from ragkit.evaluation.measures.spans import METRICS as SPAN_METRICS
from ragkit.evaluation.reports.report import (
    Floor,
    as_dict,
    as_lines,
    check_floors,
    failed_floors,
    metric_names,
    parse_floor,
    write_per_query,
    write_qrels,
    write_run,
)
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.settings import Settings
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document
from tests.support import evaluation_sets as sets


def run(
    whole: Dataset,
    folder: Path,
    *,
    part: str | None = None,
    embedder: HashEmbedder | None = None,
    options: Options | None = None,
) -> Result:
    """Measure a set in a folder, with a hashing embedder."""
    choice = choose_part(whole, part)
    options = options or Options(reader=sets.read_lines_as_pages)
    with Workbench(str(folder), settings=Settings(), embedder=embedder or HashEmbedder()) as bench:
        return measure_dataset(whole, part_of(whole, choice.part), choice, bench=bench, options=options)


# ------------------------------------------------------------------ ranking


def test_a_ranking_set_gives_the_shape_that_is_promised(tmp_path: Path) -> None:
    found = as_dict(run(load_dataset(sets.write_beir(tmp_path / "set")), tmp_path / "kb"))
    assert found["dataset"] == "set"
    assert (found["documents"], found["queries"]) == (5, 5)
    names = ["ndcg@10", "recall@100", "hit@1", "hit@5", "hit@10", "mrr@10"]
    assert {name: found[name] for name in names} == dict.fromkeys(names, 1.0)
    assert found["confidence"] == {name: [1.0, 1.0] for name in names}
    assert found["settings"]["model"] == "hash"
    assert found["settings"]["chunks"] == 5
    assert found["query_ms"].keys() == {"p50", "p95"}
    assert found["note"] is None
    json.dumps(found, allow_nan=False)


def test_a_second_run_in_the_same_folder_embeds_nothing(tmp_path: Path) -> None:
    whole = load_dataset(sets.write_beir(tmp_path / "set"))
    run(whole, tmp_path / "kb")
    second = HashEmbedder()
    found = run(whole, tmp_path / "kb", embedder=second)
    assert second.documents_embedded == 0
    assert as_dict(found)["hit@1"] == 1.0


def test_a_kept_folder_follows_the_set(tmp_path: Path) -> None:
    run(load_dataset(sets.write_beir(tmp_path / "set")), tmp_path / "kb")
    corpus = tmp_path / "set" / "corpus.jsonl"
    rows = [json.loads(line) for line in corpus.read_text(encoding="utf-8").splitlines()]
    rows[0]["text"] += " Refunds are paid to the card."
    sets.write_jsonl(corpus, rows[:4])
    sets.write_jsonl(
        tmp_path / "set" / "queries.jsonl",
        ({"_id": name, "text": text} for name, (text, topic) in sets.QUESTIONS.items() if topic != "garden"),
    )
    qrels = [(name, topic, 1) for name, (_, topic) in sets.QUESTIONS.items() if topic != "garden"]
    sets.write_qrels(tmp_path / "set" / "qrels" / "test.tsv", qrels)
    embedder = HashEmbedder()
    found = run(load_dataset(tmp_path / "set"), tmp_path / "kb", embedder=embedder)
    assert embedder.documents_embedded == 1
    assert found.measured.settings["chunks"] == 4


def test_a_document_ranks_by_its_best_passage(tmp_path: Path) -> None:
    folder = sets.write_beir(tmp_path / "set")
    filler = "\n\n".join(
        f"Paragraph {number} speaks of something else at some length, as fillers do." for number in range(40)
    )
    rows = [{"_id": name, "text": f"{filler}\n\n{text}\n\n{filler}"} for name, text in sets.TOPICS.items()]
    sets.write_jsonl(folder / "corpus.jsonl", rows)
    found = run(load_dataset(folder), tmp_path / "kb")
    assert as_dict(found)["hit@1"] == 1.0
    assert all(len(scores) == len(set(scores)) <= 5 for scores in (found.measured.run or {}).values())


def test_recall_at_100_looks_at_a_hundred_documents_even_when_they_have_many_passages(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    parts = [f"{verb} the pump of hall {{n}}. " * 30 for verb in ("Start", "Stop", "Clean", "Drain", "Oil", "Test")]
    rows = [{"_id": f"d{n}", "text": "\n\n".join(parts).format(n=n)} for n in range(90)]
    sets.write_jsonl(folder / "corpus.jsonl", rows)
    sets.write_jsonl(folder / "queries.jsonl", [{"_id": "q", "text": "pump of the hall"}])
    sets.write_qrels(folder / "qrels" / "test.tsv", [("q", f"d{n}", 1) for n in range(90)])
    found = run(load_dataset(folder), tmp_path / "kb")
    assert found.measured.settings["chunks"] > 200
    assert as_dict(found)["recall@100"] > 0.9


def test_passages_are_measured_where_a_set_names_them(tmp_path: Path) -> None:
    folder = sets.write_beir(tmp_path / "set")
    rows = []
    for name, (text, topic) in sets.QUESTIONS.items():
        end = sets.TOPICS[topic].index(".") + 1
        rows.append({"_id": name, "text": text, "passages": [{"document": topic, "start": 0, "end": end}]})
    sets.write_jsonl(folder / "queries.jsonl", rows)
    found = as_dict(run(load_dataset(folder), tmp_path / "kb"))
    assert {name: found[name] for name in PASSAGE_METRICS} == dict.fromkeys(PASSAGE_METRICS, 1.0)


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    folder = sets.write_beir(tmp_path / "set")
    kinds = ["heading", "heading", "cloze", "cloze", "cloze"]
    rows = zip(sets.QUESTIONS.items(), kinds, strict=True)
    sets.write_jsonl(
        folder / "queries.jsonl", ({"_id": name, "text": text, "kind": kind} for (name, (text, _)), kind in rows)
    )
    found = as_dict(run(load_dataset(folder), tmp_path / "kb"))
    assert {kind: values["queries"] for kind, values in found["kinds"].items()} == {"heading": 2, "cloze": 3}


def test_every_line_with_a_figure_of_the_tuning_part_says_so(tmp_path: Path) -> None:
    whole = load_dataset(sets.write_parted_beir(tmp_path / "set"))
    tuned = run(whole, tmp_path / "kb", part="tune")
    lines = [line for line in as_lines(tuned) if line.startswith(("ndcg", "recall", "hit", "mrr"))]
    assert len(lines) == 6
    assert all("on the tuning part: no evidence" in line for line in lines)
    assert as_dict(tuned)["note"] == "on the tuning part: no evidence"
    assert as_dict(tuned)["part"] == "tune"
    everything = run(whole, tmp_path / "kb", part="all")
    assert all("includes the tuning part" in line for line in as_lines(everything) if line.startswith("hit"))
    tested = run(whole, tmp_path / "kb")
    assert as_dict(tested)["part"] == "test"
    assert as_dict(tested)["queries"] == 2
    assert not any("tuning" in line for line in as_lines(tested))


def test_a_collection_in_use_is_asked_as_it_is(tmp_path: Path) -> None:
    whole = load_ranking_set(sets.write_beir(tmp_path / "set"))
    with KnowledgeBase(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        kb.add([Document.from_text(name, text) for name, text in sets.TOPICS.items()])
        kb.add(Document.from_text("more", "Something that the set does not know."))
        generation = kb.status()["generation"]
        found = measure_collection(kb, whole, whole, Choice(""))
        assert as_dict(found)["hit@1"] == 1.0
        assert kb.status()["generation"] == generation
        kb.remove("garden")
        with pytest.raises(InputError, match="lacks 1 of the set's 5 documents, such as 'garden'"):
            measure_collection(kb, whole, whole, Choice(""))


# ------------------------------------------------------------------ pages and spans


def test_a_page_set_counts_pages_and_documents(tmp_path: Path) -> None:
    whole = load_dataset(sets.write_pages(tmp_path / "set"))
    found = run(whole, tmp_path / "kb")
    assert list(found.measured.metrics) == list(PAGE_METRICS)
    assert as_dict(found)["document_hit@5"] == 1.0
    assert as_dict(found)["page_hit@5"] == 1.0
    assert (
        found.measured.qrels
        == {name: {f"{source}#page={page}": 1 for source, page in pages} for name, pages in whole.evidence.items()}
        if isinstance(whole, PageSet)
        else False
    )


def test_a_passage_on_another_page_of_the_right_file_is_no_hit(tmp_path: Path) -> None:
    folder = sets.write_pages(tmp_path / "set")
    filler = [" ".join(f"Line {page}{number} speaks of pumps and valves." for number in range(60)) for page in range(9)]
    (folder / "pdfs" / "one.pdf").write_text("\n".join([sets.TOPICS["refunds"], *filler]), encoding="utf-8")
    evidence = [{"document": "one.pdf", "page_index": 9}]
    row = {"_id": "x", "question": "How long is the refund window?", "evidence": evidence}
    sets.write_jsonl(folder / "questions.jsonl", [row])
    found = as_dict(run(load_dataset(folder), tmp_path / "kb"))
    assert found["page_hit@1"] == 0.0
    assert found["document_hit@1"] == 1.0


def test_a_file_that_cannot_be_read_is_told_and_counts_as_never_found(tmp_path: Path) -> None:
    folder = sets.write_pages(tmp_path / "set")
    (folder / "pdfs" / "two.pdf").write_text("broken", encoding="utf-8")
    found = run(load_dataset(folder), tmp_path / "kb")
    assert as_dict(found)["unreadable"] == {"two.pdf": "damaged: no cross-reference table"}
    assert as_dict(found)["documents"] == 1
    assert as_dict(found)["page_hit@10"] == pytest.approx(3 / 5)
    assert any("two.pdf" in line for line in as_lines(found))


def test_a_page_beyond_the_file_is_named(tmp_path: Path) -> None:
    folder = sets.write_pages(tmp_path / "set")
    row = {"_id": "x", "question": "What?", "evidence": [{"document": "one.pdf", "page_index": 3}]}
    sets.write_jsonl(folder / "questions.jsonl", [row])
    with pytest.raises(DatasetError, match=r"questions\.jsonl:1: page_index 3 is not in 'one\.pdf', which has 3 pages"):
        run(load_dataset(folder), tmp_path / "kb")


def test_a_chunking_set_gives_each_corpus_a_collection(tmp_path: Path) -> None:
    whole = load_dataset(sets.write_spans(tmp_path / "set"))
    found = run(whole, tmp_path / "kb")
    assert list(found.measured.metrics) == list(SPAN_METRICS)
    assert as_dict(found)["recall@5"] == 1.0
    assert 0 < as_dict(found)["precision@5"] < 1
    assert as_dict(found)["iou@5"] == pytest.approx(as_dict(found)["precision@5"])
    assert sorted(path.name for path in (tmp_path / "kb" / "collections").iterdir()) == ["set-leisure", "set-office"]
    second = HashEmbedder()
    run(whole, tmp_path / "kb", embedder=second)
    assert second.documents_embedded == 0


def test_curves_have_a_row_a_query_and_never_fall(tmp_path: Path) -> None:
    options = Options(curves=True, reader=sets.read_lines_as_pages)
    for number, write in enumerate((sets.write_beir, sets.write_pages, sets.write_spans)):
        whole = load_dataset(write(tmp_path / f"set{number}"))
        for curve in run(whole, tmp_path / "kb", options=options).measured.curves:
            assert curve.values.shape == (5, len(curve.depths))
            if "hit" in curve.name or "recall" in curve.name:
                assert (curve.values[:, 1:] >= curve.values[:, :-1]).all()


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    options = Options(progress=lambda stage, done, total: told.append((stage, done, total)))
    run(load_dataset(sets.write_beir(tmp_path / "set")), tmp_path / "kb", options=options)
    assert {stage for stage, _, _ in told} == {"embedding", "asking"}
    assert told[-1] == ("asking", 5, 5)


# ------------------------------------------------------------------ abstention


def test_foreign_questions_are_told_apart_by_confidence(tmp_path: Path) -> None:
    questions = read_unanswerable(sets.write_unanswerable(tmp_path / "foreign.jsonl"), FOREIGN)
    whole = load_dataset(sets.write_beir(tmp_path / "set"))
    found = run(whole, tmp_path / "kb", options=Options(unanswerable=questions))
    told = as_dict(found)["abstention"][FOREIGN]
    assert (told["answerable"], told["unanswerable"]) == (5, 4)
    assert told["auroc"] == 1.0
    assert told["risk_if_all_answered"] == pytest.approx(4 / 9, abs=1e-4)
    assert told["aurc"] == told["aurc_least"]
    assert told["threshold"]["chosen_on"].startswith("half of the questions")
    assert metric_names(whole, [FOREIGN])[-1] == "auroc@foreign"


def test_a_threshold_is_chosen_on_the_tuning_part_and_told_on_the_test_part(tmp_path: Path) -> None:
    questions = read_unanswerable(sets.write_unanswerable(tmp_path / "foreign.jsonl"), FOREIGN)
    options = Options(unanswerable=questions)
    whole = load_dataset(sets.write_parted_beir(tmp_path / "set"))
    (told,) = run(whole, tmp_path / "kb", options=options).abstention
    assert told.threshold
    assert told.threshold.chosen_on == "the tuning part"
    assert told.threshold.honest
    assert told.answerable == 2
    assert told.unanswerable < 4  # those that chose the threshold are not told again
    tuned = run(whole, tmp_path / "kb", part="tune", options=options)
    assert tuned.abstention[0].threshold
    assert not tuned.abstention[0].threshold.honest
    lines = [line for line in as_lines(tuned) if "confidence >=" in line or "auroc" in line]
    assert all("no evidence" in line for line in lines)


def test_the_tuning_part_may_be_stated_by_the_unanswerable_questions(tmp_path: Path) -> None:
    parts = dict(zip(sets.FOREIGN, ["tune", "test", "test", "test"], strict=True))
    rows = [{"_id": name, "text": text, "part": parts[name]} for name, text in sets.FOREIGN.items()]
    questions = read_unanswerable(sets.write_jsonl(tmp_path / "near.jsonl", rows), NEAR)
    whole = load_dataset(sets.write_parted_beir(tmp_path / "set"))
    (told,) = run(whole, tmp_path / "kb", options=Options(unanswerable=questions)).abstention
    assert (told.kind, told.unanswerable) == (NEAR, 3)


def test_a_question_without_an_answer_is_put_to_every_corpus(tmp_path: Path) -> None:
    questions = read_unanswerable(sets.write_unanswerable(tmp_path / "foreign.jsonl"), FOREIGN)
    whole = load_dataset(sets.write_spans(tmp_path / "set"))
    (told,) = run(whole, tmp_path / "kb", options=Options(unanswerable=questions)).abstention
    assert told.unanswerable == 8


def test_without_enough_questions_there_is_no_threshold(tmp_path: Path) -> None:
    with Workbench(str(tmp_path), settings=Settings(), embedder=HashEmbedder()) as bench:
        kb = bench.open("one")
        kb.add(Document.from_text("a", "The refund window is thirty days."))
        measured = Measured(
            documents=1,
            metrics={},
            confidences={"q": 0.9},
            right={"q": True},
            found={},
            settings={"depth": 5},
            collections=(kb,),
        )
        (told,) = measure_abstention(
            measured, [Unanswerable("u", "What?", FOREIGN)], tuning={}, collection_of=lambda _: kb, asker=Asker()
        )
    assert told.threshold is None
    assert told.as_dict()["threshold"] is None


def test_a_kind_that_only_chose_the_threshold_has_no_figure(tmp_path: Path) -> None:
    rows = [{"_id": name, "text": text, "part": "tune"} for name, text in sets.FOREIGN.items()]
    questions = read_unanswerable(sets.write_jsonl(tmp_path / "near.jsonl", rows), NEAR)
    whole = load_dataset(sets.write_parted_beir(tmp_path / "set"))
    found = run(whole, tmp_path / "kb", options=Options(unanswerable=questions))
    told = as_dict(found)["abstention"][NEAR]
    assert (told["unanswerable"], told["auroc"], told["threshold"]) == (0, None, None)
    json.dumps(as_dict(found), allow_nan=False)
    assert list(as_lines(found))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no question"),
        ('{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n', r":2: duplicate id 'a', first on line 1"),
        ('{"_id": "a"}\n', ":1: 'text' is missing"),
        ('{"text": "own"}\n', "holds the set's own questions"),
    ],
)
def test_malformed_unanswerable_questions_are_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "u.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=says):
        read_unanswerable(path, NEAR, own={"own"})


# ------------------------------------------------------------------ files and floors


def test_exported_files_give_other_tools_the_same_figures(tmp_path: Path) -> None:
    folder = sets.write_beir(tmp_path / "set")
    sets.write_qrels(
        folder / "qrels" / "test.tsv",
        [
            ("q1", "shipping", 1),
            ("q1", "refunds", 0),
            *((name, topic, 2) for name, (_, topic) in list(sets.QUESTIONS.items())[1:]),
        ],
    )
    found = run(load_dataset(folder), tmp_path / "kb")
    write_run(found, tmp_path / "run")
    write_qrels(found, tmp_path / "qrels")
    theirs = ir_measures.calc_aggregate(
        [ir_measures.nDCG @ 10, ir_measures.RR @ 10],
        list(ir_measures.read_trec_qrels(str(tmp_path / "qrels"))),
        list(ir_measures.read_trec_run(str(tmp_path / "run"))),
    )
    assert as_dict(found)["ndcg@10"] == pytest.approx(theirs[ir_measures.nDCG @ 10], abs=1e-4)
    assert as_dict(found)["mrr@10"] == pytest.approx(theirs[ir_measures.RR @ 10], abs=1e-4)


def test_ids_with_blanks_keep_the_columns_of_trec(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    sets.write_jsonl(folder / "corpus.jsonl", [{"_id": "my file.pdf", "text": "The refund window is thirty days."}])
    sets.write_jsonl(folder / "queries.jsonl", [{"_id": "q 1", "text": "refund window"}])
    sets.write_qrels(folder / "qrels" / "test.tsv", [("q 1", "my file.pdf", 1)])
    found = run(load_dataset(folder), tmp_path / "kb")
    write_run(found, tmp_path / "run")
    write_qrels(found, tmp_path / "qrels")
    assert (tmp_path / "run").read_text(encoding="utf-8").split() == [
        "q%201",
        "Q0",
        "my%20file.pdf",
        "1",
        "0.999900",
        "ragkit",
    ]
    assert (tmp_path / "qrels").read_text(encoding="utf-8") == "q%201 0 my%20file.pdf 1\n"


def test_a_chunking_set_has_no_trec_files(tmp_path: Path) -> None:
    found = run(load_dataset(sets.write_spans(tmp_path / "set")), tmp_path / "kb")
    for write in (write_run, write_qrels):
        with pytest.raises(InputError, match="spans, not documents"):
            write(found, tmp_path / "file")


def test_per_query_lines_hold_the_metrics_and_what_was_found(tmp_path: Path) -> None:
    found = run(load_dataset(sets.write_parted_beir(tmp_path / "set")), tmp_path / "kb")
    write_per_query(found, tmp_path / "q.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["_id"] for row in rows] == ["q4", "q5"]
    assert rows[0]["metrics"]["hit@1"] == 1.0
    assert rows[0]["found"][0] == "travel"
    assert rows[0]["part"] == "test"


def test_floors_are_read_and_kept(tmp_path: Path) -> None:
    found = run(load_dataset(sets.write_parted_beir(tmp_path / "set")), tmp_path / "kb", part="tune")
    assert parse_floor("ndcg@10=0.40") == Floor("ndcg@10", 0.4)
    assert failed_floors(found, [Floor("hit@1", 1.0)]) == []
    found.measured.metrics["hit@1"]["q1"] = 0.0
    assert failed_floors(found, [Floor("hit@1", 0.75), Floor("mrr@10", 0.1)]) == [
        "hit@1 is 0.5000, under 0.75 (on the tuning part: no evidence)"
    ]
    for text in ("ndcg@10", "ndcg@10=x", "=0.5", "ndcg@10=40", "ndcg@10=nan"):
        with pytest.raises(InputError, match="is not METRIC=VALUE"):
            parse_floor(text)
    with pytest.raises(InputError, match=r"no metric 'ndcg@11'; it may be ndcg@10, recall@100"):
        check_floors([Floor("ndcg@11", 0.5)], metric_names(found.dataset))


@pytest.mark.parametrize("write", [sets.write_beir, sets.write_pages, sets.write_spans])
def test_the_metrics_that_a_floor_may_have_are_those_of_the_run(tmp_path: Path, write: object) -> None:
    assert callable(write)
    whole = load_dataset(write(tmp_path / "set"))
    found = run(whole, tmp_path / "kb")
    assert metric_names(whole) == list(found.measured.metrics)
