"""What is on the disk, or can no longer be written to it: rows 9 to 13 of what must be survived."""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from b2grid import InvalidInput, SiteError
from b2grid.execution import ProjectFolder, ask, read_jobs, read_status, restart
from b2grid.execution.journal import encode, read_journals
from b2grid.execution.publish import manifest_path
from b2grid.execution.requests import leave_request
from b2grid.outputs import completeness
from b2grid.planning import Plan
from tests.execution.conftest import Make
from tests.faults.injection import FSYNC, MKDIR, OPEN, WRITE, Forks, built
from tests.faults.invariant import sound, until
from tests.faults.report import fault
from tests.faults.work import copied, half_done, made, ran

pytestmark = [pytest.mark.slow, pytest.mark.system("compiler")]


@pytest.fixture
def half(make: Make, tmp_path: Path, forking: Forks) -> ProjectFolder:
    """Three of four jobs are done, and the driver has died."""
    return half_done(make, tmp_path, forking)


def half_of(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def torn(folder: ProjectFolder) -> None:
    journal = folder.journal(1)
    journal.write_bytes(journal.read_bytes()[:-4])


def changed(folder: ProjectFolder) -> None:
    """Damage the line that says that a job is done; what stands there is valid JSON."""
    journal = folder.journal(1)
    lines = journal.read_bytes().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if b'"Done"' in line)
    assert place < len(lines) - 1
    lines[place] = lines[place].replace(b'"Done"', b'"Held"')
    journal.write_bytes(b"".join(lines))


DAMAGE: dict[str, Callable[[ProjectFolder], None]] = {
    "status": lambda folder: half_of(folder.status),
    "jobs": lambda folder: half_of(folder.jobs),
    "torn": torn,
    "line": changed,
}


@fault(9, "snapshots truncated, the last line of a journal torn, a line in its middle changed")
def test_row_09_a_damaged_snapshot_or_journal_costs_nothing_that_was_done(
    tmp_path: Path, half: ProjectFolder, forking: Forks
) -> None:
    folders = {name: copied(half, f"half-{name}") for name in DAMAGE}
    (tmp_path / "ran-half.go").touch()
    came = {}
    for name, folder in folders.items():  # one after the other: copies of a project are one to what sweeps
        DAMAGE[name](folder)
        assert read_status(folder).total == 4
        came[name] = forking("drive", folder)
        assert came[name].code == 0
        assert sound(folder, forking.folder) == {"Done": 4}
        assert json.loads(folder.status.read_text())["counts"] == {"Done": 4}
    assert ran(half) == Counter({"1": 1, "2": 1, "3": 1, "4": 1 + len(DAMAGE)}), "what was done was not run again"
    assert "journal-1.jsonl:" in came["line"].said
    assert "is damaged" not in came["torn"].said


# -- nothing more can be written -------------------------------------------------------------------------------

_SPACE = WRITE | OPEN | MKDIR
FAILS = [
    (errno.ENOSPC, _SPACE, "No space left on device"),
    (errno.EDQUOT, _SPACE, "Disk quota exceeded"),
    (errno.EIO, WRITE | FSYNC, "Input/output error"),
    (errno.EIO, FSYNC, "Input/output error"),
]


