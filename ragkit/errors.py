"""Every error that ragkit raises on purpose: one tree, each with a message that names the cure.

RagkitError
├── ConfigError              a setting, an environment variable or an installation is wrong
│   ├── DefinitionError      a prompt template, schema, example file or chain is wrong; names file and line
│   ├── MissingPackageError  an optional package is not installed
│   └── ModelError           a model cannot be found, loaded or trusted
├── InputError               the caller's value is wrong
│   ├── QueryError           an empty or over-long question
│   ├── FilterError          a malformed `where` filter
│   └── BudgetError          a prompt cannot fit its token budget
├── AdapterRefusedError      a query adapter did not help on held-out questions
├── NotFoundError            no such collection, document or generation
├── ConflictError            something of that name is there already
├── StoreError               the data folder
│   ├── LockedError          another process is writing; names the holder
│   ├── ModelMismatchError   the collection was built with another model
│   ├── SchemaVersionError   written by a newer ragkit
│   ├── CorruptError         a hash, an offset or a page of the database is wrong
│   └── StorageFullError     no space left, or the disk refuses writes
├── EmbeddingError           an embedder returned something that is not a set of unit vectors
├── ExtractionError          a file gave no document; carries a typed reason
├── StepError                a step of a chain failed
└── ChatError                a model endpoint failed
    ├── AnswerFormatError    its JSON did not match the schema, twice
    ├── ChatTimeoutError     its deadline passed
    ├── ChatUnavailableError it failed several times in a row and is not asked for a while
    └── ChatInterruptedError its stream ended before its end mark
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

Reason = Literal[
    "binary",
    "changed_while_reading",
    "damaged",
    "empty_file",
    "encrypted",
    "encrypted_or_old_format",
    "expands_too_much",
    "ignored",
    "link",
    "missing",
    "no_text",
    "no_text_layer",
    "not_regular",
    "outside_root",
    "path_too_long",
    "permission",
    "too_big",
    "too_deep",
    "too_many_parts",
    "too_slow",
    "type_mismatch",
    "unknown_encoding",
    "unreadable",
    "unsafe_xml",
    "unsupported",
    "worker_crashed",
]
"""Why a file gave no document."""

SKIP_REASONS: Final[frozenset[Reason]] = frozenset(
    {
        "binary",
        "empty_file",
        "encrypted",
        "encrypted_or_old_format",
        "ignored",
        "link",
        "no_text",
        "no_text_layer",
        "not_regular",
        "outside_root",
        "too_big",
        "type_mismatch",
        "unknown_encoding",
        "unsupported",
    }
)
"""Reasons for leaving a file out on purpose; every other reason means that the file is bad or could not be read."""


class RagkitError(Exception):
    """Base of every error that ragkit raises on purpose.

    `str(error)` is one line: what failed, the value, and, after a semicolon, what to do next.
    """

    def __init__(self, message: str, *, cure: str = "") -> None:
        self.message = message
        self.cure = cure
        super().__init__(f"{message}; {cure}" if cure else message)


class ConfigError(RagkitError):
    """A setting, an environment variable or an installation is wrong."""


class MissingPackageError(ConfigError):
    """An optional package is needed and not installed."""

    def __init__(self, package: str, *, purpose: str, install: str) -> None:
        self.package = package
        super().__init__(f"{purpose} needs the package {package}", cure=f"run: pip install {install}")


class DefinitionError(ConfigError):
    """A file that a user wrote (prompt template, JSON schema, examples, chain) is wrong. line: from 1, 0 if unknown."""

    def __init__(self, message: str, *, path: str, line: int = 0, cure: str = "") -> None:
        self.path = path
        self.line = line
        super().__init__(f"{path}:{line}: {message}" if line else f"{path}: {message}", cure=cure)


class ModelError(ConfigError):
    """A model cannot be found, loaded or trusted."""


class InputError(RagkitError):
    """The caller's value is wrong."""


class QueryError(InputError):
    """A question is empty or too long."""


class FilterError(InputError):
    """A `where` filter is malformed."""


class BudgetError(InputError):
    """The fixed parts of a prompt are larger than its token budget."""


class AdapterRefusedError(RagkitError):
    """A query adapter did not help on held-out questions; `evidence` holds the figures, as JSON."""

    def __init__(self, message: str, *, cure: str = "", evidence: Mapping[str, Any] | None = None) -> None:
        self.evidence: Mapping[str, Any] = evidence or {}
        super().__init__(message, cure=cure)


class NotFoundError(RagkitError):
    """No such collection, document or generation."""


class ConflictError(RagkitError):
    """Something of that name exists already."""


class StoreError(RagkitError):
    """The data folder cannot be used as asked."""


class LockedError(StoreError):
    """Another writer holds the collection; `holder` describes it (process id, command, host, since)."""

    def __init__(self, message: str, *, cure: str = "", holder: str = "") -> None:
        self.holder = holder
        super().__init__(message, cure=cure)


class ModelMismatchError(StoreError):
    """The collection was built with another embedding model."""


class SchemaVersionError(StoreError):
    """The collection was written by a newer version of ragkit."""


class CorruptError(StoreError):
    """A hash, an offset or a page of the database is wrong."""


class StorageFullError(StoreError):
    """There is no space left, or the disk refuses writes."""


class EmbeddingError(RagkitError):
    """An embedder returned something that is not one finite unit vector of the right dimension per text."""


class ExtractionError(RagkitError):
    """A file gave no document. `reason` is typed; `skipped` is true when it was left out on purpose."""

    def __init__(self, reason: Reason, detail: str = "", *, cure: str = "") -> None:
        self.reason: Reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason, cure=cure)

    @property
    def skipped(self) -> bool:
        """True when the file was left out on purpose, False when it is bad."""
        return self.reason in SKIP_REASONS


class StepError(RagkitError):
    """A step of a chain failed and the chain ends with it. step: its name."""

    def __init__(self, message: str, *, step: str, cure: str = "") -> None:
        self.step = step
        super().__init__(f"step {step!r}: {message}", cure=cure)


class ChatError(RagkitError):
    """A model endpoint failed."""


class AnswerFormatError(ChatError):
    """A model's answer was no JSON of the schema, also after it was shown the fault. text: what it said last."""

    def __init__(self, message: str, *, text: str = "", cure: str = "") -> None:
        self.text = text
        super().__init__(message, cure=cure)


class ChatTimeoutError(ChatError):
    """A model endpoint did not finish before the deadline."""


class ChatUnavailableError(ChatError):
    """A model endpoint failed several times in a row and is not asked for a while."""


class ChatInterruptedError(ChatError):
    """A model's stream ended before its end mark."""
