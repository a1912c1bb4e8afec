"""The worker's side: actors that read and chunk files, and actors that embed texts. They run in processes of Ray."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ragkit
from ragkit import (
    ChunkSettings,
    Document,
    Embedder,
    ExtractionError,
    InputError,
    RagkitError,
    chunk_document,
    load_embedder,
)
from ragkit_ingest.executors.ray_cluster.wire import (
    ReadReply,
    chunk_rows,
    dump_fingerprint,
    dump_reply,
    dump_rows,
    load_settings,
)
from ragkit_ingest.jobs import Place
from ragkit_ingest.limits import EXTRACTOR_VERSION
from ragkit_ingest.workers.pool import Worker
from ragkit_ingest.workers.protocol import pack

Reply = str
"""JSON: the result under "result", or kind, message and cure of a RagkitError under "error"."""


def node_id() -> str:
    """Return the id of the machine of this process in its cluster."""
    import ray

    return str(ray.get_runtime_context().get_node_id())


class _Actor:
    def hello(self) -> Reply:
        """Return the versions of this process, whatever the run's version sends later."""
        about = {
            "ragkit": ragkit.__version__,
            "extractor": EXTRACTOR_VERSION,
            "node": node_id(),
            "process": os.getpid(),
        }
        return json.dumps({"result": about})


class ReadingActor(_Actor):
    """Reads files in a sandboxed child that can be killed, and chunks their documents. One call at a time."""

    def prepare(self, settings: str, home: str) -> Reply:
        """Load the tokenizer; return the fingerprint of its model. home: the id of the machine of the run."""
        held = load_settings(settings)
        self._here = node_id() == home
        self._chunk = held.chunk
        self._worker = Worker(held.limits)
        self._nowhere = tempfile.TemporaryDirectory(prefix="ragkit-nowhere-")

        def load() -> dict[str, Any]:
            device = "cpu" if held.model.device == "auto" else held.model.device
            self._tokenizer = load_embedder(replace(held.model, device=device, threads=1))
            return {"fingerprint": dump_fingerprint(self._tokenizer.fingerprint)}

        return _reply(load)

    def read(self, data: bytes, request: str) -> tuple[bytes, bytes]:
        """Return the document of a file's bytes and its chunks, or the reason why there are none, as a ReadReply.

        request: JSON of the document's source, the file's name, and its root and path. Where this is another machine
        than that of the run, no file beside it is looked at, but the reply names those that would be.
        """
        held = json.loads(request)
        root = os.fsencode(held["root"]) if self._here else os.fsencode(self._nowhere.name)
        place = Place(root, os.fsencode(held["path"])) if held["root"] else None
        descriptor = os.memfd_create("document", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(data)
            document = self._worker.read(
                descriptor, source=held["source"], name=held["name"], place=place, settled=True
            )
        except ExtractionError as error:
            message = {"reason": error.reason, "detail": error.detail, "cure": error.cure}
            return dump_reply(ReadReply(message, "", None, [], self._here))
        finally:
            os.close(descriptor)
        message = pack(document, media_type=document.media_type, sha256=document.sha256)
        chunks = _chunked(document, self._tokenizer, self._chunk)
        return dump_reply(ReadReply(message, document.text, chunks, self._worker.included, self._here))


class EmbeddingActor(_Actor):
    """Holds one model and embeds texts. One call at a time."""

    def prepare(self, settings: str, on_gpu: bool) -> Reply:
        """Load the model; return its fingerprint, its limit and whether it embeds units."""
        model = load_settings(settings).model

        def load() -> dict[str, Any]:
            self._embedder = load_embedder(model if on_gpu else replace(model, threads=model.threads or 1))
            return {
                "fingerprint": dump_fingerprint(self._embedder.fingerprint),
                "units": _supports_units(self._embedder),
            }

        return _reply(load)

    def embed(self, request: str) -> tuple[Reply, bytes, bytes]:
        """Return how many units each text has, the rows of the texts and those of the units, as bytes.

        request: JSON of the texts, and of the spans of their units or null.
        """
        held = json.loads(request)
        rows = units = b""

        def embed() -> list[int]:
            nonlocal rows, units
            if held["spans"] is None:
                rows = dump_rows(self._embedder.embed_documents(held["texts"]))
                return []
            spans = [[(start, end) for start, end in wanted] for wanted in held["spans"]]
            found, parts = self._embedder.embed_units(held["texts"], spans)  # type: ignore[attr-defined]  # `units`
            rows, units = dump_rows(found), b"".join(dump_rows(part) for part in parts)
            return [len(part) for part in parts]

        return _reply(embed), rows, units


def _supports_units(embedder: Embedder) -> bool:
    return bool(getattr(embedder, "supports_units", False))


def _chunked(document: Document, tokenizer: Embedder, settings: ChunkSettings) -> list[list[Any]] | None:
    """Return the chunks of a document; None where that fails: the run does it again, and reports why."""
    try:
        return chunk_rows(chunk_document(document, embedder=tokenizer, settings=settings))
    except InputError:
        return None


def _reply(work: Callable[[], Any]) -> Reply:
    try:
        return json.dumps({"result": work()})
    except RagkitError as error:
        return json.dumps({"error": [type(error).__name__, error.message, error.cure]})
