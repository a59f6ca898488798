"""The trial runs a steering on one file per sample as a job would, and measures what plans need."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from b2grid.errors import InvalidInput
from b2grid.run.command import Runner
from b2grid.steering import Recipe, Trial, record, trial
from b2grid.steering.recipe import NtupleTree

if TYPE_CHECKING:
    from pathlib import Path

# a program that obeys basf2's command line, and writes one row per event it is asked for
PROGRAM = dedent("""
    import argparse, json, os, sys
    import uproot

    parser = argparse.ArgumentParser()
    parser.add_argument("-i", action="append")
    parser.add_argument("-n", type=int)
    parser.add_argument("--job-information")
    parser.add_argument("steering")
    parser.add_argument("args", nargs="*")
    options = parser.parse_args()
    if "fail" in options.args:
        print("[FATAL] cannot do that")
        sys.exit(1)
    with uproot.recreate("out.root") as file:
        file.mktree("tree", {"x": "float64"}).extend({"x": [1.0] * options.n})
    status = {"events_processed": 4, "finished": True}
    json.dump({"basf2_status": status}, open(options.job_information, "w"))
    print("inputs", options.i, "args", options.args, "beside", sorted(os.listdir(".")))
    """)
RECIPE = Recipe(ntuples=(NtupleTree("out.root", "tree", "B0:x", ("x",)),))


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    return Runner("basf2", (sys.executable, str(program)))


@pytest.fixture
def steering(tmp_path: Path) -> Path:
    file = tmp_path / "steer.py"
    file.write_text("import basf2\nbasf2.process(basf2.Path())\n")
    (tmp_path / "weights.txt").write_text("1")
    return file


def test_one_file_per_sample_with_arguments_and_sandbox(tmp_path: Path, steering: Path, runner: Runner) -> None:
    found = trial(
        steering,
        {"signal": ["/data/s1.root", "/data/s2.root"], "mixed": "/data/m.root"},
        runner=runner,
        recipe=RECIPE,
        events=7,
        args=["--sample", "{sample}"],
        sandbox=["weights.txt"],
        folder=tmp_path / "trial",
    )
    assert found.ok
    signal = found["signal"]
    assert (signal.file, signal.exit_code, signal.events) == ("/data/s1.root", 0, 4)
    assert [tree[:3] for tree in signal.trees] == [("out.root", "tree", 7)]
    assert signal.trees[0].bytes > 0
    assert signal.peak_memory > 10**6
    assert signal.seconds_per_event is not None
    assert 0 < signal.seconds_per_event * signal.events <= signal.seconds_setup + signal.seconds_events
    assert "inputs ['/data/s1.root'] args ['--sample', 'signal']" in signal.log_tail
    assert "weights.txt" in signal.log_tail
    assert "['/data/m.root']" in found["mixed"].log_tail


def test_arguments_can_differ_between_samples(tmp_path: Path, steering: Path, runner: Runner) -> None:
    found = trial(
        steering,
        {"good": "a.root", "bad": "b.root"},
        runner=runner,
        recipe=RECIPE,
        args={"bad": ["fail"]},
        folder=tmp_path / "trial",
    )
    assert not found.ok
    assert found["good"].ok
    assert (found["bad"].exit_code, found["bad"].trees) == (1, ())
    assert found["bad"].problem == "exit code 1: [FATAL] cannot do that"
    assert "[FATAL] cannot do that" in str(found)


def test_a_promised_output_that_is_missing_fails_the_trial(tmp_path: Path, steering: Path, runner: Runner) -> None:
    recipe = Recipe(
        ntuples=(
            *RECIPE.ntuples,
            NtupleTree("out.root", "other", "", ()),
            NtupleTree("more.root", "tree", "", ()),
        )
    )
    found = trial(steering, {"s": "a.root"}, runner=runner, recipe=recipe, folder=tmp_path / "trial")
    assert not found.ok
    assert "has no tree 'other'" in found["s"].problem
    assert "more.root" in found["s"].problem


def test_a_trial_is_the_same_after_json_and_renders_safely(tmp_path: Path, steering: Path, runner: Runner) -> None:
    found = trial(steering, {"<b>x": "a.root"}, runner=runner, recipe=RECIPE, folder=tmp_path / "trial")
    assert Trial.from_json(found.to_json()) == found
    assert "<b>x" not in found._repr_html_()
    for text in ("", "{}", '{"format": 9, "measurements": []}', '{"format": 1, "measurements": [{}]}'):
        with pytest.raises(InvalidInput, match="trial"):
            Trial.from_json(text)


def test_a_sample_without_files_is_refused_before_anything_runs(tmp_path: Path, steering: Path, runner: Runner) -> None:
    with pytest.raises(InvalidInput, match="'empty' has no file"):
        trial(steering, {"s": "a.root", "empty": []}, runner=runner, recipe=RECIPE, folder=tmp_path / "trial")
    assert not (tmp_path / "trial").exists()


def test_the_embedded_runtime_is_tried_on_a_real_file(tmp_path: Path, real_data: Path) -> None:
    steering = tmp_path / "D0.py"
    steering.write_text(
        dedent("""
        import basf2 as b2
        import modularAnalysis as ma
        main = b2.Path()
        ma.inputMdst("elsewhere.root", path=main)
        ma.fillParticleList("pi+:x", "", path=main)
        ma.variablesToNtuple("pi+:x", ["p", "charge"], treename="pions", filename="pions.root", path=main)
        ma.variablesToNtuple("", ["nTracks"], treename="events", filename="pions.root", path=main)
        b2.process(main)
        """)
    )
    found = trial(
        steering,
        {"real": real_data / "mdst.root"},
        runner=Runner.lite(),
        recipe=record(steering),
        events=20,
        folder=tmp_path / "trial",
    )
    assert found.ok, str(found)
    assert found["real"].events == 20
    rows = {tree.tree: tree.rows for tree in found["real"].trees}
    assert rows["events"] == 20
    assert rows["pions"] > 20
    assert found["real"].seconds_setup > 0
