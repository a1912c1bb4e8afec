"""A static model of another: every token has a vector, words of the user's become tokens, and the folder loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.embedding.loading import load_embedder
from ragkit.embedding.model_embedder import ModelEmbedder
from ragkit.embedding.model_files import find_model
from ragkit.embedding.static.distillation import distill, principal_axes
from ragkit.embedding.static.folder import Origin, origin_of, write_static_model
from ragkit.embedding.static.vocabulary import Vocabulary
from ragkit.embedding.tokenizer import WordPieces
from ragkit.errors import ConflictError, InputError, ModelError, StorageFullError
from ragkit.settings import ModelSettings
from ragkit.testing import HashEmbedder
from tests.support.fake_network import FakeNetwork, fake_model
from tests.support.tiny_static import WORDS, write_static

ORIGIN = Origin("lighthouse/base", "ab" * 32, "mit")


@pytest.fixture
def network() -> FakeNetwork:
    return FakeNetwork()


@pytest.fixture
def embedder(network: FakeNetwork, tmp_path: Path) -> ModelEmbedder:
    return fake_model(network, tmp_path / "tokenizer")


def load(folder: Path) -> ModelEmbedder:
    found = load_embedder(ModelSettings(name=str(folder), offline=True))
    assert isinstance(found, ModelEmbedder)
    return found


def test_each_token_is_embedded_between_the_special_tokens(embedder: ModelEmbedder, network: FakeNetwork) -> None:
    network.given.clear()
    steps: list[tuple[int, int]] = []
    made = distill(embedder, dimensions=6, progress=lambda done, total: steps.append((done, total)))
    assert network.given == [[8, token, 9] for token in range(len(WORDS))]
    assert made.table.shape == (len(WORDS), 6)
    assert steps == [(len(WORDS), len(WORDS))]


def test_the_projection_keeps_the_directions_that_vary_most() -> None:
    rows = np.random.default_rng(1).standard_normal((40, 5)).astype(np.float32) * [1, 5, 2, 3, 4]
    centred = (rows - rows.mean(axis=0)).astype(np.float32)
    full = centred @ principal_axes(centred, 5)
    assert np.linalg.norm(full[3] - full[9]) == pytest.approx(float(np.linalg.norm(rows[3] - rows[9])), rel=1e-5)
    spread = full.var(axis=0)
    assert list(spread) == sorted(spread, reverse=True)
    assert centred @ principal_axes(centred, 2) == pytest.approx(full[:, :2])


def test_frequent_tokens_weigh_less_and_unused_ones_nothing(embedder: ModelEmbedder, network: FakeNetwork) -> None:
    network.rows[:] = np.eye(len(WORDS), network.dimension) + 1
    lengths = np.linalg.norm(distill(embedder, dimensions=11).table, axis=1)
    assert lengths[2] < lengths[11]  # "ferry" stands before "," in the vocabulary


def test_words_of_the_user_become_tokens(embedder: ModelEmbedder, tmp_path: Path) -> None:
    texts = ["Ferrys ferrys tidesaltings.", "FERRYS and tidesaltings", "tidesaltings? once ab ab ab"]
    made = distill(embedder, texts=texts, dimensions=6)
    assert set(made.words) == {"ferrys", "tidesaltings"}
    write_static_model(made, tmp_path / "out", origin=ORIGIN)
    found = load(tmp_path / "out")
    assert found.count_tokens(["Ferrys tidesaltings ferry once"]) == [4]
    wanted = made.table[len(WORDS) + made.words.index("ferrys")]
    assert found.embed_queries(["ferrys"])[0] == pytest.approx(wanted / np.linalg.norm(wanted), abs=1e-6)


def test_the_folder_says_where_it_comes_from(embedder: ModelEmbedder, tmp_path: Path) -> None:
    write_static_model(distill(embedder, dimensions=4), tmp_path / "made" / "out", origin=ORIGIN)
    readme = (tmp_path / "made" / "out" / "README.md").read_text(encoding="utf-8")
    assert "license: mit" in readme
    assert ORIGIN.name in readme
    assert ORIGIN.sha256 in readme
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["out"]
    assert origin_of(find_model(ModelSettings(name=str(tmp_path / "made" / "out"))), sha256="c") == Origin(
        str(tmp_path / "made" / "out"), "c", "mit"
    )


def test_a_folder_in_use_and_a_full_disk(
    embedder: ModelEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = distill(embedder, dimensions=4)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    with pytest.raises(ConflictError, match="used is there already; name a new folder"):
        write_static_model(made, tmp_path / "used", origin=ORIGIN)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ragkit.embedding.static.folder._fill", full)
    with pytest.raises(StorageFullError, match=r"cannot be written to .*new: No space left on device; free space"):
        write_static_model(made, tmp_path / "new", origin=ORIGIN)
    assert not [path for path in tmp_path.iterdir() if "new" in path.name]


def test_models_that_cannot_be_distilled(embedder: ModelEmbedder, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="its tokens are not known; name the folder of a sentence-transformers model"):
        distill(HashEmbedder(16))
    with pytest.raises(ModelError, match="it is a static model already"):
        distill(load(write_static(tmp_path / "static")))
    for dimensions in (1, 13):
        with pytest.raises(InputError, match=f"of {dimensions} dimensions is not possible; choose from 2 to 12"):
            distill(embedder, dimensions=dimensions)


def tokenizer_of(kind: str) -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    if kind == "Unigram":
        pieces = [("<unk>", 0.0), *((letter, -3.0) for letter in "▁ferylanost"), ("▁ferry", -1.0)]
        tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    else:
        letters = sorted(pre_tokenizers.ByteLevel.alphabet())
        tokenizer = Tokenizer(models.BPE({letter: at for at, letter in enumerate([*letters, "fe"])}, [("f", "e")]))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<mask>"])
    return str(tokenizer.to_str())


@pytest.mark.parametrize("kind", ["BPE", "Unigram"])
def test_other_kinds_of_tokenizers_take_new_words_too(kind: str) -> None:
    vocabulary = Vocabulary(tokenizer_of(kind))
    words = vocabulary.new_words(["lanterns ferry lanterns", "the lanterns"])
    assert [word.text for word in words] == ["lanterns"]
    extended = WordPieces(vocabulary.extended(words), max_tokens=99, special_tokens=False)
    assert extended.document_ids(["ferry lanterns"])[0][-1] == vocabulary.size
    assert extended.count(["lanterns"]) == [1]
    assert extended.rows() == vocabulary.size + 1
    before = WordPieces(vocabulary.extended(()), max_tokens=99, special_tokens=False)
    assert before.document_ids(["ferry lost"]) == extended.document_ids(["ferry lost"])
