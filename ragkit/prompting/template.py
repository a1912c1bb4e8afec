"""Prompt templates: versioned files of Jinja2 blocks that hold every word which ragkit sends to a model.

A template never sees the question, the history or the passages: the builder puts those into the messages itself, so no
text of users or documents can be template syntax.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

from ragkit.definitions.grammar import Place
from ragkit.definitions.sandbox import check_known, compile_blocks, environment, joined
from ragkit.definitions.source import read_source
from ragkit.definitions.yaml_lines import Parsed, parse_yaml
from ragkit.errors import DefinitionError, NotFoundError
from ragkit.types.prompts import TemplateId

DEFAULT: Final = "default"
SUFFIX: Final = ".jinja"
FOLDER: Final = "prompts"
"""Folder of a collection's own templates, below the collection's folder."""

Part = Literal["system", "no_sources", "closing"]
"""The parts of a template: the system message, the text in place of missing sources, and the text after the
question."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_HEADER: Final = {"name": str, "version": int, "description": str, "reasoning": bool}
_VALUES: Final = ("part", "instructions", "schema")


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A checked template. digest: SHA-256 (hex) of its file and of those that it extends; path: "" if it is shipped.

    reasoning: the model is asked to think between <reasoning> tags, which never reach the answer.
    """

    name: str
    version: int
    description: str
    reasoning: bool
    source: str
    path: str
    parent: str
    digest: str

    @property
    def id(self) -> TemplateId:
        """The identity of the template in prompts and answers."""
        return TemplateId(self.name, self.version, self.digest)

    def render(self, part: Part, *, instructions: str = "", schema: str = "") -> str:
        """Return a part as text, "" for one that is empty. schema: the JSON schema of the answer, as JSON."""
        return _rendered(self, part, instructions, schema)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit prompts list --json`."""
        names = ("name", "version", "description", "reasoning", "path", "parent", "digest")
        return {name: getattr(self, name) for name in names}


def find_template(name: str, *, folder: Path | None = None) -> PromptTemplate:
    """Return a template by name or path. folder: where a collection keeps its own, which come before the shipped ones.

    A name with a slash or the ending `.jinja` is a path. Raises NotFoundError, DefinitionError.
    """
    if "/" in name or name.endswith(SUFFIX):
        return load_template(name)
    own = folder / f"{name}{SUFFIX}" if folder is not None and _NAME.fullmatch(name) else None
    if own is not None and own.is_file():
        return load_template(own)
    if name in shipped_names():
        return _shipped(name)
    known = ", ".join(template.name for template in list_templates(folder=folder, broken=False))
    raise NotFoundError(f"there is no prompt template {name!r}", cure=f"use a file, or one of: {known}")


def list_templates(*, folder: Path | None = None, broken: bool = True) -> list[PromptTemplate]:
    """Return a collection's own templates and the shipped ones, each name once, by name.

    broken: raise DefinitionError for an own template that is wrong; else it is left out.
    """
    found = {name: _shipped(name) for name in shipped_names()}
    for path in sorted(folder.glob(f"*{SUFFIX}")) if folder is not None else ():
        try:
            found[path.stem] = load_template(path)
        except DefinitionError:
            if broken:
                raise
    return [found[name] for name in sorted(found)]


def load_template(path: str | Path) -> PromptTemplate:
    """Return the template of a file, checked. Raises DefinitionError with file and line."""
    template = _template(read_source(Path(path)), str(path), stem=Path(path).name.removesuffix(SUFFIX))
    if not template.parent:
        raise DefinitionError(
            "extends no template",
            path=str(path),
            line=_body_line(template.source),
            cure='write {% extends "default" %}',
        )
    for part in ("system", "no_sources", "closing"):
        for schema in ("", "{}"):
            template.render(part, instructions="Instructions.", schema=schema)
    if not template.render("system"):
        raise DefinitionError("makes an empty system message", path=str(path), line=_body_line(template.source))
    return template


@lru_cache(maxsize=1)
def shipped_names() -> tuple[str, ...]:
    """Return the names of the templates that come with ragkit, sorted."""
    folder = resources.files("ragkit.prompting").joinpath("library")
    names = (item.name for item in folder.iterdir())
    return tuple(sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)))


@lru_cache(maxsize=32)
def _shipped(name: str) -> PromptTemplate:
    file = resources.files("ragkit.prompting").joinpath("library", f"{name}{SUFFIX}")
    return _template(file.read_text(encoding="utf-8"), "", stem=name)


