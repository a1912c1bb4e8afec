"""Converts a sentence-transformers model from torch to an OpenVINO folder and checks that its vectors agree.

It runs in a child process, so that the serving process never imports torch.
"""

from __future__ import annotations

import base64
import json
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from ragkit.embedding.model_embedder import PROBE, ModelEmbedder
from ragkit.embedding.openvino.runtime import (
    CompiledFiles,
    CompiledRuntime,
    Precision,
    import_openvino,
    inference_hint,
    processor,
)
from ragkit.embedding.tokenizer import WordPieces
from ragkit.embedding.torch_runtime import TorchRuntime, load_sentence_transformer, pools_by_mean, word_pieces
from ragkit.errors import EmbeddingError, ModelError, RagkitError


@dataclass(frozen=True, slots=True)
class Floor:
    """Least cosines between the compiled and the original vectors of every probe.

    text: below it the form is not used. unit: of vectors of parts of a text, means over a few tokens only; below it
    they are not offered.
    """

    text: float
    unit: float


_EXACT = Floor(text=0.9995, unit=0.999)
FLOORS: dict[Precision, Floor] = {"bf16": _EXACT, "fp32": _EXACT, "int8": Floor(text=0.98, unit=0.97)}
"""By precision; int8 is for those who accept its loss."""

_HELD_OUT = 4
"""Every fourth sample is not used for ranges but as a probe."""
_PROBE_TOKENS = 512  # of the longest probe; 32,000 tokens would take minutes
_PROSE = (
    "The warranty covers defects in material for 24 months from delivery; wear, misuse and unapproved repairs are "
    "excluded. Net revenue rose 12.4 % to $1,284.5 million, driven by subscriptions (up 18 %) and services. "
    "Die Rückgabe ist innerhalb von 30 Tagen möglich. Le contrat est résilié de plein droit. "
    "払い戻しは三十日以内です。 "
)


def compile_into(
    source: Path, target: Path, *, name: str, precision: Precision, samples: Sequence[str] = ()
) -> dict[str, Any]:
    """Write model.xml, model.bin, model.blob and tokenizer.json into `target`; return their manifest.

    All modules of the network are traced (transformer, pooling, ...), with a final normalisation. It will run in the
    fastest way whose vectors agree with torch's on every probe: in `precision` or else fp32 (int8 has no replacement),
    in batches of similar lengths or else of equal ones. samples: texts of the user for int8; three of four give the
    ranges of its numbers, the others are probes. Raises ModelError when no way agrees, or when the model cannot be
    traced.
    """
    transformer = load_sentence_transformer(source, name=name)
    pieces = word_pieces(transformer, name)
    openvino = import_openvino()
    units = pools_by_mean(transformer)
    _convert(openvino, transformer, target, name=name, states=units)
    (target / "tokenizer.json").write_text(transformer.tokenizer.backend_tokenizer.to_str(), encoding="utf-8")
    original = ModelEmbedder(
        TorchRuntime(transformer, pieces, label="torch-fp32", batch=1), pieces, model=name, weights_sha256=""
    )
    samples = [pieces.query_windows(text)[0] for text in samples]  # what fits the model
    samples = [text for text in samples if pieces.count([text])[0] <= pieces.max_tokens]
    probes = _Probes(original, [*probe_texts(pieces), *samples[::_HELD_OUT]], units=units)
    ranging = ["", *(text for place, text in enumerate(samples) if place % _HELD_OUT)]  # "": the most unusual numbers
    worst, floor = -1.0, FLOORS[precision]
    for chosen in _forms(openvino, target, precision, pieces.document_ids(ranging)):
        for padded in (True, False):
            files = CompiledFiles(target, chosen, probes.dimension, pieces.max_tokens, units=units, padded=padded)
            embedder = ModelEmbedder(CompiledRuntime(files), pieces, model=name, weights_sha256="", probe=b"-")
            cosines = probes.cosines(embedder)
            worst = max(worst, min(cosines))
            if worst >= floor.text:
                units = units and probes.unit_cosine(embedder) >= floor.unit
                return _manifest(openvino, replace(files, units=units), pieces, embedder, cosines)
    raise ModelError(
        f"model {name!r} compiled in {precision} differs from torch: cosine {worst:.5f} on its worst probe,"
        f" {floor.text} wanted",
        cure="set the precision to auto" if precision == "int8" else "set the runtime to torch",
    )


def _forms(openvino: Any, target: Path, precision: Precision, samples: Sequence[Sequence[int]]) -> Iterator[Precision]:
    """Yield the precisions to try, the fastest first, while `target` has the model in that form.

    samples: token ids of the texts that give int8 its ranges. Its second form leaves the layers that narrow in float.
    """
    if precision != "int8":
        yield from dict.fromkeys((precision, "fp32"))
        return
    from ragkit.embedding.openvino.quantization import observed_ranges, quantized

    model = openvino.Core().read_model(str(target / "model.xml"))
    ranges = observed_ranges(openvino, model, samples)
    for narrowing in (True, False):
        openvino.save_model(quantized(openvino, model, ranges, narrowing=narrowing), str(target / "int8.xml"), False)
        for suffix in ("xml", "bin"):  # a new file each, as the traced model's weights stay mapped
            (target / f"int8.{suffix}").replace(target / f"model.{suffix}")
        yield precision


