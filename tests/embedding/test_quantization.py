"""int8: quantised layers stay close and run on 8-bit integers; what cannot be int8 is refused in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.embedding.loading import load_embedder
from ragkit.embedding.model_files import find_model, weights_sha256
from ragkit.embedding.openvino import compiled_cache, conversion
from ragkit.embedding.openvino.compiled_cache import LEAST_SAMPLES, ensure_compiled
from ragkit.embedding.openvino.quantization import observed_ranges, quantized
from ragkit.embedding.openvino.runtime import import_openvino, multiplies_int8
from ragkit.embedding.tokenizer import WordPieces
from ragkit.errors import ConfigError, ModelError
from ragkit.numeric.vectors import compatible
from ragkit.settings import ModelSettings
from ragkit.types.collection import Fingerprint
from tests.support.tiny_model import write_tiny_model

WIDTH, INNER, TOKENS = 32, 96, 50


def network(*, outlier: float = 1.0) -> Any:
    """Return a model of token ids and mask: an embedding, a layer that widens, GELU, and one that narrows.

    outlier: the factor of one channel of the embedding, of the kind that transformers have.
    """
    openvino = import_openvino()
    opset = openvino.opset13
    random = np.random.default_rng(5)
    table = random.standard_normal((TOKENS, WIDTH)).astype(np.float32)
    table[:, 7] *= outlier
    ids = opset.parameter([-1, -1], np.int64, name="ids")
    mask = opset.parameter([-1, -1], np.int64, name="mask")
    state = opset.gather(opset.constant(table), ids, opset.constant(0))
    for outputs, inputs in ((INNER, WIDTH), (WIDTH, INNER)):
        weights = random.standard_normal((outputs, inputs)).astype(np.float32) / np.float32(inputs**0.5)
        state = opset.matmul(state, opset.constant(weights), False, True)
        state = opset.gelu(state, "erf") if outputs == INNER else state
    seen = opset.convert(mask, "f32")
    return openvino.Model([opset.result(state), opset.result(seen)], [ids, mask])


def run(model: Any, ids: list[int]) -> tuple[np.ndarray, list[str]]:
    """Return the states of one text and the precisions in which the linear layers ran."""
    compiled = import_openvino().Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    row = np.array([ids], dtype=np.int64)
    states = compiled.create_infer_request().infer([row, np.ones_like(row)])[0][0]
    layers = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    kinds = [(info["layerType"].astype(str), info["runtimePrecision"].astype(str)) for info in layers]
    return np.array(states), [precision for kind, precision in kinds if kind in {"FullyConnected", "MatMul"}]


def least_cosine(first: np.ndarray, second: np.ndarray) -> float:
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / norms).min())


SAMPLES = [list(range(start, start + 20)) for start in range(0, TOKENS - 20, 3)]


@pytest.mark.skipif(not multiplies_int8(), reason="the CPU has no instructions for int8")
@pytest.mark.parametrize(("narrowing", "layers"), [(True, 2), (False, 1)])
@pytest.mark.parametrize("outlier", [1.0, 60.0])
def test_layers_run_in_int8_and_stay_close(narrowing: bool, layers: int, outlier: float) -> None:
    model, openvino = network(outlier=outlier), import_openvino()
    ranges = observed_ranges(openvino, model, SAMPLES)
    exact, _ = run(model, [3, 14, 15, 49])
    close, precisions = run(quantized(openvino, model, ranges, narrowing=narrowing), [3, 14, 15, 49])
    assert len([kind for kind in precisions if kind in {"i8", "u8"}]) == layers
    assert 0.99 < least_cosine(exact, close) < 0.9999999, "close, and not the same numbers"


def test_the_model_that_is_quantised_stays_as_it_was() -> None:
    model, openvino = network(), import_openvino()
    before, _ = run(model, [1, 2, 3])
    quantized(openvino, model, observed_ranges(openvino, model, SAMPLES), narrowing=True)
    after, precisions = run(model, [1, 2, 3])
    assert np.array_equal(before, after)
    assert set(precisions) == {"f32"}


def test_ranges_are_those_of_the_samples() -> None:
    first, second = observed_ranges(import_openvino(), network(outlier=60.0), SAMPLES).values()
    assert (first[1] - first[0]).argmax() == 7
    assert first[0].shape == (WIDTH,)
    assert second[0].min() == pytest.approx(-0.17, abs=0.001), "the least value of GELU"


@pytest.mark.skipif(not multiplies_int8(), reason="the CPU has no instructions for int8")
def test_a_model_is_quantised_with_samples_and_compared_on_those_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(conversion.FLOORS, "int8", conversion.Floor(text=0.95, unit=0.9))  # its weights are random
    source, target = write_tiny_model(tmp_path / "tiny"), tmp_path / "made"
    target.mkdir()
    samples = [f"refund {number} days, window {number * 7} of the {'invoice ' * (number % 40)}" for number in range(20)]
    made = conversion.compile_into(source, target, name="tiny", precision="int8", samples=samples)
    assert made["precision"] == "int8"
    assert 0.95 <= min(made["cosines"]) < 0.9995, "8 bits are not exact"
    short = [text for text in conversion.probe_texts(word_pieces_of(target, made)) if text]
    assert len(made["cosines"]) == 2 * (len(short) + 1 + len(samples) // 4), "as documents and as queries"
    assert (target / "model.bin").stat().st_size < (source / "model.safetensors").stat().st_size
    assert sorted(path.name for path in target.iterdir()) == ["model.bin", "model.blob", "model.xml", "tokenizer.json"]


def word_pieces_of(folder: Path, manifest: dict[str, Any]) -> WordPieces:
    return WordPieces.from_file(folder / "tokenizer.json", max_tokens=manifest["max_tokens"])


@pytest.fixture
def settings(tmp_path: Path) -> ModelSettings:
    """Settings of a tiny model in int8, with an empty cache."""
    name = str(write_tiny_model(tmp_path / "tiny"))
    return ModelSettings(name=name, cache_dir=str(tmp_path / "cache"), device="cpu", offline=True, precision="int8")


@pytest.mark.parametrize("given", [0, LEAST_SAMPLES - 1])
def test_without_texts_the_command_is_named(
    settings: ModelSettings, given: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_cache, "multiplies_int8", lambda: True)
    model = find_model(settings)
    with pytest.raises(ModelError, match=rf"not compiled in int8 .*\({given} given\); run: ragkit models compile"):
        ensure_compiled(model, settings, weights_sha256=weights_sha256(model), samples=["one of mine"] * given)


def test_a_cpu_without_the_instructions_is_refused_and_torch_does_not_take_over(
    settings: ModelSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_cache, "multiplies_int8", lambda: False)
    with pytest.raises(ModelError, match=r"no instructions for it \(VNNI or AMX\); set the precision to auto"):
        load_embedder(settings)


@pytest.mark.parametrize("change", [{"runtime": "torch"}, {"device": "cuda"}])
def test_int8_on_torch_is_refused(settings: ModelSettings, change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="the precision is int8, which only the compiled model has"):
        load_embedder(replace(settings, **change))


def test_a_cache_that_cannot_be_written_is_refused(settings: ModelSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_cache, "multiplies_int8", lambda: True)
    Path(settings.cache_dir).write_text("a file where the folder should be")
    model = find_model(settings)
    with pytest.raises(ModelError, match=r"cannot be written: .*; free space, or set RAGKIT_CACHE"):
        ensure_compiled(model, settings, weights_sha256=weights_sha256(model), samples=["mine"] * LEAST_SAMPLES)


def test_vectors_of_int8_are_never_those_of_another_precision() -> None:
    row = np.eye(1, 8, dtype="<f4").tobytes()
    exact, coarse = (
        Fingerprint("tiny", compiled_cache._identity("ab" * 32, precision), 8, 48, probe=row)
        for precision in ("bf16", "int8")
    )
    assert not compatible(exact, coarse), "even where the probe is the same"
    assert compatible(exact, replace(coarse, weights_sha256=compiled_cache._identity("ab" * 32, "fp32")))
