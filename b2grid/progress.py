"""Progress on a terminal: a bar for every state, or plain lines where the output is not a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress_bar import ProgressBar

from b2grid.execution import STATES, ProjectFolder, wait

if TYPE_CHECKING:
    from b2grid.execution import Status
    from b2grid.project import Project

__all__ = ["follow"]

# the states that every project passes; the others get a bar while a job is in them
_ALWAYS = ("Waiting", "Running", "Done")
_WIDTH = 40


class _StateBar(ProgressColumn):
    """A bar in the colour that the state has everywhere."""

    def render(self, task: Task) -> ProgressBar:
        colour = STATES.get(task.description, "white")
        return ProgressBar(task.total, task.completed, _WIDTH, complete_style=colour, finished_style=colour)


def follow(project: Project, *, console: Console | None = None, timeout: float | None = None) -> Status:
    """Show a project's states until every job has ended.

    Stopping to look (Ctrl-C) does not stop the jobs.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to show it; standard output by default.
    timeout : float, optional
        Seconds after which to give up looking.

    Returns
    -------
    Status
        The last one seen.

    Raises
    ------
    TimeoutError
        If the project is still running after `timeout` seconds.
    SiteError
        If nothing drives the project any more.
    """
    console = console or Console()
    return _bars(project, console, timeout) if console.is_terminal else _lines(project, console, timeout)


def _bars(project: Project, console: Console, timeout: float | None) -> Status:
    state_name, note = TextColumn("{task.description:<12}"), TextColumn("{task.fields[note]}")
    columns = (state_name, _StateBar(), MofNCompleteColumn(), note)
    started = time.monotonic()
    with Progress(*columns, console=console) as shown:
        rows = {state: shown.add_task(state, total=None, visible=False, note="") for state in STATES}

        def show(status: Status) -> None:
            for state, row in rows.items():
                count = status.counts.get(state, 0)
                shown.update(row, completed=count, total=status.total, visible=bool(count) or state in _ALWAYS)
            shown.update(rows["Done"], note=f"{time.monotonic() - started:.0f} s")

        return wait(ProjectFolder(project.folder), timeout, on_status=show)


def _lines(project: Project, console: Console, timeout: float | None) -> Status:
    started = time.monotonic()
    said = ""

    def show(status: Status) -> None:
        nonlocal said
        line = _said(status.counts) + (f"; scouts: {_said(status.scouts)}" if status.phase == "scouting" else "")
        if line != said:
            said = line
            console.print(f"{time.monotonic() - started:6.1f} s  {line}", highlight=False, soft_wrap=True)

    return wait(ProjectFolder(project.folder), timeout, on_status=show)


def _said(counts: dict[str, int]) -> str:
    return ", ".join(f"{state} {count}" for state, count in counts.items() if count)
