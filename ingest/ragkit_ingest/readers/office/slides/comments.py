"""Comments on slides, of PowerPoint's older kind (p:cm) and of its newer kind with answers (p188:cm)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.zip_package import Event, Parts

_AUTHORS: Final = frozenset({"commentAuthors", "authors"})


def read_authors(package: Parts, main: str) -> dict[str, str]:
    """Return the names of those who comment, by id."""
    names: dict[str, str] = {}
    for relation in package.relations(main).values():
        if relation.kind not in _AUTHORS or relation.target not in package:
            continue
        for event in package.events(relation.target):
            if event.kind == "start" and event.name in ("cmAuthor", "author"):
                names[event.attributes.get("id", "")] = squeeze(event.attributes.get("name", ""))[:100]
    return names


def read_comments(events: Iterable[Event], authors: dict[str, str]) -> Iterator[str]:
    """Yield each comment and each answer as a line that says what it is."""
    open_: list[tuple[str, str, list[str]]] = []  # of a thread: element, author, words
    in_text = False
    for event in events:
        if event.kind == "start":
            if event.name in ("cm", "reply"):
                yield from _line(open_[-1:])  # a comment comes before its answers
                open_.append((event.name, authors.get(event.attributes.get("authorId", ""), ""), []))
            in_text = event.name in ("t", "text")
        elif event.kind == "text":
            if in_text and open_:
                open_[-1][2].append(event.text)
        else:
            in_text = False
            if event.name in ("p", "br") and open_:
                open_[-1][2].append(" ")
            elif event.name in ("cm", "reply") and open_:
                yield from _line(open_[-1:])
                open_.pop()


def _line(comments: list[tuple[str, str, list[str]]]) -> Iterator[str]:
    for kind, author, words in comments:
        text = squeeze("".join(words))
        words.clear()
        if text:
            name = "Comment" if kind == "cm" else "Answer"
            yield f"[{name} by {author}: {text}]" if author else f"[{name}: {text}]"
