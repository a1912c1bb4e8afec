"""The control words of RTF that the reader follows, by what they do."""

from __future__ import annotations

from typing import Final

SIGNS: Final = {
    "emdash": "—",
    "endash": "–",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "tab": " ",
    "line": "\n",
    "nestcell": " ",
    "nestrow": " ",
}
"""Control words that stand for a character, or for a break of words."""
MUTED: Final = frozenset(
    ["fonttbl", "colortbl", "stylesheet", "info", "pict", "objdata", "objclass", "themedata", "colorschememapping",
     "listtable", "listoverridetable", "revtbl", "rsidtbl", "generator", "xmlnstbl", "datastore", "latentstyles",
     "nonshppict", "shprslt", "bkmkstart", "bkmkend", "filetbl", "sp", "sn", "sv", "private",
     "xe", "tc", "atnid", "atndate", "atnref", "atrfstart", "atrfend", "ffdata", "mmathPr", "do"]
)  # fmt: skip
"""Destinations whose text is no text of the document."""
CAPTURED: Final = frozenset(
    ["fldinst", "title", "author", "sn", "sv", "atnauthor", "leveltext", "pn", "pntxta", "pntxtb"]
)
"""Destinations whose text says something about what is around them."""
ASIDES: Final = {"footnote": "Note", "annotation": "Comment", "header": "", "footer": "",
                  "headerl": "", "headerr": "", "headerf": "", "footerl": "", "footerr": "", "footerf": "",
                  "shptxt": "Box", "dptxbxtext": "Box"}  # fmt: skip
"""Destinations with a page of their own, and what their text is called."""
STARRED: Final = frozenset(
    ["fldinst", "shpinst", "shppict", "annotation", "atnauthor", "picprop", "footnote", "ffdata"]
)
"""Destinations that are read, although programs may pass over them."""
CELL_WORDS: Final = frozenset(["trowd", "cellx", "trhdr", "clmgf", "clmrg", "clvmgf", "clvmrg"])
"""Control words that define the next row of a table."""
WRAPPERS: Final = frozenset(["field", "fldrslt", "shpinst"])
"""Destinations whose text is read with what is around them."""
