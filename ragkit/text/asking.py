"""What a question asks to be shown: an address."""

from __future__ import annotations

import re
from typing import Final

_ADDRESS: Final = re.compile(
    r"""\b(?:links?|urls?|uris?|web\s?(?:sites?|pages?|address(?:es)?)|home\s?pages?|e-?mail(?:\s+address(?:es)?)?|mail
    |where\s+(?:can|do|could|should|would|is|are)\b | adressen? | webseiten? | liens? | enlaces? | indirizz[oi]
    |wo\s+(?:finde|kann|ist|gibt|steht|sind)|o[uù]\s+(?:trouver|puis|est) | d[oó]nde | download(?:en|ed)?)\b
    |网址|链接|地址|邮箱|哪里|哪儿|リンク|どこ|주소|어디""",
    re.IGNORECASE | re.VERBOSE,
)


def wants_address(question: str) -> bool:
    """Return whether a question asks where something is, or for a link or an address."""
    return bool(_ADDRESS.search(question))
