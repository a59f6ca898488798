"""The trial runs a steering on one file per sample as a job would, and measures what plans need."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import b2grid.catalogue.demo as demo
from b2grid.errors import InvalidInput
from b2grid.ntuple import TreeProfile
from b2grid.run.command import Runner
from b2grid.run.supervisor import Limits
from b2grid.steering import Recipe, Replicas, Trial, record, trial
from b2grid.steering.parts import FileOutput, NtupleTree
from b2grid.steering.trying import Measurement, Step
from b2grid.steering.trying.cache import Cache
from b2grid.steering.trying.messages import LogSummary, marked, read_log

DATA = Path(demo.__file__).parent / "data"
SIGNAL, MIXED = DATA / "signal1_prod00090101_01.root", DATA / "mixed_prod00090201_01.root"

STEERING = dedent("""
    import basf2 as b2
    import modularAnalysis as ma
    path = b2.create_path()
    ma.inputMdst("elsewhere.root", path=path)
    ma.fillParticleList("pi+:x", "", path=path)
    ma.matchMCTruth("pi+:x", path=path)
    ma.cutAndCopyList("pi+:none", "pi+:x", "p > 100", path=path)
    ma.variablesToNtuple("pi+:x", ["p", "PDG", "daughter(0, p)"], treename="pi", filename="pi.root", path=path)
    ma.variablesToNtuple("pi+:none", ["p"], treename="none", filename="pi.root", path=path)
    ma.variablesToNtuple("", ["nTracks"], treename="events", filename="pi.root", path=path)
    b2.process(path)
    open("extra.txt", "w").write("12345")
    """)


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A real trial of two samples of the demo data, with b2lite."""
    folder = tmp_path_factory.mktemp("lite")
    steering = folder / "pi.py"
    steering.write_text(STEERING)
    steps: list[Step] = []
    found = trial(
        steering,
        {"signal": [SIGNAL, "not/looked/at.root"], "mixed": Replicas("/belle/x.root", (str(MIXED),))},
        runner=Runner.lite(),
        recipe=record(steering),
        folder=folder / "trial",
        on_progress=steps.append,
    )
    assert [(step.sample, step.number, step.samples) for step in (steps[0], steps[-1])] == [
        ("signal", 1, 2),
        ("mixed", 2, 2),
    ]
    assert (steps[-1].doing, steps[-1].done, steps[-1].total) == ("running", 80, 80)
    assert not (folder / "trial").exists()  # nothing is left of what worked
    return found


def test_each_sample_has_its_own_rates_and_rows(lite: Trial) -> None:
    assert lite.ok, str(lite)
    signal, mixed = lite.measurements
    assert (signal.sample, signal.events, signal.asked, signal.file_events) == ("signal", 100, 100, 150)
    assert (mixed.sample, mixed.events, mixed.asked, mixed.file_events) == ("mixed", 80, 100, 80)
    rows = {(item.sample, tree.tree): tree.rows for item in lite.measurements for tree in item.trees}
    assert rows["signal", "events"] == 100
    assert rows["mixed", "events"] == 80
    assert rows["signal", "pi"] > 100
    assert rows["signal", "none"] == rows["mixed", "none"] == 0
    for item in (signal, mixed):
        assert item.setup_how == "account"
        assert item.seconds_setup > item.seconds_events / 100 > 0
        assert item.peak_memory > 10**7
        assert item.cpu_time > 0
        assert item.others == (("extra.txt", 5),)


def test_trees_say_what_their_rows_are_like(lite: Trial) -> None:
    trees = {tree.tree: tree for tree in lite["signal"].trees}
    counted = trees["pi"].multiplicity
    assert counted is not None
    assert counted.largest >= counted.mean > 1
    assert sum(counted.counts) == counted.events <= 100
    assert trees["pi"].nan == ("daughter(0, p)",)
    assert trees["events"].multiplicity is None
    said = {found.code: found for found in lite.findings}
    assert said["B2S911"].severity == "warning"
    assert "tree pi.root:pi: NaN in all" in said["B2S911"].message
    assert "rows of 2 samples: daughter(0, p)" in said["B2S911"].message
    assert "tree pi.root:none has no row in 180 events of 2 samples" in said["B2S915"].message
    assert "sample mixed: 80 events (the whole file), fewer than 100" in said["B2S914"].message


def test_gbasf2_is_told_what_was_measured(lite: Trial) -> None:
    row = lite.gbasf2(files_per_job=7)["signal"]
    item = lite["signal"]
    per_event = item.seconds_events / item.events * item.cores
    assert row.events == 7 * 150
    assert row.evtpersec == pytest.approx(1 / (20 * per_event))
    assert row.cputime == 1
    assert row.options == "-n 7 --cputime 1"
    assert "--evtpersec is events / (20 × seconds)" in str(lite.gbasf2())
    with pytest.raises(KeyError):
        lite.gbasf2()["data"]
    with pytest.raises(InvalidInput, match="at least 1"):
        lite.gbasf2(0)


