"""The original model: sentence-transformers on torch, for GPUs and for models that cannot be compiled."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.embedding.model_embedder import PROBE, ModelEmbedder, UseStates
from ragkit.embedding.model_files import ModelFolder
from ragkit.embedding.prompts import document_prompt, query_prompt
from ragkit.embedding.tokenizer import NO_LIMIT, WordPieces
from ragkit.errors import EmbeddingError, MissingPackageError, ModelError
from ragkit.settings import ModelSettings

_log = logging.getLogger("ragkit")

HALF_AGREEMENT = 0.9995
_KINDS = frozenset({"cpu", "cuda", "mps", "xpu"})
_DEVICES = "set it to auto, cpu, cuda, mps or xpu"
_NO_ROOM = "free memory of the GPU, or set the device to cpu"
_HALF_PROBES = [PROBE, "invoice", "The total of 1,284.50 EUR is due within 30 days; late payment costs 5 %. " * 4]


def load_torch(model: ModelFolder, settings: ModelSettings, *, weights_sha256: str) -> ModelEmbedder:
    """Load a model with sentence-transformers: from local files, safetensors only, never with code of its own.

    device "auto": CUDA in half precision where there is one (checked against single precision), else CPU in fp32.
    Raises ModelError, MissingPackageError.
    """
    device = pick_device(settings.device)
    transformer = load_sentence_transformer(model.path, name=model.name, device=device)
    if settings.threads > 0 and device == "cpu":
        import torch

        torch.set_num_threads(settings.threads)
    pieces = word_pieces(transformer, model.name)
    batch = 128 if device != "cpu" else 16
    on_cuda = device.startswith("cuda")
    try:
        precision = _halve(transformer) if on_cuda else "fp32"
        runtime = TorchRuntime(transformer, pieces, label=f"torch-{precision}", batch=batch, direct=on_cuda)
    except RuntimeError as error:  # torch reports exhausted memory and failed kernels so
        raise ModelError(f"model {model.name!r} does not run on {device}: {_reason(error)}", cure=_NO_ROOM) from error
    return ModelEmbedder(runtime, pieces, model=model.name, weights_sha256=weights_sha256)


def pick_device(wanted: str) -> str:
    """Return the torch device of a setting. Raises ModelError when this machine does not have it."""
    try:
        import torch
    except ImportError as error:
        raise MissingPackageError("torch", purpose="this model", install="torch") from error
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ModelError(f"device {wanted!r} is not known", cure=_DEVICES) from error
    if device.type not in _KINDS:
        raise ModelError(f"device {wanted!r} is none that models run on", cure=_DEVICES)
    kind = getattr(torch, device.type, None)  # an old torch has no xpu
    if device.type != "cpu" and (kind is None or (device.index or 0) >= kind.device_count()):
        raise ModelError(f"device {wanted!r} is not on this machine", cure="set the device to auto or cpu")
    return str(device)


def load_sentence_transformer(folder: Path, *, name: str, device: str = "cpu") -> Any:
    """Return the SentenceTransformer of a local folder, in fp32 and in evaluation mode. Raises ModelError."""
    try:
        import transformers
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingPackageError(
            "sentence-transformers", purpose=f"the model {name!r}", install="sentence-transformers"
        ) from error
    import torch

    talk: Any = transformers.utils.logging
    shown, verbosity = talk.is_progress_bar_enabled(), talk.get_verbosity()
    talk.disable_progress_bar()
    talk.set_verbosity_error()  # it reports unused pooler weights of every other BERT
    try:
        loaded = SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "dtype": torch.float32},
        )
    except Exception as error:
        cure = _NO_ROOM if isinstance(error, torch.cuda.OutOfMemoryError) else "check that the folder is complete"
        raise ModelError(f"model {name!r} cannot be loaded from {folder}: {_reason(error)}", cure=cure) from error
    finally:
        talk.set_verbosity(verbosity)
        if shown:
            talk.enable_progress_bar()
    loaded.eval()
    return loaded


def word_pieces(transformer: Any, name: str) -> WordPieces:
    """Return the tokenizer, limit and prompts of a SentenceTransformer. Raises ModelError for a slow tokenizer."""
    serialized, special = _tokenizer(transformer)
    if not serialized:
        raise ModelError(f"model {name!r} has no tokenizer of the tokenizers library", cure="choose another model")
    prompts, default = transformer.prompts, transformer.default_prompt_name
    return WordPieces(
        serialized,
        max_tokens=_limit(transformer),
        query_prompt=query_prompt(prompts, default),
        document_prompt=document_prompt(prompts, default),
        special_tokens=special,
    )


def _tokenizer(transformer: Any) -> tuple[str, bool]:
    """Return a model's tokenizer as JSON, "" for one that is not of the Rust library, and whether texts get special
    tokens, which a StaticEmbedding never gives them."""
    static = type(transformer[0]).__name__ == "StaticEmbedding"
    found = getattr(transformer, "tokenizer", None)
    backend = found if static else getattr(found, "backend_tokenizer", None)
    return ("" if backend is None else str(backend.to_str())), not static


def _limit(transformer: Any) -> int:
    """Return the longest input in tokens: the tokenizer's limit, and at most the number of positions."""
    limit = transformer.max_seq_length or NO_LIMIT
    network = getattr(transformer[0], "auto_model", None)
    positions = getattr(getattr(network, "config", None), "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        reserved = 0  # RoBERTa and its family count positions from padding_idx + 1
        for module in network.modules() if network is not None else ():
            if isinstance(getattr(module, "padding_idx", None), int) and hasattr(module, "position_embeddings"):
                reserved = module.padding_idx + 1
                break
        limit = min(limit, positions - reserved)
    return int(min(limit, NO_LIMIT))


def _halve(transformer: Any) -> str:
    """Convert a CUDA model to fp16, or else bf16, if its vectors stay the same; return its precision."""
    import torch

    reference = _encode(transformer, _HALF_PROBES)
    candidates = [("fp16", torch.float16)]
    if torch.cuda.is_bf16_supported():
        candidates.append(("bf16", torch.bfloat16))
    state = {name: value.clone() for name, value in transformer.state_dict().items()}
    for name, dtype in candidates:
        transformer.to(dtype)
        if float((_encode(transformer, _HALF_PROBES) * reference).sum(axis=1).min()) >= HALF_AGREEMENT:
            return name
        transformer.to(torch.float32)
        transformer.load_state_dict(state)
    _log.warning("the model loses quality in half precision: it runs in fp32")
    return "fp32"


def _encode(transformer: Any, texts: Sequence[str]) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = transformer.encode(
        list(texts), convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
    )
    return rows.astype(np.float32)


class TorchRuntime:
    """Runs a SentenceTransformer, one call at a time.

    Texts go through its `encode_document` and `encode_query`. direct: a model that pools by the mean gets token ids
    instead, which is five times as fast on a GPU, if the vectors of a few texts agree.
    """

    def __init__(self, transformer: Any, pieces: WordPieces, *, label: str, batch: int, direct: bool = False) -> None:
        self._transformer = transformer
        self._pieces = pieces
        self._label = label
        self._batch = batch
        self._lock = threading.Lock()
        self._padding: int = getattr(getattr(transformer, "tokenizer", None), "pad_token_id", None) or 0
        self.has_states = pools_by_mean(transformer)
        """Whether `with_states` works."""
        self._dimension = int(_encode(transformer, [PROBE]).shape[1])
        self._direct = direct and self.has_states and self._agrees()

    @property
    def label(self) -> str:
        """ "torch-fp32", "torch-fp16" or "torch-bf16"."""
        return self._label

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return self._dimension

    def documents(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return rows (n, d) of unit norm."""
        if self._direct:
            return self._batches(ids)
        return self._run(self._transformer.encode_document, texts, self._pieces.document_prompt)

    def queries(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return rows (n, d) of unit norm."""
        if self._direct:
            return self._batches(ids)
        return self._run(self._transformer.encode_query, texts, self._pieces.query_prompt)

    def sequences(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return rows (n, d) of unit norm for token ids."""
        return self._batches(ids)

    def with_states(
        self,
        texts: Sequence[str],  # noqa: ARG002
        ids: Sequence[Sequence[int]],
        use: UseStates,
    ) -> NDArray[np.float32]:
        """Do as `documents`, and give each text's index and token states (tokens, d) to `use`."""
        return self._batches(ids, use)

    def _agrees(self) -> bool:
        ids = self._pieces.document_ids(_HALF_PROBES)
        wanted = self._run(self._transformer.encode_document, _HALF_PROBES, self._pieces.document_prompt)
        return float((self._batches(ids) * wanted).sum(axis=1).min()) >= HALF_AGREEMENT

    def _batches(self, ids: Sequence[Sequence[int]], use: UseStates | None = None) -> NDArray[np.float32]:
        rows = np.empty((len(ids), self._dimension), dtype=np.float32)
        order = sorted(range(len(ids)), key=lambda index: -len(ids[index]))
        for start in range(0, len(order), self._batch):  # the states of one batch at a time are in memory
            batch = order[start : start + self._batch]
            with self._at_work(len(batch)):
                found = self._pass([ids[index] for index in batch])
                vectors = _array(found["sentence_embedding"])
                states = None if use is None else _array(found["token_embeddings"])
            rows[batch] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
            if use is not None and states is not None:
                for place, index in enumerate(batch):
                    use(index, states[place, : len(ids[index])])
        return rows

    def _pass(self, ids: Sequence[Sequence[int]]) -> Any:
        """Run the network over one batch; return its tensors, of vectors (n, d) and of token states (n, tokens, d).

        `encode` of sentence-transformers 6.0 fails where it is to return both.
        """
        import torch

        tokens = torch.full((len(ids), max(map(len, ids))), self._padding, dtype=torch.long)
        mask = torch.zeros_like(tokens)
        for row, text in enumerate(ids):
            tokens[row, : len(text)] = torch.tensor(text, dtype=torch.long)
            mask[row, : len(text)] = 1
        device = self._transformer.device
        with torch.inference_mode():
            return self._transformer({"input_ids": tokens.to(device), "attention_mask": mask.to(device)})

    def _run(self, encode: Any, texts: Sequence[str], prompt: str) -> NDArray[np.float32]:
        with self._at_work(len(texts)):
            rows: NDArray[np.float32] = encode(
                list(texts), batch_size=self._batch, show_progress_bar=False, prompt=prompt, normalize_embeddings=True
            )
        return rows.astype(np.float32, copy=False)

    @contextmanager
    def _at_work(self, count: int) -> Iterator[None]:
        """Let one thread at a time use the model, and raise its errors as EmbeddingError. count: of its texts."""
        try:
            with self._lock:
                yield
        except RuntimeError as error:  # torch reports exhausted memory and failed kernels so
            raise EmbeddingError(
                f"the model failed on {count} texts: {_reason(error)}", cure="try fewer at once"
            ) from error


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _array(tensor: Any) -> NDArray[np.float32]:
    found: NDArray[np.float32] = tensor.float().cpu().numpy()
    return found


def pools_by_mean(transformer: Any) -> bool:
    """Return whether a vector is the plain mean of the token states, so that means over some of them compare."""
    names = [type(module).__name__ for module in transformer]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return False
    config = transformer[1].get_config_dict()
    if "pooling_mode" in config:
        return bool(config["pooling_mode"] == "mean" and config.get("include_prompt", True))
    modes = {name for name, value in config.items() if name.startswith("pooling_mode_") and value}
    return modes == {"pooling_mode_mean_tokens"} and bool(config.get("include_prompt", True))
