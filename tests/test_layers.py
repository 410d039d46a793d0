"""Imports go one way; no cycle, ever.  Heavy packages stay out of ``import pkpd``."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pkpd

ROOT = Path(pkpd.__file__).parent

# A room may import itself and the rooms before it.
LAYERS = [
    ["errors"],
    ["units", "storage", "arrays"],
    ["symbolic"],
    ["library"],
    ["treatment", "ensembles"],
    ["solvers"],
    ["records"],
    ["prepared"],
    ["results", "prediction"],
    ["simulation"],
    ["measures", "fitting"],
    ["figures"],
    ["cli"],
]
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
FILES = sorted(p for p in ROOT.rglob("*.py") if p.parent != ROOT or p.stem not in ("__init__", "__main__"))


def room(module: str) -> str:
    return module.split(".")[1]


def imports_of(path: Path) -> set[str]:
    """The pkpd modules that a file imports, at its top or inside a function, but not for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{a.name}" for a in node.names} if node.module == "pkpd" else {str(node.module)}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return {name for name in found if name.startswith("pkpd.")}


def module_name(path: Path) -> str:
    return ".".join(("pkpd", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(ROOT)) for p in FILES])
def test_a_room_imports_only_rooms_before_it(path: Path) -> None:
    own = room(module_name(path))
    assert own in RANK, f"the room {own!r} has no place in the layers"
    for name in imports_of(path):
        assert room(name) in RANK, f"{path} imports {name}"
        assert room(name) == own or RANK[room(name)] < RANK[own], f"{path} imports {name}, which is not below it"


def test_no_cycle_among_modules() -> None:
    """At run time some modules import others inside a function; at import time the graph has no cycle."""
    graph = {}
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = [n for n in tree.body if isinstance(n, ast.ImportFrom) and str(n.module).startswith("pkpd.")]
        graph[module_name(path)] = {str(n.module) for n in top} | {f"{n.module}.{a.name}" for n in top for a in n.names}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in done or name not in graph:
            return
        for other in graph[name] & graph.keys():
            visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())
    assert len(done) == len(graph)


def test_only_figures_import_matplotlib() -> None:
    users = {
        room(module_name(p))
        for p in FILES
        if "import matplotlib" in p.read_text() or "from matplotlib" in p.read_text()
    }
    assert users <= {"figures"}


def test_import_is_light() -> None:
    code = "import sys, pkpd, pkpd.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "sympy", "scipy", "pandas", "xarray", "matplotlib", "lmfit", "numba", "pint"}
    assert not heavy & set(loaded)
