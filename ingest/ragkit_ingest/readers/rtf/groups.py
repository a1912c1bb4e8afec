"""The groups of an RTF file: what holds between two braces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ragkit_ingest.readers.rtf.page import Page


@dataclass(slots=True)
class Field:
    """A field: its address when it is a link, and its tick when it is a check box."""

    address: str = ""
    ticked: bool | None = None


@dataclass(slots=True)
class Group:
    """The state of a group; it is copied for each group inside it.

    muted: its text is no text of the document. fallback: it says again what is read elsewhere.
    capture: where its text goes instead, with the name of its destination. fonts: it is in the table of fonts.
    """

    codec: str = ""
    font: str = ""  # its name, when it holds signs in the places of letters
    skip: int = 1
    raised: Literal["", "super", "sub"] = ""
    hidden: bool = False
    deleted: bool = False
    struck: bool = False
    muted: bool = False
    fallback: bool = False
    fonts: bool = False
    name: str = ""
    capture: list[str] | None = None
    field: Field | None = None
    page: Page | None = None
    begins_at: int = -1
