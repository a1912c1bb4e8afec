"""Content controls of Word (w:sdt): check boxes, choices, and values that come from the data of the document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.office.pieces import joined
from ragkit_ingest.readers.office.word.fields import TICKED, UNTICKED
from ragkit_ingest.readers.office.word.paragraphs import Paragraph
from ragkit_ingest.readers.office.word.styles import is_on
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.zip_package import Event, Parts

_BUILT_IN: Final = {
    "{6C3C8BC8-F283-45AE-878A-BAB7291924A1}": "docProps/core.xml",
    "{6668398D-A668-4E3E-A5EB-62B293D839F1}": "docProps/app.xml",
}
_MAX_VALUES: Final = 20_000
_STORE: Final = re.compile(r"customXml/item(\d+)\.xml", re.IGNORECASE)


class BoundData:
    """The XML data of a document that content controls are bound to; it is read when a control asks for it."""

    def __init__(self, package: Parts | None) -> None:
        self._package = package
        self._stores: dict[str, dict[str, str]] | None = None

    def value(self, store: str, path: str) -> str:
        """Return the text at a path such as /ns0:order[1]/ns0:customer[1]; "" where there is none."""
        if self._package is None or not path:
            return ""
        if self._stores is None:
            self._stores = _read_stores(self._package)
        steps = [_step(step) for step in path.strip("/").split("/")]
        wanted = "/".join(steps)
        known = self._stores.get(store.upper())
        if known is not None:
            return known.get(wanted, "")
        return next((values[wanted] for values in self._stores.values() if wanted in values), "")


def _step(step: str) -> str:
    name, _, index = step.partition("[")
    sign = "@" if name.startswith("@") else ""
    return f"{sign}{name.lstrip('@').rpartition(':')[2]}" + ("" if sign else f"[{index.rstrip(']') or 1}]")


def _read_stores(package: Parts) -> dict[str, dict[str, str]]:
    stores: dict[str, dict[str, str]] = {}
    for name in package.names():
        match = _STORE.fullmatch(name.lstrip("/"))
        if match is None or len(stores) >= 50:
            continue
        identity = name
        properties = f"customXml/itemProps{match[1]}.xml"
        if properties in package:
            identity = _identity(package, properties) or name
        stores[identity] = _values(package, name)
    for identity, part in _BUILT_IN.items():
        if part in package:
            stores[identity] = _values(package, part)
    return stores


def _identity(package: Parts, part: str) -> str:
    try:
        for event in package.events(part):
            if event.kind == "start" and event.name == "datastoreItem":
                return event.attributes.get("itemID", "").upper()
    except ExtractionError:
        return ""  # what a control is bound to is not worth the document
    return ""


def _values(package: Parts, part: str) -> dict[str, str]:
    """Return the texts of an XML part by their path; those in elements deeper than 30 are left out.

    A part that is damaged gives what comes before the damage.
    """
    reader = _PathReader()
    with suppress(ExtractionError):
        for event in package.events(part):
            reader.take(event)
    return reader.values


class _PathReader:
    """Collects the texts of an XML part by path."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._path: list[str] = []
        self._counts: list[dict[str, int]] = [{}]
        self._words: list[str] = []

    def take(self, event: Event) -> None:
        if event.kind == "text":
            self._words.append(event.text)
        elif event.kind == "start":
            counts = self._counts[-1]
            counts[event.name] = counts.get(event.name, 0) + 1
            self._path.append(f"{event.name}[{counts[event.name]}]")
            self._counts.append({})
            self._words.clear()
            for key, value in event.attributes.items():
                self._keep([*self._path, f"@{key}"], value)
        else:
            self._keep(self._path, "".join(self._words))
            self._words.clear()
            self._path.pop()
            self._counts.pop()

    def _keep(self, path: list[str], text: str) -> None:
        text = squeeze(text)
        if text and len(path) <= 30 and len(self.values) < _MAX_VALUES:
            self.values["/".join(path)] = text


@dataclass(slots=True)
class Control:
    """A content control that is open. store, path: the data that it is bound to; plain: it holds text only."""

    ticked: bool | None = None
    is_box: bool = False
    store: str = ""
    path: str = ""
    plain: bool = False
    placeholder: bool = False
    choices: dict[str, str] = field(default_factory=dict)
    paragraph: Paragraph | None = None
    start: int = 0
    in_content: bool = False

    def take(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take an element of its properties."""
        if name == "checked":
            self.ticked = is_on(attributes)
        elif name == "checkbox":
            self.is_box = True
        elif name == "text":
            self.plain = True
        elif name == "showingPlcHdr":
            self.placeholder = is_on(attributes)
        elif name == "dataBinding":
            self.store, self.path = attributes.get("storeItemID", ""), attributes.get("xpath", "")
        elif name == "listItem" and len(self.choices) < 1_000:
            shown = attributes.get("displayText") or attributes.get("value", "")
            self.choices[attributes.get("value", shown)] = shown

    def begin(self, paragraph: Paragraph | None) -> None:
        """Begin the content, in a paragraph or between paragraphs."""
        self.in_content = True
        self.paragraph, self.start = paragraph, len(paragraph.pieces) if paragraph else 0

    def finish(self, data: BoundData) -> None:
        """End the content: a check box gets its mark, a bound control its value."""
        paragraph = self.paragraph
        if paragraph is None or not (self.path or (self.is_box and self.ticked is not None)):
            return
        shown = joined(paragraph.pieces[self.start :]).strip()
        value = ""
        if self.is_box and self.ticked is not None:
            value = TICKED if self.ticked else UNTICKED
        elif self.path and (self.plain or self.placeholder or not shown):
            value = data.value(self.store, self.path)
            value = self.choices.get(value, value)
        if value and value != squeeze(shown):
            del paragraph.pieces[self.start :]
            paragraph.add(value)