def test_cpu_time_counts_the_cores_that_are_kept_busy() -> None:
    item = Measurement("s", "f", 100, 10.0, 50.0, 1, (), ok=True, exit_code=0, cpu_time=30.0, file_events=600)
    assert item.cpu_seconds(600) == pytest.approx(310.0)
    assert replace(item, cpu_time=120.0).cpu_seconds(600) == pytest.approx(620.0)
    assert Trial((item,)).gbasf2(2)["s"].cputime == 11  # 610 seconds
    assert Trial((replace(item, file_events=None),)).gbasf2()["s"].options == "-n 1 --evtpersec 0.1"


def test_a_trial_is_the_same_after_json(lite: Trial) -> None:
    assert Trial.from_json(lite.to_json()) == lite
    old = '{"format": 1, "measurements": []}'
    for text in ("", "{}", "[]", '{"format": 9, "measurements": []}', '{"format": 2, "measurements": [{}]}', old):
        with pytest.raises(InvalidInput, match="trial"):
            Trial.from_json(text)


def test_a_trial_shows_itself_everywhere(lite: Trial) -> None:
    from rich.console import Console

    html, text = lite._repr_html_(), str(lite)
    assert "<svg" in html
    assert "80 of 100" in html
    for shown in (html, text):
        for words in ("no warnings", "extra.txt", "--evtpersec", "B2S911", "pi.root"):
            assert words in shown
    console = Console(force_terminal=True, color_system="standard", width=200, record=True)
    with console.capture() as captured:
        console.print(lite)
    assert "\x1b[33mwarning B2S911" in captured.get()


def test_what_comes_from_outside_is_escaped() -> None:
    evil = "<b>x\x1b[2J"
    tree = TreeProfile(evil, evil, 20, 1, 1, {evil: evil}, (evil,), (evil,))
    log = read_log(f"[ERROR] {evil}\n")
    item = Measurement(
        evil, evil, 1, 0, 0, 1, (tree,), ok=True, exit_code=0, log=log, log_tail=f"[ERROR] {evil}\n{evil}",
        others=((evil, 1),), notes=(evil,),
    )  # fmt: skip
    for one in (item, replace(item, ok=False, problem=evil, hint=evil, log_file=evil)):
        assert "<b>x" not in Trial((one,))._repr_html_()
        assert "\x1b" not in str(Trial((one,)))


# ---- with a program that obeys basf2's command line


# it copies an ntuple of seven rows, and does what its arguments tell it besides
PROGRAM = """
import argparse, json, os, shutil, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("-i", action="append")
parser.add_argument("-n", type=int)
parser.add_argument("--job-information")
parser.add_argument("steering")
parser.add_argument("args", nargs="*")
options = parser.parse_args()
with open({calls!r}, "a") as calls:
    calls.write(f"{{options.n}} {{' '.join(options.args)}} {{sorted(os.listdir('.'))}} {{options.i}}\\n")
if "fail" in options.args:
    print("[INFO] Added file\\n[FATAL] cannot do that  {{ module: RootInput }}")
    sys.exit(1)
if "raise" in options.args:
    words = [].pop()
if "hang" in options.args:
    time.sleep(60)
shutil.copy({ntuple!r}, "out.root")
status = {{"events_processed": 4, "finished": True, "errors": 3, "warnings": 1, "fatals": 0}}
json.dump({{"basf2_status": status}}, open(options.job_information, "w"))
print("[ERROR] no track in event 7\\n[ERROR] no track in event 12\\n[WARNING] beam spot is old")
if "statistics" in options.args:
    print("Name | Calls | Memory(MB) | Time(s) | Time(ms)/Call")
    print("RootInput             |        8 |          3 |       0.01 |    1.25 +-   0.10")
    print("Total                 |        8 |          3 |       0.01 |    8.75 +-   0.10")
elif options.n > 1:
    time.sleep(0.5)
"""
RECIPE = Recipe(ntuples=(NtupleTree("out.root", "tree", "B0:x", ("x",)),))


