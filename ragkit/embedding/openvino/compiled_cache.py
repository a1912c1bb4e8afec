"""The cache of compiled models: keyed by content, verified by hash, compiled once, written atomically."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.embedding.file_hashes import file_sha256
from ragkit.embedding.model_embedder import PROBE, ModelEmbedder
from ragkit.embedding.model_files import ModelFolder, cache_root, config_sha256
from ragkit.embedding.openvino.runtime import (
    CompiledFiles,
    CompiledRuntime,
    Precision,
    import_openvino,
    multiplies_int8,
    processor,
)
from ragkit.embedding.tokenizer import WordPieces
from ragkit.errors import ModelError
from ragkit.files import fsync_path
from ragkit.numeric.vectors import PROBE_AGREEMENT
from ragkit.settings import ModelSettings

_log = logging.getLogger("ragkit")

FORMAT = 3
LEAST_SAMPLES = 16
"""Texts without which no int8 form is made: its ranges would be of too few numbers."""
_FILES = ("model.bin", "model.blob", "model.xml", "tokenizer.json")
_DEADLINE = 3_600  # seconds for one conversion, enough for the largest models
_STALE = 86_400  # seconds after which the leftovers of a killed conversion are removed
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from ragkit.embedding.openvino.conversion import main; sys.exit(main(sys.argv[2:]))"
)
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled model on disk, verified against its manifest.

    fresh: compiled by this call. owner: a temporary folder that is deleted with this value, None in the cache.
    """

    folder: Path
    manifest: dict[str, Any]
    fresh: bool = False
    owner: tempfile.TemporaryDirectory[str] | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """One model in one precision: the name of its cache folder, and the key that its manifest must repeat.

    samples: the texts that int8 takes its ranges from.
    """

    model: ModelFolder
    root: Path
    name: str
    key: str
    precision: Precision
    remember: bool = True
    samples: tuple[str, ...] = ()

    @property
    def final(self) -> Path:
        return self.root / "models" / self.name

    @property
    def stamps(self) -> Path | None:
        return self.root / "hashes" if self.remember else None


def load_compiled(model: ModelFolder, settings: ModelSettings, *, weights_sha256: str) -> ModelEmbedder:
    """Load a model's compiled form, after compiling it on first use (some seconds, once). Imports no torch.

    Raises ModelError when it cannot be compiled here, MissingPackageError, ImportError.
    """
    compiled = ensure_compiled(model, settings, weights_sha256=weights_sha256)
    manifest, folder = compiled.manifest, compiled.folder
    files = CompiledFiles(
        folder,
        precision=manifest["precision"],
        dimension=manifest["dimension"],
        max_tokens=manifest["max_tokens"],
        device=manifest["device"],
        units=manifest["units"],
        padded=manifest["padded"],
        owner=compiled.owner,
    )
    pieces = WordPieces.from_file(
        folder / "tokenizer.json",
        max_tokens=manifest["max_tokens"],
        query_prompt=manifest["query_prompt"],
        document_prompt=manifest["document_prompt"],
    )
    return ModelEmbedder(
        CompiledRuntime(files, threads=settings.threads),
        pieces,
        model=model.name,
        weights_sha256=_identity(weights_sha256, manifest["precision"]),
        probe=base64.b64decode(manifest["probe"]),
    )


def _identity(weights_sha256: str, precision: Precision) -> str:
    """Return what a fingerprint calls the weights: int8 changes the vectors, so it is another model to a collection."""
    return hashlib.sha256(f"{weights_sha256} int8".encode()).hexdigest() if precision == "int8" else weights_sha256


def ensure_compiled(
    model: ModelFolder,
    settings: ModelSettings,
    *,
    weights_sha256: str,
    samples: Sequence[str] = (),
    force: bool = False,
) -> Compiled:
    """Return the compiled form of a model: the cached one when every file has its hash, else compiled now.

    Of two processes, one compiles and the other waits. A damaged form is compiled again; where the cache cannot be
    written it is compiled into a temporary folder of this process. Where torch is not installed nothing can be
    compiled: a cached fp32 form then serves a CPU that could do better. Each case logs one line to "ragkit". samples:
    texts of the user, without which an int8 form is not compiled. Raises ModelError when the model cannot be compiled,
    differs from torch, or should be int8 and the CPU has no instructions for that.
    """
    job = replace(_job(model, settings, weights_sha256), samples=tuple(samples))
    if not force:
        found, damage = _open(job)
        found = found or _portable(job, settings, weights_sha256)
        if found is not None:
            return found
        if damage:
            _log.warning("the compiled model %s is damaged (%s): compiling it again", job.final, damage)
    if job.precision == "int8" and len(job.samples) < LEAST_SAMPLES:
        raise ModelError(
            f"model {model.name!r} is not compiled in int8 here, which takes {LEAST_SAMPLES} texts of yours or more"
            f" ({len(job.samples)} given)",
            cure="run: ragkit models compile --precision int8 --data FOLDER, with a collection of your documents",
        )
    try:
        return _compile_in_cache(job, force=force)
    except OSError as error:
        return _compile_aside(job, error)


