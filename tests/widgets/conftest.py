"""A plain object in the place of a project, so that panels are tested without running anything."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from b2grid.errors import Finding, Report
from b2grid.execution.reports import Diagnosis, Hosts, Scouting
from b2grid.html import tag
from b2grid.steering.trying import Step
from b2grid_widgets import Panel
from b2grid_widgets.requests import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Said:
    """A value that renders as its text."""

    text: str
    ok: bool = True

    def _repr_html_(self) -> str:
        return str(tag("p", self.text))


@dataclass(frozen=True)
class PlainStatus:
    counts: dict[str, int] = field(default_factory=dict)
    phase: str = "draft"
    message: str = ""
    driver: str = "none"
    settled: bool = False

    @property
    def done(self) -> int:
        return self.counts.get("Done", 0)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def _repr_html_(self) -> str:
        counts = ", ".join(f"{state} {count}" for state, count in self.counts.items())
        return str(tag("p", self.phase, ": ", counts))


@dataclass(frozen=True)
class PlainPlan:
    jobs: pd.DataFrame

    def summary(self) -> Said:
        return Said(f"Number of jobs: {len(self.jobs)}")


class PlainProject:
    """What a panel needs of a project, with nothing behind it.

    `answers` holds what the verbs return or raise; `gate` keeps a verb running until it is opened.
    """

    def __init__(self, folder: Path, jobs: int = 40) -> None:
        self.name = "plain"
        self.inputs = Said("signal: one collection")
        self.recipe = Said("lists that feed trees")
        self.steering = folder / "steer.py"
        self.steering.write_text("process(path)  # <main>")
        self.folder = folder
        self.status: Any = PlainStatus()
        self.jobs = pd.DataFrame(
            {
                "job": range(1, jobs + 1),
                "sample": "signal",
                "status": ["Failed" if i % 10 == 3 else "Waiting" for i in range(jobs)],
                "walltime": [None if i % 2 else 12.34 for i in range(jobs)],
            }
        )
        self.answers: dict[str, Any] = {
            "check": Report((Finding("B2S101", "warning", "no such <list>", line=1),), "a = 1", "steer.py"),
            "trial": Said("12 ms per event"),
            "plan": PlainPlan(self.jobs),
            "log": "[INFO] starting\n<script>alert('x')</script>\n",
            "completeness": Said("3 of 40 files"),
            "diagnosis": Diagnosis("plain", jobs, 0, ()),
            "hosts": Hosts("plain", ()),
            "scouting": Scouting("plain", "there are no scouts", (), ()),
        }
        self.asked: list[tuple[Any, ...]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.called: list[str] = []
        self.threads: set[int] = set()
        self.looked = 0

    def _answer(self, verb: str) -> Any:
        self.called.append(verb)
        self.threads.add(threading.get_ident())
        self.gate.wait(20)
        answer = self.answers.get(verb)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def check(self) -> Any:
        return self._answer("check")

    def trial(self, *, on_progress: Any) -> Any:
        on_progress(Step("signal", 1, 2, "running", 40, 100))
        return self._answer("trial")

    def plan(self) -> Any:
        return self._answer("plan")

    def submit(self) -> Any:
        return self._answer("submit")

    def restart(self) -> Any:
        return self._answer("restart")

    def ask(self, verb: str, *given: Any) -> Any:
        self.asked.append((verb, *given))
        return self._answer(verb)

    def __getattr__(self, name: str) -> Any:
        if name in {request.verb for request in REQUESTS}:
            return partial(self.ask, name)
        raise AttributeError(name)

    def diagnosis(self) -> Diagnosis:
        return self.answers["diagnosis"]

    def hosts(self) -> Hosts:
        return self.answers["hosts"]

    def scouting(self) -> Scouting:
        return self.answers["scouting"]

    def completeness(self) -> Any:
        return self.answers["completeness"]

    def log(self, job: int) -> str:
        return self.answers["log"]

    def becomes(self, **what: Any) -> None:
        """Let the driver publish another status."""
        self.status = replace(self.status, **what)


class Watched(PlainProject):
    """Counts how often its status is read."""

    @property
    def status(self) -> Any:
        self.looked += 1
        return self._status

    @status.setter
    def status(self, status: Any) -> None:
        self._status = status


@pytest.fixture
def project(tmp_path: Path) -> PlainProject:
    return PlainProject(tmp_path)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


@pytest.fixture
def opened() -> Iterator[Callable[..., Panel]]:
    """Open panels that look for news quickly, and close them at the end."""
    panels: list[Panel] = []

    def opened(project: Any, interval: float = 0.02) -> Panel:
        panels.append(Panel(project, interval=interval))
        return panels[-1]

    yield opened
    for panel in panels:
        panel.close()


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until something is true, and fail when it takes more than ten seconds."""

    def eventually(true: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not true():
            assert time.monotonic() < deadline, "it never became true"
            time.sleep(0.01)

    return eventually


@pytest.fixture
def beating() -> Callable[[], list[threading.Thread]]:
    """The panels that still look for news."""

    return lambda: [thread for thread in threading.enumerate() if thread.name == "b2grid panel"]
