"""A query adapter helps where queries are turned away from documents, and is refused where it learns nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

import ragkit
from ragkit.cli.adapt import adapt
from ragkit.cli.app import run
from ragkit.cli.context import Tools
from ragkit.errors import AdapterRefusedError, CorruptError, InputError, RagkitError
from ragkit.evaluation.datasets.labelled import from_question_file, is_question_file, read_labelled
from ragkit.retrieval.query_adapter import Examples, adapted, divide, fit_adapter
from ragkit.store.opening import restore_collection
from ragkit.store.sqlite.connection import open_writer
from ragkit.testing import HashEmbedder
from tests.support.evaluation_sets import write_jsonl, write_parted_beir, write_qrels

DIMENSION = 32
WORDS = 60
DOCUMENTS = 60
LabelledQuestion = ragkit.LabelledQuestion


class TurnedEmbedder(HashEmbedder):
    """Questions are in a language of their own ("q7" for "d7"), and their vectors are rotated."""

    def __init__(self, *, name: str = "turned") -> None:
        super().__init__(DIMENSION, name=name)
        turn, _ = np.linalg.qr(np.random.default_rng(5).standard_normal((DIMENSION, DIMENSION)))
        self._turn = turn.astype(np.float32)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = super().embed_queries([text.replace("q", "d") for text in texts])
        turned: NDArray[np.float32] = rows @ self._turn.T
        return turned


def world() -> tuple[list[ragkit.Document], list[LabelledQuestion]]:
    random = np.random.default_rng(1)
    documents, questions = [], []
    for at in range(DOCUMENTS):
        words = random.choice(WORDS, 8, replace=False)
        documents.append(ragkit.Document(source=f"{at}.txt", text=" ".join(f"d{word:03d}x" for word in words)))
        for _ in range(4):
            asked = random.choice(words, 5, replace=False)
            questions.append(LabelledQuestion(" ".join(f"q{word:03d}x" for word in asked), (f"{at}.txt",)))
    return documents, questions


def shuffled(questions: Sequence[LabelledQuestion]) -> list[LabelledQuestion]:
    order = np.random.default_rng(2).permutation(len(questions))
    return [replace(item, sources=questions[at].sources) for item, at in zip(questions, order, strict=True)]


def opened(folder: Path, *, embedder: HashEmbedder | None = None, adapter: bool = True) -> ragkit.KnowledgeBase:
    settings = ragkit.Settings(retrieval=ragkit.RetrievalSettings(adapter=adapter))
    return ragkit.open(folder, settings=settings, embedder=embedder or TurnedEmbedder())


def first_hits(kb: ragkit.KnowledgeBase, questions: Sequence[LabelledQuestion]) -> float:
    return float(np.mean([kb.search(item.text, k=1)[0].source == item.sources[0] for item in questions]))


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    folder = tmp_path_factory.mktemp("learned")
    documents, questions = world()
    with opened(folder) as kb:
        kb.add(documents)
        evidence = kb.adapt(questions[:200])
    return folder, evidence


def test_a_turned_world_is_turned_back(learned: tuple[Path, dict[str, object]]) -> None:
    folder, evidence = learned
    unseen = world()[1][200:]
    with opened(folder) as kb, opened(folder, adapter=False) as plain:
        assert first_hits(plain, unseen) < 0.3
        assert first_hits(kb, unseen) > first_hits(plain, unseen) + 0.3
        assert kb.status()["adapter"] == json.loads(json.dumps(evidence))
    before, after, interval, p = (evidence[name] for name in ("before", "after", "interval", "p"))
    assert isinstance(before, float)
    assert isinstance(after, float)
    assert after > before + 0.3
    assert isinstance(interval, list)
    assert 0 < interval[0] < interval[1]
    assert isinstance(p, float)
    assert p < 0.01
    assert (evidence["questions"], evidence["documents"], evidence["folds"]) == (200, 50, 5)
    assert evidence["fingerprint"] == TurnedEmbedder().fingerprint.id


def test_pairs_at_random_are_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    documents, questions = world()
    with opened(tmp_path) as kb:
        kb.add(documents)
        with pytest.raises(
            AdapterRefusedError, match=r"nDCG@10 0\.\d+ without and 0\.\d+ with it.*nothing was stored"
        ) as no:
            kb.adapt(shuffled(questions))
        assert no.value.evidence["questions"] == len(questions)
        assert kb.status()["adapter"] is None
        assert kb.remove_adapter() is False


def test_it_outlives_a_backup_and_a_rebuild_but_not_another_model(
    learned: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    folder, evidence = learned
    with opened(folder) as kb:
        kb.backup(tmp_path / "b")
    restore_collection(tmp_path / "b", tmp_path / "data", "default")
    with opened(tmp_path / "data") as kb:
        assert kb.status()["adapter"]["created_at"] == evidence["created_at"]
        assert kb.verify() == []
        kb.rebuild()
        assert kb.status()["adapter"] is not None
        kb.rebuild(embedder=TurnedEmbedder(name="other"))
        assert kb.status()["adapter"] is None
        assert kb.search("q001x q002x") is not None


def test_removing_it_is_seen_by_those_who_search(learned: tuple[Path, dict[str, object]], tmp_path: Path) -> None:
    folder, _ = learned
    with opened(folder) as kb:
        kb.backup(tmp_path / "b")
    restore_collection(tmp_path / "b", tmp_path / "data", "default")
    with opened(tmp_path / "data") as kb, opened(tmp_path / "data") as other:
        question = world()[1][210].text
        moved = kb.search(question)
        assert other.remove_adapter() is True
        plain = kb.search(question)
        assert [hit.score for hit in moved] != [hit.score for hit in plain]
        assert kb.status()["adapter"] is None


def test_a_damaged_one_is_an_error_that_verify_finds(learned: tuple[Path, dict[str, object]], tmp_path: Path) -> None:
    folder, _ = learned
    with opened(folder) as kb:
        kb.backup(tmp_path / "b")
    restore_collection(tmp_path / "b", tmp_path / "data", "default")
    connection = open_writer(tmp_path / "data" / "collections" / "default" / "collection.sqlite")
    connection.execute("UPDATE adapters SET crc = crc + 1")
    connection.close()
    with opened(tmp_path / "data") as kb:
        assert [problem.kind for problem in kb.verify()] == ["adapter"]
        with pytest.raises(CorruptError, match="adapt --remove"):
            kb.search("q001x")
        kb.remove_adapter()
        assert kb.search("q001x") is not None


def test_what_cannot_be_learned_from_says_why(tmp_path: Path) -> None:
    documents, questions = world()
    with opened(tmp_path) as kb:
        with pytest.raises(InputError, match="is empty"):
            kb.adapt(questions)
        kb.add(documents)
        with pytest.raises(InputError, match="needs 30 questions and there are 12"):
            kb.adapt(questions[:12] * 3)
        with pytest.raises(InputError, match=r"lacks 1 of the sources, such as 'none\.txt'"):
            kb.adapt([*questions, LabelledQuestion("q001x", ("none.txt",))])
        with pytest.raises(InputError, match="names no source"):
            kb.adapt([*questions, LabelledQuestion("q001x")])
        with pytest.raises(InputError, match="on 4 documents"):
            kb.adapt([LabelledQuestion(f"q{at:03d}x", ("1.txt",)) for at in range(40)])
        with pytest.raises(InputError, match="where there is no text"):
            kb.adapt([*questions, LabelledQuestion("q001x", spans=(("1.txt", 9_000, 9_001),))])


# ------------------------------------------------------------------ the map


def test_the_map_is_the_minimum_of_what_it_says() -> None:
    random = np.random.default_rng(0)
    q, p = (random.standard_normal((40, 6)).astype(np.float32) for _ in range(2))
    weights = random.uniform(0.1, 1, 40)

    def loss(matrix: NDArray[np.float64]) -> float:
        missed = np.square(q @ matrix.T - p).sum(axis=1) @ weights
        return float(missed + 0.2 * weights.sum() * np.square(matrix - np.eye(6)).sum())

    best = fit_adapter(q, p, weights, strength=0.2).astype(np.float64)
    around = [loss(best + 1e-2 * random.standard_normal((6, 6))) for _ in range(50)]
    assert loss(best) < min(around)


def test_a_strong_pull_is_the_identity() -> None:
    rows = np.eye(4, dtype=np.float32)
    found = fit_adapter(rows, rows[::-1].copy(), np.ones(4), strength=1e6)
    assert np.allclose(found, np.eye(4), atol=1e-4)


def test_adapted_queries_are_unit_vectors_and_never_vanish() -> None:
    rows = np.eye(3, dtype=np.float32)
    matrix = np.diag([2.0, 0.5, 0.0]).astype(np.float32)
    assert np.allclose(adapted(matrix, rows), rows)
    assert np.allclose(adapted(matrix, rows[2]), rows[2])


def test_folds_keep_documents_together_and_are_even() -> None:
    groups = [frozenset({f"d{at % 13}"}) for at in range(130)]
    folds = divide(groups, 5)
    assert {len(set(folds[[at for at in range(130) if at % 13 == name]].tolist())) for name in range(13)} == {1}
    assert np.bincount(folds).max() - np.bincount(folds).min() <= 10
    assert divide(list(reversed(groups)), 5).tolist() == folds.tolist()[::-1]


def test_nothing_of_a_held_out_document_is_learned_from() -> None:
    """A question of another fold that the held-out document answers too is left out."""
    pool = np.eye(4, dtype=np.float32)
    queries = pool[[1, 2, 3]]
    groups = [frozenset({"a"}), frozenset({"b", "a"}), frozenset({"c"})]
    relevant = [np.array([0]), np.array([1, 0]), np.array([2])]
    examples = Examples(queries, groups, np.array([0, 1, 2]), pool, relevant)
    only = fit_adapter(queries[2:], pool[2:3], np.ones(1), strength=0.1)
    assert np.allclose(examples.fit(0.1, without=[0]), only)


# ------------------------------------------------------------------ files and commands


def test_pairs_are_read_from_a_folder_of_which_only_the_tuning_part_counts(tmp_path: Path) -> None:
    folder = write_parted_beir(tmp_path / "set")
    assert [item.sources for item in read_labelled(folder)] == [("refunds",), ("shipping",)]
    assert len(read_labelled(folder, part="all")) == 5
    (tmp_path / "ids").write_text("q4\n")
    assert [item.sources for item in read_labelled(folder, ids=tmp_path / "ids")] == [("travel",)]
    write_qrels(folder / "qrels" / "train.tsv", [("q1", "refunds", 1), ("q1", "garden", 0)])
    assert [item.sources for item in read_labelled(folder)] == [("refunds",)]


def test_pairs_are_read_from_lines(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"question": "How long?", "source": "a.md"},
        {"question": "Why?", "source": "b.md", "start": 3, "end": 9},
    ]
    found = read_labelled(write_jsonl(tmp_path / "p.jsonl", rows))
    assert found == [LabelledQuestion("How long?", ("a.md",)), LabelledQuestion("Why?", spans=(("b.md", 3, 9),))]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"question": "Why?"}, "p.jsonl:1: 'source' is missing"),
        ({"question": " ", "source": "a"}, "p.jsonl:1: the question is empty"),
        ({"question": "Why?", "source": "a", "start": 4, "end": 4}, "p.jsonl:1: the place 4..4 is empty"),
        ({"question": "Why?", "source": "a", "start": 4}, "p.jsonl:1: 'end' is missing"),
    ]
    for bad, message in wrong:
        with pytest.raises(InputError, match=message):
            read_labelled(write_jsonl(tmp_path / "p.jsonl", [bad]))
    with pytest.raises(InputError, match="holds no question"):
        read_labelled(write_jsonl(tmp_path / "p.jsonl", []))
    with pytest.raises(InputError, match="no folder"):
        read_labelled(tmp_path / "p.jsonl", part="all")


def test_a_question_file_teaches_the_places_of_its_texts(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"question": "When does it open?", "document": "pool.md", "text": ["opens  at\nseven"]},
        {"question": "Who may swim?", "answer_doc": ["pool.md"], "answer_text": "not in the text"},
        {"question": "What does parking cost?", "answer_has": [["2 euros"]]},
        {"question": "Is there a sauna?"},
    ]
    path = write_jsonl(tmp_path / "q.jsonl", rows)
    assert is_question_file(path)
    assert not is_question_file(write_jsonl(tmp_path / "p.jsonl", [{"text": "How long?", "source": "a.md"}]))
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        kb.add([ragkit.Document.from_text("pool.md", "The pool opens at seven.")])
        found = from_question_file(path, kb)
        assert found == [
            LabelledQuestion("When does it open?", spans=(("pool.md", 9, 23),)),
            LabelledQuestion("Who may swim?", ("pool.md",)),
        ]
        with pytest.raises(InputError, match=r"does not hold 'lake.md'"):
            from_question_file(write_jsonl(path, [{"question": "Why?", "document": "lake.md"}]), kb)
        with pytest.raises(InputError, match="names no document"):
            from_question_file(write_jsonl(path, [{"question": "Why?", "text": "seven"}]), kb)


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(adapt, [str(item) for item in arguments], obj=Tools(embedder=TurnedEmbedder()))
    if isinstance(result.exception, RagkitError):
        return result
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_command_keeps_refuses_and_removes(tmp_path: Path) -> None:
    documents, questions = world()
    with opened(tmp_path) as kb:
        kb.add(documents)
    for name, items in (("good", questions), ("bad", shuffled(questions))):
        write_jsonl(tmp_path / name, ({"question": item.text, "source": item.sources[0]} for item in items))
    refused = call(tmp_path / "bad", "--data", tmp_path, "--json")
    assert isinstance(refused.exception, AdapterRefusedError)
    assert json.loads(refused.stdout)["kept"] is False
    kept = call(tmp_path / "good", "--data", tmp_path)
    assert kept.stdout.startswith("kept: nDCG@10 ")
    assert json.loads(call(tmp_path / "good", "--data", tmp_path, "--json").stdout)["kept"] is True
    assert json.loads(call("--remove", "--data", tmp_path, "--json").stdout) == {"removed": True}
    assert "there is no adapter" in call("--remove", "--data", tmp_path).stdout
    assert call("--data", tmp_path).exit_code == 2
    assert call(tmp_path / "good", "--remove", "--data", tmp_path).exit_code == 2


def test_a_refusal_is_no_wrong_input_and_ends_with_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert issubclass(AdapterRefusedError, RagkitError)
    assert not issubclass(AdapterRefusedError, InputError)  # nothing is wrong with what the caller gave

    def refuse(*_: object, **__: object) -> None:
        raise AdapterRefusedError("it does not help", cure="nothing was stored", evidence={"p": 0.5})

    with opened(tmp_path):
        pass
    monkeypatch.setattr("ragkit.cli.options.KnowledgeBase.adapt", refuse)
    pairs = write_jsonl(tmp_path / "pairs", [{"question": "q", "source": "a"}])
    assert run(["adapt", str(pairs), "--data", str(tmp_path), "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out) == {"kept": False, "p": 0.5}
    assert err.strip().endswith("ragkit: it does not help; nothing was stored")
    assert run(["adapt", str(tmp_path / "none"), "--data", str(tmp_path)]) == 2


def test_the_command_is_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["adapt", "--help"]) == 0
    assert "PAIRS" in capsys.readouterr().out
