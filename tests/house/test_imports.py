"""The house holds: imports point down, `import ragkit` is light, and the public API is exactly `__all__`."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
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
BASE = {"errors", "text", "types", "records", "settings", "environment", "progress", "rows", "vectors"}
ROOMS = {
    "chunk": {"chunk", "units"},
    "embed": {
        "embed",
        "embed_torch",
        "embed_openvino",
        "embed_model",
        "compile",
        "compile_torch",
        "models",
        "wordpieces",
        "batching",
        "remembered",
    },
    "store": {
        "store",
        "store_read",
        "store_view",
        "store_write",
        "store_put",
        "store_session",
        "schema",
        "lock",
        "audit",
        "backup",
        "catalog",
        "filters",
        "filters_sql",
        "sqlite",
    },
    "dense": {"dense"},
    "lexical": {"lexical", "analysis"},
    "prompt": {"prompt"},
    "citations": {"citations", "sanitize", "support"},
    "chat": {"chat", "chat_openai", "chat_anthropic", "extractive"},
}
"""Siblings: none of these rooms may import another's modules."""
HEAVY = ("torch", "sentence_transformers", "transformers", "openvino", "faiss", "tantivy", "pypdf", "fastapi", "numpy")


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

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def modules() -> dict[str, Path]:
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def graph() -> dict[str, set[str]]:
    return {
        name: {target for target in imports_of(path) if target in MODULES and target != name}
        for name, path in MODULES.items()
    }


def test_the_import_graph_has_no_cycle() -> None:
    tree = {
        name: {target for target in targets if not name.startswith(f"{target}.")} for name, targets in graph().items()
    }
    order = list(TopologicalSorter(tree).static_order())
    assert len(order) == len(MODULES)


def test_the_core_knows_nothing_of_the_components() -> None:
    for name, path in MODULES.items():
        targets = {target.partition(".")[0] for target in imports_of(path)}
        if name.startswith("ragkit."):
            assert not targets & {"ragkit_ingest", "ragkit_service"}, name
        if name.startswith("ragkit_ingest"):
            assert "ragkit_service" not in targets, name


def test_the_components_use_only_the_public_api() -> None:
    allowed = {"ragkit", *(f"ragkit.{name}" for name in ragkit.__all__)}
    for name, path in MODULES.items():
        if not name.startswith("ragkit."):
            used = {target for target in imports_of(path) if target.partition(".")[0] == "ragkit"}
            assert used <= allowed, f"{name} imports {sorted(used - allowed)}"


def test_siblings_do_not_know_each_other() -> None:
    room_of = {module: room for room, names in ROOMS.items() for module in names}
    for name, targets in graph().items():
        room = room_of.get(name.removeprefix("ragkit."))
        if room and name.startswith("ragkit."):
            others = {room_of.get(target.removeprefix("ragkit."), room) for target in targets}
            assert others <= {room}, f"{name} of {room} imports from {sorted(others - {room})}"


def test_values_stand_on_nothing() -> None:
    for module in ("errors", "text"):
        assert not {target for target in graph()[f"ragkit.{module}"] if target != "ragkit.errors"}


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
    tree = ast.parse((PACKAGES["ragkit"] / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed | {"__version__"} == set(ragkit.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = ragkit.nonsense


def test_import_ragkit_loads_nothing_heavy() -> None:
    code = f"import sys, ragkit; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["ragkit.cli", "ragkit_ingest.cli.ingest", "ragkit_service.cli"])
def test_commands_load_without_models_or_servers(module: str) -> None:
    heavy = tuple(name for name in HEAVY if name != "numpy")
    code = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    path = ":".join(str(folder.parent) for folder in PACKAGES.values())
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_every_module_says_its_duty_in_its_first_line() -> None:
    for name, path in MODULES.items():
        first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
        assert first.endswith((".", "?")), f"{name}: {first!r}"


def test_files_stay_small() -> None:
    long = {name: count for name, path in MODULES.items() if (count := path.read_text().count("\n")) > 400}
    assert not long


def test_the_version_is_told_once() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{ragkit.__version__}"' in text
    assert importlib.import_module("ragkit").__version__ == ragkit.__version__
