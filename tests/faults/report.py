"""The table at the end of a test run: which fault was injected, how, and whether a project survived it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pytest

__all__ = ["ROWS", "fault"]

ROWS = range(1, 52)  # of the list of what must be survived
_KEY = "fault"
_SURVIVED = {"passed": "yes", "failed": "no", "error": "no", "xfailed": "no", "skipped": "not here"}


def fault(row: int, injected: str, *, simulated: str = "") -> pytest.MarkDecorator:
    """Say that a test answers a row of the list; a test may answer several.

    Parameters
    ----------
    injected : str
        What is done to the project.
    simulated : str
        Where the fault cannot be produced on a test machine: at which boundary it is simulated instead.
    """
    if row not in ROWS:
        raise ValueError(f"there is no row {row}")
    return pytest.mark.fault(row, injected, simulated)


class Seen(NamedTuple):
    """One test of one row, and how it ended."""

    row: int
    injected: str
    simulated: str
    test: str
    outcome: str
    seconds: float


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "fault(row, injected, simulated): answers a row of the faults to survive")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the reports of tests carry their rows: they are what another process sees of them."""
    for item in items:
        item.user_properties += [(_KEY, list(marker.args)) for marker in item.iter_markers("fault")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, if a fault was injected at all."""
    seen = [one for outcome in _SURVIVED for one in _seen(terminalreporter, outcome)]
    if not seen:
        return
    seen.sort()
    terminalreporter.section("faults injected")
    terminalreporter.line(f"{'row':>3}  {'survived':<8}  {'seconds':>7}  {'injected':<9}  fault")
    for one in seen:
        how = "simulated" if one.simulated else "real"
        terminalreporter.line(
            f"{one.row:>3}  {_SURVIVED[one.outcome]:<8}  {one.seconds:>7.1f}  {how:<9}  {one.injected}"
            + (f" (simulated: {one.simulated})" if one.simulated else "")
        )
    without = sorted(set(ROWS) - {one.row for one in seen})
    if without:
        terminalreporter.line(f"without a test in this run: {_ranges(without)}")


def _ranges(rows: list[int]) -> str:
    """Say which rows, neighbours together: ``1-3, 7``."""
    starts = [row for row in rows if row - 1 not in rows]
    ends = [row for row in rows if row + 1 not in rows]
    return ", ".join(f"{one}-{end}" if end > one else str(one) for one, end in zip(starts, ends, strict=True))


def _seen(reporter: pytest.TerminalReporter, outcome: str) -> Iterable[Seen]:
    reports = [report for report in reporter.stats.get(outcome, []) if isinstance(report, pytest.TestReport)]
    for report in reports:
        for key, value in report.user_properties:
            if key == _KEY and (report.when == "call" or outcome != "passed"):
                row, injected, simulated = value  # type: ignore[misc]
                seconds = _seconds(reporter, report.nodeid)
                yield Seen(int(row), str(injected), str(simulated), report.nodeid, outcome, seconds)


def _seconds(reporter: pytest.TerminalReporter, test: str) -> float:
    """What a test took with what it set up and cleared away."""
    every = [report for reports in reporter.stats.values() for report in reports]
    return sum(one.duration for one in every if isinstance(one, pytest.TestReport) and one.nodeid == test)
