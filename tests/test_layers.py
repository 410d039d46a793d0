"""Imports go one way; no cycle, ever, not even inside functions.  Functions are short, messages have values."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pkpd

ROOT = Path(pkpd.__file__).parent

# A room may import itself and the rooms before it.
LAYERS = [
    ["errors", "version"],
    ["units", "storage", "arrays", "memory", "notebook"],
    ["json_files"],
    ["toml_files"],
    ["symbolic"],
    ["model_text"],
    ["library"],
    ["treatment", "ensembles"],
    ["solvers"],
    ["records"],
    ["prepared"],
    ["results", "prediction", "recipes"],
    ["simulation"],
    ["measures"],
    ["studies"],
    ["fitting"],
    ["analysis"],
    ["trials"],
    ["figures"],
    ["app"],
    ["cli"],
]
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
FILES = sorted(p for p in ROOT.rglob("*.py") if p.parent != ROOT or p.stem not in ("__init__", "__main__"))


FITS = sorted((ROOT.parent / "fits").rglob("*.py"))  # examples: they import pkpd and each other


def room(module: str) -> str:
    return module.split(".")[1]


def module_name(path: Path) -> str:
    root = ROOT if path.is_relative_to(ROOT) else ROOT.parent
    return ".".join(("pkpd", *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {module_name(path) for path in FILES + FITS}


def imports_of(source: str, where: str = "source") -> set[str]:
    """The pkpd modules that a text imports, at its top or inside a function, but not for types alone."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{where}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            imported |= {name if name in MODULES else str(node.module) for name in names}
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "import_module"):
            imported |= {str(ast.literal_eval(a)) for a in node.args[:1] if isinstance(a, ast.Constant)}
    return {name for name in imported if name == "pkpd" or name.startswith("pkpd.")}


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Each circle of imports that a walk through the graph meets, as ``a -> b -> a``."""
    met: list[str] = []
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            met.append(" -> ".join((*trail[trail.index(name) :], name)))
        elif name not in done and name in graph:
            for other in sorted(graph[name] - {name}):
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
    return met


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(ROOT)) for p in FILES])
def test_a_room_imports_only_rooms_before_it(path: Path) -> None:
    own = room(module_name(path))
    assert own in RANK, f"the room {own!r} has no place in the layers"
    for name in imports_of(path.read_text(encoding="utf-8"), str(path)):
        if name == "pkpd":  # which leads to every room
            assert own == "cli", f"{path} imports pkpd itself, which only the commands may"
        elif room(name) in ("models", "fits"):
            assert own in ("library", "cli"), f"{path} imports {name}"
        else:
            assert room(name) in RANK, f"{path} imports {name}"
            assert room(name) == own or RANK[room(name)] < RANK[own], f"{path} imports {name}, which is not below it"


def test_no_circle_among_modules() -> None:
    """Not even by an import inside a function, which only hides one."""
    graph = {module_name(path): imports_of(path.read_text(encoding="utf-8"), str(path)) for path in FILES + FITS}
    assert circles(graph) == []


def test_a_circle_is_seen_at_the_top_and_inside_a_function() -> None:
    lazy = "from __future__ import annotations\n\ndef read():\n    from pkpd.units import convert\n"
    for_types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkpd.units import convert\n"
    assert imports_of(lazy) == imports_of("from pkpd import units") == {"pkpd.units"}
    assert imports_of(for_types) == set()
    assert imports_of('importlib.import_module("pkpd.models")') == {"pkpd.models"}
    assert circles({"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": set()}) == ["a -> b -> c -> a"]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


# ---- functions and messages


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef, list[ast.stmt]]]:
    """Each function of the package: where it is, itself, and its body without the docstring."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
                yield f"{path.relative_to(ROOT)}: {node.name}", node, body


def lines(first: ast.stmt, last: ast.stmt) -> int:
    return int(last.end_lineno or last.lineno) - first.lineno + 1


def test_no_function_is_long_and_most_are_short() -> None:
    """A body has at most 60 lines, its docstring not counted; the median function, with all it has, 6 to 8."""
    bodies = {where: lines(body[0], body[-1]) if body else 0 for where, _, body in functions()}
    assert not {where: count for where, count in bodies.items() if count > 60}
    assert 6 <= statistics.median(lines(node, node) for _, node, _ in functions()) <= 8


def test_messages_name_the_value_that_is_wrong() -> None:
    """Of the errors that are raised with a sentence, 96 of 100 have a value in it."""
    sentences: list[tuple[str, bool]] = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and has_text(node.exc):
                made_elsewhere = not ast.unparse(node.exc.func).endswith("Error")
                has_value = made_elsewhere or any(isinstance(part, ast.FormattedValue) for part in ast.walk(node.exc))
                sentences.append((f"{path.relative_to(ROOT)}:{node.lineno}", has_value))
    without = [where for where, has_value in sentences if not has_value]
    assert len(without) <= 0.04 * len(sentences), without


def has_text(call: ast.Call) -> bool:
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(call))


# ---- packages


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
