"""The line by which a reader names a file that a page shows in its place."""

from __future__ import annotations

import re
from typing import Final

INCLUDED: Final = re.compile(r"\(included file: `?([^()`\n]{1,300}?)`?\)")
"""Group 1 is the path as the page writes it."""
