"""MathML as LaTeX: the author's own TeX where the formula carries it, else built from the presentation marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.titles import squeeze

_DEPTH: Final = 60
_NODES: Final = 20_000
_TEX: Final = frozenset({"application/x-tex", "text/x-tex", "latex", "tex", "text/x-latex", "application/x-latex"})
_INVISIBLE: Final = dict.fromkeys((0x2061, 0x2062, 0x2063, 0x2064, 0x200B), None)


@dataclass(slots=True)
class _Node:
    """An element of a formula; content: its text and elements in order."""

    tag: str
    attributes: Mapping[str, str]
    content: list[_Node | str] = field(default_factory=list)

    @property
    def children(self) -> list[_Node]:
        """The elements below it."""
        return [item for item in self.content if isinstance(item, _Node)]

    @property
    def text(self) -> str:
        """Its own text."""
        return squeeze("".join(item for item in self.content if isinstance(item, str)).translate(_INVISIBLE))


class Formula:
    """Collects the events of one `math` element."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._root = _Node("math", dict(attributes))
        self._open = [self._root]
        self._skipped = 0  # elements below the greatest depth: their text is kept where they begin
        self._count = 0
        self._tex = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._count += 1
        if len(self._open) >= _DEPTH or self._count > _NODES:
            self._skipped += 1
            return
        node = _Node(tag, dict(attributes))
        self._open[-1].content.append(node)
        self._open.append(node)

    def end(self) -> None:
        """The innermost element ends."""
        if self._skipped:
            self._skipped -= 1
        elif len(self._open) > 1:
            node = self._open.pop()
            if node.tag == "annotation" and node.attributes.get("encoding", "").lower() in _TEX:
                self._tex = self._tex or node.text

    def data(self, text: str) -> None:
        """Text of the innermost element."""
        self._open[-1].content.append(text)

    def latex(self) -> str:
        """Return the formula on one line."""
        return self._tex or _latex(self._root) or squeeze(self._root.attributes.get("alttext", ""))


def _latex(node: _Node) -> str:
    """Return a node as LaTeX; its depth is at most _DEPTH."""
    if node.tag in ("annotation", "annotation-xml", "mphantom", "none", "mprescripts", "script"):
        return ""
    handler = _HANDLERS.get(node.tag)
    if handler is not None:
        return handler([_latex(child) for child in node.children], node)
    if node.tag == "mfenced":
        inner = (node.attributes.get("separators", ",")[:1] or "").join(map(_latex, node.children))
        return f"{node.attributes.get('open', '(')}{inner}{node.attributes.get('close', ')')}"
    return _row(node)


def _row(node: _Node) -> str:
    parts: list[str] = []
    for item in node.content:
        text = squeeze(item.translate(_INVISIBLE)) if isinstance(item, str) else _latex(item)
        if not text:
            continue
        wide = isinstance(item, _Node) and (item.tag == "mo" and text in "=<>≤≥≠≈+±→∈" and len(parts) > 0)
        words = isinstance(item, _Node) and item.tag == "mtext"
        if wide or words:
            text = f" {text} "
        elif parts and parts[-1][-1:].isalpha() and text[:1].isalpha() and _names(parts[-1], text, item):
            text = f" {text}"
        parts.append(text)
    return squeeze("".join(parts))


def _names(before: str, text: str, item: _Node | str) -> bool:
    """Tell whether two neighbours are names of more than a letter, which must not run together."""
    return isinstance(item, _Node) and (len(text) > 1 or len(before) > 1) and not text.startswith("\\")


def _group(text: str) -> str:
    return f"{{{text}}}"


def _base(text: str) -> str:
    return text if len(text) == 1 or text.isalnum() or text.startswith("\\") else f"{{{text}}}"


def _script(text: str) -> str:
    return text if len(text) == 1 else f"{{{text}}}"


def _sub(parts: Sequence[str], _node: _Node) -> str:
    return f"{_base(parts[0])}_{_script(parts[1])}" if len(parts) > 1 else "".join(parts)


def _sup(parts: Sequence[str], _node: _Node) -> str:
    return f"{_base(parts[0])}^{_script(parts[1])}" if len(parts) > 1 else "".join(parts)


def _both(parts: Sequence[str], _node: _Node) -> str:
    if len(parts) < 3:
        return _sub(parts, _node)
    return f"{_base(parts[0])}_{_script(parts[1])}^{_script(parts[2])}"


def _fraction(parts: Sequence[str], _node: _Node) -> str:
    return rf"\frac{{{parts[0]}}}{{{parts[1]}}}" if len(parts) > 1 else "".join(parts)


def _root(parts: Sequence[str], node: _Node) -> str:
    return rf"\sqrt{{{_row(node)}}}" if node.tag == "msqrt" else _index_root(parts)


def _index_root(parts: Sequence[str]) -> str:
    return rf"\sqrt[{parts[1]}]{{{parts[0]}}}" if len(parts) > 1 else rf"\sqrt{{{''.join(parts)}}}"


def _over(parts: Sequence[str], _node: _Node) -> str:
    accents = {"¯": r"\bar", "ˉ": r"\bar", "‾": r"\bar", "^": r"\hat", "→": r"\vec", "~": r"\tilde", "˙": r"\dot"}
    if len(parts) > 1 and parts[1] in accents:
        return f"{accents[parts[1]]}{_group(parts[0])}"
    return _sup(parts, _node)


def _rows(parts: Sequence[str], _node: _Node) -> str:
    return r"\begin{matrix} " + r" \\ ".join(parts) + r" \end{matrix}"


def _cells(parts: Sequence[str], _node: _Node) -> str:
    return " & ".join(parts)


_HANDLERS = {
    "msub": _sub,
    "munder": _sub,
    "msup": _sup,
    "mover": _over,
    "msubsup": _both,
    "munderover": _both,
    "mmultiscripts": _both,
    "mfrac": _fraction,
    "msqrt": _root,
    "mroot": _root,
    "mtable": _rows,
    "mtr": _cells,
    "mlabeledtr": _cells,
}
