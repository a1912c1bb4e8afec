"""The documentation site: `make docs` builds it into docs/_build, with every warning an error.

The guides are the Markdown files of this folder, which read the same on a Git host. The folder pages/ is written by
this file: the API from the public names of the packages, so that none is missing and none stands twice, and the README,
CONTRIBUTING and CHANGELOG with their links as they are from here.
"""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.config import Config

DOCS = Path(__file__).parent
for folder in ("", "ingest", "service"):
    sys.path.insert(0, str(DOCS.parent / folder))

import ragkit  # noqa: E402 - the working tree's, not one that is installed

project = "ragkit"
author = "the authors of ragkit"
project_copyright = author
version = release = ragkit.__version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_click",
    "sphinxcontrib.mermaid",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = f"ragkit {release}"
html_show_copyright = False
html_show_sphinx = False
pygments_style, pygments_dark_style = "friendly", "monokai"

myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 4
mermaid_fullscreen = False
mermaid_output_format = "svg"
mermaid_cmd = shlex.join([sys.executable, str(DOCS / "mermaid_pictures.py")])  # kept pictures: no network is needed
myst_fence_as_directive = ["mermaid"]  # a Git host draws ```mermaid as well

default_role = "code"  # docstrings write `name`
add_module_names = False
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_class_signature = "separated"
maximum_signature_line_length = 100
nitpicky = False  # types of numpy, apsw and others have no pages here

SECTIONS = {
    "knowledge": "Knowledge base",
    "types": "Values",
    "settings": "Settings",
    "environment": "Settings from the environment",
    "errors": "Errors",
    "chat": "Chat models",
    "concurrency": "Stopping an answer",
    "embedding": "Embedding models",
    "index": "Indexes",
    "store": "Collections",
    "retrieval": "Retrieval",
    "text": "Text",
}
"""Packages of `ragkit` whose names are public -> their headings, in the order of the page."""


ROOT_PAGES = {"README.md": "start", "CONTRIBUTING.md": "contributing", "CHANGELOG.md": "changelog"}
"""Files of the repository's root that are pages of the site too."""


def homes(package: ModuleType) -> dict[str, str]:
    """Return the defining module of each public name of a package."""
    found = {}
    for name in package.__all__:
        if name != "__version__":
            tables = (getattr(package, table, {}) for table in ("_HOME_OF", "_HOMES"))
            home = next((table[name] for table in tables if name in table), "")
            value = getattr(package, name)
            found[name] = f"{package.__name__}.{home}" if home else getattr(value, "__module__", package.__name__)
    return found


def entry(name: str, home: str) -> str:
    """Return the autodoc directive of a public name."""
    module = home.split(".", maxsplit=1)[0]
    value = getattr(import_module(module), name)
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return f"```{{eval-rst}}\n.. autodata:: {home}.{name}\n   :no-value:\n```\n"
    kind = "function" if inspect.isfunction(value) else "class"
    if inspect.isclass(value) and issubclass(value, BaseException):
        kind = "exception"
    options = "" if kind == "function" else "   :members:\n   :undoc-members:\n   :show-inheritance:\n"
    if inspect.isclass(value) and any(base.__module__.startswith("ragkit.") for base in value.__bases__):
        options += "" if kind == "exception" else "   :inherited-members:\n"
    where = home if module == "ragkit" and home == "ragkit.testing" else module
    return f"```{{eval-rst}}\n.. auto{kind}:: {where}.{name}\n{options}```\n"


def core_page() -> str:
    """Return the page of `ragkit`, a section for each package that defines public names."""
    parts = ["# ragkit\n", f"{inspect.getdoc(ragkit)}\n"]
    names = homes(ragkit)
    rooms: dict[str, list[str]] = {}
    for name, home in names.items():
        rooms.setdefault(home.split(".")[1], []).append(name)
    for room in sorted(rooms, key=lambda room: (list(SECTIONS).index(room) if room in SECTIONS else 99, room)):
        parts.append(f"## {SECTIONS.get(room, room.capitalize())}\n")
        parts += [entry(name, names[name]) for name in rooms[room]]
    return "\n".join(parts)


def component_page(package: ModuleType) -> str:
    """Return the page of a component."""
    names = homes(package)
    return "\n".join(
        [f"# {package.__name__}\n", f"{inspect.getdoc(package)}\n", *(entry(*item) for item in names.items())]
    )


def testing_page(module: ModuleType) -> str:
    """Return the page of the fakes for tests: every public class and function that the module defines."""
    names = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]
    options = f"   :members: {', '.join(names)}\n   :undoc-members:\n"
    return f"# {module.__name__}\n\n```{{eval-rst}}\n.. automodule:: {module.__name__}\n{options}```\n"


def copied(name: str) -> str:
    """Return a page of the root with links that hold from pages/; a link to what is no page becomes its text."""

    def link(match: re.Match[str]) -> str:
        text, target = match[1], match[2]
        if target in ROOT_PAGES:
            return f"[{text}]({ROOT_PAGES[target]}.md)"
        return f"[{text}](../{target.removeprefix('docs/')})" if target.startswith("docs/") else text

    text = (DOCS.parent / name).read_text(encoding="utf-8")
    return re.sub(r"\[([^\]]*)\]\((?![a-z]+:|#)([^)]*)\)", link, text)


def write_pages(_app: Sphinx, _config: Config) -> None:
    """Write pages/; a page that is as it was keeps its time, so that Sphinx does not read it again."""
    pages = {
        "ragkit": core_page(),
        "ragkit_ingest": component_page(import_module("ragkit_ingest")),
        "ragkit_service": component_page(import_module("ragkit_service")),
        "testing": testing_page(import_module("ragkit.testing")),
        **{page: copied(name) for name, page in ROOT_PAGES.items()},
    }
    folder = DOCS / "pages"
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register the writing of pages/."""
    app.connect("config-inited", write_pages)
