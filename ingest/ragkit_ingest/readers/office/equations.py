r"""Equations of Word and PowerPoint (OMML) as linear text like LaTeX: \frac{a}{b}, \sqrt{x}, ∑_{i=1}^{n}."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.titles import squeeze

_LIMIT: Final = 20_000  # characters of one equation
_ACCENTS: Final = {
    "\u0300": "grave",
    "\u0301": "acute",
    "\u0302": "hat",
    "\u0303": "tilde",
    "\u0304": "bar",
    "\u0305": "bar",
    "\u0306": "breve",
    "\u0307": "dot",
    "\u0308": "ddot",
    "\u030c": "check",
    "\u20d7": "vec",
    "\u20db": "dddot",
    "¯": "bar",
    "^": "hat",
    "~": "tilde",
    "→": "vec",
    "˙": "dot",
}
_GROUPS: Final = {"⏟": "underbrace", "⏞": "overbrace", "⎵": "underbracket", "⎴": "overbracket"}
_OFF: Final = frozenset({"0", "off", "false"})
_IGNORED: Final = dict.fromkeys(map(ord, "\u2061\u2062\u2063\u2064\u200b"))
_PROPERTIES: Final = frozenset(
    ["chr", "pos", "begChr", "endChr", "sepChr", "type", "degHide", "subHide", "supHide", "nor", "show"]
)


@dataclass(slots=True)
class _Node:
    """An open element. parts: (name, text) of its finished child elements, in order."""

    name: str
    parts: list[tuple[str, str]] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)

    def all(self, name: str) -> list[str]:
        return [text for kind, text in self.parts if kind == name]

    def one(self, name: str) -> str:
        return "".join(self.all(name))

    def is_off(self, name: str) -> bool:
        return self.properties.get(name, "") in _OFF

    def is_on(self, name: str) -> bool:
        return name in self.properties and not self.is_off(name)


class Equation:
    """Builds the text of one m:oMath from its events, without recursion: a finished element is kept in its parent.

    The caller gives it each event from the start of m:oMath on, and asks for the text when `open` is False.
    """

    def __init__(self) -> None:
        self._open = [_Node("")]
        self._skip = 0
        self._in_text = False
        self.cut = False

    @property
    def open(self) -> bool:
        """Whether elements are open."""
        return len(self._open) > 1

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take the start of an element."""
        if self._skip or name == "ctrlPr":
            self._skip += 1
        self._in_text = name in ("t", "delText")
        if name in _PROPERTIES and len(self._open) > 2:
            self._open[-2].properties[name] = attributes.get("val", "1")  # m:dPr/m:begChr says something of m:d
        self._open.append(_Node(name))

    def text(self, text: str) -> None:
        """Take text; only that of runs counts."""
        if self._in_text and not self._skip:
            self._open[-1].parts.append(("", text))

    def end(self, name: str) -> None:
        """Take the end of an element."""
        self._in_text = False
        if not self.open:
            return
        node = self._open.pop()
        if self._skip:
            self._skip -= 1
            return
        write = _WRITERS.get(name)
        text = write(node) if write else "".join(text for _, text in node.parts)
        if len(text) > _LIMIT:
            text, self.cut = text[:_LIMIT], True
        if text or name in ("e", "num", "den"):
            self._open[-1].parts.append((name, text))

    def result(self) -> str:
        """Return the equation on one line."""
        return squeeze("".join(text for _, text in self._open[0].parts))


def _run(node: _Node) -> str:
    text = "".join(text for name, text in node.parts if name in ("t", "", "delText", "br"))
    text = text.translate(_IGNORED)
    if any("\U0001d400" <= sign <= "\U0001d7ff" for sign in text):  # letters in italics, bold and script
        text = unicodedata.normalize("NFKC", text)
    return text


def _script(mark: str, text: str) -> str:
    text = text.strip()
    return f"{mark}{{{text}}}" if text else ""


