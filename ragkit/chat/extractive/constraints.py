"""Question -> constraints on its answer: years, versions, codes, names, and the kind of answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ragkit.chat.extractive.intent import Question
from ragkit.text.content_terms import NUMBER_WORDS, UNSPACED, is_stop_word
from ragkit.text.edit_distance import edit_distance
from ragkit.types.hits import Hit

_CODE: Final = re.compile(
    r"(?<![\w.])(?:[A-Za-z]+[-_]?\d+(?:[A-Za-z](?![A-Za-z]))?(?:[-_.]\d+)*|[A-Z]{1,4} \d{3,}|\d+[A-Z][A-Z\d]*"
    r"|\d+(?:\.\d+)+)(?![A-Za-z\d])"
)
_SYMBOL: Final = re.compile(
    r"(?<![\w-])(?:--[A-Za-z][\w-]+|\w*[A-Za-z]_\w+|_+[A-Za-z]\w*|[a-z]+[A-Z]\w*|(?<![\w./*])\.[a-z]\w{1,9}(?![\w.])"
    r"|[A-Za-z]\w*(?:-\w+)+(?=\s+(?:option|setting|flag|parameter|field|key|variable|attribute|argument)s?\b)|[A-Za-z_]\w+(?:\.[A-Za-z_]\w+)+)"
)
_LABELLED: Final = re.compile(r"\b[A-Z][A-Za-z]{2,} \d{2,}(?![\w.]*\d)")
_YEAR: Final = re.compile(r"(?<![\d.,])(?:1[5-9]|20)\d\d(?!s\b|[\d.,]*\d)")
_NAME: Final = re.compile(r"(?<![\w'’.])[A-Z][\w&+#]*(?:[-.][A-Za-z]\w*)*")
_LATIN: Final = re.compile(r"(?<![\w-])[A-Za-z][A-Za-z\d.+#-]{2,}")
_WORD: Final = re.compile(r"\w+")
_OPENS: Final = re.compile(r"[.!?:;。！？：\n\"“(]\s*$")
_QUANTITY: Final = re.compile(
    r"\d|(?<![\w-])(?:no|none|any|all|both|half|twice|once|unlimited|several|many|single|double|kein\w*|alle|beide|"
    + "|".join(sorted(NUMBER_WORDS))
    + r")\b|[零二两三四五六七八九十百千万]|一(?![个种些样般直旦定致])",
    re.IGNORECASE,
)
_TIME: Final = re.compile(
    r"""\d|\b(?:january|february|march|april|may|june|july|august|september|october|november|december
    |(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tomorrow|yesterday|now|daily|weekly|monthly|yearly|annually
    |when(?:ever)?|after|before|once|until|during|while|if|every|as\s+soon|first|last|next|century|year|month|week|day
    |hour|minute|immediately|always|never|wenn|sobald|nach|vor|bis|jed\w+|morgens|abends|quand|après|avant|lorsque)\b
    |[年月日时時]""",
    re.IGNORECASE | re.VERBOSE,
)
_PRICE: Final = re.compile(
    r"\d|\b(?:free(?!\s+software)|no\s+(?:cost|charge|fee)s?|included|on\s+request|kostenlos|gratis|gratuit\w*)\b|免费",
    re.IGNORECASE,
)
_SPAN: Final = re.compile(
    r"\b(?:always|never|forever|daily|weekly|monthly|yearly|annual\w*|hourly|every|each|immediately|until|free|regularly"
    r"|täglich|wöchentlich|monatlich|jährlich|immer|nie|sofort|kostenlos)\b|免费|每|不限",
    re.IGNORECASE,
)
_PERSON: Final = re.compile(
    r"(?<!^)\b[A-Z][a-z]+|@|\b(?:you|your|we|our|i|they|he|she|it|team|staff|manager|supervisor|office|department|"
    r"admin\w*|owner|author|user|customer|employee|people|person|everyone|anyone|company|group|committee|\w+ers?|\w+ors?)\b",
)
_OPERATOR: Final = re.compile(r"(?<![^\s`'\"(])[~:!<>=+*/%&|^?@-]{2,3}(?![^\s`'\")?,.])")
_JOINTS: Final = re.compile(r"[-_.\s]")
_NUMBERING: Final = re.compile(r"^\s*(?:[-*+•]\s*)?\d{1,3}(?:\.\d+)*\s*[:.)]\s|\[\d{1,3}\]", re.MULTILINE)
_COUNTS: Final = re.compile(r"\bhow\s+m(?:any|uch)\b|多少|几个|combien|wie\s*viele?|cu[aá]nt", re.IGNORECASE)
_TIME_UNITS: Final = re.compile(
    r"\bhow\s+many\s+(?:\w+\s+)?(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b|\bwie\s*viele\s+(?:\w+\s+)?(?:Minuten"
    r"|Stunden|Tagen?|Wochen|Monaten?|Jahren?)\b|\bcombien\s+de\s+(?:jours|mois|semaines|heures|minutes|ans)\b",
    re.IGNORECASE,
)
_DURATION: Final = re.compile(
    r"\b(?:seconds?|minutes?|hours?|(?:mid)?nights?|days?|weeks?|fortnights?|months?|quarters?|years?|daily|weekly|monthly|yearly|annual\w*"
    r"|Sekunden?|Minuten?|Stunden?|Tage?n?|Wochen?|Monate?n?|Jahre?n?|jours?|mois|semaines?|heures?|ans?|immediately|forever|sofort)\b"
    r"|\d\s*(?:[smhd]|min|hrs?)\b",
    re.IGNORECASE,
)
_YEARS: Final = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_ASKS: Final = re.compile(
    r"\W*(?:when|who(?:m|se)?|how\s+(?:many|much|long|often|old|far|large|big|high|soon)|(?:in\s+)?(?:what|which)\s+(?:year"
    r"|date|month|century)|what\s+(?:is|was|are|were|does|did|do)\b.*\b(?:price|cost|fee|rate|charge|salary|toll|number)s?"
    r"|wann|wer|wie\s*(?:viele?|lange|oft|teuer|hoch)|was\s+kostet|quand|combien|qui|cu[aá]ndo|cu[aá]nt\w+)\b",
    re.IGNORECASE,
)
_ROMAN: Final = re.compile(r"[IVXLCDM]+")
_ACRONYM: Final = 4  # letters up to which a name may stand for the capitals of several words
_PEOPLES: Final = re.compile(r"[a-z](?:ish|ese|ian|ean|ans?|ench|utch|i[ae]ns?|ists?|ics?)$")  # "Irish" for Ireland
_SHORT: Final = 5
_LONG: Final = 8
_PAST_EVENT: Final = re.compile(
    r"\b(?:when\s+(?:was|were|did|had)|(?:which|what)\s+(?:year|date|day|month|century)|wann\s+(?:wurde\w*|war\w*|hat)"
    r"|quand\s+(?:a|fut|est)|in\s+welchem\s+jahr)\b",
    re.IGNORECASE,
)
_DEFINITE: Final = re.compile(
    r"""(?<![\d#.,])(?:1\d|20)\d\d(?!\d|,\d)|\b(?:in|of|by|until|since)\s+\d{3}\b|\d{1,2}[./-]\d{1,2}[./-]|(?:\d|\bin)\.?\s+(?:of\s+)?(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)\b
    |\b(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)\.?\s+\d
    |\b(?:january|february|april|june|july|august|september|october|november|december)\b
    |(?:\d|\bin)\.?\s+march\b|\bmarch\s+\d
    |\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday|today|ago|centur\w+|decade|\d+s|age|BC|AD|war|reign|era)\b
    |\d\s*(?:th|st|nd|rd|years?|days?|hours?|weeks?|months?|minutes?)|\b(?:januar|februar|märz|mai|juni|juli|oktober|dezember)\b|[年月日]""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBERED_NAME: Final = re.compile(r"(?<![\w.])([A-Z][A-Za-z]{2,})[ -]?(\d)(?![\w.]*\d)")


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a question names.

    codes: codes, versions and years in one form; names: words in lower case; operators: as "~=" or "??";
    numbered: a name and its number.
    """

    codes: frozenset[str]
    names: frozenset[str]
    numbered: tuple[tuple[str, str], ...] = ()
    operators: frozenset[str] = frozenset()

    @classmethod
    def of(cls, question: Question) -> Constraints:
        """Read the constraints of a question, without those of earlier turns."""
        text = question.text
        codes = {normal_code(match.group()) for match in _CODE.finditer(text)}
        codes |= {match.group() for match in _YEAR.finditer(text)}
        codes |= {match.group().split()[-1].lstrip("0") for match in _LABELLED.finditer(text)}
        names = frozenset(_names(text, question.language) - question.address_terms) | _symbols(text)
        numbered = tuple((m[1], m[2]) for m in _NUMBERED_NAME.finditer(text) if m[1].lower() in names)
        operators = frozenset(_OPERATOR.findall(text))
        return cls(frozenset(code for code in codes if len(code) > 1), names, numbered, operators)

    def missing_numbered(self, text: str) -> bool:
        """Return whether a name with a number ("Type 2") is missing from a text."""
        return any(
            not re.search(
                rf"{re.escape(name)}[\W_]*(?:version\s*)?v?0*{number}(?!\d)"
                rf"|{re.escape(name)}\W[^.\n]{{0,30}}(?<![\d.]){number}\.[\dx]",
                text,
                re.IGNORECASE,
            )
            for name, number in self.numbered
        )

    def missing_codes(self, *texts: str) -> frozenset[str]:
        """Return the codes, versions and years that none of the texts has."""
        return frozenset(code for code in self.codes if not any(_holds(text, code) for text in texts))

    def missing_names(self, *texts: str) -> frozenset[str]:
        """Return the names that none of the texts has, not even misspelt."""
        if not self.names:
            return frozenset()
        words = frozenset[str]().union(*(words_of(text) for text in texts))
        capitals = "|".join(_capitals(text) for text in texts)
        lower = [text.lower() for text in texts]
        solid = [_JOINTS.sub("", text) for text in lower if any(map(_JOINTS.search, self.names))]
        return frozenset(
            name
            for name in self.names
            if not (_ends(name, lower) if name[0] == "." else _stands(name, words, solid, capitals))
        )


def _stands(name: str, words: frozenset[str], solid: list[str], capitals: str) -> bool:
    """Return whether a text has a name: word by word, with other separators, or spelt out where it is an abbreviation.

    solid: the texts without joints; capitals: the first letters of their words with a capital.
    """
    if _JOINTS.search(name):
        return any(_JOINTS.sub("", name) in text for text in solid)
    return has_word(name, words) or (len(name) <= _ACRONYM and name in capitals)


def _ends(ending: str, texts: list[str]) -> bool:
    """Return whether a text has a file ending or a name that begins with a point, such as ".so"."""
    return any(re.search(rf"{re.escape(ending)}(?!\w)", text) for text in texts)


def _symbols(text: str) -> frozenset[str]:
    """Return the names of code in a text: with an underscore, a point or a capital inside them, and long options."""
    return frozenset(match.group().lower() for match in _SYMBOL.finditer(text))


def _names(text: str, language: str) -> set[str]:
    """Return words with a capital within a sentence (not in German, where each noun has one), Latin ones in others."""
    if UNSPACED.search(text):
        return {match.group().lower() for match in _LATIN.finditer(text) if not any(c.isdigit() for c in match.group())}
    if language == "de":
        return set()
    words = text.split()
    if sum(word[:1].isupper() for word in words[1:] if word != "I") > len(words) * 0.6:
        return set()  # a title: each word has a capital
    return {
        match.group().lower()
        for match in _NAME.finditer(text)
        if match.start()
        and not _PEOPLES.search(match.group())
        and not _OPENS.search(text[: match.start()])
        and not _is_small(match.group(), language)
    }


def _is_small(word: str, language: str) -> bool:
    return (
        len(word) < 2
        or bool(_ROMAN.fullmatch(word))
        or is_stop_word(word.lower(), language)
        or any(char.isdigit() for char in word)
    )


def normal_code(text: str) -> str:
    """Return a code in one form, without case, hyphens, blanks and underscores: "E-1047" and "e 1047" are "e1047"."""
    solid = re.sub(r"[-_ ]", "", text.lower())
    return solid[1:] if re.match(r"v\d", solid) else solid


def _holds(text: str, code: str) -> bool:
    """Return whether a text has a code, in any of its forms; a version also where a longer one begins with it."""
    return bool(_code_pattern(code).search(text))


@lru_cache(maxsize=512)
def _code_pattern(code: str) -> re.Pattern[str]:
    parts = re.findall(r"[a-z]+|[\d.]+", code)
    wanted = "[-_ ]?".join(f"0*{re.escape(part)}" if part[0].isdigit() else re.escape(part) for part in parts)
    ends = r"(?!\d)" if "." in code else r"(?![\d]|[.,]\d)"
    begins = r"(?<![\d.])v?" if code[0].isdigit() else r"(?<![a-z\d])"
    return re.compile(begins + wanted + ends + ("" if code[-1].isdigit() else r"(?![a-z])"), re.IGNORECASE)


@lru_cache(maxsize=512)
def words_of(text: str) -> frozenset[str]:
    """Return the words of a text in lower case and without accents."""
    return frozenset(re.findall(r"\w[\w+#]*", _folded(UNSPACED.sub(" ", text))))


def _folded(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(char))


@lru_cache(maxsize=512)
def _capitals(text: str) -> str:
    """Return the first letters of the words with a capital, in order and in lower case."""
    return "".join(word[0] for word in re.findall(r"\b[A-Z]\w*", text)).lower()


def has_word(word: str, words: Iterable[str]) -> bool:
    """Return whether a word, its parts, or a misspelt form of it is among some words."""
    held = words if isinstance(words, frozenset) else frozenset(words)
    parts = [_folded(part) for part in _WORD.findall(word)] or [word]
    return all(part in held or _nearly(part, held) for part in parts)


def _nearly(word: str, held: frozenset[str]) -> bool:
    if len(word) < _SHORT:
        return any(other.startswith(word) for other in held if len(other) <= len(word) + 2)
    allowed = 1 if len(word) < _LONG else 2
    return any(
        other.startswith(word[:-1])
        or (
            abs(len(other) - len(word)) <= allowed
            and other[0] == word[0]
            and edit_distance(word, other, limit=allowed) <= allowed
        )
        for other in held
        if len(other) > 2
    )


def around(hit: Hit) -> str:
    """Return the context of a passage: title, headings, columns, source and metadata."""
    held = " ".join(f"{key} {value}" for key, value in hit.metadata.items())
    return f"{hit.title}\n{hit.heading}\n{hit.context}\n{hit.source}\n{held}"


def gives_kind(question: Question, piece: str) -> bool:
    """Return whether a piece can hold the requested kind of answer: a time, an amount, a person."""
    if not (_ASKS.match(question.text) or UNSPACED.search(question.text)):
        return True  # "what holds when .." asks for no date
    if "date" in question.kinds:
        wanted = _DEFINITE if _PAST_EVENT.search(question.text) else _TIME
        if not wanted.search(piece):
            return False
    piece = _NUMBERING.sub(" ", piece)
    if "money" in question.kinds and not _PRICE.search(piece):
        return False
    if _TIME_UNITS.search(question.text) and not _DURATION.search(piece):
        return False
    if question.kinds & {"figure", "money"} and not question.kinds & {"date", "how"}:
        bare = _YEARS.sub("", piece) if _COUNTS.search(question.text) else piece
        if not (_QUANTITY.search(bare) or _SPAN.search(bare)):
            return False
    return not ("who" in question.kinds and not UNSPACED.search(piece) and not _PERSON.search(piece))
