"""What has changed since a run, and the command that repeats it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ragkit.errors import ConflictError, NotFoundError
from ragkit.tracking.digests import package_versions, path_digest, text_digest
from ragkit.tracking.recorder import public_environment
from ragkit.tracking.types import Change, Input, Run

_MISSING: Final = ""
_ENDPOINT: Final = "RAGKIT_CHAT_BASE_URL"
_KEY: Final = "RAGKIT_CHAT_API_KEY"
_REPEATED: Final = (("eval", "answers"), ("finetune", "train"), ("tune", "embedder"))
"""The commands that record runs."""


def changes_since(
    run: Run, *, prompts: Mapping[str, str], collection_digest: Callable[[str], str] | None = None
) -> list[Change]:
    """Return the changes: inputs by digest, prompts by text, versions of packages.

    prompts: the present texts by name; a prompt of the run that is not among them counts as missing. collection_digest:
    returns the present digest of a collection by its location; without it collections are not looked at.
    """
    found = []
    for item in run.inputs:
        if item.kind == "collection" and collection_digest is None:
            continue
        now = _now(item, collection_digest)
        if now != item.digest:
            found.append(Change("input", f"{item.name} ({item.location})", item.digest, now))
    for prompt in run.prompts:
        now = text_digest(prompts[prompt.name]) if prompt.name in prompts else _MISSING
        if now != prompt.digest:
            found.append(Change("prompt", prompt.name, prompt.digest, now))
    present = package_versions()
    for name in sorted({*run.versions, *present}):
        then, now = run.versions.get(name, _MISSING), present.get(name, _MISSING)
        if then != now:
            found.append(Change("version", name, then, now))
    return found


def _now(item: Input, collection_digest: Callable[[str], str] | None) -> str:
    try:
        if item.kind == "collection":
            return collection_digest(item.location) if collection_digest else item.digest
        return path_digest(Path(item.location))
    except NotFoundError:
        return _MISSING


def repeat_command(run: Run, folder: Path, *, recorded: bool) -> list[str]:
    """Return the arguments that repeat a run. recorded: read the inputs as they were, from the run's folder.

    Raises ConflictError for a run that has no command, or one that records no runs: its file was written by somebody
    else; and for a run whose inputs were too large to be kept.
    """
    if not run.command:
        raise ConflictError(f"run {run.id} was started from Python and has no command", cure="call it from there again")
    if run.command[:2] not in _REPEATED:
        said = " ".join(run.command[:2])
        known = ", ".join(map(" ".join, _REPEATED))
        raise ConflictError(f"run {run.id} has the command {said!r}", cure=f"only these are repeated: {known}")
    if not recorded:
        return list(run.command)
    copies: dict[str, str] = {}
    for item in run.inputs:
        if item.kind == "collection":
            continue
        if not item.copy:
            raise ConflictError(
                f"the input {item.name} of run {run.id} is not in its folder", cure="leave --recorded out"
            )
        kept = folder / item.copy
        if path_digest(kept) != item.digest:
            raise ConflictError(f"{kept} was changed after the run", cure="leave --recorded out")
        copies[item.location] = str(kept.resolve())
    base = Path(run.folder)
    return [_replaced(word, base, copies) for word in run.command]


def repeat_environment(run: Run, present: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of ragkit that a run had, to repeat it with. present: the environment now.

    Raises ConflictError where a key of the present would go to the endpoint of the run: it belongs to another one.
    """
    then = public_environment(run.environment)
    endpoint, now = then.get(_ENDPOINT, ""), public_environment(present).get(_ENDPOINT, "")
    if endpoint == now:
        then.pop(_ENDPOINT, None)  # the present one may hold a name and a password, which were not recorded
    elif endpoint and present.get(_KEY):
        raise ConflictError(
            f"run {run.id} asked {endpoint}, and {_KEY} is set for {now or 'the service of the model'}",
            cure=f"set {_ENDPOINT}={endpoint} if the key is for it",
        )
    return then


def _replaced(word: str, base: Path, copies: Mapping[str, str]) -> str:
    """Return a word of a command with the path of an input, if it is one, replaced by that of its copy."""
    option, mark, value = word.partition("=") if word.startswith("--") and "=" in word else ("", "", word)
    if not value or "\0" in value:
        return word
    return f"{option}{mark}{copies.get(str((base / value).resolve()), value)}"
