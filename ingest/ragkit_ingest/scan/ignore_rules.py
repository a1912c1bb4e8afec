"""Decide which files are ignored: built-in rules, `.ragkitignore` files and the globs of one run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Final

IGNORE_FILE = b".ragkitignore"
IGNORE_FILE_LIMIT = 1 << 20

HIDDEN = ".[!.]*"
"""A name with one dot in front; ".." in front is an odd name, not a hidden one."""

_KINDS: dict[str, str] = {
    "a lock file": (
        "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock poetry.lock "
        "Pipfile.lock pdm.lock uv.lock pixi.lock conda-lock.yml Cargo.lock composer.lock Gemfile.lock go.sum mix.lock "
        "pubspec.lock Podfile.lock Package.resolved packages.lock.json paket.lock flake.lock conan.lock buf.lock "
        "gradle.lockfile Chart.lock"
    ),
    "minified": "*.min.js *.min.mjs *.min.cjs *.min.css *-min.js *-min.css *.bundle.js *.chunk.js *.chunk.css",
    "a source map": "*.map",
    "generated": (
        "*_pb2.py *_pb2.pyi *_pb2_grpc.py *.pb.go *.pb.cc *.pb.h *.g.dart *.freezed.dart *.Designer.cs *.designer.cs "
        "*.generated.* *.tsbuildinfo *.pyc *.pyo *.class *.o *.egg-info/"
    ),
    "a drawing": "*.svg *.svgz",
    "a font": "*.ttf *.ttc *.otf *.eot *.woff *.woff2",
}
KIND_OF: dict[str, str] = {pattern: kind for kind, patterns in _KINDS.items() for pattern in patterns.split()}
"""Names of the kinds of files that built-in rules leave out: files that are not written for readers."""

DEFAULT_IGNORES: tuple[str, ...] = (
    HIDDEN,
    "node_modules/",
    "__pycache__/",
    "Thumbs.db",
    "desktop.ini",
    "~$*",
    "*.part",
    "*.crdownload",
    "*.swp",
    "*~",
    "\\#*#",
    *KIND_OF,
)
"""Ignored unless a `.ragkitignore` includes them again with `!`. HIDDEN covers .git, .hg, .svn, .venv, .DS_Store,
.#*."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of an ignore file.

    parts: one compiled glob for each folder level, None for `**`. anchored: matches from the folder of the file, else
    at any depth below it. negated: includes again what an earlier line ignored. text: the line itself, for the report.
    """

    parts: tuple[re.Pattern[str] | None, ...]
    anchored: bool
    negated: bool
    folders_only: bool
    text: str


class Patterns:
    """An ordered list of patterns; the last one that matches decides, as in a .gitignore."""

    def __init__(self, lines: Iterable[str]) -> None:
        parsed = [pattern for line in lines if (pattern := _parse(line)) is not None]
        self._patterns = tuple(reversed(parsed))
        self._anchored = any(pattern.anchored for pattern in parsed)
        globs = [pattern.parts[0].pattern if pattern.parts[0] else ".*" for pattern in parsed if not pattern.anchored]
        self._likely = re.compile("|".join(globs)) if globs else None  # one match rules out most names

    def decide(self, names: Sequence[str], *, folder: bool) -> Pattern | None:
        """Return the pattern that decides about a path (its names below the patterns' folder), or None."""
        if not self._anchored and not (self._likely and self._likely.match(names[-1])):
            return None
        for pattern in self._patterns:
            if (folder or not pattern.folders_only) and _matches(pattern, names):
                return pattern
        return None

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def covers(self, names: Sequence[str]) -> bool:
        """Return whether a file, or one of the folders above it, is matched."""
        for size in range(1, len(names) + 1):
            found = self.decide(names[:size], folder=size < len(names))
            if found is not None and not found.negated:
                return True
        return False


def names_of(path: bytes) -> tuple[str, ...]:
    """Return the names of a path as text for matching; bytes that are not UTF-8 are kept as surrogates."""
    return tuple(path.decode("utf-8", "surrogateescape").split("/"))


def _parse(line: str) -> Pattern | None:
    line = line.rstrip("\r\n")
    if not line.endswith("\\ "):
        line = line.rstrip(" ")
    if not line or line.startswith("#"):
        return None
    text = line
    negated = line.startswith("!")
    if negated or line.startswith(("\\#", "\\!")):
        line = line[1:]
    folders_only = line.endswith("/")
    line = line.rstrip("/")
    anchored = "/" in line
    names = [name for name in line.split("/") if name]
    if not names:
        return None
    parts = tuple(None if name == "**" else _glob(name) for name in names)
    return Pattern(parts, anchored, negated, folders_only, text)


def _glob(name: str) -> re.Pattern[str]:
    """Compile one name's glob; fnmatch's own translation takes linear time in `*`, and `[!x]` is its form of `[^x]`."""
    return re.compile(translate(name.replace("[^", "[!")))


def _matches(pattern: Pattern, names: Sequence[str]) -> bool:
    if not pattern.anchored:
        glob = pattern.parts[0]
        return glob is None or glob.match(names[-1]) is not None
    # positions in `names` that the parts so far may end at: linear, where a regular expression could backtrack
    reached = {0}
    for index, glob in enumerate(pattern.parts):
        if glob is None:
            last = index == len(pattern.parts) - 1
            reached = set(range(min(reached) + (1 if last else 0), len(names) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(names) and glob.match(names[at]) is not None}
        if not reached:
            return False
    return len(names) in reached


_BUILT_IN: Final = Patterns(DEFAULT_IGNORES)


def ignored_by(path: bytes, rules: Sequence[Patterns | None], *, folder: bool) -> str:
    """Return the rule that leaves out a file or folder, in words for the report, or "" for none.

    path: below the root. rules: of the ignore file of each folder on the way, from the root down; the nearest decides.
    """
    names = names_of(path)
    for level in range(len(rules) - 1, -1, -1):
        own = rules[level]
        found = own.decide(names[level:], folder=folder) if own else None
        if found is not None:
            return "" if found.negated else f".ragkitignore: {found.text}"
    found = _BUILT_IN.decide(names[-1:], folder=folder)
    return _default_reason(found) if found else ""


def _default_reason(pattern: Pattern) -> str:
    if pattern.text == HIDDEN:
        return "hidden"
    kind = KIND_OF.get(pattern.text, "")
    return f"ignored by default: {kind} ({pattern.text})" if kind else f"ignored by default: {pattern.text}"
