"""Drivers, notebooks and attempts that end, stop or fail at any system call of theirs, on a cluster that they share."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from b2grid.execution import ProjectFolder, site
from b2grid.execution.cluster import cluster

__all__ = [
    "ALL",
    "FSYNC",
    "LIES",
    "LINK",
    "OPEN",
    "RENAME",
    "RMDIR",
    "UNLINK",
    "WRITE",
    "Cluster",
    "Forks",
    "Steps",
    "built",
    "forks",
    "serve",
]

_SOURCE = Path(__file__).with_name("syscalls.c")
# kinds of steps: as in syscalls.c
OPEN, WRITE, FSYNC, RENAME, LINK, UNLINK, MKDIR, RMDIR = (1 << bit for bit in range(8))
ALL = 255
LIES = 256  # beside kinds: at the step, and only there, it happens and reports the error all the same


def built(folder: Path) -> Path:
    """Compile the library that injects the faults."""
    library = folder / "syscalls.so"
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler is not None, "no compiler"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl"], check=True)
    return library


@dataclass(frozen=True, slots=True)
class Steps:
    """What came of one forked process.

    Parameters
    ----------
    code : int
        Its exit code, or the number of the signal that ended it, negative.
    steps : list of str
        What it changed, in order: ``rename /path``; the first is step 1.
    """

    code: int
    steps: list[str]
    said: str

    def where(self, *words: str) -> list[int]:
        """The steps whose line has all of these words."""
        return [number for number, step in enumerate(self.steps, 1) if all(word in step for word in words)]


@dataclass
class Forks:
    """Gives orders to `forking.py`.

    Parameters
    ----------
    process : Popen
        The forking program.
    cluster : Cluster
        Where its drivers send their jobs.
    folder : Path
        Where the cluster's attempts have their scratch.
    """

    process: subprocess.Popen[str]
    cluster: Cluster
    folder: Path
    _given: dict[int, int] = field(default_factory=dict)

    def __call__(self, do: str, project: ProjectFolder, **order: Any) -> Steps:
        """Have one order carried out to its end."""
        return self.end(self.start(do, project, **order))

    def start(
        self,
        do: str,
        project: ProjectFolder,
        *,
        step: int = 0,
        number: int = signal.SIGKILL,
        kinds: int = ALL,
        **order: Any,
    ) -> int:
        """Begin an order; the process that carries it out.

        Parameters
        ----------
        do : {"plan", "submit", "drive", "attempt"}
        step : int
            The step of this process at which something happens; 0 for none.
        number : int
            The signal that it gets there; or an error, negative, with which steps fail from then on.
        kinds : int
            The kinds of steps that fail; with a signal, those that are counted.
        """
        given = len(self._given)
        told = self.folder / "cluster.json"
        if not told.exists():
            told.write_text(json.dumps(self.cluster.told))
        asked = {
            "do": do,
            "folder": str(project.path),
            "below": str(project.path),
            "step": step,
            "number": int(number),
            "kinds": kinds,
            "trace": str(self.folder / f"{given}.trace"),
            "said": str(self.folder / f"{given}.said"),
            "site": {"workers": 2},
            "limits": {"grace": 0.3},
            "patience": 0.1,
            "environment": {},
            "cluster": str(told),
            **order,
        }
        process = int(self._asked(asked))
        self._given[process] = given
        return process

    def stopped(self, process: int) -> None:
        """Wait until a process has stopped at its step."""
        assert self._asked({"wait": process}) == "stopped"

    def end(self, process: int) -> Steps:
        """Wait for the end of a process."""
        while (came := self._asked({"wait": process})) == "stopped":
            pass
        trace, said = (self.folder / f"{self._given[process]}.{kind}" for kind in ("trace", "said"))
        steps = [step.partition(" ")[2] for step in trace.read_text().splitlines()] if trace.exists() else []
        return Steps(int(came), steps, said.read_text())

    def _asked(self, question: dict[str, Any]) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the forking program has ended"
        return line.strip()


@contextlib.contextmanager
def forks(folder: Path) -> Iterator[Forks]:
    """Start the forking program, and a cluster for its drivers."""
    environment = {"TMPDIR": str(folder), "LD_PRELOAD": str(built(folder))}
    with (
        Cluster(folder) as shared,
        _piped([sys.executable, "-m", "tests.faults.forking"], os.environ | environment) as program,
    ):
        yield Forks(program, shared, folder)


class Cluster:
    """A cluster in processes of its own, as somebody else would run it; its scheduler can be killed.

    Parameters
    ----------
    folder : Path
        Where the attempts on it have their scratch.
    workers : int
        So many to begin with.
    """

    def __init__(self, folder: Path, workers: int = 2) -> None:
        self._exit = contextlib.ExitStack()
        command = [sys.executable, "-m", "tests.faults.injection", str(workers)]
        self.process = self._exit.enter_context(_piped(command, os.environ | {"TMPDIR": str(folder)}))
        self._told: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @property
    def told(self) -> dict[str, Any]:
        """How a client finds it: an address, and what it needs for TLS."""
        if self._told is None:
            assert self.process.stdout is not None
            self._told = dict(json.loads(self.process.stdout.readline()))
        return self._told

    def scale(self, workers: int) -> None:
        """Have more workers, or fewer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{workers}\n")
        self.process.stdin.flush()

    def workers(self) -> list[psutil.Process]:
        """Its workers, as processes, when it has begun."""
        assert self.told
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if any("spawn_main" in word for word in child.cmdline())]


@contextlib.contextmanager
def _piped(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def serve(workers: int) -> None:
    """Be the cluster until standard input ends; a line of it is a number of workers to have from now on."""
    here = dataclasses.replace(site("local"), workers=workers)
    with tempfile.TemporaryDirectory() as keys, cluster(here, Path(keys)) as client:
        security = client.cluster.security
        parts = ("tls_ca_file", "tls_client_cert", "tls_client_key")
        told = {"address": client.scheduler.address, "security": {part: getattr(security, part) for part in parts}}
        print(json.dumps(told), flush=True)
        for line in sys.stdin:
            client.cluster.scale(int(line))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
