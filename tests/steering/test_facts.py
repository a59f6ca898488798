"""The interface facts: releases find their point, signatures are read, and loading is quick."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from b2grid.errors import InvalidInput
from b2grid.grammar import parse_variable
from b2grid.physics import particles
from b2grid.steering import check
from b2grid.steering.facts import POINTS, Facts, Signature, load, particle_charges, replaced
from b2grid.steering.facts.build import build
from b2grid.steering.facts.page import page
from b2grid.steering.facts.releases import EARLIER, LIGHT, place

TABLE = tomllib.loads(Path(str(replaced.__file__)).with_name("replaced.toml").read_text())
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
    folders = (Path(str(sys.modules[room].__file__)).parent for room in ("b2grid.steering.facts", "b2grid.names"))
    facts, names = folders
    packaged = {path.name: path for path in (*facts.glob("*.json.gz"), names / "skims.tsv")}
    made = build(REFERENCE, tmp_path, tmp_path)
    assert {path.name for path in made} == set(packaged)
    assert sum(path.stat().st_size for path in made) < 150_000
    for path in made:
        assert path.read_bytes() == packaged[path.name].read_bytes(), path.name


# -- releases


def test_facts_that_are_younger_than_a_release_are_held_against_those_before() -> None:
    # renamed in between: with release-07 either may be right, with release-08 only the new one is
    assert load("release-07-00-00").earlier == ("release-06",)
    text = (
        "import basf2, modularAnalysis as m\np = basf2.Path()\nm.scaleTrackMomenta([], {}=1, path=p)\nbasf2.process(p)"
    )
    wrong = {"tableName": {"release-08", "release-09", "main"}, "payloadName": {"release-06"}, "x": {*POINTS}}
    for word, releases in wrong.items():
        found = {release: check(text.format(word), release=release).findings for release in POINTS}
        assert {release for release, items in found.items() if items} == releases, word
        assert {item.code for items in found.values() for item in items} == {"B2S202"}


def test_the_environment_comes_first_in_release_06_and_before() -> None:
    text = (
        "import basf2, modularAnalysis as ma\np = basf2.Path()\nma.inputMdst('default', 'a', path=p)\nbasf2.process(p)"
    )
    said = {
        release: [(item.code, item.severity) for item in check(text, release=release)]
        for release in ("release-05-02-19", "release-06-00-14", "light-2203-zeus", "release-07-00-00", "main")
    }
    assert said == {
        "release-05-02-19": [],
        "release-06-00-14": [("B2S206", "note")],
        "light-2203-zeus": [("B2S206", "error")],
        "release-07-00-00": [("B2S206", "error")],
        "main": [("B2S206", "error")],
    }


def test_light_releases_follow_a_full_one() -> None:
    for full, names in LIGHT.items():
        for name in names:
            assert place(name).full == full
            assert load(name).python == place(name).python
    assert place("light-2502-x").full == "release-09"
    assert place("light-2001-x").full == ""
    assert set(EARLIER) | set(EARLIER.values()) <= set(POINTS)


def test_the_page_about_releases_is_the_table() -> None:
    written = Path(__file__).parents[2] / "docs" / "releases.md"
    assert written.read_text() == page(), "make it again: python -m b2grid.steering.facts > docs/releases.md"
    for release in re.findall(r"^\| ([\w-]+) \| [\w-]+ \|? ?([\d.]*)", page(), re.MULTILINE):
        assert not release[1] or load(release[0]).python == tuple(map(int, release[1].split(".")))


# -- what was replaced


def test_what_is_replaced_is_gone_and_what_replaces_it_is_there(main: Facts) -> None:
    for group in TABLE["functions"]:
        for of in group["of"]:
            for name, now in group["now"].items():
                assert name not in (main.names if of == "basf2" else main.functions[of]), name
                named = re.findall(r"\b(modularAnalysis|vertex|udst|mdst|stdV0s)\.(\w+)", now)
                assert named or re.match(r"basf2\.(create_path\(\)|conditions\b)", now), name
                assert all(function in main.functions[module] for module, function in named), now
                if since := group.get("since"):
                    later = [point for point in POINTS if point == "main" or point >= since]
                    assert not set(later) & set(main.points_with(name, of)), name
    for function, words in TABLE["parameters"].items():
        module, _, name = function.partition(".")
        signature = main.signature(module, name)
        assert signature is not None
        for word, now in words.items():
            first = re.match(r"(?:modularAnalysis\.)?(\w*)", now)
            assert word not in signature.names
            assert first is not None
            assert not now or first[1] in signature.names or first[1] in main.functions["modularAnalysis"], now
    for name, now in TABLE["modules"].items():
        assert name not in main.modules
        assert set(re.findall(r"\b[A-Z]\w+[a-z]\b", now)) - {"Belle"} <= set(main.modules)


def test_variables_that_replace_others_can_be_computed(main: Facts) -> None:
    for name, now in TABLE["variables"].items():
        assert name not in main.variables, name
        first = re.match(r"[\w()., :]+?(?= or |, which|, whose|$)", now)
        assert first is not None
        tree = parse_variable(first[0])
        names = {tree.name, *(part for part in re.findall(r"\w+", now) if part in main.variables)}  # type: ignore[union-attr]
        assert names <= set(main.variables), now


@pytest.mark.parametrize(
    ("line", "code", "hint"),
    [
        ("ma.vertexTree('B0', path=p)", "B2S201", "gone since release-05: use vertex.treeFit"),
        ("vertex.massKFit('B0', 0, path=p)", "B2S201", "gone since release-05: use vertex.kFit with fit_type='mass'"),
        ("from modularAnalysis import skimOutputUdst", "B2S201", "use udst.add_skimmed_udst_output"),
        ("ma.summaryOfLists([], path=ma.analysis_main)", "B2S201", "use basf2.create_path() to make a path"),
        ("ma.scaleTrackMomenta([], tableName='t', path=p)", "B2S202", "use payloadName"),
        ("ma.writePi0EtaVeto('B0', 'B0 -> ^gamma', downloadFlag=1, path=p)", "B2S202", "leave it out: nothing takes"),
        ("p.add_module('FSRCorrection')", "B2S209", "use BremsFinder"),
        (
            "basf2.use_central_database('t')",
            "B2S201",
            "use basf2.conditions.prepend_globaltag, which came with release-04",
        ),
        ("from basf2 import reset_database", "B2S201", "use basf2.conditions.reset"),
        ("ma.applyCuts('pi+:x', 'mcX > 0', path=p)", "B2S301", "use mcDecayVertexX"),
        ("ma.applyCuts('B0:x', 'daughterDiffOfPhi(0, 1) > 0', path=p)", "B2S301", "use daughterDiffOf(i, j, phi)"),
    ],
)
def test_what_takes_the_place_is_said(line: str, code: str, hint: str) -> None:
    report = check(f"import basf2, vertex, modularAnalysis as ma\np = basf2.Path()\nbasf2.process(p)\n{line}\n")
    assert [(item.code, item.line) for item in report] == [(code, 4)]
    assert hint in report.findings[0].hint


def test_a_star_import_hides_nothing_that_was_removed() -> None:
    text = "from basf2 import *\nfrom modularAnalysis import *\nvertexTree('B0')\nprocess(analysis_main)\n"
    assert [(item.code, item.line) for item in check(text)] == [("B2S201", 3), ("B2S201", 4)]


# -- paths


def test_a_path_is_wanted_by_every_function_that_has_one() -> None:
    for point in POINTS:
        facts, lines = load(point), ["import basf2"]
        for module, functions in sorted(facts.functions.items()):
            for name in sorted(functions):
                signature = facts.signature(module, name)
                if signature is not None and "path" in signature.names:
                    others = [f"{word}=0" for word in signature.required if word != "path"]
                    lines += [f"from {module} import {name} as f{len(lines)}", f"f{len(lines)}({', '.join(others)})"]
        found = {item.line for item in check("\n".join(lines), release=point) if item.code == "B2S204"}
        assert len(lines) > 200
        assert found == {number for number, line in enumerate(lines, 1) if line.startswith("f") and "(" in line}
