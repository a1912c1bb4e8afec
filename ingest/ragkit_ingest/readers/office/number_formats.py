"""Numbers in the formats of Word's and PowerPoint's lists: letters, Roman numerals, words, digits of other scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_ONES: Final = (
    "Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve",
    "Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen",
)  # fmt: skip
_TENS: Final = ("", "", "Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety")
_ORDINALS: Final = {
    "One": "First",
    "Two": "Second",
    "Three": "Third",
    "Five": "Fifth",
    "Eight": "Eighth",
    "Nine": "Ninth",
    "Twelve": "Twelfth",
}
_ROMAN: Final = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
    (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
_HAN: Final = "〇一二三四五六七八九"
_ALPHABETS: Final = {
    "upperLetter": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "lowerLetter": "abcdefghijklmnopqrstuvwxyz",
    "russianUpper": "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЫЭЮЯ",
    "russianLower": "абвгдежзиклмнопрстуфхцчшщыэюя",
    "hebrew2": "אבגדהוזחטיכלמנסעפצקרשת",
    "arabicAlpha": "أبتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "arabicAbjad": "أبجدهوزحطيكلمنسعفصقرشتثخذضظغ",
    "aiueo": "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン",
    "aiueoFullWidth": "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン",
    "iroha": "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセス",
    "irohaFullWidth": "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセス",
    "ganada": "가나다라마바사아자차카타파하",
    "chosung": "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ",
    "ideographTraditional": "甲乙丙丁戊己庚辛壬癸",
    "ideographZodiac": "子丑寅卯辰巳午未申酉戌亥",
    "thaiLetters": "กขคงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ",
    "hindiVowels": "कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसह",
}
_DIGITS: Final = {
    "thaiNumbers": "๐๑๒๓๔๕๖๗๘๙",
    "hindiNumbers": "०१२३४५६७८९",
    "decimalFullWidth": "０１２３４５６７８９",
    "decimalFullWidth2": "０１２３４５６７８９",
    "ideographDigital": _HAN,
    "japaneseDigitalTenThousand": _HAN,
    "taiwaneseDigital": "○一二三四五六七八九",
    "koreanDigital": "영일이삼사오육칠팔구",
    "koreanDigital2": "零一二三四五六七八九",
}


def formatted(number: int, style: str, custom: str = "") -> str:
    """Return a number in one of Word's formats (ST_NumberFormat); Arabic digits where the format is not known.

    custom: the examples of a custom format: "001, 002, 003, ..." pads with zeros.
    """
    if style == "none":
        return ""
    if style == "custom":
        return str(number).zfill(len(custom.partition(",")[0].strip())) if custom[:1].isdecimal() else str(number)
    if style in _ALPHABETS:
        return letters(number, _ALPHABETS[style], doubled=style in ("upperLetter", "lowerLetter"))
    if style in _DIGITS:
        return str(number).translate({0x30 + at: sign for at, sign in enumerate(_DIGITS[style])})
    write = _WRITERS.get(style)
    return write(number) if write else str(number)


def letters(number: int, alphabet: str, *, doubled: bool = True) -> str:
    """Return a, b, … z, aa, bb, as Word counts (doubled), or the letter alone; digits beyond some rounds."""
    if number < 1:
        return str(number)
    round_, at = divmod(number - 1, len(alphabet))
    return str(number) if round_ > 20 else alphabet[at] * (round_ + 1 if doubled else 1)


def roman(number: int) -> str:
    """Return a Roman numeral in capitals; digits where there is none."""
    if not 0 < number < 10_000:
        return str(number)
    found = ""
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        found += sign * count
    return found


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _cardinal(number: int) -> str:
    if number >= 1_000_000 or number < 0:
        return str(number)
    words: list[str] = []
    for size, name in ((1000, "Thousand"), (100, "Hundred")):
        if number >= size:
            words += [_cardinal(number // size), name]
            number %= size
    if number >= 20:
        tens, ones = divmod(number, 10)
        words.append(_TENS[tens] + (f"-{_ONES[ones]}" if ones else ""))
    elif number or not words:
        words.append(_ONES[number])
    return " ".join(words).capitalize()


def _ordinal_words(number: int) -> str:
    words = _cardinal(number)
    start = max(words.rfind(" "), words.rfind("-")) + 1
    head, last = words[:start], words[start:].capitalize()
    last = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return head + (last.lower() if head else last)


def _han(number: int) -> str:
    """Chinese and Japanese counting: 十一, 二十, 一百零五 is written 一百五 in Japanese."""
    if not 0 < number < 10_000:
        return "".join(_HAN[int(digit)] for digit in str(max(number, 0)))
    found, skipped = "", False
    for size, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, size)
        if digit:
            one = digit == 1 and size == 10 and not found
            found += ("零" if skipped and found else "") + ("" if one else _HAN[digit]) + name
            skipped = False
        else:
            skipped = bool(found)
    return found


def _japanese(number: int) -> str:
    if not 0 < number < 10_000:
        return _han(number)
    found = ""
    for size, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, size)
        if digit:
            found += ("" if digit == 1 and size > 1 else _HAN[digit]) + name
    return found


def _hebrew(number: int) -> str:
    if not 0 < number < 500:
        return str(number)
    found = ""
    for value, sign in ((400, "ת"), (300, "ש"), (200, "ר"), (100, "ק")):
        count, number = divmod(number, value)
        found += sign * count
    if number in (15, 16):
        return found + ("טו" if number == 15 else "טז")
    tens, ones = divmod(number, 10)
    return found + ("יכלמנסעפצ"[tens - 1] if tens else "") + ("אבגדהוזחט"[ones - 1] if ones else "")


def _signs(first: int, last: int) -> Callable[[int], str]:
    return lambda number: chr(first + number - 1) if 0 < number <= last else str(number)


def _chicago(number: int) -> str:
    round_, at = divmod(max(number, 1) - 1, 4)
    return "*†‡§"[at] * (min(round_, 10) + 1)


_WRITERS: Final[dict[str, Callable[[int], str]]] = {
    "upperRoman": roman,
    "lowerRoman": lambda number: roman(number).lower(),
    "ordinal": _ordinal,
    "cardinalText": _cardinal,
    "ordinalText": _ordinal_words,
    "decimalZero": lambda number: f"{number:02d}",
    "numberInDash": lambda number: f"- {number} -",
    "hex": lambda number: f"{number:X}",
    "chicago": _chicago,
    "hebrew1": _hebrew,
    "chineseCounting": _han,
    "chineseCountingThousand": _han,
    "taiwaneseCounting": _han,
    "taiwaneseCountingThousand": _han,
    "japaneseCounting": _japanese,
    "koreanCounting": _japanese,
    "decimalEnclosedCircle": _signs(0x2460, 20),
    "decimalEnclosedCircleChinese": _signs(0x2460, 20),
    "decimalEnclosedParen": _signs(0x2474, 20),
    "decimalEnclosedFullstop": _signs(0x2488, 20),
    "ideographEnclosedCircle": _signs(0x3280, 10),
}