def _base(text: str) -> str:
    text = text.strip()
    fits = text.isalnum() or len(text) <= 1 or (text.startswith("(") and text.endswith(")") and text.count("(") == 1)
    return text if fits or text.startswith(("\\", "{")) else f"{{{text}}}"


def _fraction(node: _Node) -> str:
    top, bottom = node.one("num").strip(), node.one("den").strip()
    kind = node.properties.get("type", "bar")
    if kind in ("lin", "skw"):
        return "/".join(part if part.isalnum() else f"({part})" for part in (top, bottom))
    return f"{{{top} \\atop {bottom}}}" if kind == "noBar" else f"\\frac{{{top}}}{{{bottom}}}"


def _radical(node: _Node) -> str:
    degree = "" if node.is_on("degHide") else node.one("deg").strip()
    return f"\\sqrt[{degree}]{{{node.one('e')}}}" if degree else f"\\sqrt{{{node.one('e')}}}"


def _nary(node: _Node) -> str:
    low = "" if node.is_on("subHide") else _script("_", node.one("sub"))
    high = "" if node.is_on("supHide") else _script("^", node.one("sup"))
    return f" {node.properties.get('chr', '∫')}{low}{high} {node.one('e').strip()}"


def _delimited(node: _Node) -> str:
    properties = node.properties
    inner = properties.get("sepChr", "|").join(node.all("e"))
    return f"{properties.get('begChr', '(')}{inner}{properties.get('endChr', ')')}"


def _function(node: _Node) -> str:
    name, of = node.one("fName").strip(), node.one("e").strip()
    return f" {name}{of}" if of.startswith(("(", "[", "{")) and not of.startswith("{\\") else f" {name} {of} "


def _accent(node: _Node) -> str:
    sign, inner = node.properties.get("chr", "\u0302"), node.one("e")
    return f"\\{_ACCENTS[sign]}{{{inner}}}" if sign in _ACCENTS else f"{inner}{sign}"


def _bar(node: _Node) -> str:
    return f"\\{'overline' if node.properties.get('pos') == 'top' else 'underline'}{{{node.one('e')}}}"


def _group(node: _Node) -> str:
    sign, inner = node.properties.get("chr", "⏟"), node.one("e")
    if sign in _GROUPS:
        return f"\\{_GROUPS[sign]}{{{inner}}}"
    return (
        f"\\overset{{{sign}}}{{{inner}}}" if node.properties.get("pos") == "top" else f"\\underset{{{sign}}}{{{inner}}}"
    )


def _limit(mark: str, part: str) -> Callable[[_Node], str]:
    return lambda node: f"{_base(node.one('e'))}{_script(mark, node.one(part))}"


def _matrix(node: _Node) -> str:
    return "\\begin{matrix}" + " \\\\ ".join(node.all("mr")) + "\\end{matrix}"


_WRITERS: Final[dict[str, Callable[[_Node], str]]] = {
    "r": _run,
    "f": _fraction,
    "rad": _radical,
    "nary": _nary,
    "d": _delimited,
    "func": _function,
    "acc": _accent,
    "bar": _bar,
    "groupChr": _group,
    "limLow": _limit("_", "lim"),
    "limUpp": _limit("^", "lim"),
    "sSub": _limit("_", "sub"),
    "sSup": _limit("^", "sup"),
    "sSubSup": lambda node: _base(node.one("e")) + _script("_", node.one("sub")) + _script("^", node.one("sup")),
    "sPre": lambda node: "{}" + _script("_", node.one("sub")) + _script("^", node.one("sup")) + node.one("e"),
    "m": _matrix,
    "mr": lambda node: " & ".join(text.strip() for text in node.all("e")),
    "eqArr": lambda node: "; ".join(text.replace("&", "").strip() for text in node.all("e")),
    "borderBox": lambda node: f"\\boxed{{{node.one('e')}}}",
    "phant": lambda node: "" if node.is_off("show") else node.one("e"),
    "br": lambda _node: " ",
    "tab": lambda _node: " ",
}
