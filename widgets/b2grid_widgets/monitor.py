"""The step `monitor`: states, jobs, and the log of one job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as ipw

from b2grid.html import tag
from b2grid_widgets.pieces import headline, hint, rendered
from b2grid_widgets.table import Pages

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    import pandas as pd

    from b2grid.execution import Status

__all__ = ["MonitorPanel"]

_ALL = "all states"
# no job has this number
_NO_LOG = ("log of …", 0)
_TAIL = 200


class MonitorPanel:
    """State counts and their bar, the table of jobs in pages, and one job's log.

    Parameters
    ----------
    read_log : callable
        Called with a job's number when the user chooses one; the answer comes to `show_log`.
    lock : threading.RLock
        The panel's own: callbacks of the notebook and the panel's threads change the same controls.
    """

    title = "Monitor"

    def __init__(self, read_log: Callable[[int], None], lock: threading.RLock) -> None:
        self._read_log = read_log
        self._lock = lock
        self._offering = False
        self._frame: pd.DataFrame | None = None
        self._counts = ipw.HTML()
        self._counts.add_class("b2-counts")
        self._state = _dropdown([_ALL], "b2-state", "show only jobs in this state")
        self._state.observe(lambda _: self._filter(), "value")
        self._pages = Pages(on_page=self._offer)
        self._job = _dropdown([_NO_LOG], "b2-job", "show the log of this job")
        self._job.observe(lambda change: self._choose(change["new"]), "value")
        self._log = ipw.HTML()
        self._log.add_class("b2-log-box")
        self._tools = ipw.HBox([self._state, self._job], layout=ipw.Layout(margin="6px 0", display="none"))
        beside = ipw.HBox([self._pages.view, self._log])
        beside.add_class("b2-beside")
        self.view = ipw.VBox([self._counts, self._tools, beside])

    @property
    def job(self) -> int:
        """The job whose log is in view; 0 when there is none."""
        return int(self._job.value or 0)

    def show_status(self, status: Status) -> None:
        """How many jobs are in each state."""
        self._counts.value = rendered(status)
        states = [_ALL, *(state for state, count in status.counts.items() if count)]
        if list(self._state.options) != states:
            self._set_options(self._state, states)

    def show_jobs(self, frame: pd.DataFrame) -> None:
        """The table of all jobs."""
        self._frame = frame
        self._tools.layout.display = None
        self._filter()

    def show_log(self, job: int, text: str) -> None:
        """The end of a job's log; it is text, whatever is in it."""
        if job != self.job:
            return
        lines = text.splitlines()
        part = f", the last {_TAIL} of {len(lines)} lines" if len(lines) > _TAIL else ""
        tail = tag("pre", "\n".join(lines[-_TAIL:]))
        body = tag("div", tail, class_="b2-log") if lines else hint("The log is empty.")
        self._log.value = headline(f"Log of job {job}{part}") + body

    def _filter(self) -> None:
        with self._lock:
            if self._frame is not None and not self._offering:
                self._draw(self._frame)

    def _draw(self, frame: pd.DataFrame) -> None:
        state = self._state.value
        chosen = state != _ALL and "status" in frame.columns
        self._pages.show(frame[frame["status"] == state] if chosen else frame)

    def _offer(self, part: pd.DataFrame) -> None:
        """Offer the logs of the jobs in view, and keep the one that is open."""
        jobs = [int(job) for job in part["job"]]
        if self.job and self.job not in jobs:
            jobs.insert(0, self.job)
        options = [_NO_LOG, *((f"log of job {job}", job) for job in jobs)]
        if list(self._job.options) != options:
            self._set_options(self._job, options)

    def _set_options(self, dropdown: ipw.Dropdown, options: Sequence[object]) -> None:
        """Offer something else; new options reset the choice for a moment, which is nobody's wish."""
        kept = dropdown.value
        values = [option[1] if isinstance(option, tuple) else option for option in options]
        self._offering = True
        try:
            with dropdown.hold_sync():
                dropdown.options = options
                dropdown.value = kept if kept in values else values[0]
        finally:
            self._offering = False

    def _choose(self, job: int) -> None:
        if self._offering:
            return
        if job:
            self._read_log(job)
        else:
            self._log.value = ""


def _dropdown(options: Sequence[object], name: str, tooltip: str) -> ipw.Dropdown:
    dropdown = ipw.Dropdown(options=options, tooltip=tooltip, layout=ipw.Layout(width="170px"))
    dropdown.add_class(name)
    return dropdown