@fault(10, "EIO, a quota, a failed fsync", simulated="system calls that report the error")
def test_row_10_a_driver_that_cannot_write_its_journal_stops_without_launching(
    make: Make, tmp_path: Path, forking: Forks
) -> None:
    first = made(make, tmp_path, "first", 3)
    came = forking("drive", first)
    sent = came.where("write", "journal")[1]
    drivers = {}
    for number, (error, kinds, _) in enumerate(FAILS):
        for step in (1, sent):
            folder = made(make, tmp_path, f"p{number}-{step}", 3)
            drivers[number, step] = folder, forking.start("drive", folder, step=step, number=-error, kinds=kinds)
    for (number, _), (folder, process) in drivers.items():
        end = forking.end(process)
        assert end.code == 1
        assert FAILS[number][2] in end.said
        assert "restart" in end.said or "look at the space" in end.said
        assert (ran(folder), read_journals(folder).damaged) == (Counter(), [])
    again = [forking.start("drive", folder) for folder, _ in drivers.values()]
    assert [forking.end(process).code for process in again] == [0] * len(again)
    for folder, _ in drivers.values():
        assert sound(folder, forking.folder) == {"Done": 3}
        assert set(ran(folder).values()) == {1}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A project's folder that is a small file system of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "small", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def filled(folder: Path) -> Path:
    """Leave no space in a file system; the file that takes it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with pytest.raises(OSError, match="No space left"):
                file.writelines(b"x" * size for _ in itertools.count())
    return filler


@fault(10, "disk full before a driver starts, and while its jobs run")
@fault(11, "the project's file system is mounted read-only")
def test_rows_10_and_11_a_full_or_read_only_disk_is_said_and_can_still_be_read(
    make: Make, tmp_path: Path, disk: Path, forking: Forks
) -> None:
    folder = made(make, tmp_path, "small")
    filler = filled(disk)
    end = forking("drive", folder)
    assert (end.code, "No space left on device" in end.said) == (1, True)
    assert (ran(folder), read_status(folder).total) == (Counter(), 4)
    filler.unlink()

    drives = forking.start("drive", folder)
    until(lambda: read_status(folder).counts.get("Done") == 3)
    filler = filled(disk)
    (tmp_path / "ran-small.go").touch()
    end = forking.end(drives)
    assert (end.code, "No space left on device" in end.said) == (1, True)
    assert (read_status(folder).done, read_status(folder).total) == (3, 4)
    filler.unlink()
    for verb in ("reschedule", "resume"):  # a full disk holds the project, if there was room to write that down
        leave_request(folder, verb)
    assert forking("drive", folder).code == 0
    assert sound(folder, forking.folder) == {"Done": 4}

    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert sound(folder, forking.folder) == {"Done": 4}
    for question in (lambda: ask(folder, "reschedule"), lambda: restart(folder)):
        with pytest.raises(SiteError, match="Read-only file system"):
            question()
    end = forking("drive", folder)
    assert (end.code, "Read-only file system" in end.said) == (1, True)


# -- seen from elsewhere, and from another time ----------------------------------------------------------------

READER = """
import sys
from pathlib import Path
from b2grid import SiteError
from b2grid.execution import *
from b2grid.outputs import completeness
from b2grid.planning import Plan
folder = ProjectFolder(Path(sys.argv[1]))
status = read_status(folder)
print(status.driver, status.done, len(read_jobs(folder)), len(completeness(folder, Plan.read(folder.plan(1))).missing))
try:
    restart(folder)
except SiteError as error:
    print(error)
"""


@fault(12, "readers on another host, files that they do not see yet", simulated="the host's name; files moved away")
def test_row_12_readers_elsewhere_need_no_lock_and_wait_for_what_they_do_not_see_yet(
    tmp_path: Path, half: ProjectFolder
) -> None:
    elsewhere = {"LD_PRELOAD": str(built(tmp_path)), "FAULT_HOST": "elsewhere"}
    # a lock in the project's folder would end the reader: see syscalls.c
    steps = {"FAULT_FOLDER": str(half.path), "FAULT_STEP": "0", "FAULT_NUMBER": "0", "FAULT_KINDS": "0"}
    trace = tmp_path / "trace"
    reader = subprocess.run(
        [sys.executable, "-c", READER, half.path],
        env=os.environ | elsewhere | steps | {"FAULT_TRACE": str(trace)},
        check=True,
        capture_output=True,
        text=True,
    )
    state, refused = reader.stdout.splitlines()[:2]
    assert state == "unknown 3 4 1"
    assert "was last driven on" in refused
    assert trace.read_text() == "", "a reader changes nothing"
    for late in (half.status, half.jobs, half.owner, manifest_path(half.output, 1)):
        late.rename(tmp_path / "late")
        status = read_status(half)
        assert (status.total, len(read_jobs(half))) == (4, 4)
        assert len(completeness(half, Plan.read(half.plan(1))).missing) in {1, 2}
        (tmp_path / "late").rename(late)
    assert read_status(half).done == 3


NEWER: dict[str, Callable[[ProjectFolder], None]] = {
    "definition": lambda folder: _newer(folder.path / "project.json"),
    "status": lambda folder: _newer(folder.status),
    "manifest": lambda folder: _newer(manifest_path(folder.output, 1)),
    "journal": lambda folder: folder.journal(1).write_bytes(
        encode({"kind": "epoch", "epoch": 1, "previous": 0, "format": 7})
    ),
}


def _newer(path: Path) -> None:
    written = path.read_text()
    path.write_text(re.sub('"format": ?1', '"format": 7', written))
    assert path.read_text() != written


@fault(13, "files of a newer b2grid")
def test_row_13_what_a_newer_b2grid_wrote_is_refused_with_both_versions(half: ProjectFolder, forking: Forks) -> None:
    both = "format 7, this b2grid reads up to 1"
    folders = {name: copied(half, name) for name in NEWER}
    for name, change in NEWER.items():
        change(folders[name])
    for name in ("definition", "status"):
        with pytest.raises(InvalidInput, match=both):
            read_status(folders[name])
    (newer,) = completeness(folders["manifest"], Plan.read(half.plan(1))).missing[:1]
    assert newer.job == 1
    assert "format 7, this b2grid reads up to format 1" in newer.reason
    for name in ("definition", "journal"):
        end = forking("drive", folders[name])
        assert (end.code, both in end.said) == (1, True)
