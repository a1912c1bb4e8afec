"""PPTX: a page is a slide; titles are headings, shapes stand in reading order, comments and notes follow the slide."""

from __future__ import annotations

from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.office.losses import Losses
from ragkit_ingest.readers.office.slides.comments import read_authors
from ragkit_ingest.readers.office.slides.output import SlideWriter
from ragkit_ingest.readers.sniff import PPTX
from ragkit_ingest.readers.zip_package import Package, Parts, core_properties

_MAIN: Final = "ppt/presentation.xml"


class PptxReader:
    """Reads PowerPoint presentations."""

    name = "pptx"
    media_types: tuple[str, ...] = (PPTX,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text of the slides in order; hidden slides and shapes are left out and reported."""
        return read_deck(Package(data, hints.limits), name=name, hints=hints)


def read_deck(package: Parts, *, name: str, hints: Hints) -> Extracted:
    """Return the text of a presentation from its parts."""
    main = next((item.target for item in package.relations("").values() if item.kind == "officeDocument"), _MAIN)
    if main not in package:
        raise ExtractionError("damaged", f"the part {main} is missing")
    out, losses = TextBuilder(), Losses()
    writer = SlideWriter(out, package, losses, read_authors(package, main), hints)
    slides = _slide_parts(package, main)
    for number, part in enumerate(slides[: hints.limits.max_pages], 1):
        if hints.budget.spent():
            out.warn(f"stopped before slide {number:,} of {len(slides):,}: out of time")
            break
        out.page()
        if part not in package:
            out.warn(f"slide {number:,} is missing")
            continue
        writer.add(part, number)
    if len(slides) > hints.limits.max_pages:
        out.warn(f"only the first {hints.limits.max_pages:,} of {len(slides):,} slides were read")
    writer.finish()
    losses.report(out)
    properties = core_properties(package)
    return out.finish(name=name, title=str(properties.get("title", "")), metadata=properties)


def _slide_parts(package: Parts, main: str) -> list[str]:
    relations = package.relations(main)
    parts: list[str] = []
    for event in package.events(main):
        if event.kind == "start" and event.name == "sldId":
            relation = relations.get(event.attributes.get("r:id", ""))
            if relation is not None:
                parts.append(relation.target)
    if not parts:
        parts = [item.target for item in relations.values() if item.kind == "slide"]
    return parts