def _template(source: str, path: str, *, stem: str) -> PromptTemplate:
    shown = path or f"{stem}{SUFFIX}"
    header, body, place = _split(source, shown)
    tree, references = compile_blocks(body, place)
    parent = _parent(tree, place)
    if parent:
        _check_blocks(tree, place, known=_blocks_of(parent))
    check_known(references, _VALUES, path=shown)
    own = hashlib.sha256(source.encode())
    if parent:
        own.update(_shipped(parent).digest.encode())
    name = header.value.get("name", stem)
    if not _NAME.fullmatch(name):
        raise header.error(f"the name is {name!r}", ("name",), cure="use lower-case letters, digits, dots and hyphens")
    return PromptTemplate(
        name=name,
        version=header.value["version"],
        description=header.value.get("description", ""),
        reasoning=header.value.get("reasoning", False),
        source=source,
        path=path,
        parent=parent,
        digest=own.hexdigest(),
    )


def _split(source: str, path: str) -> tuple[Parsed, str, Place]:
    """Return the header and the body of a template, and where the body stands."""
    lines = source.split("\n")
    end = lines.index("---", 1) if lines[0].strip() == "---" and "---" in lines[1:] else 0
    if not end:
        raise DefinitionError(
            "has no header", path=path, line=1, cure="begin with lines ---, version: 1, description: …, ---"
        )
    header = parse_yaml("\n".join(lines[1:end]), path=path, first_line=2)
    if not isinstance(header.value, Mapping):
        raise DefinitionError("the header holds no values", path=path, line=1, cure="write version: 1 in it")
    for key, value in header.value.items():
        kind = _HEADER.get(key)
        if kind is None:
            raise header.error(f"the header has no field {key!r}", (key,), cure=f"use one of: {', '.join(_HEADER)}")
        if type(value) is not kind:
            raise header.error(f"the header's {key} is {value!r}", (key,), cure=f"it must be of type {kind.__name__}")
    if header.value.get("version", 0) < 1:
        raise header.error("the header has no version from 1 on", ("version",), cure="write version: 1")
    return header, "\n".join(lines[end + 1 :]), Place(path, end + 1)


def _body_line(source: str) -> int:
    return source.split("\n").index("---", 1) + 2


def _parent(tree: Any, place: Place) -> str:
    """Return the name of the template that a tree extends, "" for none."""
    from jinja2 import nodes

    found = list(tree.find_all(nodes.Extends))
    if not found:
        return ""
    target = found[0].template.value if isinstance(found[0].template, nodes.Const) else None
    if len(found) > 1 or found[0] not in tree.body or target not in shipped_names():
        raise place.error(
            f"extends {target!r}", found[0].lineno, cure=f"extend one of: {', '.join(shipped_names())}, at the top"
        )
    return str(target)


def _blocks_of(name: str) -> frozenset[str]:
    """Return the names of all blocks of a shipped template and those that it extends."""
    return frozenset(re.findall(r"{% block (\w+) %}", _shipped(DEFAULT).source + _shipped(name).source))


def _check_blocks(tree: Any, place: Place, *, known: frozenset[str]) -> None:
    """Refuse blocks that the extended template does not have, and text outside of blocks, which is never sent."""
    from jinja2 import nodes

    for block in tree.find_all(nodes.Block):
        if block.name not in known:
            cure = f"use one of: {', '.join(sorted(known))}"
            raise place.error(f"there is no block {block.name!r}", block.lineno, cure=cure)
    for node in tree.body:
        if isinstance(node, nodes.Block | nodes.Extends):
            continue
        for text in node.find_all(nodes.TemplateData) if isinstance(node, nodes.Output) else [None]:
            if text is None or text.data.strip():
                before = text.data[: len(text.data) - len(text.data.lstrip())].count("\n") if text else 0
                line = node.lineno + before
                raise place.error("this stands outside of every block and would not be sent", line)


@lru_cache(maxsize=64)
def _rendered(template: PromptTemplate, part: Part, instructions: str, schema: str) -> str:
    values = {"part": part, "instructions": instructions, "schema": schema}
    *_, place = _split(template.source, template.path or f"{template.name}{SUFFIX}")
    return joined(_compiled(template).generate(values), place).strip()


@lru_cache(maxsize=32)
def _compiled(template: PromptTemplate) -> Any:
    from jinja2 import FunctionLoader

    bodies = {name: _split(_shipped(name).source, name)[1] for name in shipped_names()}
    renderer = environment().overlay(loader=FunctionLoader(bodies.get))
    return renderer.from_string(_split(template.source, template.path)[1])
