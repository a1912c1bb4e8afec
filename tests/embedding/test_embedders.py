"""Vectors are checked, limits are kept, and the compiled default model says what the original says."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.embedding.base import Embedder, UnitEmbedder
from ragkit.embedding.loading import check_vectors, compatible, load_embedder
from ragkit.embedding.model_embedder import PROBE, ModelEmbedder
from ragkit.embedding.openvino.batch_planner import Batch, BatchQueue, plan_batches
from ragkit.embedding.tokenizer import WordPieces
from ragkit.errors import ConfigError, EmbeddingError, ModelError
from ragkit.settings import ModelSettings
from ragkit.types.collection import Fingerprint

TEXTS = ["Refunds are paid within 30 days.", "The printer stands on the second floor.", "退款将在三十天内支付。", ""]
NO_OPENVINO_CODE = (
    "import json, logging, sys\n"
    "sys.modules['openvino'] = None\n"
    "lines = []\n"
    "handler = logging.Handler(); handler.emit = lambda record: lines.append(record.getMessage())\n"
    "logging.getLogger('ragkit').addHandler(handler)\n"
    "from ragkit.embedding.loading import load_embedder\n"
    "from ragkit.settings import ModelSettings\n"
    "model = load_embedder(ModelSettings(device='cpu', offline=True))\n"
    f"texts = {TEXTS!r}\n"
    "print(json.dumps({'runtime': model.fingerprint.runtime, 'id': model.fingerprint.id, 'lines': lines,\n"
    "                  'rows': model.embed_documents(texts).tolist(),\n"
    "                  'queries': model.embed_queries(texts).tolist(),\n"
    "                  'units': [part.tolist() for part in model.embed_units(texts, [[(0, 9), (9, 30)]] * 4)[1]],\n"
    "                  'tokens': model.count_tokens(texts), 'offsets': model.token_offsets(texts[0])}))\n"
)
IDS_CODE = (
    "import json\n"
    "from ragkit.embedding.torch_runtime import TorchRuntime, load_sentence_transformer, word_pieces\n"
    "from ragkit.embedding.model_files import find_model\n"
    "from ragkit.settings import ModelSettings\n"
    "model = find_model(ModelSettings(offline=True))\n"
    "network = load_sentence_transformer(model.path, name=model.name)\n"
    "pieces = word_pieces(network, model.name)\n"
    "make = lambda kind, direct: kind(network, pieces, label='torch-fp32', batch=3, direct=direct)\n"
    f"texts = {TEXTS!r} * 2\n"
    "ids = pieces.document_ids(texts)\n"
    "plain, direct = (make(TorchRuntime, choice) for choice in (False, True))\n"
    "told = []\n"
    "by_states = direct.with_states(texts, ids, lambda index, states: told.append((index, *states.shape)))\n"
    "class Wrong(TorchRuntime):\n"
    "    def _batches(self, ids, use=None):\n"
    "        return super()._batches(ids, use)[::-1]\n"
    "rows = (direct.documents(texts, ids), direct.queries(texts, ids), by_states)\n"
    "print(json.dumps({'direct': [plain._direct, direct._direct, make(Wrong, True)._direct],\n"
    "                  'cosines': [(plain.documents(texts, ids) * some).sum(axis=1).tolist() for some in rows],\n"
    "                  'told': sorted(told), 'lengths': [len(text) for text in ids]}))\n"
)
DEVICES_CODE = (
    "import json\n"
    "from ragkit.embedding.torch_runtime import pick_device\n"
    "from ragkit.errors import ModelError\n"
    "import torch\n"
    "told = []\n"
    "for device in ('tpu!', 'meta', 'cuda:99', 'mps:9', 'xpu:9', 'cpu'):\n"
    "    try:\n"
    "        told.append(pick_device(device))\n"
    "    except ModelError as error:\n"
    "        told.append(str(error))\n"
    "print(json.dumps(told))\n"
)
FULL_GPU_CODE = (
    "import json, torch, sentence_transformers\n"
    "import ragkit.embedding.torch_runtime as module\n"
    "from ragkit.errors import ModelError\n"
    "from ragkit.embedding.model_files import find_model\n"
    "from ragkit.settings import ModelSettings\n"
    "settings = ModelSettings(offline=True, device='cpu')\n"
    "def load():\n"
    "    try:\n"
    "        module.load_torch(find_model(settings), settings, weights_sha256='')\n"
    "    except ModelError as error:\n"
    "        return str(error)\n"
    "def full(*_, **__):\n"
    "    raise torch.cuda.OutOfMemoryError('CUDA out of memory\\nand more')\n"
    "whole = sentence_transformers.SentenceTransformer\n"
    "sentence_transformers.SentenceTransformer = full\n"
    "first = load()\n"
    "sentence_transformers.SentenceTransformer = whole\n"
    "module.TorchRuntime = full\n"
    "print(json.dumps([first, load()]))\n"
)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """The default model, compiled: made once in the user's cache when it is not there yet."""
    return load_embedder(ModelSettings(device="cpu", offline=True))


