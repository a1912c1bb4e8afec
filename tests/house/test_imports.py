"""The house holds: what import-linter (in `make lint`) cannot say of imports, sizes, docstrings and the public API."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ragkit

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "ragkit": ROOT / "ragkit",
    "ragkit_ingest": ROOT / "ingest" / "ragkit_ingest",
    "ragkit_service": ROOT / "service" / "ragkit_service",
}
HEAVY = (
    "torch",
    "sentence_transformers",
    "transformers",
    "openvino",
    "faiss",
    "tantivy",
    "pypdf",
    "pypdfium2",
    "fastapi",
    "openai",
    "anthropic",
    "matplotlib",
    "jinja2",
    "jsonschema",
    "sqlglot",
)
"""Libraries that take long to import: each is imported where it is used, never by a package's face."""
MOST_LINES, MOST_MODULES, MOST_FUNCTION_LINES = 400, 16, 50


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a file, which many tests look at."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> set[str]:
    """Return every module that a file imports at run time, wherever in the file; type-checking blocks do not count."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} has a relative import"
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree_of(path))
    return found


def modules() -> dict[str, Path]:
    """Return the path of every module of the three packages by its dotted name."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


MODULES = modules()
FACES = [name for name, path in MODULES.items() if path.name == "__init__.py"]


def loaded_by(module: str) -> set[str]:
    """Return the names of all modules that are loaded after `import module` in a fresh interpreter."""
    code = f"import sys, {module}; print('\\n'.join(sys.modules))"
    path = os.pathsep.join(str(folder.parent) for folder in PACKAGES.values())
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}, cwd=ROOT
    )
    return set(done.stdout.split())


def test_the_import_graph_has_no_cycle() -> None:
    tree = {
        name: {
            target
            for target in imports_of(path)
            if target in MODULES and target != name and not name.startswith(f"{target}.")
        }
        for name, path in MODULES.items()
    }
    order = list(TopologicalSorter(tree).static_order())
    assert len(order) == len(MODULES)


def test_the_components_use_only_the_public_api() -> None:
    allowed = {"ragkit", *(f"ragkit.{name}" for name in ragkit.__all__)}
    for name, path in MODULES.items():
        if name.partition(".")[0] != "ragkit":
            used = {target for target in imports_of(path) if target.partition(".")[0] == "ragkit"}
            assert used <= allowed, f"{name} imports {sorted(used - allowed)}"


def test_the_public_api_is_exactly_all() -> None:
    assert len(set(ragkit.__all__)) == len(ragkit.__all__)
    for name in ragkit.__all__:
        assert getattr(ragkit, name) is not None
    public = {name for name in vars(ragkit) if not name.startswith("_")}
    helpers = {"annotations", "import_module", "TYPE_CHECKING", "Any"}
    submodules = {name.partition(".")[2] for name in MODULES if name.startswith("ragkit.")}
    assert public - helpers - submodules <= set(ragkit.__all__)
    assert sorted(dir(ragkit)) == sorted(ragkit.__all__)


def test_type_checkers_see_the_same_api() -> None:
    tree = tree_of(PACKAGES["ragkit"] / "__init__.py")
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed | {"__version__"} == set(ragkit.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = ragkit.nonsense


def test_import_ragkit_loads_nothing_but_itself_and_the_standard_library() -> None:
    before = loaded_by("sys, importlib, typing")
    more = {name.partition(".")[0] for name in loaded_by("ragkit") - before}
    assert more <= {"ragkit"} | set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", FACES)
def test_a_package_face_loads_nothing_heavy(module: str) -> None:
    assert not loaded_by(module) & set(HEAVY)


@pytest.mark.parametrize("module", ["ragkit.cli.app", "ragkit_ingest.cli.ingest", "ragkit_service.cli"])
def test_commands_load_without_models_or_servers(module: str) -> None:
    """`ragkit --help` loads these modules: each of the others would cost it a tenth of a second or more."""
    assert not loaded_by(module) & {*HEAVY, "numpy", "sqlite3", "starlette", "asyncio", "ragkit.knowledge"}


def test_a_search_on_the_command_line_loads_no_checker_and_no_evaluation() -> None:
    """They would cost each search a tenth of a second."""
    loaded = loaded_by("ragkit.cli.query, ragkit.knowledge.knowledge_base")
    assert not {name for name in loaded if name.startswith(("ragkit.citations.checker", "ragkit.evaluation"))}


def test_every_module_says_its_duty_in_its_first_line() -> None:
    for name, path in MODULES.items():
        first = (ast.get_docstring(tree_of(path)) or "").split("\n")[0]
        assert first.endswith((".", "?")), f"{name}: {first!r}"


def test_every_public_class_and_function_begins_with_a_sentence() -> None:
    bare = []
    for name, path in MODULES.items():
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
                first = (ast.get_docstring(node) or "").split("\n\n")[0]
                if not first.endswith((".", "?", ":")):
                    bare.append(f"{name}.{node.name}: {first!r}")
    assert not bare


def test_files_stay_small() -> None:
    long = {name: count for name, path in MODULES.items() if (count := path.read_text().count("\n")) > MOST_LINES}
    assert not long


def test_folders_stay_small() -> None:
    counts = Counter(path.parent.relative_to(ROOT) for path in MODULES.values() if path.name != "__init__.py")
    counts[Path("ingest/ragkit_ingest/readers")] -= 2  # until its markup readers have a folder of their own
    assert not {str(folder): count for folder, count in counts.items() if count > MOST_MODULES}


def test_functions_stay_small() -> None:
    long = {}
    for name, path in MODULES.items():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = (node.end_lineno or 0) - node.lineno + 1
                if count > MOST_FUNCTION_LINES:
                    long[f"{name}.{node.name}"] = count
    assert not long


def test_the_version_is_told_once() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{ragkit.__version__}"' in text
    assert importlib.import_module("ragkit").__version__ == ragkit.__version__
