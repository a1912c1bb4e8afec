"""The rights of a request's sender, from its key: scopes, collections and access labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from ragkit_service.errors import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

Scope = Literal["read", "write", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("read", "write", "admin")
ENVIRONMENT_KEY: Final = "environment"
"""The id of the key in RAGKIT_API_KEY."""


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of a request.

    key_id: "" where no key is asked for. scopes: "admin" includes the others, and neither of "read" and "write"
    includes the other. collections: globs over names. labels: the access labels whose documents are visible, beside
    those without labels; None for all documents.
    """

    key_id: str = ""
    scopes: frozenset[str] = frozenset(SCOPES)
    collections: tuple[str, ...] = ("*",)
    labels: tuple[str, ...] | None = None

    def has(self, scope: Scope) -> bool:
        """Return whether the key has a scope."""
        return scope in self.scopes or "admin" in self.scopes

    def covers(self, collection: str) -> bool:
        """Return whether the key includes a collection."""
        return any(fnmatchcase(collection, glob) for glob in self.collections)

    def check(self, scope: Scope) -> None:
        """Raise a 403 when the key lacks a scope."""
        if not self.has(scope):
            raise Problem(
                403,
                "scope",
                "The key may not do this",
                f"the key lacks the scope {scope!r}",
                cure="use a key with this scope; an operator makes one with: ragkit keys create",
            )


OPEN: Final = Access()
"""The rights of every request where no key is required."""


def access_of(request: Request) -> Access:
    """Return the rights of a request; the access middleware has put them into its scope."""
    return cast("Access", cast("Mapping[str, Any]", request.scope)["access"])
