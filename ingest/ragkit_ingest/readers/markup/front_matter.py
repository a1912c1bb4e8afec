"""Front matter of every form as metadata: YAML between ---, TOML between +++, JSON; nothing of it is executed."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ragkit_ingest.readers.base import TimeLimitError, time_limit
from ragkit_ingest.readers.titles import squeeze

_LIMIT: Final = 65_536  # characters
_VALUES: Final = 2_000
_SECONDS: Final = 3.0
_FENCED = re.compile(
    r"\A(---|\+\+\+)[ \t]*(yaml|toml|json)?[ \t]*\n(?:(.{0,65536}?)\n)?(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL
)
_PAIR = re.compile(r"([A-Za-z][\w .-]{0,60}?)\s*[:=]\s+(.*)")
DESCRIBING: Final = ("subtitle", "description", "summary", "abstract", "excerpt", "lead", "intro", "tagline", "teaser")
"""Fields that describe the document: they are added to its text too."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The fields of a file and the text after them; problem: why some of it was not understood."""

    body: str
    fields: dict[str, object] = field(default_factory=dict)
    problem: str = ""

    @property
    def title(self) -> str:
        """The document's own title."""
        return next((str(self.fields[key]) for key in ("title", "Title") if self.fields.get(key)), "")

    def describing(self) -> list[str]:
        """Return the texts of the fields that describe the document, none twice."""
        lowered = {
            key.lower().removeprefix("params.").removeprefix("extra."): value for key, value in self.fields.items()
        }
        texts = [squeeze(str(lowered[key])) for key in DESCRIBING if isinstance(lowered.get(key), str)]
        return [text for text in dict.fromkeys(texts) if text]


def split_front_matter(text: str) -> FrontMatter:
    """Return the fields above a text; a list becomes a tuple, a nested field has a dotted name."""
    match = _FENCED.match(text)
    if match is not None:
        body, raw = text[match.end() :], match[3] or ""
        kind = match[2] or ("toml" if match[1] == "+++" else "yaml")
        if kind == "yaml" and raw.strip() and not re.search(r"^\s*[\w\"'$@.-][^\n]*:(?:\s|$)", raw, re.MULTILINE):
            return FrontMatter(text)  # two rules with prose between
        return _read(kind, raw, body)
    if re.match(r"\{\s*[\"}]", text):
        try:
            value, end = json.JSONDecoder().raw_decode(text[:_LIMIT])
        except (ValueError, RecursionError):
            return FrontMatter(text)
        if isinstance(value, dict) and (not text[end:] or text[end] == "\n"):
            return FrontMatter(text[end:].lstrip("\n"), dict(_flat(value)))
    return FrontMatter(text)


def _read(kind: str, raw: str, body: str) -> FrontMatter:
    try:
        with time_limit(_SECONDS):
            if kind == "toml":
                return FrontMatter(body, dict(_flat(tomllib.loads(raw, parse_float=str))))
            if kind == "json":
                return FrontMatter(body, dict(_flat(json.loads(raw))))
            return FrontMatter(body, dict(_yaml_fields(raw)))
    except (TimeLimitError, RecursionError, ValueError):
        return FrontMatter(body, _plain_lines(raw), f"front matter that is not valid {kind.upper()}: read line by line")


def _plain_lines(raw: str) -> dict[str, object]:
    pairs = (_PAIR.fullmatch(line) for line in raw.split("\n"))
    return {pair[1]: squeeze(pair[2]).strip("'\"") for pair in pairs if pair is not None and pair[2].strip()}


def _yaml_fields(raw: str) -> Iterator[tuple[str, object]]:
    """Yield the fields of a YAML mapping from its node graph: scalars stay as written, tags construct nothing."""
    import yaml

    try:
        # SafeLoader composes nodes here and constructs nothing.
        root = yaml.compose(raw, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    stack: list[tuple[str, Any, tuple[int, ...]]] = [("", root, ())]
    count = 0
    while stack and count < _VALUES:
        name, node, above = stack.pop()
        count += 1
        if node is None or id(node) in above or not str(node.tag).startswith("tag:yaml.org,2002:"):
            continue
        if str(node.tag).startswith("tag:yaml.org,2002:python"):
            continue
        if isinstance(node, yaml.ScalarNode):
            if node.tag != "tag:yaml.org,2002:null" and name and node.value.strip():
                yield name, node.value
        elif isinstance(node, yaml.MappingNode):
            below = [
                (f"{name}.{key.value}" if name else str(key.value), value, (*above, id(node)))
                for key, value in node.value
                if isinstance(key, yaml.ScalarNode)
            ]
            stack.extend(reversed(below))
        elif name and len(above) < 20:
            texts = tuple(item.value for item in node.value if isinstance(item, yaml.ScalarNode) and _plain(item))
            if texts:
                yield name, texts
            inner = [item for item in node.value if isinstance(item, yaml.MappingNode)]
            stack.extend((f"{name}.{index}", item, (*above, id(node))) for index, item in reversed([*enumerate(inner)]))


def _plain(node: Any) -> bool:
    return bool(node.value.strip()) and str(node.tag).startswith("tag:yaml.org,2002:")


def _flat(value: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the fields of nested mappings with dotted names; dates as ISO text."""
    stack: list[tuple[str, Any]] = [("", value)]
    count = 0
    while stack and count < _VALUES:
        name, item = stack.pop()
        count += 1
        if isinstance(item, Mapping):
            stack.extend(reversed([(f"{name}.{key}" if name else str(key), below) for key, below in item.items()]))
        elif isinstance(item, list):
            texts = tuple(str(one) for one in item if not isinstance(one, Mapping | list) and str(one).strip())
            if texts:
                yield name, texts
            maps = [one for one in item if isinstance(one, Mapping)]
            stack.extend((f"{name}.{index}", one) for index, one in reversed([*enumerate(maps)]))
        elif item is not None and str(item).strip() and name:
            yield name, item if isinstance(item, bool | int | float | str) else str(item)
