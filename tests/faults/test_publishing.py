"""Publishing that is interrupted, raced, voided or lied to at every step: rows 36 to 39."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from b2grid.execution import ProjectFolder
from b2grid.execution.publish import complete, manifest_path, void
from b2grid.ntuple import Manifest
from tests.faults.injection import ALL, LIES, LINK, RENAME, RMDIR, UNLINK, Forks
from tests.faults.invariant import running
from tests.faults.ntuples import ROWS, copying, seen, whole, write_ntuple
from tests.faults.report import fault

pytestmark = [pytest.mark.slow, pytest.mark.system("compiler")]

Facts = dict[str, Any]


class Attempts:
    """Projects of one job each, and attempts at it in processes of their own."""

    def __init__(self, here: Path, forking: Forks) -> None:
        self.here, self.forking = here, forking
        self.ntuple = write_ntuple(here / "good.root")
        self.came = forking("attempt", self.project("first"), job=1, attempt=1, facts=str(here / "facts"))
        self.steps = self.came.where("/output/")
        self.after_link = [step for step in self.steps if step > self.came.where("link", "/manifests/")[-1]]

    def project(self, name: str) -> ProjectFolder:
        return copying(self.here / name, self.ntuple)

    def start(self, folder: ProjectFolder, attempt: int = 1, **order: Any) -> int:
        facts = folder.path / f"facts-{attempt}"
        return self.forking.start("attempt", folder, job=1, attempt=attempt, facts=str(facts), **order)

    def run(self, folder: ProjectFolder, attempt: int = 1, **order: Any) -> int:
        """How the process of an attempt ended."""
        return self.forking.end(self.start(folder, attempt, **order)).code

    def facts(self, folder: ProjectFolder, attempt: int = 1) -> Facts:
        told: Facts = json.loads((folder.path / f"facts-{attempt}").read_text())
        return told

    def each(self, steps: Sequence[int], name: str, **order: Any) -> Iterator[tuple[int, ProjectFolder]]:
        """A project for every step, of which an attempt has met something at this step; two at a time."""
        for first in range(0, len(steps), 4):
            folders = {step: self.project(f"{name}-{step}") for step in steps[first : first + 4]}
            started = {step: self.start(folder, step=step, **order) for step, folder in folders.items()}
            for step, folder in folders.items():
                self.forking.end(started[step])
                yield step, folder

    def done_by_the_next(self, folder: ProjectFolder) -> None:
        """Another attempt ends with the job done, once; when a driver has come by, nothing is left in between."""
        assert self.run(folder, 2) == 0
        assert self.facts(folder, 2)["failure"] == ""
        complete(folder.output)
        assert len(whole(folder)) == 1
        assert seen(folder) == ROWS
        assert not running(folder)


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory, forking: Forks) -> Attempts:
    return Attempts(tmp_path_factory.mktemp("publishing"), forking)


def voided(folder: ProjectFolder) -> bool:
    """Void the job, as a driver does; whether it was early enough."""
    return void(folder.output, Manifest("p", 1, 0, f"void-{folder.path.name}", kind="void", reason="cancelled"))


@fault(37, "killed at every step of publishing")
def test_row_37_killed_at_any_step_nothing_is_half_visible_and_the_next_attempt_is_done(attempts: Attempts) -> None:
    assert len(attempts.steps) > 15
    for _, folder in attempts.each(attempts.steps, "killed"):
        assert not (folder.path / "facts-1").exists()
        assert seen(folder) == ROWS * manifest_path(folder.output, 1).exists()
        attempts.done_by_the_next(folder)


@fault(37, "killed at every step of finishing what a killed publishing left")
def test_row_37_killed_again_while_it_is_finished(attempts: Attempts) -> None:
    for first in attempts.after_link[1::5]:
        second = 0
        while True:
            second += 1
            folder = attempts.project(f"again-{first}-{second}")
            assert attempts.run(folder, step=first) == -signal.SIGKILL
            killed = attempts.run(folder, 2, step=second)
            assert seen(folder) == ROWS
            attempts.done_by_the_next(folder)
            if killed == 0:
                break
        assert second > 2


@fault(36, "two executions of one job finish, one held up at every other step of publishing")
def test_row_36_of_two_executions_one_wins_and_the_other_leaves_nothing(attempts: Attempts) -> None:
    _overtaken(attempts, "raced", lambda folder: attempts.run(folder, 2) == 0)
    for folder in attempts.here.glob("raced-*"):
        told = [attempts.facts(ProjectFolder(folder), attempt) for attempt in (1, 2)]
        assert [facts["failure"] for facts in told] == ["", ""]
        assert sum(facts["again"] for facts in told) == 1, "who came second is recorded"
        (won,) = whole(ProjectFolder(folder))
        assert not told[won.attempt - 1]["again"]


@fault(36, "a job is voided while it publishes, at every other step")
def test_row_36_of_voiding_and_publishing_whoever_links_first_decides(attempts: Attempts) -> None:
    early = _overtaken(attempts, "voided", voided)
    for folder, first in early.items():
        (manifest,) = whole(folder)
        assert manifest.kind == ("void" if first else "result")
        assert seen(folder) == (0 if first else ROWS)
        assert attempts.facts(folder)["message"] == ("cancelled" if first else "")
    assert set(early.values()) == {True, False}


def _overtaken(attempts: Attempts, name: str, meanwhile: Callable[[ProjectFolder], bool]) -> dict[ProjectFolder, bool]:
    """Stop an attempt at every other step of publishing, do something, let it go on; what was said by what was done."""
    said = {}
    for step in attempts.steps[::2]:
        folder = attempts.project(f"{name}-{step}")
        process = attempts.start(folder, step=step, number=signal.SIGSTOP)
        attempts.forking.stopped(process)
        said[folder] = meanwhile(folder)
        os.kill(process, signal.SIGCONT)
        assert attempts.forking.end(process).code == 0
    return said


@fault(
    38,
    "every change of publishing reports an error though it happened",
    simulated="the system call is done, and returns EIO",
)
def test_row_38_a_step_that_happened_and_reports_an_error_publishes_once(attempts: Attempts) -> None:
    for _, folder in attempts.each(attempts.steps, "lied", number=-errno.EIO, kinds=ALL | LIES):
        linked = manifest_path(folder.output, 1).exists()
        assert seen(folder) == ROWS * linked
        told = attempts.facts(folder)
        assert told["failure"] == ("" if linked else "stage-out"), told
        attempts.done_by_the_next(folder)


@fault(
    38,
    "links exist already, and what is renamed or removed is gone, says a server that was asked twice",
    simulated="the system call is done, and returns EEXIST or ENOENT",
)
@pytest.mark.parametrize("error", [errno.EEXIST, errno.ENOENT], ids=errno.errorcode.get)
def test_row_38_the_answer_of_a_server_that_was_asked_twice_is_understood(attempts: Attempts, error: int) -> None:
    kinds = {"link": LINK} if error == errno.EEXIST else {"rename": RENAME, "unlink": UNLINK, "rmdir": RMDIR}
    steps = [step for word in kinds for step in attempts.came.where(word, "/output/")]
    for _, folder in attempts.each(steps, f"asked-{error}", number=-error, kinds=sum(kinds.values()) | LIES):
        assert attempts.facts(folder)["failure"] == ""
        assert len(whole(folder)) == 1
        assert seen(folder) == ROWS


@fault(39, "manifest is visible, its files are not yet")
def test_row_39_a_file_that_is_not_visible_yet_is_missing_until_it_is(attempts: Attempts, tmp_path: Path) -> None:
    folder = attempts.project("late")
    assert attempts.run(folder) == 0
    (folder.output / "sub00").rename(tmp_path / "elsewhere")
    assert seen(folder) == 0
    assert complete(folder.output) == 0
    (tmp_path / "elsewhere").rename(folder.output / "sub00")
    assert seen(folder) == ROWS
    assert len(whole(folder)) == 1
