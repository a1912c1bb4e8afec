"""JSON bodies without validation: values of the library already have the documented shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response


def dump(payload: Any) -> bytes:
    """Return compact UTF-8 JSON; a lone surrogate becomes "?", a NaN is a ValueError."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def json_response(payload: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response of a payload that has its documented shape."""
    return Response(dump(payload), status_code=status, headers=headers, media_type="application/json")
