"""How far a trial is, while it runs: a bar in a notebook or on a terminal, and nothing anywhere else."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from b2grid.errors import printable
from b2grid.html import Html, bar, tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.steering.trying.measuring import OnProgress, Step

__all__ = ["in_words", "shown"]

_OFTEN = 0.1  # seconds between two looks of the user


@contextmanager
def shown() -> Iterator[OnProgress]:
    """Show the steps of a trial where somebody is looking.

    In a thread of its own, as a panel runs a trial, nothing is shown: that is for the panel to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda _step: None
    elif _in_notebook():
        with _notebook() as show:
            yield show
    elif sys.stdout.isatty():
        with _terminal() as show:
            yield show
    else:
        yield lambda _step: None


def _in_notebook() -> bool:
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def in_words(step: Step) -> str:
    """A step in words."""
    amount = ""
    if step.doing == "fetching" and step.done:
        of = f" of {step.total / 1024**2:,.0f}" if step.total else ""
        amount = f" {step.done / 1024**2:,.0f}{of} MB"
    elif step.total:
        amount = f" {step.done:,} of {step.total:,} events"
    return f"{step.sample} ({step.number} of {step.samples}): {step.doing}{amount}"


@contextmanager
def _notebook() -> Iterator[OnProgress]:
    import IPython.display

    ipython: Any = IPython.display  # has no types
    started, last = time.monotonic(), 0.0
    handle = ipython.display(ipython.HTML(""), display_id=True)

    def show(step: Step) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _OFTEN or not step.done:
            last = now
            handle.update(ipython.HTML(_html(step, now - started)))

    try:
        yield show
    finally:
        handle.update(ipython.HTML(""))


def _html(step: Step, seconds: float) -> str:
    share = bar([("done", step.done, "#0b6bcb"), ("left", step.total - step.done, "#ddd")]) if step.total else Html()
    return tag("div", tag("span", f"{in_words(step)}, {seconds:.0f} s"), share, style="max-width:40em")


@contextmanager
def _terminal() -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(30), TimeElapsedColumn())
    with Progress(*columns, console=Console(), transient=True) as progress:
        row = progress.add_task("", total=None)

        def show(step: Step) -> None:
            progress.update(row, description=printable(in_words(step)), completed=step.done, total=step.total or None)

        yield show
