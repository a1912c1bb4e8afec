"""The code page of bytes that are not UTF-8: each decoding is judged by the plausibility of its script."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from ragkit_ingest.readers.text.half_width import is_half_width_japanese

SURE: Final = 0.72
"""A decoding of at least this plausibility is taken without charset-normalizer."""
_SAMPLE: Final = 1 << 16  # bytes that are judged
_LETTERS: Final = 6_000  # characters beyond ASCII that are judged

_WESTERN: Final = (  # the letters beyond ASCII of all languages together, then of each
    "éèàùçâêîôûëïöüßåäæøœñáíóúìòãõ",
    "äöüß",
    "éèàùçâêîôûëïœæü",
    "áéíóúñü",
    "ãõáéíóúâêôçàü",
    "àèéìòù",
    "åäöé",
    "æøåéó",
    "áðéíóúýþæö",
)
_LATIN: Final[dict[str, tuple[str, ...]]] = {  # code page -> the letters beyond ASCII of each language written in it
    "cp1252": _WESTERN,
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșțşţ", "čćđšž"),
    "iso8859_2": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșțşţ", "čćđšž"),
    "cp1254": ("çğıöşüİâîû",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),
    "cp850": _WESTERN,
    "mac_roman": _WESTERN,
}
_MIXED_FIRST: Final = 0.8  # what the list of all Western letters together is worth against that of one language
_RUSSIAN: Final = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
_CYRILLIC: Final = "оеаинтсрвлкмдпуяіыьгзбчйхжшюцїщэфъєёґўђћљњџјѕќѓ"
_GREEK: Final = "αοιετσνηυρπκμλςίόάέωήύγδώθχφβξζψϊϋΐΰ"
_ALPHABETS: Final[dict[str, str]] = {  # code page -> its lower-case letters, the most frequent ones first
    "cp1251": _CYRILLIC,
    "koi8_r": _RUSSIAN,
    "koi8_u": _RUSSIAN + "іїєґ",
    "iso8859_5": _CYRILLIC,
    "cp866": _RUSSIAN,
    "cp1253": _GREEK,
    "iso8859_7": _GREEK,
    "cp1255": "יוהלאמרתבשנםדקחפעטכגסזצןךץף",
    "cp1256": "اليمنوترةبعدسفقحكهجأشخصضزثطغذظإىئءؤآپچژگ",
}
_WIDE: Final = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
CANDIDATES: Final = (
    "cp1252",
    *_WIDE,
    *_ALPHABETS,
    "cp874",
    "cp1250",
    "iso8859_2",
    "cp1254",
    "cp1257",
    "cp850",
    "mac_roman",
)
"""The code pages that are tried; of equally plausible ones the first is taken."""
NAMES: Final = {"cp932": "shift_jis", "cp949": "euc_kr", "gb18030": "gbk", "cp874": "windows-874"}
_WORD = re.compile(r"[^\W\d_]+(?:[\u0300-\u036f\u0591-\u05c7\u064b-\u0652]+[^\W\d_]*)*")
_TYPOGRAPHIC = frozenset("«»„“”‘’‚‹›–—…№§°€£©®•·¿¡\u00a0\u00ad†‡™½¼¾²³±×ºª¹²³´`¨¥¢¤µ\u200e\u200f،؛؟")
_EAST_MARKS = re.compile(
    "[\u3000-\u3002\u3005\u3008-\u3011\u3014\u3015\u30fb\u30fc\uff01-\uff5e\u2014\u2018-\u201d\u2026]"
)
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc]")
_HAN = re.compile("[\u4e00-\u9fff]")
_HALF_KANA = re.compile("[\uff61-\uff9f]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_INSIDE_LATIN = re.compile("[a-z](?![\u2018-\u201d\u2026])[^\x00-\x7f](?=[a-z])|[a-z][\u3008-\u3011](?=[ A-Z])")
_SPACED = re.compile("[\u4e00-\u9fff] (?=[\u4e00-\u9fff])")
_FREQUENT: Final = frozenset(
    "的一是不了在人有我他这這中大来來上个個国國和地到们們时時为為子用生你会會可出也以要后後对對年日月分行部品室号號電话話"
    "请請于於之前内內司方产產发發件理所者及其同事務务本天三二两兩期保修使法如此同应應当當工作高小新入名第四五六七八九十百千万萬"
)
_SYLLABLES: Final = frozenset(
    "이다는을에의고가하지한도로자기사리나라대어시인스아정일서수들보해있주만부전제과원구것으은그를게동상생장적조공거여여위비니면문"
    "까요세년월국학회성오안실용경무선신화중치관계내모마물미방법발분불산소습우유음입저점중차체출크타통트품할함해행현형호금간되된업연"
)
_RARE_THAI = re.compile("[\u0e03\u0e05\u0e06\u0e0c\u0e0e-\u0e12\u0e24\u0e26]")
_FINAL_SIGMA = re.compile(r"\u03c2\w|\u03c3\b")
_THAI_CONSONANT = re.compile("[\u0e01-\u0e2e]")
_THAI_BAD = re.compile(  # signs and vowels where no Thai word has them
    r"(?:^|[^\u0e01-\u0e2e])[\u0e31\u0e34-\u0e3a\u0e47]|[\u0e40-\u0e44](?![\u0e01-\u0e2e])|[\u0e50-\u0e59]{5}"
    r"|(?:^|[^\u0e01-\u0e2e\u0e48-\u0e4b])[\u0e32\u0e33]|(?:^|\s)[\u0e30\u0e48-\u0e4c]"
)


@dataclass(frozen=True, slots=True)
class Guess:
    """A code page and how plausible the text that it gives is: 1 and a little more for the best, -1 for nonsense."""

    encoding: str
    score: float

    @property
    def name(self) -> str:
        """The name that people know the code page by."""
        known = NAMES.get(self.encoding, self.encoding)
        return f"windows-{known[2:]}" if known.startswith("cp125") else known


def guesses(data: bytes) -> list[Guess]:
    """Return the code pages that decode a sample strictly, the most plausible first."""
    sample = _sample(data)
    found: list[Guess] = []
    for encoding in CANDIDATES:
        text = _strict(sample, encoding)
        if text is None:
            continue
        found.append(Guess(encoding, _judge(encoding)(text)))
    return sorted(found, key=lambda guess: -guess.score)  # the sort is stable: earlier candidates win ties


def _sample(data: bytes) -> bytes:
    """Return the first part that has bytes beyond ASCII: a licence in English may stand before the text."""
    first = next((start for start in range(0, len(data), _SAMPLE) if not data[start : start + _SAMPLE].isascii()), 0)
    return data[first : first + _SAMPLE]


def _strict(sample: bytes, encoding: str) -> str | None:
    """Decode strictly, except for a character that the end of the sample cuts."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample, final=len(sample) < _SAMPLE)
    except UnicodeDecodeError:
        return None


