"""Half-width katakana (JIS X 0201): one byte a sign in Shift JIS, where other encodings have letters and marks.

Any bytes from A1 to DF decode to it, so that its rules of spelling decide whether Japanese is meant.
"""

from __future__ import annotations

import re
from typing import Final

_RUN: Final = re.compile("[\uff61-\uff9f]+")
_EARLY: Final = "\uff66-\uff80"  # small letters, the long mark and the rows of a, ka and sa: half of what is written
_WRONG: Final = re.compile(
    "(?<![ｳｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾊﾋﾌﾍﾎ])ﾞ"
    "|(?<![ﾊﾋﾌﾍﾎ])ﾟ"
    "|(?<![ｷｼﾁﾆﾋﾐﾘﾞﾟﾃﾌ])[ｬｭｮ]"
    "|(?<![ｳｸｼﾁﾂﾃﾄﾌﾞ])[ｧｨｩｪｫ]"
    "|(?:(?<![\uff66-\uff9f])|(?<=[ｯﾝｦ]))ｯ"
    "|(?<![\uff66-\uff9f])ｰ"
    "|(?<![\uff66-\uff9f])ﾝ"
)
_TOUCHING: Final = re.compile(
    "[A-Za-z][\uff61-\uff9f]{1,2}(?![\uff61-\uff9f])|(?<![\uff61-\uff9f])[\uff61-\uff9f]{1,2}[A-Za-z]"
)
_ENOUGH: Final = 0.25


def is_half_width_japanese(text: str) -> bool:
    """Tell whether the half-width katakana of a text are spelled as Japanese words are.

    Letters of other alphabets at these bytes break the rules for voiced marks and small letters, and hardly any of them
    stand at the bytes of the first rows.
    """
    runs = [run for run in _RUN.findall(text) if len(run) > 1]
    signs = sum(map(len, runs))
    if not signs:
        return False
    wrong = sum(len(_WRONG.findall(run)) for run in runs) + len(_TOUCHING.findall(text))
    early = sum(len(re.findall(f"[{_EARLY}]", run)) for run in runs)
    voiced = sum(len(re.findall("[ﾞﾟ]", run)) for run in runs)
    return wrong * 40 <= signs and early + voiced >= _ENOUGH * signs
