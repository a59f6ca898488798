"""The house's import rules, as one table."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "b2grid"
WIDGETS = ROOT / "widgets" / "b2grid_widgets"

# imports point left: a room may import rooms of an earlier group, never its own peers or later ones
GROUPS = [
    {"html"},
    {"errors"},
    {"names", "grammar", "physics", "home", "web", "amounts"},
    {"run", "ntuple"},
    {"catalogue", "steering"},
    {"lite"},
    {"planning"},
    {"execution"},
    {"outputs"},
    {"preparation", "keeping"},
    {"draft"},
    {"project"},
    {"progress", "batching"},
    {"showcase"},
    {"cli"},
]
LEVEL = {room: level for level, rooms in enumerate(GROUPS) for room in rooms}

# a library, and the only places that may import it
OWNERS = {
    "dask": {"execution"},
    "dask_jobqueue": {"execution/cluster"},
    "distributed": {"execution"},
    "uproot": {"ntuple", "lite", "catalogue/scan", "catalogue/demo", "outputs"},
    "awkward": {"ntuple", "lite", "catalogue/scan", "catalogue/demo", "outputs"},
    "duckdb": {"catalogue/store"},
    "ipywidgets": set(),
    "pythia8mc": {"catalogue/demo"},
    "scipy": {"physics"},
    "subprocess": {"run"},
}
# the exceptions that the design names
ALLOWED = {("project", "b2grid_widgets")}


def modules() -> list[Path]:
    """Every module of b2grid but the stand-ins, which are named like the packages they stand for."""
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if "packages" not in path.parts
        and path.relative_to(PACKAGE).as_posix() != "__init__.py"
        and "demo/steering" not in path.as_posix()
    ]


def imports(path: Path) -> set[str]:
    """The absolute names that a module imports, also inside functions, but not for type checking alone."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(path: Path) -> str:
    """The room of the house that a module is in."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_left(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        if not name.startswith("b2grid."):
            continue
        there = name.split(".")[1]
        if there == here or there == "__version__":
            continue
        assert LEVEL[there] < LEVEL[here], f"{here} must not import {there}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    place = path.relative_to(PACKAGE).with_suffix("").as_posix()
    for name in imports(path):
        library = name.split(".")[0]
        if library in OWNERS:
            assert any(place == owner or place.startswith(f"{owner}/") for owner in OWNERS[library]), (
                f"{place} must not import {library}"
            )
        if library == "b2grid_widgets":
            assert (room(path), library) in ALLOWED


@pytest.mark.parametrize("path", sorted(WIDGETS.rglob("*.py")), ids=lambda path: path.name)
def test_widgets_have_no_logic_of_their_own(path: Path) -> None:
    allowed = {"b2grid", "b2grid_widgets", "ipywidgets", "IPython", "traitlets"}
    standard = {
        "__future__",
        "collections",
        "contextlib",
        "dataclasses",
        "functools",
        "threading",
        "time",
        "typing",
        "base64",
        "html",
        "io",
    }
    assert {name.split(".")[0] for name in imports(path)} <= allowed | standard
