"""The steering file of an ntuple: right in every release, minimal, the same as one written by hand, and harmless."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from b2grid import Channel, InvalidInput, InvalidSteering, Ntuple, Project, check, combine, record
from b2grid.catalogue import demo
from b2grid.lite import coverage

FOLDER = Path(demo.__file__).parent
BY_HAND = FOLDER / "steering" / "B2EtapKs.py"

TRACK = "dr < 0.5 and abs(dz) < 3 and thetaInCDCAcceptance"
ETAP = "0.92 < M < 0.99"
LISTS = {
    "pi+:soft": "dr < 2 and abs(dz) < 5 and thetaInCDCAcceptance",
    "K_S0": "0.46 < M < 0.54",  # V0s of the tracking
}
HARD = "E > 0.1 and clusterE9E21 > 0.7 and thetaInCDCAcceptance"
COMMON = [
    *("Mbc", "deltaE", "M", {"pCMS": "useCMSFrame(p)", "cosThetaCMS": "useCMSFrame(cosTheta)"}),
    {"etap_M": "daughter(0, M)", "etap_massDifference": "daughter(0, massDifference(0))", "Ks_M": "daughter(1, M)"},
    *("daughter(1, p)", "daughterAngle(0, 1)", "nTracks", "nCleanedTracks(dr < 2 and abs(dz) < 4)", "Ecms"),
]
TRUTH = ["isSignal", "mcErrors", "mcPDG", "genMotherPDG", "extraInfo(etap_rank)"]
BEST = {"kind": "lowest", "variable": "abs(formula(etap_M - 0.95778))", "outputVariable": "etap_rank"}


def pion(name: str, where: str) -> dict[str, str]:
    return {f"{name}_{variable}": where.format(variable) for variable in ("p", "pt", "dr", "dz", "pionID", "kaonID")}


def channel(number: int, lists: dict[str, Any], pions: dict[str, str]) -> Channel:
    columns = [*COMMON, pions, *TRUTH]
    lists = {**{name: LISTS[name] for name in LISTS if name == "K_S0" or number < 3}, **lists}
    return Channel(
        "B0 -> eta' K_S0", "Mbc > 5.20 and abs(deltaE) < 0.3", columns, f"B0ch{number}", lists=lists, rank=BEST
    )


ETAPKS = (
    channel(
        1,
        {
            "eta'": ("eta' -> eta pi+:soft pi-:soft", ETAP),
            "eta": ("eta -> gamma gamma", "0.50 < M < 0.58"),
            "gamma": HARD,
        },
        pion("pi1", "daughter(0, daughter(1, {}))"),
    ),
    channel(
        2,
        {
            "eta'": ("eta' -> eta pi+:soft pi-:soft", ETAP),
            "eta": ("eta -> pi+:soft pi-:soft pi0", "0.52 < M < 0.57"),
            "pi0": ("pi0 -> gamma gamma", "0.115 < M < 0.150"),
            "gamma": "E > 0.04 and clusterNHits > 1.5 and thetaInCDCAcceptance",
        },
        pion("pi1", "daughter(0, daughter(1, {}))"),
    ),
    channel(
        3,
        {
            "eta'": ("eta' -> rho0 gamma", ETAP),
            "rho0": ("rho0 -> pi+ pi-", "0.50 < M < 0.95"),
            "pi+": f"{TRACK} and pionID > 0.1",
            "gamma": HARD,
        },
        pion("rhopi1", "daughter(0, daughter(0, daughter(0, {})))"),
    ),
)

CONTROL = Channel(
    "B+ -> [anti-D0 -> K+ pi-] pi+",
    "Mbc > 5.2 and abs(deltaE) < 0.3",
    ["Mbc", "deltaE", "kinematics", {"D_M": "daughter(0, M)"}],
    lists={"D0": "1.8 < M < 1.9", "pi+": TRACK, "K+": f"{TRACK} and kaonID > 0.1"},
    fit={"kind": "tree", "conf_level": 0.0, "ipConstraint": True, "massConstraint": ["D0"]},
)


def ran(steering: Path, folder: Path) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
    """The trees that b2lite writes of one file of each signal."""
    inputs = [word for n in (1, 2, 3) for word in ("-i", str(FOLDER / "data" / f"signal{n}_prod0009010{n}_01.root"))]
    folder.mkdir()
    command = [sys.executable, "-m", "b2grid.lite", *inputs, str(steering)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    with uproot.open(folder / "B2EtapKs.root") as file:
        return {name: file[name].arrays(library="np") for name in ("B0ch1", "B0ch2", "B0ch3")}


@pytest.mark.slow
def test_channels_give_the_rows_of_the_steering_that_was_written_by_hand(tmp_path: Path) -> None:
    made = Ntuple(ETAPKS, "B2EtapKs.root").steering().save(tmp_path / "made.py")
    mine, theirs = ran(made, tmp_path / "made"), ran(BY_HAND, tmp_path / "by_hand")
    assert min(len(tree["Mbc"]) for tree in mine.values()) > 20
    for name, columns in theirs.items():
        assert list(mine[name]) == list(columns)
        for column, values in columns.items():
            np.testing.assert_array_equal(mine[name][column], values, err_msg=f"{name}: {column}")


def test_they_are_the_channels_of_the_steering_that_was_written_by_hand() -> None:
    taken = Ntuple.of(BY_HAND)
    assert taken == Ntuple(ETAPKS, "B2EtapKs.root")
    assert {finding.severity for finding in taken.report} == {"note"}
    assert "dmID" in str(taken.report)


def test_what_is_equal_is_made_once() -> None:
    steering = Ntuple(ETAPKS, "B2EtapKs.root").steering()
    by_hand, made = record(BY_HAND), record(steering.source)
    # photons of the eta and of the rho0 channel are one list
    assert len(made.lists) == len(by_hand.lists) - 1
    assert len(made.modules) < len(by_hand.modules)
    twice = Ntuple(
        [*ETAPKS, CONTROL, Channel(CONTROL.decay, CONTROL.cut, ["Mbc"], "short", CONTROL.lists, CONTROL.fit)], "B.root"
    )
    recorded = record(twice.steering().source)
    assert [one.name for one in recorded.lists if one.name.startswith("B+")] == ["B+:D0pi"]
    assert [module.type for module in recorded.modules].count("TreeFitter") == 1
    assert [tree.particle_list for tree in recorded.ntuples][-2:] == ["B+:D0pi", "B+:D0pi"]


@pytest.mark.parametrize("release", ["main", "release-08-00-00", "release-09-00-00", "light-2409-toyger"])
def test_the_check_finds_nothing_in_any_release(release: str) -> None:
    ntuple = Ntuple([*ETAPKS, CONTROL], "B.root", events=["nTracks"])
    steering = ntuple.steering(release=release, globaltags=["analysis_tools_light-2409-toyger"])
    assert not steering.findings, str(steering)
    assert steering.text == ntuple.steering(globaltags="analysis_tools_light-2409-toyger").text
    assert 'b2.conditions.prepend_globaltag("analysis_tools_light-2409-toyger")' in steering.text
    assert steering.filename == "B.py"


def test_a_variable_that_a_release_does_not_have_is_refused_with_its_line() -> None:
    ntuple = Ntuple([Channel("D0 -> K- pi+", "", ["M", "daughter(0)"])], "D0.root")
    with pytest.raises(InvalidSteering, match=r"D0.py:\d+: .*daughter") as caught:
        ntuple.steering()
    assert caught.value.findings[0].code == "B2S304"


def test_fits_run_in_b2lite_and_what_it_does_not_cover_is_refused_by_name_and_line() -> None:
    for ntuple in (Ntuple([CONTROL], "B.root"), Ntuple(ETAPKS, "a.root")):
        assert not check(ntuple.steering().source, covers=coverage()).findings
    steering = Ntuple([Channel("D0 -> K- pi+", "", ["M", "DeltaT"])], "D0.root").steering()
    (error,) = check(steering.source, covers=coverage()).errors
    (line,) = [number for number, text in enumerate(steering.text.splitlines(), 1) if "DeltaT" in text]
    assert (error.code, error.line, "DeltaT" in error.message) == ("B2S701", line, True)


HOSTILE = [
    '"); import os; os.system("true") #',
    "'''\nimport os\n'''",
    '"""\nimport os\n"""',
    "{__import__('os')}",
    "\\\nimport os",
    "\u2028import os",
    "\x00",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_is_given_becomes_a_part_of_the_script(text: str) -> None:
    def attempt(**more: Any) -> str | None:
        given = {"decay": "D0 -> K- pi+", "cut": "M > 1.8", "variables": ["M"], **more}
        try:
            return Ntuple([Channel(**given)], "D0.root").steering(globaltags=[text]).text
        except InvalidInput:
            return None

    name = f"isInList({text})"
    for more in (
        {},
        {"cut": name},
        {"variables": [name, {"a": name}]},
        {"decay": f"D0:{text} -> K- pi+"},
        {"decay": f"D0 -> K- pi+:{text}", "lists": {f"pi+:{text}": "p > 1"}},
        {"tree": text},
        {"fit": {"kind": "tree", "treatAsInvisible": text}},
        {"rank": {"kind": "lowest", "variable": "M", "outputVariable": text}},
    ):
        if (made := attempt(**more)) is not None:
            tree = ast.parse(made)
            modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
            assert modules <= {"basf2", "modularAnalysis", "vertex"}
            assert {type(node) for node in tree.body} <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign}
            calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
            assert all(call == "print" or call.partition(".")[0] in ("b2", "ma", "vx", "vm") for call in calls)


def test_two_ntuples_of_one_project_may_not_write_one_tree() -> None:
    one, other = Ntuple(ETAPKS[:1], "B.root"), Ntuple(ETAPKS[:1], "C.root")
    with pytest.raises(InvalidSteering, match="the tree 'B0ch1' of "):
        combine([one.steering(), one.steering()])
    assert set(record(combine([one.steering(), other.steering()]).source).outputs) == {"B.root", "C.root"}


def test_the_examples_of_the_documentation_run() -> None:
    page = (Path(__file__).parents[2] / "docs" / "channels.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    with redirect_stdout(StringIO()) as said:
        exec("\n".join(blocks), names)
    shown = set(re.findall(r"^    (.*)$", page, re.MULTILINE))
    assert set(said.getvalue().splitlines()) <= shown
    excerpt = {line for line in shown if re.match(r"ma\.|std|# ", line)}
    assert len(excerpt) > 5
    assert excerpt <= set(names["control"].steering().text.splitlines())


def test_channels_and_samples_are_one_project_with_every_channel_in_every_job(tmp_path: Path) -> None:
    samples = {"signal": "/belle/collection/MC/demo_etapks_v1", "mixed": "/belle/collection/MC/demo_mixed_v2"}
    ntuple = Ntuple(ETAPKS, "B0.root")
    plan = Project("matrix", steering=ntuple.steering(), inputs=samples, folder=tmp_path / "matrix").plan()
    assert set(plan.jobs["sample"]) == set(samples)
    outputs = {file: list(trees) for file, trees in plan.spec["outputs"].items()}
    assert outputs == {"B0.root": ["B0ch1", "B0ch2", "B0ch3"]}
