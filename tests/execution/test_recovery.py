"""Recovery beside what is still alive: a manifest never stands without its files."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from b2grid.errors import SiteError
from b2grid.execution.job import Attempt, run_attempt
from b2grid.execution.publish import complete, manifest_path, publish, settle, void
from b2grid.ntuple import Manifest, Output
from b2grid.run import Limits
from tests.execution.conftest import Make

CHANGES = {"os.mkdir", "os.link", "os.remove", "os.rename", "shutil.rmtree"}


def manifest(job: int, nonce: str, *files: str, kind: str = "result", reason: str = "") -> Manifest:
    outputs = tuple(Output(file, 3, 0, "0" * 64) for file in files)
    return Manifest("p", job, 1, nonce, kind=kind, outputs=outputs, host="elsewhere", reason=reason)  # type: ignore[arg-type]


def at_steps(root: Path, numbers: set[int], action: Callable[[], object]) -> None:
    """Do something just before some of this process's changes below `root`; there is no way to undo it."""
    steps = 0
    inside = False

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal steps, inside
        changes = event in CHANGES or (event == "open" and arguments[1] in {"x", "xb", "w"})
        if inside or not changes or not any(str(root) in str(argument) for argument in arguments[:2]):
            return
        steps += 1
        if steps in numbers:
            inside = True
            action()
            inside = False

    sys.addaudithook(count)


def forked(action: Callable[[], object], root: Path, steps: set[int], then: Callable[[], object]) -> int:
    """Start a process that does `action`, and `then` before some of its changes below `root`."""
    child = os.fork()
    if child == 0:
        at_steps(root, steps, then)
        with contextlib.suppress(SiteError):  # it lost its staging folder, and says so
            action()
        os._exit(0)
    return child


def publishing(root: Path, file: Path) -> bool:
    return publish(root, manifest(1, "a", "x.root", "y.root"), {"x.root": file, "y.root": file})


def stop(stops: Path) -> None:
    """Stop this process, and leave a sign that it did."""
    (stops / str(len(list(stops.iterdir())))).touch()
    os.kill(os.getpid(), signal.SIGSTOP)


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def one_step(pid: int, stops: Path) -> None:
    """Let a stopped process go on to its next stop, or its end."""
    before = len(list(stops.iterdir()))
    os.kill(pid, signal.SIGCONT)
    end = time.monotonic() + 10
    while not (state(pid) == "Z" or (len(list(stops.iterdir())) > before and state(pid) == "T")):
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.parametrize("between", [1, 2, 3, 4])
@pytest.mark.parametrize("paused", range(1, 18))
def test_recovery_while_an_attempt_publishes_leaves_all_of_it_or_nothing(
    tmp_path: Path, paused: int, between: int
) -> None:
    """An attempt is stopped before one of its steps, and makes just that step in the middle of a recovery."""
    root, file, stops = tmp_path / "out", tmp_path / "file", tmp_path / "stops"
    file.write_text("one")
    stops.mkdir()
    attempt = forked(lambda: publishing(root, file), root, {paused, paused + 1}, lambda: stop(stops))
    os.waitid(os.P_PID, attempt, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
    recovery = forked(lambda: complete(root), root, {between}, lambda: one_step(attempt, stops))
    assert os.waitpid(recovery, 0)[1] == 0
    while state(attempt) != "Z":
        one_step(attempt, stops)
    assert os.waitpid(attempt, 0)[1] == 0
    complete(root)
    committed = manifest_path(root, 1).exists()
    assert [(root / "sub00" / name).exists() for name in ("x.root", "y.root")] == [committed] * 2
    assert not list((root / ".staging").glob("*"))


def killed_after_the_commit(root: Path, file: Path) -> None:
    """Kill a publishing process when it has linked its manifest and moved nothing."""
    for step in range(1, 14):
        killed = forked(lambda: publishing(root, file), root, {step}, lambda: os.kill(os.getpid(), signal.SIGKILL))
        os.waitpid(killed, 0)
        if manifest_path(root, 1).exists():
            return
        complete(root)


def test_a_job_that_finds_its_manifest_puts_the_files_in_place(tmp_path: Path) -> None:
    root, file = tmp_path / "out", tmp_path / "file"
    file.write_text("one")
    assert settle(root, 1) is None
    killed_after_the_commit(root, file)
    assert not (root / "sub00" / "x.root").exists()
    found = settle(root, 1)
    assert found is not None
    assert found.nonce == "a"
    assert [(root / "sub00" / name).read_text() for name in ("x.root", "y.root")] == ["one"] * 2
    assert not list((root / ".staging").glob("*"))


def attempt(folder: Path, number: int) -> Attempt:
    return Attempt(str(folder), 1, number, 2, Limits(grace=0.3), "0" * 64)


@pytest.mark.usefixtures("slot")
def test_an_attempt_that_was_overtaken_reports_the_result_that_counts(make: Make) -> None:
    folder = make(2, "/bin/sleep", "60")
    timer = threading.Timer(0.3, publish, (folder.output, manifest(1, "faster"), {}))
    timer.start()
    facts = run_attempt(attempt(folder.path, 1), lambda _: None)
    timer.join()
    assert (facts["failure"], facts["again"], facts["host"]) == ("", True, "elsewhere")


@pytest.mark.usefixtures("slot")
def test_a_voided_job_has_no_result(make: Make) -> None:
    folder = make(1, "/bin/true")
    void(folder.output, manifest(1, "v", kind="void", reason="cancelled by its owner"))
    facts = run_attempt(attempt(folder.path, 1), lambda _: None)
    assert (facts["failure"], facts["message"]) == ("unknown", "cancelled by its owner")
