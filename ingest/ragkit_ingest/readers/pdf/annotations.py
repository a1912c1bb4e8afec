"""Annotations of a PDF's pages: form fields, notes, links and attached files, by pdfium."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ragkit_ingest.readers.pdf.calls import wide_text
from ragkit_ingest.readers.titles import squeeze

_PAGE_LIMIT: Final = 2_000  # annotations of a page that are looked at
_VALUE_LIMIT: Final = 20_000  # bytes of one value
_NAMED: Final = 10  # attached files that a warning names
_HIDDEN: Final = 2  # annotation flag
_URI: Final = 3  # type of an action
_LINK, _FILE, _WIDGET = 2, 17, 20
_NOTES: Final = frozenset(
    {1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
)  # text, free text, shapes, highlights, stamps
_CHECK, _RADIO, _COMBO, _LIST, _TEXT, _SIGNATURE = 2, 3, 4, 5, 6, 7
_DYNAMIC_XFA: Final = 2
TICKED: Final = "☒"
EMPTY: Final = "☐"


class Field(NamedTuple):
    """A form field on a page: its name, value and place in points; tick: it is a check box."""

    label: str
    value: str
    left: float
    right: float
    bottom: float
    top: float
    tick: bool


class WebLink(NamedTuple):
    """A link to a web address, the text under it, and its place."""

    address: str
    text: str
    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True, slots=True)
class Marks:
    """The annotations of one page."""

    fields: tuple[Field, ...] = ()
    notes: tuple[str, ...] = ()
    links: tuple[WebLink, ...] = ()
    files: tuple[str, ...] = ()


NOTHING: Final = Marks()


class Annotations:
    """The annotations of an open document; call `close` before closing the document."""

    def __init__(self, api: Any, document: Any) -> None:
        self._api = api
        self._document = document
        self._form: Any = None
        self._address = ctypes.create_string_buffer(2048)
        self._units = (ctypes.c_ushort * 512)()
        kind = api.FPDF_GetFormType(document)
        self.dynamic = kind == _DYNAMIC_XFA
        if kind:
            self._info = api.FPDF_FORMFILLINFO(version=2)
            self._form = api.FPDFDOC_InitFormFillEnvironment(document, self._info)

    def close(self) -> None:
        """Free the form environment."""
        if self._form:
            self._api.FPDFDOC_ExitFormFillEnvironment(self._form)
            self._form = None

    def attached(self) -> list[str]:
        """Return the names of the files that are attached to the document."""
        api = self._api
        count = min(max(api.FPDFDoc_GetAttachmentCount(self._document), 0), _PAGE_LIMIT)
        names = (self._file_name(api.FPDFDoc_GetAttachment(self._document, at)) for at in range(count))
        return [name or "a file without a name" for name in names]

    def on(self, page: Any, text_page: Any) -> Marks:
        """Return the annotations of a page."""
        api = self._api
        count = api.FPDFPage_GetAnnotCount(page)
        if count <= 0:
            return NOTHING
        fields: list[Field] = []
        notes: list[str] = []
        links: list[WebLink] = []
        files: list[str] = []
        for annotation, kind in self._each(page, min(count, _PAGE_LIMIT)):
            if kind == _WIDGET and self._form:
                fields += self._field(annotation)
            elif kind == _LINK:
                links += self._link(annotation, text_page)
            elif kind == _FILE:
                files.append(self._file_name(api.FPDFAnnot_GetFileAttachment(annotation)) or "a file without a name")
            elif kind in _NOTES:
                words = squeeze(self._entry(annotation, b"Contents"))
                if words:
                    notes.append(f"[Note: {words}]")
        return Marks(tuple(fields), tuple(notes), _once_each(links), tuple(files))

    def _each(self, page: Any, count: int) -> Iterator[tuple[Any, int]]:
        api = self._api
        for at in range(count):
            annotation = api.FPDFPage_GetAnnot(page, at)
            if not annotation:
                continue
            try:
                if not api.FPDFAnnot_GetFlags(annotation) & _HIDDEN:
                    yield annotation, api.FPDFAnnot_GetSubtype(annotation)
            finally:
                api.FPDFPage_CloseAnnot(annotation)

    def _rect(self, annotation: Any) -> tuple[float, float, float, float]:
        rect = self._api.FS_RECTF()
        if not self._api.FPDFAnnot_GetRect(annotation, rect):
            return (0.0, 0.0, 0.0, 0.0)
        low, high = sorted((rect.bottom, rect.top))
        return (rect.left, rect.right, low, high)

    def _field(self, annotation: Any) -> list[Field]:
        api, form = self._api, self._form
        kind = api.FPDFAnnot_GetFormFieldType(form, annotation)
        if kind in (_CHECK, _RADIO):
            value = TICKED if self._ticked(annotation) else EMPTY
        elif kind in (_COMBO, _LIST):
            value = self._chosen(annotation) or self._of_field(api.FPDFAnnot_GetFormFieldValue, annotation)
        elif kind == _TEXT:
            value = self._of_field(api.FPDFAnnot_GetFormFieldValue, annotation)
        else:
            return []
        if not value:
            return []
        label = self._of_field(api.FPDFAnnot_GetFormFieldAlternateName, annotation)
        label = label or self._of_field(api.FPDFAnnot_GetFormFieldName, annotation).rpartition(".")[2]
        return [Field(label, value, *self._rect(annotation), tick=kind in (_CHECK, _RADIO))]

    def _ticked(self, annotation: Any) -> bool:
        """Tell whether a box is checked: by its state, else by its field's value where it has none."""
        api = self._api
        if api.FPDFAnnot_IsChecked(self._form, annotation):
            return True
        state = self._entry(annotation, b"AS")
        return (state or self._of_field(api.FPDFAnnot_GetFormFieldValue, annotation)) not in ("", "Off")

    def _chosen(self, annotation: Any) -> str:
        api, form = self._api, self._form
        count = min(max(api.FPDFAnnot_GetOptionCount(form, annotation), 0), _PAGE_LIMIT)
        chosen = [
            squeeze(_string(lambda *to, at=at: api.FPDFAnnot_GetOptionLabel(form, annotation, at, *to)))
            for at in range(count)
            if api.FPDFAnnot_IsOptionSelected(form, annotation, at)
        ]
        return ", ".join(filter(None, chosen))

    def _of_field(self, ask: Callable[..., int], annotation: Any) -> str:
        return squeeze(_string(lambda *to: ask(self._form, annotation, *to)))

    def _link(self, annotation: Any, text_page: Any) -> list[WebLink]:
        api = self._api
        link = api.FPDFAnnot_GetLink(annotation)
        action = api.FPDFLink_GetAction(link) if link else None
        if not action or api.FPDFAction_GetType(action) != _URI:
            return []
        buffer, units = self._address, self._units
        size = api.FPDFAction_GetURIPath(self._document, action, buffer, len(buffer))
        address = buffer.raw[: max(size - 1, 0)].decode("utf-8", "replace").strip() if size <= len(buffer) else ""
        if not address.lower().startswith(("http://", "https://", "mailto:")) or any(map(str.isspace, address)):
            return []
        left, right, bottom, top = self._rect(annotation)
        count = api.FPDFText_GetBoundedText(text_page, left, top, right, bottom, units, 511)
        text = bytes(memoryview(units).cast("B")[: 2 * max(min(count, 511), 0)]).decode("utf-16-le", "replace")
        return [WebLink(address, squeeze(text.replace("\0", "")), left, right, bottom, top)]

    def _file_name(self, attachment: Any) -> str:
        if not attachment:
            return ""
        return squeeze(_string(lambda *to: self._api.FPDFAttachment_GetName(attachment, *to)))[:100]

    def _entry(self, annotation: Any, key: bytes) -> str:
        return _string(lambda *to: self._api.FPDFAnnot_GetStringValue(annotation, key, *to))


def _string(ask: Callable[..., int]) -> str:
    return wide_text(ask, limit=_VALUE_LIMIT)


def _once_each(links: list[WebLink]) -> tuple[WebLink, ...]:
    """Return the links; one that spans several lines is returned once, at its last line."""
    return tuple(link for at, link in enumerate(links) if at + 1 == len(links) or links[at + 1].address != link.address)


def attached_words(names: list[str]) -> str:
    """Return the warning that lists attached files."""
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
    return f"{len(names):,} attached file{'s are' if len(names) > 1 else ' is'} not read: {shown}"