class Basf2:
    """The program, a steering file, and what the program was called with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls = folder, folder / "calls.txt"
        ntuple = folder / "ntuple.root"
        with uproot.recreate(ntuple) as file:
            file.mktree("tree", {"x": "float64"}).extend({"x": np.ones(7)})
        (folder / "program.py").write_text(PROGRAM.format(calls=str(self.calls), ntuple=str(ntuple)))
        self.runner = Runner("basf2", (sys.executable, str(folder / "program.py")))
        self.steering = folder / "steer.py"
        self.steering.write_text("import basf2\nbasf2.process(basf2.Path())\n")
        (folder / "weights.txt").write_text("1")

    def trial(self, samples: Any, **more: Any) -> Trial:
        given = {"runner": self.runner, "recipe": RECIPE, "events": 7, "folder": self.folder / "trial", **more}
        return trial(self.steering, samples, **given)

    @property
    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def basf2(tmp_path: Path) -> Basf2:
    return Basf2(tmp_path)


def test_one_run_tells_the_set_up_apart_where_its_statistics_are_printed(basf2: Basf2) -> None:
    found = basf2.trial({"a <b>": [SIGNAL, MIXED]}, args=["statistics", "{sample}", "{job}"], sandbox=["weights.txt"])[
        "a <b>"
    ]
    assert (found.ok, found.events, found.setup_how, found.seconds_events) == (True, 7, "statistics", 0.01)
    assert found.seconds_setup > 0.01
    assert basf2.called == [f"7 statistics a <b> 0 ['steer.py', 'trial.log', 'weights.txt'] ['{SIGNAL}']"]
    assert found.log.errors == 3  # as its account says: not all were shown
    assert [(one.level, one.text, one.count) for one in found.log.messages] == [
        ("ERROR", "no track in event 7", 2),
        ("WARNING", "beam spot is old", 1),
    ]
    assert "B2S913" in [one.code for one in Trial((found,)).findings]
    shown = str(Trial((found, replace(found, sample="b"))))
    assert "from the statistics in the log" in shown
    assert "WARNING: beam spot is old  (1 in a <b>, 1 in b)" in shown


def test_a_second_run_with_one_event_tells_it_apart_otherwise(basf2: Basf2) -> None:
    found = basf2.trial({"s": SIGNAL})["s"]
    assert (found.ok, found.events, found.setup_how) == (True, 7, "one event")
    assert found.seconds_events >= 0.1
    assert [call.split()[0] for call in basf2.called] == ["7", "1"]


def test_what_cannot_be_told_apart_is_said() -> None:
    item = Measurement("s", "f", 7, 0.0, 5.0, 1, (), ok=True, exit_code=0)
    assert "set-up of s: not known: it is in the time per event" in str(Trial((item,)))


def test_a_sample_that_fails_stops_no_other_and_keeps_its_log(basf2: Basf2) -> None:
    args = {"good": ["statistics"], "bad": ["fail"], "worse": ["raise"]}
    found = basf2.trial(dict.fromkeys(args, SIGNAL), args=args)
    assert [item.ok for item in found.measurements] == [True, False, False]
    assert (found["bad"].exit_code, found["bad"].trees) == (1, ())
    assert found["bad"].problem == "exit code 1: [FATAL] cannot do that"
    assert found["worse"].problem == "exit code 1: IndexError: pop from empty list"
    assert "[FATAL] cannot do that" in Path(found["bad"].log_file).read_text()
    assert "the end of the log of bad" in str(found)
    assert sorted(path.name for path in (basf2.folder / "trial").iterdir()) == ["02-bad", "03-worse"]
    assert [one.code for one in found.findings if one.severity == "error"] == ["B2S900", "B2S900"]


def test_a_promised_output_that_is_missing_fails_the_trial(basf2: Basf2) -> None:
    more = (NtupleTree("out.root", "other", "", ()), NtupleTree("more.root", "tree", "", ()))
    found = basf2.trial({"s": SIGNAL}, recipe=Recipe(ntuples=(*RECIPE.ntuples, *more)), args=["statistics"])["s"]
    assert not found.ok
    assert "has no tree 'other'" in found.problem
    assert "more.root" in found.problem


def test_a_recipe_without_ntuples_is_measured_by_what_is_written(basf2: Basf2) -> None:
    found = basf2.trial(
        {"s": SIGNAL}, recipe=Recipe(other_outputs=(FileOutput("out.root", "histograms"),)), args=["statistics"]
    )["s"]
    assert (found.ok, found.events, found.trees) == (True, 7, ())
    assert [name for name, _ in found.others] == ["out.root"]


def test_a_file_that_cannot_be_read_is_a_measurement_that_says_why(
    basf2: Basf2, tmp_path: Path, url_of_nothing: str
) -> None:
    whole = SIGNAL.read_bytes()
    contents = {"empty.root": b"", "text.root": b"no ROOT file\n" * 100, "cut.root": whole[: len(whole) // 2]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    samples = {name: str(tmp_path / name) for name in (*contents, "gone.root")} | {"far": url_of_nothing}
    found = basf2.trial(samples | {"good": SIGNAL}, args=["statistics"], cache=Cache([tmp_path / "c"], 1))
    problems = {item.sample: item.problem for item in found.measurements}
    assert "is empty" in problems["empty.root"]
    assert "is not a ROOT file" in problems["text.root"]
    assert "is truncated" in problems["cut.root"]
    assert "no file " in problems["gone.root"]
    assert "Connection refused" in problems["far"]
    assert found["good"].ok
    assert len(basf2.called) == 1  # nothing was run for the others
    assert {one.code for one in found.findings if one.severity == "error"} == {"B2S910"}
    assert not found._repr_html_().count("NaN")


@pytest.fixture
def url_of_nothing() -> str:
    return "http://127.0.0.1:1/belle/mdst.root"


def test_a_file_without_events_is_not_run_over(basf2: Basf2, real_data: Path) -> None:
    found = basf2.trial({"s": real_data / "chaintest_empty.root"})["s"]
    assert not found.ok
    assert "has no events" in found.problem
    assert basf2.called == []


def test_a_runner_that_cannot_be_started_and_one_that_hangs(basf2: Basf2) -> None:
    gone = Runner("basf2", ("/no/such/basf2",))
    found = basf2.trial({"s": SIGNAL}, runner=gone)["s"]
    assert (found.ok, found.exit_code, found.events) == (False, None, 0)
    assert found.problem == "could not be started: /no/such/basf2: No such file or directory"
    assert "on the path?" in found.hint
    limits = Limits(walltime=1.0, memory=None, stall=None, grace=0.1)
    found = basf2.trial({"s": SIGNAL}, args=["hang"], limits=limits)["s"]
    assert found.problem.startswith("stopped: walltime after 1 s")
    assert "fewer events" in found.hint


def test_a_steering_that_wants_arguments_says_so(tmp_path: Path) -> None:
    steering = tmp_path / "told.py"
    steering.write_text("import sys\nwhich = sys.argv[1]\n" + STEERING)
    found = trial(steering, {"s": SIGNAL}, runner=Runner.lite(), recipe=Recipe(), events=2, folder=tmp_path / "trial")[
        "s"
    ]
    assert found.problem == "exit code 1: IndexError: list index out of range"
    assert "args=[…]" in found.hint


def test_what_makes_no_sense_is_refused_before_anything_runs(basf2: Basf2) -> None:
    with pytest.raises(InvalidInput, match="'empty' has no file"):
        basf2.trial({"s": SIGNAL, "empty": []})
    with pytest.raises(InvalidInput, match="0 events"):
        basf2.trial({"s": SIGNAL}, events=0)
    with pytest.raises(InvalidInput, match="measures nothing"):
        basf2.trial({"s": SIGNAL}, events="many")  # type: ignore[arg-type]
    assert not (basf2.folder / "trial").exists()


# ---- what a log says


def test_basf2s_own_summary_is_not_counted_again() -> None:
    log = read_log(
        dedent("""
        [INFO] Steering file: a.py
        [WARNING] payload 12 is old  { module: Conditions }
        [WARNING] payload 13 is old  { module: Conditions }
        [ERROR] lost
        \tevent = 3
        [INFO] ===Error Summary================================================================
        [ERROR] lost
        [WARNING] payload 12 is old  { module: Conditions }
        [INFO]     (last message occurred 2 times)
        [INFO] ================================================================================
        [ERROR] in total, 1 errors occurred during processing
        [WARNING] in total, 2 warnings occurred during processing
        [FATAL] the end
        """)
    )
    assert (log.fatals, log.errors, log.warnings) == (1, 1, 2)
    assert [(one.text, one.count) for one in log.messages] == [("the end", 1), ("lost", 1), ("payload 12 is old", 2)]
    assert str(log) == "1 fatal error, 1 error, 2 warnings"
    assert str(LogSummary()) == ""


def test_lines_are_marked_with_what_belongs_to_them() -> None:
    text = dedent("""\
        [INFO] fine
        [ERROR] lost
        \tevent = 3
        plain
        Traceback (most recent call last):
          File "a.py", line 1, in <module>
        ValueError: no
        plain
        1.234: [WARNING] late
        """)
    assert [level for level, _ in marked(text)] == ["", "ERROR", "ERROR", "", "FATAL", "FATAL", "FATAL", "", "WARNING"]
    assert [(one.level, one.text) for one in read_log(text).messages] == [
        ("FATAL", "ValueError: no"),
        ("ERROR", "lost"),
        ("WARNING", "late"),
    ]


@given(
    st.lists(
        st.sampled_from(["[ERROR] a", "[INFO] b", "Traceback (most recent call last):", " c", "d", ""]) | st.text()
    )
)
def test_no_log_breaks_it(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert [line for _, line in marked(text)] == text.splitlines()
    log = read_log(text)
    assert sum(one.count for one in log.messages) <= log.fatals + log.errors + log.warnings


def test_a_long_line_is_read_in_no_time() -> None:
    started = time.monotonic()
    read_log("[ERROR] " + " " * 2_000_000 + "x\n" + "[ERROR] " + "{ " * 500_000)
    assert time.monotonic() - started < 5
