"""Cross-encoders of sentence-transformers: models that read two texts together, for reranking and for judging."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ragkit.errors import MissingPackageError, ModelError
from ragkit.settings import ModelSettings


def load_cross_encoder(name: str, *, models: ModelSettings, purpose: str, cure: str) -> Any:
    """Return the CrossEncoder of a model's name or folder; no code of the model runs.

    purpose: what it is for, in errors. cure: what to do when it cannot be loaded. Raises ModelError,
    MissingPackageError.
    """
    try:
        from sentence_transformers import CrossEncoder
    except ImportError as error:
        raise MissingPackageError("sentence-transformers", purpose=purpose, install="sentence-transformers") from error
    local = models.offline or Path(name).exists()
    device = None if models.device == "auto" else models.device
    try:
        return CrossEncoder(name, local_files_only=local, trust_remote_code=False, device=device)
    except (OSError, ValueError, RuntimeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"the cross-encoder {name!r} cannot be loaded ({first})", cure=cure) from error
