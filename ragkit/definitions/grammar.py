"""The part of Jinja2 that users' templates and conditions may use, checked on the syntax tree before anything runs.

What is not listed is refused: no assignment, arithmetic, macro, include, call or attribute of Python's. So no template
can grow without bound or reach an object, and the sandbox that renders it is the second barrier, not the only one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ragkit.errors import DefinitionError

if TYPE_CHECKING:
    from jinja2 import nodes

VALUES: Final = frozenset(
    (
        "Const", "Name", "Getattr", "Getitem", "Compare", "Operand", "And", "Or", "Not", "Test", "Filter", "List",
        "Tuple", "CondExpr", "TemplateData", "Output",
    )
)  # fmt: skip
STATEMENTS: Final = frozenset(("If", "For"))
BLOCKS: Final = frozenset(("Extends", "Block"))
_FILTERS: Final = frozenset(
    ("default", "first", "join", "last", "length", "lower", "round", "title", "tojson", "trim", "upper")
)
_TESTS: Final = frozenset(("defined", "none", "string", "number", "undefined"))
_LOOP: Final = frozenset(("index", "first", "last", "length"))
_LONGEST_RANGE: Final = 100
_MOST_LOOPS: Final = 2  # loops inside each other


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that a template uses, such as `entities.order_id`. fields: the names after the first; line: from 1."""

    name: str
    fields: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a text: the path of its file, and the line before its first one."""

    path: str
    before: int = 0

    def error(self, message: str, line: int = 1, *, cure: str = "") -> DefinitionError:
        """Return the error for a line of the text, counted from 1."""
        return DefinitionError(message, path=self.path, line=self.before + line, cure=cure)


def check_tree(tree: nodes.Node, place: Place, *, allowed: frozenset[str]) -> tuple[Reference, ...]:
    """Return the references of a syntax tree, in their order; refuse constructs outside the grammar.

    allowed: the names of the kinds of nodes. Raises DefinitionError with the line.
    """
    return tuple(_Walk(place, allowed).references(tree, frozenset(), 0))


class _Walk:
    def __init__(self, place: Place, allowed: frozenset[str]) -> None:
        self._place = place
        self._allowed = allowed

    def references(self, node: nodes.Node, local: frozenset[str], loops: int) -> Iterator[Reference]:
        """Yield the references in a node. local: names that loops around it define."""
        for child in node.iter_child_nodes():
            yield from self._visit(child, local, loops)

    def _visit(self, node: nodes.Node, local: frozenset[str], loops: int) -> Iterator[Reference]:
        from jinja2 import nodes as kinds

        name = type(node).__name__
        if isinstance(node, kinds.Call):
            self._check_call(node)
            return
        if name not in self._allowed:
            raise self._error(f"{_named(node)} is not allowed here", node, cure="see docs/prompts.md for what is")
        if isinstance(node, kinds.Filter | kinds.Test):
            self._check_named(node)
        if isinstance(node, kinds.Getattr | kinds.Getitem | kinds.Name):
            found = self._reference(node)
            if found.name == "loop" and loops:
                self._check_loop(found, node)
            elif found.name not in local:
                yield found
            return
        if isinstance(node, kinds.For):
            yield from self._loop(node, local, loops)
            return
        yield from self.references(node, local, loops)

    def _loop(self, node: nodes.For, local: frozenset[str], loops: int) -> Iterator[Reference]:
        from jinja2 import nodes as kinds

        if loops >= _MOST_LOOPS:
            raise self._error(f"loops stand more than {_MOST_LOOPS} deep in each other", node)
        if node.recursive or not isinstance(node.target, kinds.Name):
            raise self._error("a loop must be of the form {% for item in values %}", node)
        if not isinstance(
            node.iter, kinds.Name | kinds.Getattr | kinds.Getitem | kinds.List | kinds.Tuple | kinds.Call
        ):
            raise self._error("a loop goes over a value, a list or range(NUMBER)", node)
        yield from self._visit(node.iter, local, loops)
        inside = local | {node.target.name}
        for part in (*([node.test] if node.test else []), *node.body, *node.else_):
            yield from self._visit(part, inside, loops + 1)

    def _check_call(self, node: nodes.Call) -> None:
        """Allow `super()` in a block, and `range` with one number of at most 100."""
        from jinja2 import nodes as kinds

        called = node.node.name if isinstance(node.node, kinds.Name) else ""
        plain = not node.kwargs and node.dyn_args is None and node.dyn_kwargs is None
        if called == "super" and plain and not node.args and "Block" in self._allowed:
            return
        argument = node.args[0] if len(node.args) == 1 else None
        size = argument.value if isinstance(argument, kinds.Const) else None
        if called == "range" and plain and isinstance(size, int) and 0 <= size <= _LONGEST_RANGE:
            return
        raise self._error(
            f"{f'{called}(…)' if called else 'a call'} is not allowed here",
            node,
            cure=f"range(NUMBER) up to {_LONGEST_RANGE} is the only function",
        )

    def _check_named(self, node: nodes.Filter | nodes.Test) -> None:
        known, kind = (_FILTERS, "filter") if type(node).__name__ == "Filter" else (_TESTS, "test")
        if node.name not in known:
            raise self._error(f"there is no {kind} {node.name!r}", node, cure=f"use one of: {', '.join(sorted(known))}")
        if node.kwargs:
            raise self._error(f"the {kind} {node.name!r} takes no named arguments here", node)

    def _check_loop(self, found: Reference, node: nodes.Node) -> None:
        if len(found.fields) != 1 or found.fields[0] not in _LOOP:
            raise self._error(f"a loop has {', '.join(f'loop.{name}' for name in sorted(_LOOP))}", node)

    def _reference(self, node: nodes.Node) -> Reference:
        """Return the dotted name that a node is."""
        from jinja2 import nodes as kinds

        fields: list[str] = []
        at = node
        while not isinstance(at, kinds.Name):
            if isinstance(at, kinds.Getattr):
                fields.append(at.attr)
            elif isinstance(at, kinds.Getitem) and isinstance(at.arg, kinds.Const):
                fields.append(str(at.arg.value))
            else:
                raise self._error("only names with fields can be used, such as step.field or step.rows[0]", node)
            at = at.node
        if any(name.startswith("_") for name in (at.name, *fields)):
            raise self._error("no name may begin with an underscore", node)
        return Reference(at.name, tuple(reversed(fields)), self._place.before + node.lineno)

    def _error(self, message: str, node: nodes.Node, *, cure: str = "") -> DefinitionError:
        return self._place.error(message, node.lineno, cure=cure)


def _named(node: nodes.Node) -> str:
    """Return the readable name of a kind of node."""
    names = {
        "Assign": "{% set %}", "AssignBlock": "{% set %}", "Macro": "{% macro %}", "Include": "{% include %}",
        "Import": "{% import %}", "FromImport": "{% from %}", "Extends": "{% extends %}", "Block": "{% block %}",
        "CallBlock": "{% call %}", "FilterBlock": "{% filter %}", "With": "{% with %}",
    }  # fmt: skip
    return names.get(type(node).__name__, f"the Jinja element {type(node).__name__}")
