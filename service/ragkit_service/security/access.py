"""Who is asking: what the key of a request may do."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of a request."""

    key_id: str = ""


def access_of(request: Request) -> Access:
    """Return the rights of a request."""
    access: Access = request.scope.get("access") or Access()
    return access