# Vectors


def unit(*shape: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows


def test_good_vectors_are_renormalised_float32() -> None:
    rows = check_vectors((unit(3, 8) * 1.0009).astype(np.float64), count=3, dimension=8)
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert check_vectors([], count=0, dimension=8).shape == (0, 8)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows * np.array([[1], [np.nan], [1]]), "vector 1 of 3 holds NaN or infinity"),
        (lambda rows: rows + np.array([[0], [0], [np.inf]]), "vector 2 of 3 holds NaN or infinity"),
        (lambda rows: rows * np.array([[1], [0], [1]]), "vector 1 of 3 is all zero"),
        (lambda rows: rows * np.array([[1.002], [1], [1]]), "vector 0 of 3 has norm 1.002 instead of 1"),
        (lambda rows: rows[:2], r"shape \(2, 8\) for 3 texts of dimension 8; row 2 is missing"),
        (lambda rows: rows[:, :7], r"shape \(3, 7\) for 3 texts"),
        (lambda rows: rows[0], r"shape \(8,\) for 3 texts"),
        (lambda rows: rows.astype(str), "instead of numbers"),
        (lambda rows: rows * 1e300, "vector 0 of 3 holds NaN or infinity"),
    ],
)
def test_the_first_bad_row_is_named(spoil: object, message: str) -> None:
    rows = spoil(unit(3, 8).astype(np.float64))  # type: ignore[operator]
    with pytest.raises(EmbeddingError, match=message):
        check_vectors(rows, count=3, dimension=8)


def test_fingerprints_are_compatible_by_id_and_by_probe() -> None:
    probe = unit(1, 8)
    first = Fingerprint("m", "a" * 64, 8, 128, runtime="torch-fp32", probe=probe.tobytes())
    second = replace(first, runtime="openvino-bf16", probe=(probe + 0.001).tobytes())
    assert compatible(first, second)
    assert compatible(first, replace(first, probe=b""))
    assert not compatible(first, replace(first, probe=unit(2, 8)[1].tobytes()))
    assert not compatible(first, replace(first, probe=probe[:, :4].tobytes()))
    assert not compatible(first, replace(first, document_prompt="passage: "))


# What any model's embedder does, on a runtime that counts


class CountingRuntime:
    """A row tells how many ids its text had; notes what it was asked."""

    label = "fake"
    dimension = 2

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def documents(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        self.asked.append(list(texts))
        angles = np.array([len(tokens) / 100 for tokens in ids])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    queries = documents

    has_states = True

    def with_states(
        self, texts: Sequence[str], ids: Sequence[Sequence[int]], use: Callable[[int, NDArray[np.float32]], None]
    ) -> NDArray[np.float32]:
        """A token's state is (place, 1): the mean of a span tells which tokens it took."""
        for index, tokens in reversed(list(enumerate(ids))):
            use(index, np.array([(place, 1) for place in range(len(tokens))], dtype=np.float32))
        return self.documents(texts, ids)


def word_tokenizer() -> str:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=7)
    return str(tokenizer.to_str())


def counting(*, query_prompt: str = "", document_prompt: str = "") -> tuple[ModelEmbedder, CountingRuntime]:
    runtime = CountingRuntime()
    pieces = WordPieces(word_tokenizer(), max_tokens=12, query_prompt=query_prompt, document_prompt=document_prompt)
    return ModelEmbedder(runtime, pieces, model="fake", weights_sha256="0" * 64, probe=bytes(8)), runtime


