"""Subtitles (WebVTT, SubRip): speech with its speakers, and the time at which each paragraph begins."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.sniff import SRT, VTT
from ragkit_ingest.readers.text.embedded import without_embedded
from ragkit_ingest.readers.titles import squeeze

_TIMES = re.compile(
    r"[ \t]*((?:\d{1,4}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?)[ \t]*-->[ \t]*((?:\d{1,4}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?)"
)
_VOICE = re.compile(r"<v(?:\.[\w.-]+)?[ \t]+([^>]{1,80})>")
_TAG = re.compile(r"</?(?:[a-z]{1,5}\b[^<>]{0,200}|\d[\d:.]{2,14})/?>|\{\\[^{}]{1,100}\}|\{[biu]\}", re.IGNORECASE)
_ENDS = re.compile(r"[.!?…。！？][\"'”’»)]*$")
_PAUSE = 4.0  # seconds of silence that end a paragraph
_LONG = 45.0  # seconds after which a sentence's end is the end of the paragraph
_LONGEST = 2_000  # characters of a paragraph, whatever is said


@dataclass(slots=True)
class _Paragraph:
    """What one speaker says without a pause. start, end: seconds."""

    speaker: str
    start: float
    end: float
    words: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return `[0:01:05] Ana: words`."""
        words = " ".join(self.words)
        return f"[{_clock(self.start)}] {self.speaker}: {words}" if self.speaker else f"[{_clock(self.start)}] {words}"

    def grew(self, speaker: str, words: str, start: float, end: float) -> bool:
        """Take a caption that repeats the one still shown and adds words; False for any other caption."""
        if speaker != self.speaker or start >= self.end or not words.startswith(f"{self.words[-1]} "):
            return False
        self.words[-1], self.end = words, end
        return True

    def goes_on(self, speaker: str, words: str, start: float) -> bool:
        """Tell whether the next caption continues this paragraph; without a speaker, a paragraph ends with a
        sentence."""
        continues = not speaker and words[:1].islower() and not _ENDS.search(self.words[-1])
        if (
            (speaker != self.speaker and not continues)
            or start - self.end > _PAUSE
            or sum(map(len, self.words)) > _LONGEST
        ):
            return False
        return start - self.start < _LONG or not _ENDS.search(self.words[-1])


class SubtitleReader:
    """Reads text/vtt and application/x-subrip."""

    name = "subtitles"
    media_types: tuple[str, ...] = (VTT, SRT)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the speech as paragraphs; styles, notes and positions are left out, notes are counted."""
        builder = TextBuilder()
        source = decoded_text(data, builder.warn)
        text = without_embedded(source.replace("\r\n", "\n").replace("\r", "\n"), builder.warn)
        if "-->" not in text:
            builder.warn("no times in it: read as plain text")
            add_plain(builder, text)
            return builder.finish(name=name)
        end = self._speech(text, builder, hints)
        return builder.finish(name=name, metadata={"duration": _clock(end)})

    def _speech(self, text: str, builder: TextBuilder, hints: Hints) -> float:
        current: _Paragraph | None = None
        last, end, notes = "", 0.0, 0
        for number, block in enumerate(_cues(text), 1):
            times = next((index for index, line in enumerate(block[:3]) if _TIMES.match(line)), -1)
            if times < 0:
                notes += block[0].startswith("NOTE")
                continue
            start, end = _span(block[times])
            for speaker, words in _said("\n".join(block[times + 1 :])):
                before, last = last, words
                if words == before or (current is not None and current.grew(speaker, words, start, end)):
                    continue  # captions that roll up show the last line again
                if current is None or not current.goes_on(speaker, words, start):
                    if current is not None:
                        builder.paragraph(current.text())
                    current = _Paragraph(speaker, start, end)
                current.words.append(words)
                current.end = end
            if number % 5_000 == 0 and hints.budget.spent():
                builder.warn(f"stopped after {number:,} cues: out of time")
                break
        if current is not None:
            builder.paragraph(current.text())
        if notes:
            builder.warn(f"notes for editors left out: {notes:,}")
        return end


def _cues(text: str) -> Iterator[list[str]]:
    """Yield the lines of each block; a line of times begins a block even where no blank line stands before it."""
    block: list[str] = []
    for line in _lines(text):
        if not line.strip():
            if block:
                yield block
            block = []
        elif _TIMES.match(line) and any(map(_TIMES.match, block)):
            number = block.pop() if block[-1].strip().isdecimal() else ""
            yield block
            block = [number, line] if number else [line]
        else:
            block.append(line)
    if block:
        yield block


def _lines(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        yield text[position:end]
        position = end + 1


def _said(payload: str) -> Iterator[tuple[str, str]]:
    """Yield (speaker, words) of one cue, for each voice or line."""
    position, speaker = 0, ""
    for match in _VOICE.finditer(payload):
        yield from _plain(speaker, payload[position : match.start()])
        speaker, position = squeeze(match[1]), match.end()
    yield from _plain(speaker, payload[position:])


def _plain(speaker: str, payload: str) -> Iterator[tuple[str, str]]:
    for line in payload.split("\n"):
        words = squeeze(unescape(_TAG.sub("", line)))
        if words:
            yield speaker, words


def _span(line: str) -> tuple[float, float]:
    match = _TIMES.match(line)
    return (_seconds(match[1]), _seconds(match[2])) if match else (0.0, 0.0)


def _seconds(clock: str) -> float:
    parts = [float(part) for part in clock.replace(",", ".").split(":")]
    return math.fsum(part * 60.0**power for power, part in enumerate(reversed(parts)))


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
