"""What is new about a project, read no more often than it pays.

The status is one small file. The table of jobs and the completeness of a large project are not: while it runs, they
are read at their own pace, and once more when it has ended.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from b2grid_widgets.pieces import rendered

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from b2grid.execution import Status
    from b2grid.execution.reports import Diagnosis, Hosts, Scouting
    from b2grid.html import Html
    from b2grid.outputs import Completeness
    from b2grid.planning import Plan
    from b2grid.project import Project

__all__ = ["News", "Watch", "sent"]

T = TypeVar("T")


def sent(status: Status) -> bool:
    """Whether the project has been submitted."""
    return status.phase not in ("draft", "planned")


@dataclass(slots=True)
class News:
    """What has changed since the last look; what has not is `None`.

    Parameters
    ----------
    phase_changed : bool
        Whether the project has come to another phase.
    trouble : Exception or None
        Why something could not be read.
    """

    status: Status | None = None
    said: Html | None = None
    plan: Plan | None = None
    jobs: pd.DataFrame | None = None
    completeness: Completeness | None = None
    reports: tuple[Diagnosis, Hosts, Scouting] | None = None
    phase_changed: bool = False
    trouble: Exception | None = None


class Watch:
    """Looks at a project.

    Parameters
    ----------
    jobs_every, completeness_every : float
        Seconds between two readings while the project runs. The driver publishes its table every five.
    """

    def __init__(self, project: Project, jobs_every: float = 5.0, completeness_every: float = 10.0) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._said: Html | None = None
        self._phase = ""
        self._planned = False
        self._jobs = _Pace(jobs_every)
        self._completeness = _Pace(completeness_every)
        self._reports = _Pace(completeness_every)

    def look(self) -> News:
        """Read what may have changed."""
        with self._lock:
            news = News()
            try:
                self._read(news)
            except Exception as error:  # shown, and looked for again next time
                news.trouble = error
            return news

    def _read(self, news: News) -> None:
        status = self._project.status
        if (said := rendered(status)) != self._said:
            news.status, news.said = status, said
            news.phase_changed = status.phase != self._phase
            self._said, self._phase = said, status.phase
            self._jobs.stale = self._completeness.stale = self._reports.stale = True
        hurry = status.driver != "running" and news.status is not None
        if status.total:
            news.jobs = self._jobs.read(lambda: self._project.jobs, hurry=hurry, going=status.driver == "running")
        if sent(status) and not self._planned:
            news.plan, self._planned = self._project.plan(), True
        if sent(status) and status.total:
            news.reports = self._reports.read(self._report, hurry=hurry)
        if status.done:
            news.completeness = self._completeness.read(self._project.completeness, hurry=hurry)

    def _report(self) -> tuple[Diagnosis, Hosts, Scouting]:
        return self._project.diagnosis(), self._project.hosts(), self._project.scouting()


_SHARE = 0.1  # of the time that reading anything may take


class _Pace:
    """Reads again when something may be new, but not before its time unless there is a hurry.

    What takes long to read is read less often.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._due = 0.0
        self.stale = False

    def read(self, call: Callable[[], T], *, hurry: bool, going: bool = False) -> T | None:
        began = time.monotonic()
        if (began < self._due and not hurry) or not (self.stale or going):
            return None
        result = call()
        self._due = began + max(self._every, (time.monotonic() - began) / _SHARE)
        # what was read in a hurry is read once more in time: the last table may come after the last status
        self.stale = hurry
        return result
