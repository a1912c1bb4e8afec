"""Render users' templates and evaluate their conditions: Jinja2's immutable sandbox, on JSON values, within bounds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from ragkit.definitions.grammar import BLOCKS, STATEMENTS, VALUES, Place, Reference, check_tree
from ragkit.errors import DefinitionError

LONGEST_TEXT: Final = 1 << 18
"""Characters of the longest text that a template makes."""
LONGEST_SECONDS: Final = 2.0
"""How long one rendering may take."""


@cache
def environment(finalize: Callable[[Any], Any] | None = None, *, lenient: bool = False) -> Any:
    """Return Jinja2's immutable sandbox with lookup by key only: no attribute of a Python object can be reached.

    finalize: turns each inserted value into text. lenient: a value that is missing is false instead of an error.
    """
    from jinja2 import ChainableUndefined, StrictUndefined
    from jinja2.runtime import LoopContext
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class KeyedEnvironment(ImmutableSandboxedEnvironment):
        """Looks up keys of mappings and indexes of lists."""

        def getattr(self, obj: Any, attribute: str) -> Any:
            if isinstance(obj, LoopContext):
                return super().getattr(obj, attribute)
            return self.getitem(obj, attribute)

        def getitem(self, obj: Any, argument: Any) -> Any:
            if isinstance(obj, Mapping) and argument in obj:
                return obj[argument]
            if isinstance(obj, list | tuple) and str(argument).isdigit() and int(argument) < len(obj):
                return obj[int(argument)]
            return self.undefined(obj=obj, name=str(argument))

    made = KeyedEnvironment(
        undefined=ChainableUndefined if lenient else StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # what is made is plain text for a model, not HTML
        finalize=finalize,
    )
    made.globals.clear()
    made.globals["range"] = range
    return made


def parse(text: str, place: Place) -> Any:
    """Return the syntax tree of a template. Raises DefinitionError with the line."""
    from jinja2 import TemplateSyntaxError

    try:
        return environment().parse(text)
    except TemplateSyntaxError as error:
        line = min(error.lineno or 1, text.count("\n") + 1)
        raise place.error(f"is no template: {error.message}", line) from error
    except RecursionError as error:
        raise place.error("is nested too deeply") from error


def joined(pieces: Iterable[str], place: Place) -> str:
    """Return the text of a rendering. Raises DefinitionError for a missing value, too much text or too much time."""
    from jinja2 import TemplateError

    end = time.monotonic() + LONGEST_SECONDS
    parts: list[str] = []
    size = 0
    try:
        for piece in pieces:
            size += len(piece)
            if size > LONGEST_TEXT or time.monotonic() > end:
                raise place.error(f"makes more than {LONGEST_TEXT:,} characters, or takes over {LONGEST_SECONDS:g} s")
            parts.append(piece)
    except (TemplateError, TypeError, ValueError) as error:
        raise place.error(f"cannot be filled in: {error}") from error
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class SafeText:
    """A checked text with `{{ values }}`. references: the values that it uses."""

    source: str
    place: Place
    references: tuple[Reference, ...]
    _template: Any = field(repr=False, compare=False)

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the text with its values filled in. Raises DefinitionError (a value is missing, too much text)."""
        return joined(self._template.generate(dict(values)), self.place)


@dataclass(frozen=True, slots=True)
class SafeExpression:
    """A checked expression, such as `intent.label == "order"`. references: the values that it uses."""

    source: str
    place: Place
    references: tuple[Reference, ...]
    _compiled: Any = field(repr=False, compare=False)

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return the value of the expression; None for a field that is not there. Raises DefinitionError."""
        from jinja2 import TemplateError

        try:
            found = self._compiled(dict(values))
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise self.place.error(f"{self.source!r} cannot be evaluated: {error}") from error
        return list(found) if isinstance(found, tuple) else found


def compile_text(text: str, place: Place, *, finalize: Callable[[Any], Any] | None = None) -> SafeText:
    """Return a template that inserts values (see `environment`). Raises DefinitionError with the line."""
    references = check_tree(parse(text, place), place, allowed=VALUES | STATEMENTS)
    return SafeText(text, place, references, environment(finalize or as_text).from_string(text))


def compile_expression(text: str, place: Place) -> SafeExpression:
    """Return an expression. Raises DefinitionError with the line."""
    if not text.strip():
        raise place.error("is empty", cure='write a condition, such as step.field == "value"')
    references = check_tree(parse(f"{{{{ ({text}) }}}}", place), place, allowed=VALUES)
    compiled = environment(lenient=True).compile_expression(text, undefined_to_none=True)
    return SafeExpression(text, place, references, compiled)


def compile_blocks(text: str, place: Place) -> tuple[Any, tuple[Reference, ...]]:
    """Return the syntax tree of a template of blocks, and its references. Raises DefinitionError with the line."""
    tree = parse(text, place)
    return tree, check_tree(tree, place, allowed=VALUES | STATEMENTS | BLOCKS)


def as_text(value: Any) -> str:
    """Return a JSON value as text: strings as they are, nothing for None, the rest as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def check_known(references: Sequence[Reference], known: Iterable[str], *, path: str) -> None:
    """Refuse a reference whose first name is not known. Raises DefinitionError with its line."""
    names = sorted(known)
    for reference in references:
        if reference.name not in names:
            raise DefinitionError(
                f"there is no value {reference.name!r} here",
                path=path,
                line=reference.line,
                cure=f"use one of: {', '.join(names)}",
            )
