"""Optional packages of tests: looked for without an import, which would cost every worker seconds at collection."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def needs(*names: str) -> pytest.MarkDecorator:
    """Return a mark that skips the tests of a module, or one, unless all of these packages are installed."""
    missing = [name for name in names if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")
