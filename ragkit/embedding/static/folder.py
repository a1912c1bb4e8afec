"""Writes a static model as a folder of sentence-transformers."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.embedding.model_files import ModelFolder
from ragkit.embedding.static.distillation import StaticModel
from ragkit.errors import StorageFullError
from ragkit.files import fsync_path, need_new_folder

PLACE = "0_StaticEmbedding"


@dataclass(frozen=True, slots=True)
class Origin:
    """The model that a static one was made of. sha256: of its weights. licence: "" where its folder does not say."""

    name: str
    sha256: str
    licence: str


def origin_of(model: ModelFolder, *, sha256: str) -> Origin:
    """Return the origin that a model's folder shows; its licence stands at the head of its README."""
    try:
        lines = (model.path / "README.md").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    head = lines[1 : lines.index("---", 1)] if lines[:1] == ["---"] and "---" in lines[1:] else []
    licence = next((line.partition(":")[2].strip() for line in head if line.startswith("license:")), "")
    return Origin(model.name, sha256, licence)


def write_static_model(made: StaticModel, out: Path, *, origin: Origin) -> None:
    """Write the folder, which appears whole or not at all. Raises ConflictError, StorageFullError (a full disk)."""
    need_new_folder(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            _fill(draft, made, origin)
            draft.chmod(0o755)  # mkdtemp makes a folder for its owner alone
            draft.replace(out)
            fsync_path(out.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise StorageFullError(
            f"the static model cannot be written to {out}: {error.strerror or error}",
            cure="free space, or name a folder that can be written",
        ) from error


def _fill(folder: Path, made: StaticModel, origin: Origin) -> None:
    from safetensors.numpy import save_file

    place = folder / PLACE
    place.mkdir()
    (place / "tokenizer.json").write_text(made.tokenizer, encoding="utf-8")
    save_file({"embedding.weight": made.table}, place / "model.safetensors")
    (place / "model.safetensors").chmod(0o644)  # the library makes a file for its owner alone
    kind = "sentence_transformers.models.StaticEmbedding"  # the name that every version since 3.2 knows
    parts = [
        {"idx": 0, "name": "0", "path": PLACE, "type": kind},
        {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    (folder / "1_Normalize").mkdir()
    _json(folder / "1_Normalize" / "config.json", {"module_input_name": "sentence_embedding"})
    _json(folder / "modules.json", parts)
    _json(folder / "config_sentence_transformers.json", {"prompts": {}, "default_prompt_name": None})
    (folder / "README.md").write_text(_readme(made, origin), encoding="utf-8")
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        fsync_path(path)


def _readme(made: StaticModel, origin: Origin) -> str:
    tokens, dimensions = made.table.shape
    licence = origin.licence or "unknown: the folder of the base model does not say"
    head = [f"license: {origin.licence}"] if origin.licence else []
    words = f", {len(made.words):,} of them words of the user's own" if made.words else ""
    lines = [
        "---",
        *head,
        f"base_model: {json.dumps(origin.name, ensure_ascii=False)}",
        "library_name: sentence-transformers",
        "---",
        f"# A static model of {Path(origin.name).name}",
        "",
        f"Made by `ragkit models distill`: {tokens:,} tokens with {dimensions} numbers each{words}.",
        "A vector is the mean of the rows of a text's tokens. The method is that of model2vec (MIT).",
        "",
        f"- base model: {origin.name}",
        f"- sha256 of its weights: {origin.sha256}",
        f"- licence of the base model, which holds for this one too: {licence}",
        "",
    ]
    return "\n".join(lines)


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
