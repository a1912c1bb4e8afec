"""Bytes to text: BOMs, UTF-16 by its NULs, UTF-8 with few bad bytes, then a detected or declared code page."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragkit import ExtractionError
from ragkit_ingest.readers.text.code_pages import CANDIDATES, SURE, Guess, guesses

_BOMS = (  # UTF-32 LE begins with the mark of UTF-16 LE, so it comes first
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 1 << 16
_STRAY = 12  # bytes beyond ASCII that may be damage
_PLAUSIBLE = 0.3  # a decoding of less is taken only when nothing else fits
_CONTROLS = bytes([*range(1, 8), *range(14, 27), *range(28, 32), 127])
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_TYPOGRAPHIC = frozenset(b"\x80\x82\x84\x85\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9b\xa0\xa7\xa9\xab\xae\xb0\xb1\xbb")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, the encoding it was in, and what was guessed or lost."""

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def decode(data: bytes, *, declared: str = "") -> Decoded:
    """Decode text of any encoding; ExtractionError `binary` or `unknown_encoding` when no encoding fits.

    declared: the encoding that the file names for itself; believed only where it is not UTF-8 and decodes strictly.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _replacing(data[len(mark) :], encoding)
    wide = _wide_encoding(data)
    if wide:
        decoded = _replacing(data, wide)
        words = f"no byte order mark; read as {wide.upper()} by the pattern of its zero bytes"
        return Decoded(decoded.text, wide, (words, *decoded.warnings))
    if _is_binary(data):
        raise ExtractionError("binary", "its bytes are not text")
    if data.isascii() and (b"\x1b$B" in data or b"\x1b$@" in data):
        return _escaped(data)
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        return _not_utf8(data, declared)


def decoded_text(data: bytes, warn: Callable[[str], None], *, declared: str = "") -> str:
    """Return the text of a file as `decode` does, and warn of what was guessed or lost."""
    decoded = decode(data, declared=declared)
    for words in decoded.warnings:
        warn(words)
    return decoded.text


def text_only(data: bytes) -> bool:
    """Tell whether bytes can be text in any encoding."""
    return data.startswith(tuple(mark for mark, _ in _BOMS)) or bool(_wide_encoding(data)) or not _is_binary(data)


def _replacing(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, "replace")
    lost = text.count("\ufffd") - data.count("\ufffd".encode(encoding))
    if lost <= 0:
        return Decoded(text, encoding)
    return Decoded(text, encoding, (f"{lost:,} bad bytes or units became U+FFFD (the file is {encoding.upper()})",))


def _escaped(data: bytes) -> Decoded:
    """Decode ISO-2022-JP, whose escape sequences no other text has."""
    text = data.decode("iso2022_jp_2", "replace")
    lost = text.count("\ufffd")
    words = "not UTF-8, encoding guessed: iso-2022-jp"
    return Decoded(text, "iso2022_jp", (words, f"{lost:,} bad bytes became U+FFFD") if lost else (words,))


def _wide_encoding(data: bytes) -> str:
    """Return UTF-16 LE or BE when every second byte of a sample is mostly zero and the others hardly ever."""
    sample = data[:4096]
    if len(sample) < 4 or len(data) % 2:
        return ""
    even, odd = sample[0::2].count(0) / len(sample[0::2]), sample[1::2].count(0) / len(sample[1::2])
    if odd > 0.4 and even < 0.02:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.02 else ""


def _is_binary(data: bytes) -> bool:
    """Judge by control characters: a text may hold some zero bytes between sentences, and hardly any others."""
    for sample in (data[:_SAMPLE], data[len(data) // 2 : len(data) // 2 + _SAMPLE]):
        controls = len(sample) - len(sample.translate(None, _CONTROLS))
        if controls * 20 > len(sample) or sample.count(0) * 4 > len(sample):
            return True
    return False


def _not_utf8(data: bytes, declared: str) -> Decoded:
    good, bad = _count_sequences(data)
    if bad <= good or (good == 0 and not _plausible_letters(data) and not _certain(data)):
        text = data.decode("utf-8", "replace")
        lost = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
        if good or lost * 20 < len(data):
            return Decoded(text, "utf-8", (f"{lost:,} bad bytes became U+FFFD (the file is UTF-8 otherwise)",))
    if declared:
        try:
            return Decoded(data.decode(declared), codecs.lookup(declared).name)
        except (LookupError, ValueError):  # ValueError: the text, or a NUL in the name
            pass  # the declaration is wrong; detection comes next
    return _detected(data)


def _count_sequences(data: bytes) -> tuple[int, int]:
    """Count runs of high bytes in the first megabyte that are UTF-8 as they stand, and runs that are not."""
    good = bad = 0
    for match in _HIGH_RUN.finditer(data, 0, 1 << 20):
        try:
            match.group().decode("utf-8")
            good += 1
        except UnicodeDecodeError:
            bad += 1
    return good, bad


def _plausible_letters(data: bytes) -> bool:
    """Tell whether most high bytes would make sense in windows-1252: letters among letters, or typographic marks."""
    sensible = seen = 0
    for match in _HIGH_RUN.finditer(data, 0, 1 << 20):
        seen += 1
        first, size = match.group()[0], match.end() - match.start()
        before = data[match.start() - 1 : match.start()]
        beside = before.isalpha() or data[match.end() : match.end() + 1].isalpha()
        sensible += first in _TYPOGRAPHIC or size > 3 or (first >= 0xC0 and beside)
    return sensible * 5 >= seen * 4


def _detected(data: bytes) -> Decoded:
    """Take the code page whose script is the most plausible; charset-normalizer decides where none is plausible."""
    found = guesses(data)
    best = found[0] if found and found[0].score >= SURE else _second_opinion(data, found)
    if best is None:
        raise ExtractionError("unknown_encoding", "not UTF-8, and no other encoding fits", cure="save it as UTF-8")
    text = data.decode(best.encoding, "replace")
    lost = text.count("\ufffd")
    if lost * 50 > len(text):
        raise ExtractionError("unknown_encoding", "not UTF-8, and no other encoding fits", cure="save it as UTF-8")
    words = f"not UTF-8, encoding guessed: {best.name}"
    return Decoded(text, best.encoding, (words, f"{lost:,} bad bytes became U+FFFD") if lost else (words,))


def _certain(data: bytes) -> bool:
    """Tell whether a script explains more than a few stray bytes."""
    found = guesses(data)
    return bool(found) and found[0].score >= SURE and len(data.translate(None, bytes(range(128)))) >= _STRAY


def _second_opinion(data: bytes, found: Sequence[Guess]) -> Guess | None:
    from charset_normalizer import from_bytes

    found_by_model = from_bytes(data[: _SAMPLE * 4], cp_isolation=list(CANDIDATES), threshold=0.3)
    matches = [match.encoding for match in found_by_model]
    for guess in found[:4]:
        if guess.score > _PLAUSIBLE and guess.encoding in matches:
            return guess
    if found and found[0].score > _PLAUSIBLE:
        return found[0]
    if _western(data):
        return Guess("cp1252", 0.0)
    return Guess(matches[0], 0.0) if matches else None


def _western(data: bytes) -> bool:
    undefined = sum(data.count(byte) for byte in (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d"))
    high = len(_HIGH_RUN.findall(data[: 1 << 20]))
    return undefined == 0 and high * 4 < len(data[: 1 << 20]) and _plausible_letters(data)