def compiled_folder(model: ModelFolder, settings: ModelSettings, *, weights_sha256: str) -> Compiled | None:
    """Return the cached compiled form when it is intact, else None; never compiles."""
    return _open(_job(model, settings, weights_sha256))[0]


def _portable(job: _Job, settings: ModelSettings, weights: str) -> Compiled | None:
    """Return the cached fp32 form for a CPU that has none of its own, where torch is missing; else None."""
    if job.precision != "bf16" or importlib.util.find_spec("torch") is not None:
        return None
    found, _ = _open(_job(job.model, replace(settings, precision="fp32"), weights))
    if found is not None:
        _log.info("model %s runs in fp32: it is not compiled for this CPU, and torch is not installed", job.model.name)
    return found


def _job(model: ModelFolder, settings: ModelSettings, weights: str) -> _Job:
    openvino = import_openvino()
    try:
        precision = processor(openvino.Core())[1] if settings.precision == "auto" else settings.precision
    except RuntimeError as error:
        raise ModelError(f"openvino finds no CPU to run on: {error}", cure="set the runtime to torch") from error
    if precision == "int8" and not multiplies_int8():
        raise ModelError(
            "the precision is int8, and this CPU has no instructions for it (VNNI or AMX)",
            cure="set the precision to auto (RAGKIT_PRECISION)",
        )
    parts = (FORMAT, weights, config_sha256(model), openvino.__version__, precision)
    key = hashlib.sha256(repr(parts).encode()).hexdigest()
    slug = re.sub(r"[^A-Za-z0-9.-]+", "-", Path(model.name).name).strip("-.")[:60] or "model"
    return _Job(model, cache_root(settings), f"{slug}-{precision}-{key[:16]}", key, precision)


def _open(job: _Job) -> tuple[Compiled | None, str]:
    """Return the cached form, or None and the damage ("" when there is no form)."""
    try:
        manifest = json.loads((job.final / "manifest.json").read_bytes())
        if manifest["digest"] != _manifest_digest(manifest) or manifest["key"] != job.key:
            return None, "its manifest was changed"
        for name in _FILES:
            if file_sha256(job.final / name, stamps=job.stamps) != manifest["files"][name]:
                return None, f"{name} has another hash"
    except (FileNotFoundError, NotADirectoryError) as error:
        return None, f"{Path(error.filename).name} is missing" if job.final.exists() else ""
    except json.JSONDecodeError:
        return None, "its manifest is not JSON"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return None, str(error) or type(error).__name__
    return Compiled(job.final, manifest), ""


