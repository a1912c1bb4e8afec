"""Fields of Word: links, form fields with their values, and field codes, which are not text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.office.pieces import joined
from ragkit_ingest.readers.office.word.paragraphs import Paragraph
from ragkit_ingest.readers.text.symbols import symbol_text

TICKED: Final = "☒"
UNTICKED: Final = "☐"
_MAX_OPEN: Final = 100
_MAX_CODE: Final = 4_000
_ADDRESS: Final = re.compile(r'\s*HYPERLINK\s+(?:"([^"]*)"|([^\s\\"]\S*))', re.IGNORECASE)
_SYMBOL: Final = re.compile(r'\s*SYMBOL\s+(0x[0-9a-f]{1,4}|\d{1,5})(?:.{0,50}?\\f\s*"?([^"\\]{1,40}))?', re.IGNORECASE)
_BUTTON: Final = re.compile(r"\s*MACROBUTTON\s+\S+\s+(.{1,200})", re.IGNORECASE | re.DOTALL)
_FORMULA: Final = re.compile(r"\s*EQ\s+(.{1,500})", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class FormField:
    """The data of a legacy form field (w:ffData)."""

    box: bool = False
    default: bool = False
    ticked: bool | None = None
    choices: list[str] = field(default_factory=list)
    chosen: int = 0


@dataclass(slots=True)
class _Field:
    paragraph: Paragraph
    start: int  # place of its result in the paragraph
    code: list[str] = field(default_factory=list)
    size: int = 0
    in_code: bool = True
    form: FormField | None = None


class Fields:
    """Reads w:fldChar and w:instrText; fields can be nested, and span paragraphs."""

    def __init__(self) -> None:
        self._open: list[_Field] = []
        self._codes = 0  # open fields that are still in their code

    @property
    def in_code(self) -> bool:
        """Whether text is the code of a field, which nobody sees."""
        return self._codes > 0

    def mark(self, kind: str, paragraph: Paragraph) -> None:
        """Take a w:fldChar: "begin", "separate" or "end"."""
        if kind == "begin":
            if len(self._open) < _MAX_OPEN:
                self._open.append(_Field(paragraph, len(paragraph.pieces)))
                self._codes += 1
        elif kind == "separate" and self._open:
            self._leave_code(self._open[-1])
            self._open[-1].paragraph, self._open[-1].start = paragraph, len(paragraph.pieces)
        elif kind == "end" and self._open:
            one = self._open.pop()
            self._leave_code(one)
            if not self.in_code:
                _finish(one, paragraph)

    def code(self, text: str) -> None:
        """Take a piece of a field's code."""
        if self._open and self._open[-1].in_code and self._open[-1].size < _MAX_CODE:
            self._open[-1].code.append(text)
            self._open[-1].size += len(text)

    def form(self) -> FormField | None:
        """Return the form data of the innermost field, begun when there was none."""
        if not self._open:
            return None
        self._open[-1].form = self._open[-1].form or FormField()
        return self._open[-1].form

    def end_paragraph(self, paragraph: Paragraph) -> None:
        """End a paragraph: a field whose code is still open is damaged, and hides no further text."""
        for one in self._open:
            if one.in_code and one.paragraph is paragraph:
                self._leave_code(one)

    def _leave_code(self, one: _Field) -> None:
        self._codes -= one.in_code
        one.in_code = False


def _finish(one: _Field, paragraph: Paragraph) -> None:
    """End a field: its address follows its result; where it has no result, its value is shown."""
    code = "".join(one.code)
    start = one.start if one.paragraph is paragraph else 0
    result = joined(paragraph.pieces[start:]).strip()
    link = _ADDRESS.match(code)
    if link:
        paragraph.add(address_after(result, link[1] or link[2] or ""))
    elif not result:
        paragraph.add(_value(one.form, code))


def _value(form: FormField | None, code: str) -> str:
    """Return the text of a field without a result."""
    if form is not None and form.box:
        return TICKED if (form.default if form.ticked is None else form.ticked) else UNTICKED
    if form is not None and form.choices:
        return form.choices[min(form.chosen, len(form.choices) - 1)]
    symbol = _SYMBOL.match(code)
    if symbol:
        number = int(symbol[1], 16 if symbol[1].lower().startswith("0x") else 10)
        return symbol_text(chr(number), (symbol[2] or "Symbol").strip()) if not 0xD800 <= number < 0xE000 else ""
    shown = _BUTTON.match(code) or _FORMULA.match(code)
    return shown[1].strip() if shown else ""
