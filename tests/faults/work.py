"""Jobs that say that they ran, and one that does not end by itself."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from pathlib import Path

from b2grid.execution import ProjectFolder, read_status
from tests.execution.conftest import Make
from tests.faults.injection import Forks
from tests.faults.invariant import until

__all__ = ["copied", "half_done", "made", "ran"]

# says which job ran, and how often; job 4 waits to be let go, or to be ended
WORK = """
echo "$1" >> "$0"
for turn in $(seq 600); do
    test "$1" != 4 || test -e "$0.go" || sleep 0.1
done
"""


def made(make: Make, tmp_path: Path, name: str, jobs: int = 4, work: str = WORK) -> ProjectFolder:
    """A project that has been submitted, and has no driver yet."""
    folder = make(jobs, "/bin/sh", "-c", work, name=name, args=[str(tmp_path / f"ran-{name}"), "{job}"])
    folder.submitted()
    return folder


def ran(folder: ProjectFolder) -> Counter[str]:
    """How often each job was launched."""
    path = folder.path.with_name(f"ran-{folder.path.name}")
    return Counter(path.read_text().split()) if path.exists() else Counter()


def half_done(make: Make, tmp_path: Path, forking: Forks) -> ProjectFolder:
    """A project of which three of four jobs are done, and whose driver has died while the last ran."""
    folder = made(make, tmp_path, "half")
    drives = forking.start("drive", folder)
    until(lambda: read_status(folder).counts.get("Done") == 3 and ran(folder)["4"] == 1)
    os.kill(drives, signal.SIGKILL)
    assert forking.end(drives).code == -signal.SIGKILL
    return folder


def copied(folder: ProjectFolder, name: str) -> ProjectFolder:
    """A copy of a project that nothing drives."""
    return ProjectFolder(Path(shutil.copytree(folder.path, folder.path.with_name(name))))
