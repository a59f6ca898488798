"""b2lite on the demo's three channels: against uproot reading the same leaves, and against a loop in Python."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import uproot

from b2grid.lite.engine import RunOptions, RunResult, run
from b2grid.lite.reading.baskets import Values
from b2grid.lite.reading.reader import MOST_OPEN, MdstFile
from b2grid.physics import beams
from b2grid.steering.standin import Log, LogLevel, run_script
from tests.benchmarks.plain import FINAL_STATE, Event, One, candidates
from tests.benchmarks.sample import DEMO, make_sample, simulated

pytestmark = [pytest.mark.benchmark, pytest.mark.slow, pytest.mark.timeout(600)]

STEERING = DEMO / "steering" / "B2EtapKs.py"
REPEATS = 3  # the smallest of so many is what the machine can do when it does nothing else


@pytest.fixture(scope="module")
def events(request: pytest.FixtureRequest) -> int:
    """Return the number of events: all that the aim is about for ``-m benchmark``, else enough to see a ratio."""
    return 20_000 if "benchmark" in request.config.option.markexpr else 4_000


@pytest.fixture(scope="module")
def sample(events: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("sample") / "sample.root", events)


@dataclass
class Reading:
    """What b2lite reads, as it reads it, and how long that takes."""

    leaves: list[tuple[str, str, int, int]] = field(default_factory=list)
    seconds: float = 0.0

    def open_files(self, paths: Sequence[str]) -> list[MdstFile]:
        assert len(paths) <= MOST_OPEN
        reading = self

        class Watched(MdstFile):
            def read(self, owner: str, leaf: str, start: int, stop: int) -> Values:
                begun = time.process_time()
                values = super().read(owner, leaf, start, stop)
                reading.seconds += time.process_time() - begun
                reading.leaves.append((self.path, f"{owner}.{leaf}", start, stop))
                return values

        begun = time.process_time()
        files: list[MdstFile] = [Watched(path) for path in paths]
        reading.seconds += time.process_time() - begun
        return files


def _run(script: Path, inputs: Sequence[Path], **options: object) -> tuple[RunResult, float]:
    """What the run gave, and the seconds of processor time that it took, without executing the script."""
    done: list[tuple[RunResult, float]] = []
    log = Log(LogLevel.ERROR)
    chosen = RunOptions(inputs=tuple(map(str, inputs)), **options)  # type: ignore[arg-type]

    def process(path: object, _: int) -> None:
        begun = time.process_time()
        result = run(path, chosen, log)  # type: ignore[arg-type]
        done.append((result, time.process_time() - begun))

    run_script(script, on_process=process, log=log)
    return done[0]


def _by_uproot(leaves: list[tuple[str, str, int, int]]) -> float:
    """Seconds that uproot takes to open the same files, and to read the same leaves in the same pieces."""
    begun = time.process_time()
    paths = {path for path, *_ in leaves}
    found = {}
    for path in paths:
        tree = uproot.open(path)["tree"]
        for branch in tree.itervalues(recursive=True):
            name = branch.name.split("[")[0]
            found[path, name] = found[path, branch.object_path.partition(":")[2].split("[")[0]] = branch
    for path, name, start, stop in leaves:
        owner, _, leaf = name.partition(".")
        keys = (name, f"tree/{owner}/{leaf}", f"/tree;1:{owner}/{leaf}", f"{owner}/{leaf}",
                f"{owner}/m_elements/m_elements.{leaf}")  # fmt: skip
        branch = next(found[path, key] for key in keys if (path, key) in found)
        branch.array(entry_start=start, entry_stop=stop)
    return time.process_time() - begun


def test_three_channels_against_reading_alone(
    sample: Path, events: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    loops, own, alone = [], [], []
    for _ in range(REPEATS):
        reading = Reading()
        result, seconds = _run(STEERING, [sample], open_files=reading.open_files)
        assert result.events == events
        loops.append(seconds)
        own.append(reading.seconds)
        alone.append(_by_uproot(reading.leaves))
    loop, floor = min(loops), min(alone)
    with capsys.disabled():
        print(
            f"\nb2lite, three channels, {events} events in one file: {events / loop:.0f} events/s; uproot reads the "
            f"same {len(reading.leaves)} pieces of leaves in {100 * floor / loop:.0f} % of that time, b2lite itself "
            f"in {100 * min(own) / loop:.0f} %; what is not reading takes {(loop - min(own)) / floor:.2f} times as "
            "long as uproot's reading"
        )


def test_three_channels_in_many_small_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    reading = Reading()
    result, loop = _run(STEERING, simulated(), open_files=reading.open_files)
    alone = _by_uproot(reading.leaves)
    with capsys.disabled():
        print(
            f"\nb2lite, three channels, {result.events} events in {len(simulated())} files: "
            f"{result.events / loop:.0f} events/s; uproot opens the files and reads the same leaves in "
            f"{100 * alone / loop:.0f} % of that time"
        )


def _lists(sample: Path, number: int, folder: Path) -> list[Event]:
    """The particles that the channels are made of, as lists of Python."""
    lines = ["import basf2 as b2", "import modularAnalysis as ma", "main = b2.create_path()", "ma.inputMdst('x', main)"]
    names = {label: f"{species}:{label}" for label, (species, _) in FINAL_STATE.items()}
    lines += [f"ma.fillParticleList({names[label]!r}, {cut!r}, path=main)" for label, (_, cut) in FINAL_STATE.items()]
    lines += ["ma.fillParticleList('K_S0:good -> pi+ pi-', '0.46 < M < 0.54', path=main)"]
    names["K_S0"] = "K_S0:good"
    columns = ["px", "py", "pz", "E", "charge", "mdstIndex", "daughter(0, mdstIndex)", "daughter(1, mdstIndex)"]
    lines += [f"ma.variablesToNtuple({name!r}, {columns!r}, filename='lists.root', treename={label!r}, path=main)"
              for label, name in names.items()]  # fmt: skip
    script = folder / "lists.py"
    script.write_text("\n".join([*lines, "b2.process(main)"]))
    _run(script, [sample], events=number)
    found: list[Event] = [{label: [] for label in names} for _ in range(number)]
    with uproot.open(folder / "lists.root") as file:
        for label in names:
            tree = file[label]
            kind = "cluster" if FINAL_STATE.get(label, ("pi+",))[0] == "gamma" else "track"
            branches = [branch for branch in tree.branches if branch.name != "__eventType__"]
            rows = zip(*(branch.array(library="np") for branch in branches), strict=True)
            head = [branch.name for branch in branches]
            event = head.index("__event__")
            for row in rows:
                px, py, pz, energy, charge, own, first, second = map(float, row[-8:])
                places = (int(first), int(second)) if label == "K_S0" else (int(own),)
                one = One(px, py, pz, energy, charge, frozenset((kind, place) for place in places))
                found[int(row[event]) - 1][label].append(one)
    return found


def _window(sample: Path) -> Callable[[One], bool]:
    meta = MdstFile(str(sample))
    beam = beams(meta.metadata.experiment_low, meta.metadata.is_mc, meta.metadata.global_tag)
    half = beam.sqrt_s / 2
    meta.close()

    def passes(one: One) -> bool:
        px, py, pz, energy = (float(v) for v in beam.to_cms(one.px, one.py, one.pz, one.energy))
        square = half * half - px * px - py * py - pz * pz
        return square > 0 and square**0.5 > 5.20 and abs(energy - half) < 0.3

    return passes


def test_three_channels_against_a_loop_in_python(
    sample: Path, events: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The loop gets the selected final state for nothing, and only combines: on a share of the events."""
    monkeypatch.chdir(tmp_path)
    share = events // 20
    lists, window = _lists(sample, share, tmp_path), _window(sample)
    begun = time.process_time()
    counted: Counter[str] = Counter()
    for event in lists:
        counted.update(candidates(event, window))
    plain = time.process_time() - begun
    seconds = min(_run(STEERING, [sample])[1] for _ in range(REPEATS))
    _run(STEERING, [sample], events=share)
    with uproot.open(tmp_path / "B2EtapKs.root") as file:
        rows = {channel: file[f"B0{channel}"].num_entries for channel in counted}
    assert rows == dict(counted)
    assert sum(rows.values()) > 0
    with capsys.disabled():
        print(
            f"\nb2lite, three channels, {events} events, everything included, takes "
            f"{share * seconds / events / plain:.3f} of the time per event that a loop in Python takes for the "
            f"combinations alone (on {share} events: {np.round(1e3 * plain / share, 2)} ms per event), for the same "
            f"{sum(rows.values())} candidates"
        )


def test_start_to_first_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole runs of one event: processor time, and real time, of which a machine that is busy takes more."""
    command = [sys.executable, "-m", "b2grid.lite", "-n", "1", "-i", str(simulated()[0]), str(STEERING)]
    took = []
    for _ in range(REPEATS):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        took.append((cpu, time.perf_counter() - begun))
    with capsys.disabled():
        print(
            f"\nb2lite, from start to end of one event: {min(took)[0]:.2f} s of processor time, "
            f"{min(real for _, real in took):.2f} s on the clock"
        )
