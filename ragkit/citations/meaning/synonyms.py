"""Synonyms of rules and manuals: one in the place of the other makes no other statement."""

from __future__ import annotations

from typing import Final

from ragkit.text.analyzer import analyse

_GROUPS: Final = (
    "last final",
    "past previous prior former earlier",
    "begin start commence",
    "end finish",
    "need require must necessary mandatory compulsory obligatory",
    "allow permit authorise authorize",
    "forbid prohibit ban",
    "buy purchase acquire",
    "cost price",
    "fee charge",
    "inform tell notify report",
    "get receive obtain",
    "give provide supply grant",
    "employee staff colleague worker personnel",
    "customer client buyer",
    "supplier vendor",
    "phone telephone",
    "ask request",
    "answer reply respond",
    "send ship deliver",
    "keep store retain hold",
    "delete remove erase",
    "change modify amend alter",
    "show display",
    "use utilise utilize employ",
    "help support assist",
    "fix repair mend",
    "choose select pick",
    "make create produce",
    "maximum most",
    "minimum least",
    "yearly annual",
    "hire recruit",
    "quit leave resign",
    "error fault failure",
    "device equipment machine unit",
    "firm company business",
    "part portion share",
    "entire whole full complete",
    "big large",
    "quick fast rapid",
    "holiday vacation",
    "erhalten bekommen",
    "beginnen anfangen starten",
    "brauchen benötigen",
    "mitarbeiter beschäftigte angestellte",
    "kosten preis",
)
_LIGHT: Final = frozenset(
    [
        "cost",
        "costs",
        "pay",
        "pays",
        "paid",
        "charge",
        "charged",
        "price",
        "priced",
        "fee",
        "amount",
        "amounts",
        "take",
        "takes",
        "took",
        "last",
        "lasts",
        "get",
        "gets",
        "got",
        "receive",
        "receives use uses used",
    ]
)
_GROUPS_OF: Final[dict[str, set[int]]] = {}
for _at, _group in enumerate(_GROUPS):
    for _word in _group.split():
        for _form in (_word, *analyse(_word, language="de" if _at >= len(_GROUPS) - 5 else "en")):
            _GROUPS_OF.setdefault(_form, set()).add(_at)


def are_synonyms(one: str, other: str) -> bool:
    """Return whether two words in lower case, or their stems, are in the same group of synonyms."""
    return bool(_groups(one) & _groups(other))


def is_light(word: str) -> bool:
    """Return whether a word in lower case only links a thing with its amount: "costs", "pays", "has"."""
    return word in _LIGHT


def _groups(word: str) -> set[int]:
    found = _GROUPS_OF.get(word)
    if found is not None:
        return found
    return set[int]().union(*(_GROUPS_OF.get(term, set()) for term in analyse(word, language="en")))
