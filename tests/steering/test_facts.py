"""The interface facts: releases find their point, signatures are read, and loading is quick."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from b2grid.errors import InvalidInput
from b2grid.grammar import parse_variable
from b2grid.physics import particles
from b2grid.steering.facts import POINTS, Facts, Signature, load, particle_charges
from b2grid.steering.facts.build import build

REFERENCE = Path(os.environ.get("B2GRID_REFERENCE", Path(__file__).parents[3] / "shared" / "reference"))


@pytest.mark.parametrize(
    ("release", "point", "python"),
    [
        ("main", "main", (3, 11)),
        ("release-06-01-02", "release-06", (3, 8)),
        ("release-08-00-10", "release-08", (3, 8)),
        ("prerelease-09-00-00a", "release-09", (3, 11)),
        ("release-10-00-01", "main", (3, 11)),
        ("light-2305-korat", "release-08", (3, 8)),
        ("light-2405-quaxo", "release-08", (3, 8)),
        ("light-2406-ragdoll", "release-08", (3, 11)),
        ("light-2409-toyger", "release-09", (3, 11)),
    ],
)
def test_a_release_finds_the_nearest_point_and_its_python(release: str, point: str, python: tuple[int, int]) -> None:
    facts = load(release)
    assert (facts.release, facts.point, facts.python) == (release, point, python)
    assert not facts.beyond


@pytest.mark.parametrize("release", ["release-05-02-19", "light-2002-ichep", "release-11-00-00", "light-2609-luna"])
def test_what_is_older_or_newer_than_all_facts_is_uncertain(release: str) -> None:
    facts = load(release)
    assert facts.beyond
    assert facts.uncertain("noSuchVariable")


@pytest.mark.parametrize(
    "release", ["", "   ", "Release-08", "8", "release", "light-toyger", "main; rm", "release-08\n"]
)
def test_an_unknown_release_is_refused_or_the_latest(release: str) -> None:
    if not release:
        assert load(release).point == load(None).point == "main"
    else:
        with pytest.raises(InvalidInput, match="unknown release"):
            load(release)


def test_a_minor_release_may_have_what_the_next_point_has() -> None:
    new = sorted(set(load("release-09").variables) - set(load("release-08").variables))
    assert new
    assert load("release-08-02-04").uncertain(new[0])
    assert not load("release-08-00-10").uncertain(new[0])
    assert "release-09" in load("main").points_with(new[0])


@pytest.mark.parametrize("point", POINTS)
def test_every_point_has_the_analysis_interface(point: str) -> None:
    facts = load(point)
    assert {"modularAnalysis", "variables.utils", "vertex", "stdV0s", "basf2"} <= set(facts.functions)
    signature = facts.signature("modularAnalysis", "reconstructDecay")
    assert signature is not None
    assert signature.required == ("decayString", "cut")
    assert "path" in signature.names
    assert "" in facts.variables["M"]
    assert facts.variables["daughter"] == ["(i, variable)"]
    assert facts.signature("modularAnalysis", "fillParticleLits") is None
    assert facts.signature("numpy", "array") is None


def test_facts_without_a_history_are_there() -> None:
    facts = load()
    assert facts.latest
    assert not load("release-08").latest
    assert "inputFileNames" in facts.modules["RootInput"]
    assert {"create_path", "process", "LogLevel", "conditions"} <= facts.names
    assert facts.collections["deltae_mbc"] == ["Mbc", "deltaE"]


def test_the_standard_collections_are_variables_of_their_release(main: Facts) -> None:
    for members in main.collections.values():
        for member in members:
            tree = parse_variable(member)
            assert tree.name in main.variables, member  # type: ignore[union-attr]


@pytest.fixture
def main() -> Facts:
    """Return the facts of the latest point."""
    return load("main")


@pytest.mark.parametrize(
    ("written", "signature"),
    [
        ([], Signature(())),
        (["a!", "b"], Signature(("a", "b"), (), ("a",))),
        (["a!", "*", "b!", "c"], Signature(("a",), ("b", "c"), ("a", "b"))),
        (["a!", "path!", "*detectors", "b"], Signature(("a", "path"), ("b",), ("a", "path"), any_positional=True)),
        (["a", "**kwargs"], Signature(("a",), (), (), any_keyword=True)),
    ],
)
def test_signatures_are_read(written: list[str], signature: Signature) -> None:
    assert Signature.read(written) == signature


def test_particles_have_the_charges_of_the_physics_room() -> None:
    assert dict(particle_charges()) == {name: row.charge for name, row in particles().items()}


def test_loading_is_quick_and_light() -> None:
    code = (
        "import sys, time; from b2grid.steering import facts; start = time.perf_counter(); facts.load('release-08');"
        "facts.particle_charges(); print(time.perf_counter() - start);"
        "print(*({'numpy', 'uproot', 'dask', 'duckdb'} & set(sys.modules)))"
    )
    seconds, heavy = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert float(seconds) < 0.1
    assert not heavy


def test_the_package_data_are_what_the_reference_makes(tmp_path: Path) -> None:
    if not (REFERENCE / "basf2_api.json").is_file():
        pytest.skip(f"no interface facts in {REFERENCE}: set B2GRID_REFERENCE to a folder that has basf2_api.json")
    packaged = Path(str(sys.modules["b2grid.steering.facts"].__file__)).parent
    made = build(REFERENCE, tmp_path)
    assert {path.name for path in made} == {path.name for path in packaged.glob("*.json.gz")}
    assert sum(path.stat().st_size for path in made) < 150_000
    for path in made:
        assert path.read_bytes() == (packaged / path.name).read_bytes(), path.name
