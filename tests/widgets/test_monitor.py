from __future__ import annotations

import threading
from typing import Any

import pandas as pd

from b2grid_widgets.monitor import MonitorPanel
from b2grid_widgets.table import Pages


def frame(jobs: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "job": range(1, jobs + 1),
            "status": ["Done", "Failed"] * (jobs // 2),
            "minor_status": "<b>bold</b>",
            "host": "",
        }
    )


def test_a_hundred_thousand_jobs_are_shown_a_page_at_a_time():
    pages = Pages(size=10)
    pages.show(frame(100_000))
    assert pages.body.value.count("<tr>") == 11  # the header and ten jobs
    assert "1 to 10 of 100000" in pages.place.value
    assert pages.previous.disabled
    pages.next.click()
    assert "11 to 20 of 100000" in pages.place.value
    assert len(pages.body.value) < 20_000


def test_a_page_stays_where_it_is_when_news_arrives_and_falls_back_when_it_is_gone():
    pages = Pages(size=10)
    pages.show(frame(40))
    pages.turn(3)
    pages.show(frame(40))
    assert "31 to 40" in pages.place.value
    pages.show(frame(20))
    assert "11 to 20" in pages.place.value
    assert pages.next.disabled


def test_one_page_has_no_pager_and_no_jobs_say_so():
    pages = Pages(size=10)
    pages.show(frame(4))
    assert pages.pager.layout.display == "none"
    pages.show(frame(0))
    assert "No job" in pages.body.value


def test_what_comes_from_outside_is_text_and_empty_columns_are_left_out():
    pages = Pages()
    pages.show(frame(4))
    assert "<b>" not in pages.body.value
    assert "&lt;b&gt;bold" in pages.body.value
    assert "host" not in pages.body.value


class Logs:
    """Reads logs as the panel would have them read."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.monitor: Any = MonitorPanel(self.asked.append, threading.RLock())
        self.monitor.show_jobs(frame(40))


def test_states_filter_the_jobs():
    logs = Logs()
    state, body = logs.monitor._state, logs.monitor._pages.body

    class Status:
        @property
        def counts(self) -> dict[str, int]:
            return {"Done": 20, "Failed": 20, "Held": 0}

        def _repr_html_(self) -> str:
            return ""

    logs.monitor.show_status(Status())
    assert list(state.options) == ["all states", "Done", "Failed"]
    state.value = "Failed"
    assert "Done" not in body.value
    assert "1 to 15 of 20" in logs.monitor._pages.place.value
    logs.monitor.show_status(Status())
    assert state.value == "Failed"


def test_a_log_is_asked_for_once_and_stays_open_while_pages_turn():
    logs = Logs()
    logs.monitor._job.value = 3
    assert logs.asked == [3]
    logs.monitor.show_log(3, "<script>alert(1)</script>")
    assert "&lt;script&gt;" in logs.monitor._log.value
    assert "<script>" not in logs.monitor._log.value
    logs.monitor._pages.turn(1)
    logs.monitor.show_jobs(frame(38))
    assert logs.monitor.job == 3
    assert logs.asked == [3]
    logs.monitor._job.value = 0
    assert logs.monitor._log.value == ""


def test_a_long_log_shows_its_tail_and_a_late_one_nothing():
    logs = Logs()
    logs.monitor._job.value = 3
    logs.monitor.show_log(3, "\n".join(f"line {i}." for i in range(1000)))
    assert "line 999." in logs.monitor._log.value
    assert "line 799." not in logs.monitor._log.value
    assert "the last 200 of 1000 lines" in logs.monitor._log.value
    logs.monitor.show_log(4, "late")
    assert "late" not in logs.monitor._log.value
