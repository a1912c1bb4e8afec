"""OpenDocument XML in pieces: each child of a container becomes a small tree, which is freed after use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeVar

from ragkit_ingest.readers.zip_package import Event

_DEPTH: Final = 100


@dataclass(slots=True)
class Node:
    """An element with local names. children: nodes and texts in order; below a depth of 100 only the texts are kept."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def get(self, name: str) -> str:
        """Return an attribute, "" when it is not there."""
        return self.attributes.get(name, "")

    def nodes(self) -> Iterator[Node]:
        """Yield the elements among the children."""
        return (child for child in self.children if isinstance(child, Node))

    def find(self, *names: str) -> Iterator[Node]:
        """Yield the elements below that have one of these names, in order, not those inside of one that was found."""
        for child in self.nodes():
            if child.name in names:
                yield child
            else:
                yield from child.find(*names)

    def words(self) -> str:
        """Return all text below, as it stands."""
        return "".join(child if isinstance(child, str) else child.words() for child in self.children)

    def count(self, name: str, *, most: int, default: int = 1) -> int:
        """Return a number of an attribute, from 1 to `most`; the default when it is invalid."""
        text = self.get(name)
        return max(1, min(int(text), most)) if text.isdecimal() and len(text) < 10 else default


class Step(NamedTuple):
    """The next item of a part of the file: a container that opens or closes (without children), or a whole node."""

    kind: Literal["open", "close", "node"]
    node: Node


def steps(events: Iterable[Event], containers: frozenset[str]) -> Iterator[Step]:
    """Yield the elements of a part; the children of containers come one by one."""
    path: list[Node] = []
    deeper = 0
    for event in events:
        if event.kind == "text":
            _add(path, event.text)
        elif event.kind == "start":
            if len(path) >= _DEPTH:
                deeper += 1
            elif path or event.name not in containers:
                path.append(_add(path, Node(event.name, event.attributes)))
            else:
                yield Step("open", Node(event.name, event.attributes))
        elif deeper:
            deeper -= 1
        elif path:
            done = path.pop()
            if not path:
                yield Step("node", done)
        else:
            yield Step("close", Node(event.name))


_Child = TypeVar("_Child", Node, str)


def _add(path: list[Node], child: _Child) -> _Child:
    if path:
        path[-1].children.append(child)
    return child