def _compile_in_cache(job: _Job, *, force: bool) -> Compiled:
    """Compile under a lock into a temporary name, then rename. Raises OSError when the cache cannot be written."""
    from filelock import FileLock

    models = job.final.parent
    models.mkdir(parents=True, exist_ok=True)
    _need_room(models, job)
    with FileLock(models / f".{job.name}.lock", timeout=_DEADLINE):
        found, _ = _open(job)
        if found is not None and not force:
            return found  # another process compiled it while this one waited
        _remove_stale(models)
        temporary = Path(tempfile.mkdtemp(prefix=f".{job.name}.tmp-", dir=models))
        try:
            _log.warning("compiling %s for this CPU, once (10 s or more), into %s", job.model.name, job.final)
            manifest = _make(job, temporary)
            _put(temporary, job.final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Compiled(job.final, manifest, fresh=True)


def _put(temporary: Path, final: Path) -> None:
    """Rename the finished folder into place; an existing one (damaged, or to be replaced) is moved aside first."""
    aside = final.with_name(f".{final.name}.tmp-old-{os.getpid()}")
    if final.exists():
        final.replace(aside)
    temporary.replace(final)
    fsync_path(final.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _compile_aside(job: _Job, problem: OSError) -> Compiled:
    if job.precision == "int8":  # it must stay: the next process could not make it again
        raise ModelError(
            f"the model cache {job.root} cannot be written: {problem.strerror or problem}",
            cure="free space, or set RAGKIT_CACHE to a folder that can be written",
        ) from problem
    owner = tempfile.TemporaryDirectory(prefix="ragkit-model-", ignore_cleanup_errors=True)
    try:
        folder = Path(owner.name)
        _need_room(folder, job)
        _log.warning(
            "the model cache %s cannot be written (%s): compiling into a temporary folder for this process only",
            job.root,
            problem.strerror or problem,
        )
        return Compiled(folder, _make(job, folder), fresh=True, owner=owner)
    except OSError as error:
        owner.cleanup()
        raise ModelError(
            f"model {job.model.name!r} cannot be compiled: {error.strerror or error}",
            cure="free space, or set RAGKIT_CACHE to a folder that can be written",
        ) from error
    except ModelError:
        owner.cleanup()
        raise


def _make(job: _Job, folder: Path) -> dict[str, Any]:
    """Convert in a child process, then write the manifest and fsync every file."""
    made = _convert(job, folder)
    manifest = {
        "format": FORMAT,
        "key": job.key,
        "model": job.model.name,
        **made,
        "files": {name: file_sha256(folder / name) for name in _FILES},
    }
    manifest["digest"] = _manifest_digest(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
    for name in (*_FILES, "manifest.json"):
        fsync_path(folder / name)
    fsync_path(folder)
    return manifest


def _convert(job: _Job, folder: Path) -> dict[str, Any]:
    """Run `conversion` in a child. Raises OSError when it could not write, ModelError for all else."""
    command = [sys.executable, "-P", "-c", _CHILD, json.dumps(sys.path), str(job.model.path), str(folder)]
    failed = f"model {job.model.name!r} cannot be compiled"
    try:
        done = subprocess.run(
            [*command, job.model.name, job.precision],
            input=json.dumps(job.samples).encode(),
            capture_output=True,
            timeout=_DEADLINE,
            env={**os.environ, **_OFFLINE},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{failed}: it took over an hour", cure="set the runtime to torch") from error
    except OSError as error:
        raise ModelError(f"{failed}: {sys.executable!r} does not start ({error})", cure="use torch") from error
    try:
        report = json.loads(done.stdout.decode("utf-8", "replace").strip().splitlines()[-1])
    except (IndexError, ValueError):
        tail = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
        raise ModelError(
            f"{failed}: the conversion ended with {done.returncode} ({tail[0][:200]})",
            cure="it may need more memory; or set the runtime to torch",
        ) from None
    if "errno" in report:
        raise OSError(report["errno"], report["error"])
    if "error" in report:
        raise ModelError(report["error"], cure=report["cure"])
    made: dict[str, Any] = report["made"]
    return made


def _need_room(folder: Path, job: _Job) -> None:
    """Raise OSError when the disk has no room for a conversion: two copies of the weights and some more."""
    need = 2 * sum(path.stat().st_size for path in job.model.weights) + (32 << 20)
    free = shutil.disk_usage(folder).free
    if free < need:
        raise OSError(28, f"{need >> 20} MiB are needed and {free >> 20} MiB are free")


def _remove_stale(models: Path) -> None:
    for path in models.glob(".*.tmp-*"):
        if time.time() - path.stat().st_mtime > _STALE:
            shutil.rmtree(path, ignore_errors=True)


def _manifest_digest(manifest: dict[str, Any]) -> str:
    body = {name: value for name, value in manifest.items() if name != "digest"}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def list_compiled(settings: ModelSettings) -> list[tuple[Path, dict[str, Any]]]:
    """Return the folder and manifest of every compiled model in the cache, by folder; {} for an unreadable one."""
    found = []
    for folder in sorted((cache_root(settings) / "models").glob("[!.]*")):
        try:
            manifest = json.loads((folder / "manifest.json").read_bytes())
        except (OSError, ValueError):
            manifest = {}
        found.append((folder, manifest if isinstance(manifest, dict) else {}))
    return found


def remove_outdated(settings: ModelSettings) -> list[tuple[Path, int]]:
    """Remove compiled models that this installation cannot use: of another openvino or ragkit, or unreadable.

    Returns each removed folder and its size in bytes. Call it only while no process of another installation runs.
    """
    version = import_openvino().__version__
    removed = []
    for folder, manifest in list_compiled(settings):
        if manifest.get("format") == FORMAT and manifest.get("openvino") == version:
            continue
        size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        shutil.rmtree(folder)
        folder.with_name(f".{folder.name}.lock").unlink(missing_ok=True)
        removed.append((folder, size))
    return removed


def verify_compiled(model: ModelFolder, settings: ModelSettings, *, weights_sha256: str) -> list[str]:
    """Hash every file of the compiled form and run the probe sentence; return the problems found.

    A model that is not compiled has none.
    """
    job = _job(model, settings, weights_sha256)
    found, damage = _open(replace(job, remember=False))
    if found is None:
        return [f"{job.final}: {damage}"] if damage else []
    embedder = load_compiled(model, settings, weights_sha256=weights_sha256)
    known = np.frombuffer(embedder.fingerprint.probe, dtype="<f4")
    cosine = float(embedder.embed_documents([PROBE])[0] @ known)
    return [] if cosine >= PROBE_AGREEMENT else [f"{job.final}: its probe vector has cosine {cosine:.5f} to the stored"]