def test_counts_include_prompt_and_special_tokens_and_obey_no_truncation_or_padding_of_the_file() -> None:
    embedder, _ = counting(document_prompt="passage : ")
    assert embedder.count_tokens(["a b c", "", "w " * 50]) == [7, 4, 54]
    assert embedder.token_offsets("Ä b, c") == [(0, 1), (2, 3), (3, 4), (5, 6)]


def test_a_document_over_the_limit_is_named_and_nothing_is_embedded() -> None:
    embedder, runtime = counting()
    runtime.asked.clear()
    with pytest.raises(EmbeddingError, match="text 2 has 13 tokens and the model takes 12; split it"):
        embedder.embed_documents(["a", "b " * 10, "c " * 11])
    assert runtime.asked == []


def test_a_long_query_is_averaged_over_even_windows_weighted_by_tokens() -> None:
    embedder, runtime = counting(query_prompt="q : ")
    runtime.asked.clear()
    rows = embedder.embed_queries(["short", "w " * 20])  # 8 words a window beside 2 special ones and the prompt's 2
    assert runtime.asked == [["short", "w w w w w w w", "w w w w w w", "w w w w w w w"]]
    sizes = np.array([11, 10, 11])
    mean = (np.stack([np.cos(sizes / 100), np.sin(sizes / 100)]) * sizes).sum(axis=1)
    np.testing.assert_allclose(rows[1], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_allclose(rows[0], [np.cos(0.05), np.sin(0.05)], atol=1e-6)


def test_a_unit_is_the_mean_of_the_tokens_whose_middle_it_holds() -> None:
    embedder, _ = counting(document_prompt="passage : ")
    assert embedder.supports_units
    text = "aa bb cc"  # places: [CLS] 0, prompt 1 and 2, words 3 to 5, [SEP] 6
    spans = [(0, 2), (3, 8), (0, 8), (0, 1), (1, 4), (2, 3), (8, 8)]
    rows, (units, none) = embedder.embed_units([text, "aa"], [spans, []])
    np.testing.assert_array_equal(rows, embedder.embed_documents([text, "aa"]))
    assert none.shape == (0, 2)
    # (0, 1) ends at the middle of aa, which is not in it; (1, 4) holds the middles of aa at 1 and not that of bb at 4
    whole = rows[0, 0] / rows[0, 1]
    np.testing.assert_allclose(units[:, 0] / units[:, 1], [3, 4.5, 4, whole, 3, whole, whole], rtol=1e-5)


def test_units_keep_the_limit_and_nothing_gives_nothing() -> None:
    embedder, _ = counting()
    with pytest.raises(EmbeddingError, match="text 0 has 13 tokens"):
        embedder.embed_units(["c " * 11], [[(0, 1)]])
    rows, units = embedder.embed_units([], [])
    assert (rows.shape, units) == ((0, 2), [])


def test_a_prompt_that_fills_the_model_is_an_error() -> None:
    embedder, _ = counting(query_prompt="p " * 30)
    with pytest.raises(EmbeddingError, match="cannot be cut into windows of 12 tokens"):
        embedder.embed_queries(["word"])


def test_nothing_in_nothing_out() -> None:
    embedder, runtime = counting()
    runtime.asked.clear()
    assert embedder.embed_documents([]).shape == embedder.embed_queries([]).shape == (0, 2)
    assert runtime.asked == []


@pytest.mark.parametrize("kept", [0, 3, 1_000])
@pytest.mark.parametrize("prompt", ["", "text "])
def test_a_text_that_was_counted_has_the_same_tokens(prompt: str, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit.embedding.tokenizer._KEPT_TOKENS", kept)
    texts = ["one two", "one two", "", "two", "one two three"]
    wanted = WordPieces(word_tokenizer(), max_tokens=12, document_prompt=prompt).document_tokens(texts)
    pieces = WordPieces(word_tokenizer(), max_tokens=12, document_prompt=prompt)
    assert pieces.count(texts) == [len(ids) for ids in wanted[0]]
    asked: list[str] = []
    encode = pieces._encode_whole
    monkeypatch.setattr(pieces, "_encode_whole", lambda some: encode(asked.extend(some) or some))
    assert pieces.document_tokens(texts) == wanted
    if kept == 1_000:
        assert asked == ["one two"]  # the second time that it comes
    assert pieces.document_tokens(texts) == wanted
    assert pieces._counted_tokens == sum(map(len, pieces._counted.values())) <= kept


def test_batches_hold_like_lengths_within_bounds_and_every_cpu_has_work() -> None:
    lengths = [int(n) for n in np.random.default_rng(1).integers(2, 256, 1000)]
    batches = plan_batches(lengths, streams=2)
    assert sorted(index for batch in batches for index in batch.texts) == list(range(1000))
    assert all(max(lengths[index] for index in batch.texts) <= batch.width for batch in batches)
    padded = [len(batch.texts) * batch.width for batch in batches]
    assert max(padded) <= 1024
    assert sum(padded) < 1.04 * sum(lengths)
    assert len({batch.shape for batch in batches}) < len(batches) / 2  # another shape costs as much as 48 tokens
    assert [batch.shape for batch in plan_batches([10, 10, 10, 10], streams=2)] == [(2, 10), (2, 10)]
    assert [batch.shape for batch in plan_batches([300, 300, 300, 299, 299, 299, 280, 280], streams=1)] == [
        (3, 304),
        (3, 304),
        (2, 288),
    ]
    assert [batch.shape for batch in plan_batches([3000, 10, 10], streams=1)] == [(1, 3008), (2, 10)]
    assert plan_batches([5], streams=8) == [(5, [0])]
    assert plan_batches([5, 7, 5, 7, 6], streams=1, padded=False) == [(7, [1, 3]), (6, [4]), (5, [0, 2])]
    assert max(len(batch.texts) for batch in plan_batches([2] * 1000, streams=1)) == 64


@pytest.mark.parametrize("seed", range(5))
def test_questions_that_come_together_run_together(seed: int) -> None:
    """A first batch of one long question must not make the others run one by one, in its shape."""
    chance = np.random.default_rng(seed)
    for count in (2, 5, 16, 40):
        lengths = [int(n) for n in np.clip(chance.normal(15, 4, count), 5, 28)]
        batches = plan_batches(lengths, streams=1)
        assert len(batches) <= 4
        assert sum(len(batch.texts) * batch.width for batch in batches) < sum(lengths) + 160
    lengths = [20, 16, 15, 15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10, 10, 9]
    assert len(plan_batches(lengths, streams=1)) <= 2


def test_widths_fill_vector_registers_where_that_is_quicker_and_the_model_takes_them() -> None:
    def widths(longest: int, **bounds: int) -> list[int]:
        return [batch.width for batch in plan_batches([longest, longest], streams=1, **bounds)]

    assert [widths(longest) for longest in (144, 143, 140, 135, 129)] == [[144], [144], [144], [135], [129]]
    assert widths(143, most_tokens=144) == [144]
    assert widths(143, most_tokens=143) == [143]
    shapes = [batch.shape for batch in plan_batches([143] * 7 + [138] * 7, streams=1)]
    assert shapes == [(7, 144), (7, 144)]  # 138 would be as slow as 144
    assert plan_batches([143, 143], streams=1, padded=False) == [(143, [0, 1])]


def test_a_worker_gets_batches_of_one_shape_as_long_as_there_are_others() -> None:
    batches = [Batch(30, [0]), Batch(30, [1]), Batch(20, [2]), Batch(20, [3]), Batch(20, [4])]
    queue = BatchQueue(batches)
    groups: dict[str, deque[Batch] | None] = {"one": None, "other": None}

    def take(worker: str) -> int | None:
        taken = queue.take(groups[worker])
        if taken is None:
            return None
        groups[worker] = taken[0]
        return batches.index(taken[1])

    assert [take("one"), take("other"), take("one"), take("other")] == [0, 2, 1, 3]
    assert take("one") == 4  # its own shape is done: it helps with the other
    assert [take("one"), take("other")] == [None, None]
    queue = BatchQueue(batches)
    queue.clear()
    assert queue.take(None) is None


# The default model, compiled


def test_the_default_model(embedder: Embedder) -> None:
    fingerprint = embedder.fingerprint
    assert fingerprint.runtime.startswith("openvino-")
    assert (fingerprint.dimension, fingerprint.max_tokens, embedder.max_tokens) == (384, 256, 256)
    assert fingerprint.weights_sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    probe = np.frombuffer(fingerprint.probe, dtype="<f4")
    assert float(embedder.embed_documents([PROBE])[0] @ probe) > 0.9999


def test_texts_of_any_length_keep_their_order(embedder: Embedder) -> None:
    texts = [("word " * n).strip() for n in (1, 200, 3, 0, 254, 90)] + TEXTS
    together = embedder.embed_documents(texts)
    alone = np.concatenate([embedder.embed_queries([text]) for text in texts])
    assert ((together * alone).sum(axis=1) > 0.9995).all()
    assert (
        embedder.embed_queries(["How are refunds paid?"]) @ together[6] > embedder.embed_queries(["Hi"]) @ together[6]
    )


def test_a_question_of_a_width_that_is_asked_for_often_has_the_same_vector(embedder: Embedder) -> None:
    questions = ["How are refunds paid?", "Who approves travel expenses over 500 euros, and how?"]
    first = np.concatenate([embedder.embed_queries([question]) for question in questions])
    for _ in range(60):  # meanwhile it gets a form of its own
        again = np.concatenate([embedder.embed_queries([question]) for question in questions])
        assert ((first * again).sum(axis=1) > 0.9999).all()


def test_units_come_from_the_pass_over_the_whole_text(embedder: Embedder) -> None:
    assert isinstance(embedder, UnitEmbedder)
    assert embedder.supports_units
    text = "Refunds are paid within 30 days. The printer stands on the second floor. 🙂"
    cut = text.index(" The")
    spans = [(0, cut), (cut, len(text)), (len(text), len(text))]
    rows, (units, empty) = embedder.embed_units([text, ""], [spans, ()])
    assert float(rows[0] @ embedder.embed_documents([text])[0]) > 0.9999
    assert units.shape == (3, 384)
    assert empty.shape == (0, 384)
    np.testing.assert_array_equal(units[2], rows[0])
    refund, printer = units[:2] @ embedder.embed_queries(["When is a refund paid?", "Where is the printer?"]).T
    assert refund[0] > refund[1]
    assert printer[1] > printer[0]


def test_a_question_of_8000_characters(embedder: Embedder) -> None:
    question = "Which of the refunds, which were paid in the second half of the year, were late? " * 99
    rows = embedder.embed_queries([question[:8000], "Which refunds were late?", "🙂" * 8000, "漢" * 8000, "\n" * 8000])
    assert rows.shape == (5, 384)
    assert rows[0] @ rows[1] > 0.6


def test_offsets_are_code_points(embedder: Embedder) -> None:
    text = "𝔘nder Ångström: naïve 漢字 🙂 end"
    spans = embedder.token_offsets(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert text[spans[-1][0] : spans[-1][1]] == "end"
    assert embedder.count_tokens([text]) == [len(spans) + 2]


def test_many_threads_at_once(embedder: Embedder) -> None:
    texts = [f"question number {number} " + "about refunds " * (number % 7) for number in range(24)]
    expected = embedder.embed_documents(texts)
    barrier = threading.Barrier(4)

    def work(offset: int) -> NDArray[np.float32]:
        barrier.wait(60)
        mine = texts[offset:] + texts[:offset]
        rows = np.concatenate([embedder.embed_documents(mine[:12]), embedder.embed_queries(mine[12:])])
        return np.roll(rows, offset, axis=0)

    with ThreadPoolExecutor(4) as pool:
        for rows in pool.map(work, (0, 5, 11, 17)):
            assert ((rows * expected).sum(axis=1) > 0.9995).all()


@pytest.fixture(scope="module")
def told_by_torch() -> dict[str, Any]:
    """What several pieces of code print, by the code: one process runs them all, since torch takes long to import."""
    codes = (NO_OPENVINO_CODE, IDS_CODE, DEVICES_CODE, FULL_GPU_CODE)
    return dict(zip(codes, printed("".join(codes))[-len(codes) :], strict=True))


def printed(code: str) -> list[Any]:
    """Run code in a process, and return what it prints: a line of JSON each."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]


def in_a_process(code: str) -> dict[str, Any]:
    found: dict[str, Any] = printed(code)[-1]
    return found


def test_no_socket_no_telemetry_no_torch(embedder: Embedder) -> None:
    assert embedder  # compiled by now: this is about every later start
    found = in_a_process(
        "import json, sys\n"
        "events = []\n"
        "sys.addaudithook(lambda name, _: events.append(name) if name.startswith('socket.') else None)\n"
        "from ragkit.embedding.loading import load_embedder\n"
        "from ragkit.settings import ModelSettings\n"
        "model = load_embedder(ModelSettings(device='cpu', offline=True))\n"
        "model.embed_queries(['a question']); model.embed_documents(['a text', 'another'])\n"
        "heavy = ('openvino_telemetry', 'torch', 'transformers', 'sentence_transformers', 'huggingface_hub')\n"
        "print(json.dumps({'sockets': events, 'loaded': [name for name in heavy if sys.modules.get(name)],\n"
        "                  'openvino': 'openvino' in sys.modules}))\n"
    )
    assert found == {"sockets": [], "loaded": [], "openvino": True}


def test_without_openvino_torch_answers_the_same_with_one_warning(
    embedder: Embedder, told_by_torch: dict[str, Any]
) -> None:
    found = told_by_torch[NO_OPENVINO_CODE]
    assert found["runtime"] == "torch-fp32"
    assert found["id"] == embedder.fingerprint.id
    assert len(found["lines"]) == 1
    assert found["lines"][0] == (
        "model all-MiniLM-L6-v2 runs on torch, several times slower: "
        "the compiled CPU runtime needs the package openvino; run: pip install openvino"
    )
    assert ((embedder.embed_documents(TEXTS) * np.array(found["rows"])).sum(axis=1) > 0.9995).all()
    assert ((embedder.embed_queries(TEXTS) * np.array(found["queries"])).sum(axis=1) > 0.9995).all()
    assert isinstance(embedder, UnitEmbedder)
    for one, other in zip(found["units"], embedder.embed_units(TEXTS, [[(0, 9), (9, 30)]] * 4)[1], strict=True):
        assert ((np.array(one) * other).sum(axis=1) > 0.999).all()
    assert found["tokens"] == embedder.count_tokens(TEXTS)
    assert found["offsets"] == [list(span) for span in embedder.token_offsets(TEXTS[0])]


def test_token_ids_given_to_torch_say_what_its_texts_say_or_are_not_used(told_by_torch: dict[str, Any]) -> None:
    found = told_by_torch[IDS_CODE]
    assert found["direct"] == [False, True, False]
    assert np.array(found["cosines"]).min() > 0.99999
    assert found["told"] == [[index, length, 384] for index, length in enumerate(found["lengths"])]


def test_a_gpu_without_room_is_told_as_such(told_by_torch: dict[str, Any]) -> None:
    found = told_by_torch[FULL_GPU_CODE]
    for told in found:
        assert told.endswith("CUDA out of memory; free memory of the GPU, or set the device to cpu")


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(ModelError, match="copy the model's whole folder"):
        load_embedder(ModelSettings(name="no-such-model", offline=True))


def test_a_device_that_is_none_or_is_not_there_is_told_as_such(told_by_torch: dict[str, Any]) -> None:
    found = told_by_torch[DEVICES_CODE]
    assert "'tpu!' is not known" in found[0]
    assert "'meta' is none that models run on" in found[1]
    assert all("is not on this machine; set the device to auto or cpu" in told for told in found[2:5])
    assert found[5] == "cpu"


@pytest.mark.parametrize("device", ["cuda", "mps", "cuda:1"])
def test_the_compiled_model_is_not_silently_another_one_on_a_gpu(device: str) -> None:
    with pytest.raises(ConfigError, match="openvino, which runs on CPUs, and the device is"):
        load_embedder(ModelSettings(device=device, runtime="openvino", offline=True))