def _manifest(
    openvino: Any, files: CompiledFiles, pieces: WordPieces, embedder: ModelEmbedder, cosines: Sequence[float]
) -> dict[str, Any]:
    """Write the image of a compiled model and return what its manifest says of it."""
    core = openvino.Core()
    _export(core, files.folder, files.precision)
    return {
        "precision": files.precision,
        "device": processor(core)[0],
        "openvino": openvino.__version__,
        "dimension": files.dimension,
        "units": files.units,
        "padded": files.padded,
        "max_tokens": pieces.max_tokens,
        "query_prompt": pieces.query_prompt,
        "document_prompt": pieces.document_prompt,
        "probe": base64.b64encode(embedder.embed_documents([PROBE]).astype("<f4").tobytes()).decode("ascii"),
        "cosines": [round(value, 7) for value in cosines],
    }


def probe_texts(pieces: WordPieces) -> list[str]:
    """Return texts from empty to the model's limit (at most 512 tokens), in several languages."""
    longest = min(pieces.max_tokens, _PROBE_TOKENS)
    spans = pieces.offsets(_PROSE * (longest // 40 + 2))
    text = _PROSE * (longest // 40 + 2)
    texts = ["", "invoice", PROBE, "How long is the refund window?", "退款期限是多久？"]
    overhead = pieces.count([""])[0]
    for tokens in (longest // 8, longest // 3, longest // 2, longest):
        end = min(max(1, tokens - overhead - 2), len(spans)) - 1
        texts.append(text[: spans[end][1]])
    return [text for text, tokens in zip(texts, pieces.count(texts), strict=True) if tokens <= pieces.max_tokens]


class _Probes:
    """The original model's vectors of some texts, each embedded alone, so that padding cannot matter."""

    def __init__(self, original: ModelEmbedder, texts: list[str], *, units: bool) -> None:
        self._texts = texts
        self._spans = [_pieces_of(text) for text in texts]
        self._documents = np.concatenate([original.embed_documents([text]) for text in texts])
        self._queries = np.concatenate([original.embed_queries([text]) for text in texts])
        self._units = original.embed_units(texts, self._spans)[1] if units else []
        self.dimension = int(self._documents.shape[1])

    def cosines(self, compiled: ModelEmbedder) -> list[float]:
        """Return the cosine of every probe: as documents in batches, then as queries alone; [-1] when it cannot run."""
        try:
            together = compiled.embed_documents(self._texts + self._texts[:1] * 3)[: len(self._texts)]
            alone = np.concatenate([compiled.embed_queries([text]) for text in self._texts])
        except EmbeddingError:  # such as NaN from a padded row whose window of attention holds only padding
            return [-1.0]
        agreement = np.concatenate([together * self._documents, alone * self._queries]).sum(axis=1)
        return [float(value) for value in agreement]

    def unit_cosine(self, compiled: ModelEmbedder) -> float:
        """Return the least cosine of the vectors of parts of the probes."""
        _, units = compiled.embed_units(self._texts, self._spans)
        return float((np.concatenate(units) * np.concatenate(self._units)).sum(axis=1).min())


def _pieces_of(text: str) -> list[tuple[int, int]]:
    """Cut a text into spans of about forty characters."""
    return [(start, min(start + 40, len(text))) for start in range(0, len(text), 40)]


def _convert(openvino: Any, transformer: Any, target: Path, *, name: str, states: bool) -> None:
    """Trace the network; with `states` its second output is every token's state, for the vectors of units."""
    import torch

    class Pipeline(torch.nn.Module):  # type: ignore[misc]  # torch is not followed: its base is Any here
        """Token ids and mask in; unit vector out, and the token states where they are wanted."""

        def __init__(self) -> None:
            super().__init__()
            self.pipeline = transformer

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            features = self.pipeline({"input_ids": input_ids, "attention_mask": attention_mask})
            vector = torch.nn.functional.normalize(features["sentence_embedding"], p=2.0, dim=1)
            return (vector, features["token_embeddings"]) if states else vector

    ids = torch.ones(2, 8, dtype=torch.long)
    mask = torch.ones(2, 8, dtype=torch.long)
    mask[1, 5:] = 0
    shape = openvino.PartialShape([-1, -1])
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            model = openvino.convert_model(Pipeline(), example_input=(ids, mask), input=[shape, shape])
            openvino.save_model(model, str(target / "model.xml"), compress_to_fp16=False)
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise ModelError(
            f"model {name!r} cannot be compiled: {' '.join(lines[:3])[:300]}", cure="set the runtime to torch"
        ) from error


def _export(core: Any, target: Path, precision: Precision) -> None:
    """Write the model compiled for this CPU, which loads in half the time."""
    config = {"INFERENCE_PRECISION_HINT": inference_hint(core, precision)}
    compiled = core.compile_model(str(target / "model.xml"), "CPU", config)
    image = compiled.export_model()
    (target / "model.blob").write_bytes(image if isinstance(image, bytes) else image.getvalue())


def main(arguments: Sequence[str]) -> int:
    """Compile the folder arguments[0] of the model named arguments[2] into arguments[1]; report as JSON on stdout.

    arguments[3] is the precision that is tried first. Stdin has the samples of int8 as a JSON list, [] for the others.

    The report is {"made": {...}}, {"error": "...", "cure": "..."}, or {"errno": 28, "error": "..."} when `target`
    cannot be written; the exit code is 0 for all three.
    """
    source, target, name, precision = arguments
    logging.disable(logging.WARNING)
    report: dict[str, Any]
    try:
        wanted, samples = cast(Precision, precision), json.load(sys.stdin)
        made = compile_into(Path(source), Path(target), name=name, precision=wanted, samples=samples)
        report = {"made": made}
    except RagkitError as error:
        report = {"error": error.message, "cure": error.cure}
    except OSError as error:
        report = {
            "error": f"writing {target} failed: {error.strerror or error}",
            "cure": "free space or choose another cache",
        }
    sys.stdout.write("\n" + json.dumps(report) + "\n")
    return 0
