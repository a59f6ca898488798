"""Progress on a terminal: a bar for every state, or plain lines where the output is not a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from b2grid.execution import ProjectFolder, wait

if TYPE_CHECKING:
    from b2grid.execution import Status
    from b2grid.project import Project

__all__ = ["follow"]

# the states that every project passes, in order; others get a bar when a job is in them
_ALWAYS = ("Waiting", "Running", "Done")
_COLOURS = {"Done": "green", "Failed": "red", "Killed": "red", "Held": "yellow", "Running": "blue",
            "Completing": "cyan"}


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
    columns = (TextColumn("{task.description:<12}"), BarColumn(bar_width=40), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as shown:
        rows = {state: shown.add_task(_coloured(state), total=None) for state in _ALWAYS}

        def show(status: Status) -> None:
            for state, count in status.counts.items():
                if count and state not in rows:
                    rows[state] = shown.add_task(_coloured(state), total=status.total)
            for state, row in rows.items():
                shown.update(row, completed=status.counts.get(state, 0), total=status.total)

        return wait(ProjectFolder(project.folder), timeout, on_status=show)


def _coloured(state: str) -> str:
    colour = _COLOURS.get(state)
    return f"[{colour}]{state}[/{colour}]" if colour else state


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
