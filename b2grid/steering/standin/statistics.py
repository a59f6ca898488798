"""How often modules were called, and how long they took: what ``basf2.statistics`` answers from.

The runtime hands many events at a time to a module, so it knows sums and means. What it cannot know per event, the
spread and the memory, is NaN, and a dash in the table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from math import nan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ModuleStatistics", "StatisticCounters", "Statistics"]

_NAME_WIDTH, _REST_WIDTH = 21, 59
_SECOND, _MILLISECOND = 1e9, 1e6  # in basf2's unit of time, the nanosecond


class StatisticCounters(Enum):
    """Phases that statistics distinguish."""

    INIT = 0
    BEGIN_RUN = 1
    EVENT = 2
    END_RUN = 3
    TERM = 4
    TOTAL = 5


_OF_EVENTS = (StatisticCounters.EVENT, StatisticCounters.TOTAL)


@dataclass(slots=True)
class ModuleStatistics:
    """Calls and time of one module, or of all; only events are counted, so that they are the total too.

    Parameters
    ----------
    name : str
    events : int
        Events that the module has seen.
    time : float
        Nanoseconds.
    """

    name: str
    events: int = 0
    time: float = 0.0

    def add(self, events: int, seconds: float) -> None:
        """Count what was done for a number of events."""
        self.events += events
        self.time += seconds * _SECOND

    def calls(self, counter: StatisticCounters = StatisticCounters.TOTAL) -> int:
        """How often the module was called: once per event."""
        return self.events if counter in _OF_EVENTS else 0

    def time_sum(self, counter: StatisticCounters = StatisticCounters.TOTAL) -> float:
        """Nanoseconds that all calls took."""
        return self.time if counter in _OF_EVENTS else 0.0

    def time_mean(self, counter: StatisticCounters = StatisticCounters.TOTAL) -> float:
        """Nanoseconds per call; 0 without calls."""
        calls = self.calls(counter)
        return self.time_sum(counter) / calls if calls else 0.0

    def time_stddev(self, counter: StatisticCounters = StatisticCounters.TOTAL) -> float:  # noqa: ARG002 - basf2's
        """NaN: calls are not timed one by one."""
        return nan

    def memory_sum(self, counter: StatisticCounters = StatisticCounters.TOTAL) -> float:  # noqa: ARG002 - basf2's
        """NaN: memory is not measured per module."""
        return nan

    memory_mean = memory_stddev = time_memory_corr = memory_sum


@dataclass(slots=True)
class Statistics:
    """The statistics of one run, module by module.

    Parameters
    ----------
    modules : list of ModuleStatistics
        In the order of the path.
    total : ModuleStatistics
    """

    modules: list[ModuleStatistics] = field(default_factory=list)
    total: ModuleStatistics = field(default_factory=lambda: ModuleStatistics("Total"))
    _places: dict[int, ModuleStatistics] = field(default_factory=dict, repr=False)

    def of(self, module: Any) -> ModuleStatistics:
        """The statistics of a module of the path, made when it is first asked for."""
        if id(module) not in self._places:
            self._places[id(module)] = ModuleStatistics(str(module.name()))
            self.modules.append(self._places[id(module)])
        return self._places[id(module)]

    def clear(self) -> None:
        """Count from zero again, but keep the modules."""
        for one in (*self.modules, self.total):
            one.events, one.time = 0, 0.0

    def table(
        self,
        counter: StatisticCounters = StatisticCounters.EVENT,
        modules: Iterable[ModuleStatistics] | None = None,
    ) -> str:
        """A table for people, as wide as basf2's.

        Examples
        --------
        >>> print(Statistics([ModuleStatistics("Progress", 200, 4e9)]).table().splitlines()[3])
        Progress              |        200 |          - |       4.00 |   20.00 +-      -
        """
        chosen = list(self.modules if modules is None else modules)
        width = max([_NAME_WIDTH, *(len(one.name) for one in chosen)])
        rule = "=" * (width + 1 + _REST_WIDTH)
        head = f"{'Name':<{width}} | {'Calls':>10} | {'Memory(MB)':>10} | {'Time(s)':>10} | {'Time(ms)/Call':>17}"
        lines = [rule, head, rule, *(_row(one, counter, width) for one in chosen), rule]
        return "\n".join([*lines, _row(self.total, counter, width), rule, ""])


def _row(one: ModuleStatistics, counter: StatisticCounters, width: int) -> str:
    took, mean = one.time_sum(counter) / _SECOND, one.time_mean(counter) / _MILLISECOND
    return f"{one.name:<{width}} | {one.calls(counter):>10} | {'-':>10} | {took:>10.2f} | {mean:>7.2f} +-{'-':>7}"
