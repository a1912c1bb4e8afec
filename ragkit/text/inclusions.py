"""The line that a reader writes for a file that a page includes."""

from __future__ import annotations

import re
from typing import Final

INCLUDED: Final = re.compile(r"\(included file: `?([^()`\n]{1,300}?)`?\)")
"""Group 1 is the path as the page writes it."""
