"""A long table, one page at a time: a browser never gets 100,000 rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as ipw

from b2grid.execution.status import STATES
from b2grid.html import table, tag
from b2grid_widgets.pieces import hint

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

__all__ = ["Pages"]

_COLUMNS = (
    "job",
    "kind",
    "sample",
    "status",
    "minor_status",
    "attempt",
    "host",
    "files",
    "events_expected",
    "events_done",
    "events_processed",
    "walltime",
    "peak_memory",
    "failure",
)
_TITLES = {
    "minor_status": "minor status",
    "events_expected": "events",
    "events_done": "so far",
    "events_processed": "processed",
    "walltime": "walltime / s",
    "peak_memory": "memory / MB",
    "failure": "failure class",
}


class Pages:
    """The rows of a data frame in pages, with buttons to turn them.

    Parameters
    ----------
    size : int
        Rows on a page.
    on_page : callable
        Called with the rows in view whenever they change.
    """

    def __init__(self, size: int = 15, on_page: Callable[[pd.DataFrame], None] | None = None) -> None:
        self._size = size
        self._on_page = on_page
        self._frame: pd.DataFrame | None = None
        self._page = 0
        self.body = ipw.HTML(value=hint("No jobs yet: plan first."))
        self.body.add_class("b2-jobs")
        self.place = ipw.HTML()
        self.previous = _turn("chevron-left", "previous page", "b2-previous")
        self.next = _turn("chevron-right", "next page", "b2-next")
        self.previous.on_click(lambda _: self.turn(-1))
        self.next.on_click(lambda _: self.turn(+1))
        self.pager = ipw.HBox([self.previous, self.place, self.next])
        self.pager.add_class("b2-pager")
        self.view = ipw.VBox([self.body, self.pager])
        self._draw()

    def show(self, frame: pd.DataFrame | None) -> None:
        """Other rows; the page stays where it was, if there still is one."""
        self._frame = frame
        self._draw()

    def turn(self, pages: int) -> None:
        """Go so many pages on."""
        self._page += pages
        self._draw()

    def _draw(self) -> None:
        rows = 0 if self._frame is None else len(self._frame)
        last = max(0, (rows - 1) // self._size)
        self._page = min(max(self._page, 0), last)
        first = self._page * self._size
        self.previous.disabled = self._page == 0
        self.next.disabled = self._page == last
        self.pager.layout.display = None if last else "none"
        if self._frame is None:
            return
        part = self._frame.iloc[first : first + self._size]
        self.place.value = f"{first + 1} to {first + len(part)} of {rows}" if rows else ""
        self.body.value = _html(part)
        if self._on_page is not None:
            self._on_page(part)


def _turn(icon: str, tooltip: str, name: str) -> ipw.Button:
    button = ipw.Button(icon=icon, tooltip=tooltip, layout=ipw.Layout(width="34px"))
    button.add_class(name)
    return button


def _html(part: pd.DataFrame) -> str:
    if not len(part):
        return hint("No job is in this state.")
    columns = [name for name in _COLUMNS if name in part.columns] or [str(name) for name in part.columns]
    # a column that says nothing on the whole page only takes room
    columns = [name for name in columns if name == "job" or any(_cell(name, value) for value in part[name])]
    rows = [
        [_cell(name, value) for name, value in zip(columns, row, strict=True)]
        for row in part[columns].itertuples(index=False, name=None)
    ]
    numeric = [i for i, name in enumerate(columns) if part[name].dtype.kind in "iuf"]
    return str(table([_TITLES.get(name, name) for name in columns], rows, numeric=numeric))


def _cell(name: str, value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124 - not-a-number is what differs from itself
        return ""
    if isinstance(value, float | int):
        return _number(name, value)
    if name == "status":
        square = tag("span", "\N{BLACK SQUARE} ", style=f"color:{STATES.get(str(value), '#888')}")
        return tag("span", square, value, style="white-space:nowrap")
    return str(value)


def _number(name: str, value: float) -> str:
    if name == "peak_memory":
        return f"{value / 1e6:.0f}" if value else ""
    return f"{value:.1f}" if name == "walltime" or value % 1 else f"{value:.0f}"