@cache
def _judge(encoding: str) -> Callable[[str], float]:
    if encoding in _LATIN:
        return lambda text: _latin(text, encoding)
    if encoding in _ALPHABETS:
        return lambda text: _alphabet(text, _ALPHABETS[encoding])
    if encoding == "cp874":
        return _thai
    return lambda text: _east_asian(text, encoding)


def _beyond(text: str) -> str:
    """Return the characters beyond ASCII."""
    return re.sub(r"[\x00-\x7f]+", "", text)[:_LETTERS]


def _symbols(text: str) -> tuple[float, int]:
    """Return the sum of the weights of characters beyond ASCII that are no letters, and their number."""
    marks = [char for char in _beyond(text) if not char.isalpha()]
    weight = sum(0.6 if char in _TYPOGRAPHIC else -1.0 for char in marks)
    return weight, len(marks)


def _latin(text: str, encoding: str) -> float:
    """Judge by the one language whose letters explain most of the letters beyond ASCII."""
    letters = [char for char in _beyond(text) if char.isalpha()]
    marks, count = _symbols(text)
    inside = len(re.findall(r"[A-Za-z][^\x00-\x7f\w’‘´\u00ad·‑–—][A-Za-z]", text))
    swapped = len(re.findall(r"[a-z][À-ÖØ-Þ]|[a-z][^\W\d_a-z][A-Z]", text))
    total = len(letters) + count
    if not total:
        return 0.0
    best = 0.0
    for number, alphabet in enumerate(_LATIN[encoding]):
        known = sum(char.lower() in alphabet or char in alphabet for char in letters)
        share = _MIXED_FIRST if _LATIN[encoding] is _WESTERN and number == 0 else 1.0
        best = max(best, known * share - (len(letters) - known))
    lonely = _lonely(text)
    strange = 1.5 * lonely if lonely * 2 > total else 0.3 * lonely
    return max(-1.0, (best + marks - 2 * inside - swapped - strange) / total)


def _lonely(text: str) -> int:
    """Count letters beyond ASCII in words that have no ASCII letter and are longer than two: another script's words."""
    words = _WORD.findall(text[: 4 * _LETTERS])
    return sum(len(word) for word in words if len(word) > 2 and not re.search("[a-zA-Z]", word))


