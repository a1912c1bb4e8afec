"""The values of a run folder: the run, its inputs, and a change of an input since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

FORMAT: Final = 1
InputKind = Literal["file", "folder", "collection"]
RunStatus = Literal["running", "finished", "failed"]


@dataclass(frozen=True, slots=True)
class Input:
    """Data that a run has read. location: an absolute path, or DATA#NAME of a collection. digest: sha256 in hex.

    copy: the name of its copy in the run's folder, "" where it was too large for one.
    """

    name: str
    kind: InputKind
    location: str
    digest: str
    copy: str = ""


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """A prompt that a run has used: its name, its text, and the sha256 of the text in hex."""

    name: str
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run. kind: the command ("eval answers", "train"). command: its arguments; folder: where it was started.

    environment: the variables that were set, without secrets. versions: of packages that matter. metrics: numbers by
    name, such as "rag/token_f1". error: why it failed, "" otherwise.
    """

    id: str
    kind: str
    started_at: str
    seconds: float
    status: RunStatus
    command: tuple[str, ...] = ()
    folder: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    prompts: tuple[PromptVersion, ...] = ()
    models: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    outputs: int = 0
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of run.json and of `ragkit runs show --json`."""
        shape = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            "format": FORMAT,
            **shape,
            "command": list(self.command),
            "models": list(self.models),
            "inputs": [_plain(item) for item in self.inputs],
            "prompts": [_plain(item) for item in self.prompts],
            **{name: dict(shape[name]) for name in ("environment", "settings", "versions", "metrics")},
        }

    @classmethod
    def from_dict(cls, shape: Mapping[str, Any]) -> Run:
        """Return the run of a JSON shape. Raises KeyError, TypeError, ValueError for a malformed one."""
        if shape["format"] != FORMAT:
            raise ValueError(f"format {shape['format']!r} is not known")
        values = {item.name: shape[item.name] for item in fields(cls)}
        return cls(
            **{
                **values,
                "command": tuple(map(str, values["command"])),
                "models": tuple(map(str, values["models"])),
                "inputs": tuple(Input(**item) for item in values["inputs"]),
                "prompts": tuple(PromptVersion(**item) for item in values["prompts"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Change:
    """A change since a run. kind: "input", "prompt", "version" or "setting"; "" for what is missing."""

    kind: str
    name: str
    then: str
    now: str

    def as_dict(self) -> dict[str, str]:
        """Return the change as JSON."""
        return {"kind": self.kind, "name": self.name, "then": self.then, "now": self.now}


def _plain(item: Input | PromptVersion) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}
