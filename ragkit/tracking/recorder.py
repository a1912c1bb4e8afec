"""Write a run folder while the run goes on: inputs first, outputs as they come, metrics at the end."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from ragkit.errors import StorageFullError
from ragkit.text.cleaning import show
from ragkit.tracking.digests import package_versions, path_digest, text_digest
from ragkit.tracking.types import Input, PromptVersion, Run

RUN_FILE: Final = "run.json"
OUTPUTS_FILE: Final = "outputs.jsonl"
INPUTS_FOLDER: Final = "inputs"
COPIED_BYTES: Final = 10_000_000
"""Inputs up to this size are copied into the run's folder: the run can be repeated after they have changed."""
_SECRET: Final = ("KEY", "TOKEN", "SECRET", "PASSWORD")


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run, before it starts. environment: a whole environment, of which RAGKIT_* is kept.

    files: name -> path of each input file or folder. collection: (location, digest) of the collection that is asked.
    prompts: name -> text.
    """

    kind: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    collection: tuple[str, str] | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    models: Sequence[str] = ()


class RunRecorder:
    """A run folder that is being written: a context manager; an error inside marks the run as failed and passes on.

    Until the end the folder holds a run.json with the status "running": what was cut off is seen as such.
    """

    def __init__(self, root: Path, plan: Plan) -> None:
        """Create the folder and write the plan. Raises NotFoundError for an input, StorageFullError."""
        started = datetime.now(UTC)
        name = f"{started:%Y%m%dT%H%M%S}-{plan.kind.replace(' ', '-')}-{secrets.token_hex(3)}"
        self.folder = root / name
        self._started = time.monotonic()
        digests = {label: path_digest(path) for label, path in plan.files.items()}
        try:
            self.folder.mkdir(parents=True)
            inputs = [self._input(label, path, digests[label]) for label, path in plan.files.items()]
            self._outputs = (self.folder / OUTPUTS_FILE).open("w", encoding="utf-8")
        except OSError as error:
            raise StorageFullError(
                f"{self.folder} cannot be written ({error.strerror})", cure="name another folder"
            ) from error
        if plan.collection:
            inputs.append(Input("collection", "collection", *plan.collection))
        self._count = 0
        self._run = Run(
            id=name,
            kind=plan.kind,
            started_at=started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            seconds=0.0,
            status="running",
            command=tuple(plan.command),
            folder=os.getcwd(),
            environment=public_environment(plan.environment),
            settings=public_settings(plan.settings),
            inputs=tuple(inputs),
            prompts=tuple(
                PromptVersion(label, text, text_digest(text)) for label, text in sorted(plan.prompts.items())
            ),
            models=tuple(plan.models),
            versions=package_versions(),
        )
        self._write(self._run)

    @property
    def run(self) -> Run:
        """The run as it was last written."""
        return self._run

    def output(self, row: Mapping[str, Any]) -> None:
        """Add a line to outputs.jsonl."""
        self._outputs.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._count += 1

    def finish(self, metrics: Mapping[str, float]) -> Run:
        """Write the metrics and mark the run as finished."""
        self._outputs.flush()
        seconds = round(time.monotonic() - self._started, 3)
        self._run = replace(self._run, status="finished", seconds=seconds, metrics=dict(metrics), outputs=self._count)
        self._write(self._run)
        return self._run

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._outputs.close()
        if self._run.status == "running":
            reason = show(str(error) or type(error).__name__, 500) if error else "the run ended without metrics"
            seconds = round(time.monotonic() - self._started, 3)
            self._run = replace(self._run, status="failed", seconds=seconds, outputs=self._count, error=reason)
            self._write(self._run)

    def _input(self, label: str, path: Path, digest: str) -> Input:
        copy = ""
        if _size(path) <= COPIED_BYTES:
            (self.folder / INPUTS_FOLDER).mkdir(exist_ok=True)
            copy = f"{INPUTS_FOLDER}/{label}{path.suffix}"
            if path.is_dir():
                shutil.copytree(path, self.folder / copy)
            else:
                shutil.copyfile(path, self.folder / copy)
        return Input(label, "folder" if path.is_dir() else "file", str(path.resolve()), digest, copy)

    def _write(self, run: Run) -> None:
        """Replace run.json: a reader sees the old or the new one, never a part."""
        draft = self.folder / f".{RUN_FILE}"
        draft.write_text(json.dumps(run.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(draft, self.folder / RUN_FILE)


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(item.stat().st_size for item in files if item.is_file())


def public_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the RAGKIT_* variables of an environment; keys are left out, and names and passwords of addresses too."""
    return {
        name: _without_login(value)
        for name, value in sorted(environment.items())
        if name.startswith("RAGKIT_") and not any(word in name for word in _SECRET)
    }


def public_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without names and passwords in addresses."""
    return {
        name: public_settings(value) if isinstance(value, Mapping) else _without_login(value)
        for name, value in settings.items()
    }


def _without_login(value: Any) -> Any:
    """Return an address without user name and password; anything else as it is."""
    if not isinstance(value, str) or "://" not in value or "@" not in value:
        return value
    parts = urlsplit(value)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