def _alphabet(text: str, alphabet: str) -> float:
    """Judge an alphabet with one byte a letter: words of one script, sensible case, frequent letters."""
    worth = {char: max(0.25, 1.15 - 0.9 * place / len(_RUSSIAN)) for place, char in enumerate(alphabet)}
    total, good = 0, 0.0
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isascii():
            continue
        total += len(word)
        lower = word.lower()
        foreign = any(char not in worth for char in lower)
        if foreign or _FINAL_SIGMA.search(word) or not _sensible_case(word):
            good -= len(word)
        else:
            good += sum(map(worth.__getitem__, lower))
        if total > _LETTERS:
            break
    marks, count = _symbols(text)
    return max(-1.0, (good + marks) / (total + count)) if total else 0.0


def _sensible_case(word: str) -> bool:
    return word == word.lower() or word == word.upper() or word[1:] == word[1:].lower()


def _thai(text: str) -> float:
    """Judge Thai: half of it is consonants, and no vowel sign stands without one."""
    beyond = [char for char in _beyond(text) if char not in _TYPOGRAPHIC]
    thai = sum("\u0e01" <= char <= "\u0e5b" for char in beyond)
    if not thai:
        return 0.0
    share = len(_THAI_CONSONANT.findall(text)) / max(1, len(re.findall("[\u0e01-\u0e5b]", text)))
    bad = len(_THAI_BAD.findall(text)) / thai
    mixed = len(re.findall(r"[a-zA-Z][\u0e01-\u0e5b]|[\u0e01-\u0e5b][a-zA-Z]", text)) / thai
    rare = len(_RARE_THAI.findall(text)) / thai
    odd = max(0.0, 0.5 - share, share - 0.82) * 4 + 3 * bad + 2 * mixed + 2 * max(0.0, rare - 0.05)
    return max(-1.0, 0.97 * thai / len(beyond) - odd)


def _east_asian(text: str, encoding: str) -> float:
    """Judge by the characters that people of the encoding's language use: kana, frequent ideographs, Hangul."""
    beyond = _beyond(text)
    if not beyond:
        return 0.0
    weight, kana, han = 0.0, len(_KANA.findall(beyond)), len(_HAN.findall(beyond))
    japanese = encoding in ("cp932", "euc_jp")
    half_width = len(_HALF_KANA.findall(beyond)) if japanese else 0
    if half_width and is_half_width_japanese(text[: 4 * _LETTERS]):
        kana += half_width
        weight += 1.4 * half_width  # 0.9 in place of -0.5
    for char in beyond:
        weight += _east_weight(char, encoding)
    mixed = len(_INSIDE_LATIN.findall(text))
    score = weight / len(beyond) - mixed / len(beyond)
    if japanese and kana * 20 < han:
        score -= 0.35 if han > 20 else 0.1  # Japanese without kana is a list of names at most
    if han and encoding != "cp949":
        score -= 0.5 * len(_SPACED.findall(text)) / han  # Chinese and Japanese words have no blanks between them
    return max(-1.0, score)


def _east_weight(char: str, encoding: str) -> float:
    if _EAST_MARKS.match(char):
        return 0.9
    if encoding == "cp949":
        return _hangul_weight(char) if _HANGUL.match(char) else -0.4
    if _KANA.match(char):
        return 1.0 if encoding in ("cp932", "euc_jp") else -0.6
    if _HALF_KANA.match(char):
        return -0.5
    if _HAN.match(char):
        return _han_weight(char, encoding)
    return -0.8


@cache
def _han_weight(char: str, encoding: str) -> float:
    """Return the weight of an ideograph: each standard sorts the frequent ones into a first level."""
    standard, first, last = {
        "cp932": ("euc_jp", 0xB0, 0xCF),
        "euc_jp": ("euc_jp", 0xB0, 0xCF),
        "gb18030": ("gb2312", 0xB0, 0xD7),
        "big5": ("big5", 0xA4, 0xC6),
    }[encoding]
    try:
        raw = char.encode(standard)
    except UnicodeEncodeError:
        return -0.8
    if len(raw) == 2 and first <= raw[0] <= last:
        return 1.0 if char in _FREQUENT else 0.85
    return -0.2


@cache
def _hangul_weight(char: str) -> float:
    """Return the weight of a syllable: EUC-KR proper has two bytes for each of 2,350, and most texts need few."""
    try:
        return -1.0 if len(char.encode("euc_kr")) != 2 else 1.0 if char in _SYLLABLES else 0.7
    except UnicodeEncodeError:
        return -1.0
