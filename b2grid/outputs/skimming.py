"""How much of a sample skims keep, from the flags that their steering stored for every event."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from b2grid.errors import InvalidInput
from b2grid.outputs.reading import SAMPLE, dataframe

if TYPE_CHECKING:
    import pandas as pd

    from b2grid.outputs.books import Place
    from b2grid.planning import Plan

__all__ = ["skim_efficiencies", "wilson"]

_FLAG = re.compile(r"eventExtraInfo\(\s*passes_(\w+)\s*\)|passes_(\w+)")
_EVENT = ["__experiment__", "__run__", "__event__", "__production__"]


def wilson(passed: int, events: int) -> tuple[float, float]:
    """The interval that holds an efficiency with 68.3 % confidence.

    Wilson's score interval with z = 1 (J. Am. Stat. Assoc. 22 (1927) 209): it stays within 0 and 1, and has a
    width where nothing or everything passed.

    >>> [round(bound, 4) for bound in wilson(90, 100)]
    [0.8659, 0.9262]
    >>> wilson(0, 0)
    (0.0, 1.0)
    """
    if events == 0:
        return 0.0, 1.0
    fraction = passed / events
    centre = (fraction + 0.5 / events) / (1 + 1 / events)
    half = math.sqrt(fraction * (1 - fraction) / events + 0.25 / events**2) / (1 + 1 / events)
    return max(0.0, centre - half), min(1.0, centre + half)


def skim_efficiencies(
    place: Place,
    plan: Plan,
    tree: str = "skims",
    *,
    among: tuple[str, str | None] | None = None,
    sample: str | None = None,
    allow_partial: bool = False,
) -> pd.DataFrame:
    """The part of each sample's events that each skim keeps.

    Parameters
    ----------
    tree : str
        The tree with one row per event, and a flag for each skim.
    among : (tree, cut), optional
        Only events in which this tree of the same project has a candidate that passes the cut: what a skim keeps
        of the events that the analysis itself would select.
    sample : str, optional
        Only this one.
    allow_partial : bool
        Take what is there although something is missing.

    Returns
    -------
    pandas.DataFrame
        A row per sample and skim: ``sample``, ``skim``, ``events``, ``passed``, ``efficiency``, and the bounds
        ``low`` and ``high`` of `wilson`. ``attrs["completeness"]`` says what it is made of.

    Raises
    ------
    IncompleteOutput
        If something is missing and `allow_partial` is not set, or there is no such tree.
    InvalidInput
        If the tree has no flags, an event has none, or `among` is asked for and events cannot be told apart.
    """
    import pandas as pd

    frame = _rows(place, plan, tree, None, sample, allow_partial=allow_partial)
    flags = {column: match[1] or match[2] for column in frame if (match := _FLAG.fullmatch(str(column)))}
    if not flags:
        raise InvalidInput(f"tree {tree!r} has no flags of skims", hint="store them: b2grid.skim_steering(skims)")
    if unset := [name for column, name in flags.items() if frame[column].isna().any()]:
        raise InvalidInput(
            f"in tree {tree!r}, some events have no flag of {', '.join(unset)}",
            hint="let the skim see every event: no applyEventCuts before it",
        )
    completeness = frame.attrs["completeness"]
    if among is not None:
        frame = _among(frame, _rows(place, plan, *among, sample, allow_partial=allow_partial), tree)
    rows = []
    for name, part in frame.groupby(SAMPLE, sort=False, observed=False):
        for column, skim in flags.items():
            passed, events = int((part[column] > 0).sum()), len(part)
            rows.append((name, skim, events, passed, passed / events if events else math.nan, *wilson(passed, events)))
    table = pd.DataFrame(rows, columns=["sample", "skim", "events", "passed", "efficiency", "low", "high"])
    table.attrs["completeness"] = completeness
    return table


def _rows(
    place: Place, plan: Plan, tree: str, cut: str | None, sample: str | None, *, allow_partial: bool
) -> pd.DataFrame:
    """The rows of a tree with their sample, also where there is only one."""
    import pandas as pd

    frame = dataframe(place, plan, tree, None, cut, sample=sample, allow_partial=allow_partial)
    if SAMPLE not in frame:
        only = sample if sample is not None else next(iter(plan.spec["estimates"]))
        frame[SAMPLE] = pd.Categorical([only] * len(frame), categories=[only])
    return frame


def _among(frame: pd.DataFrame, selected: pd.DataFrame, tree: str) -> pd.DataFrame:
    """The rows of events that are among the selected ones."""
    keys = [name for name in [SAMPLE, *_EVENT] if name in frame and name in selected]
    if frame.duplicated(keys).any():
        raise InvalidInput(
            f"in tree {tree!r}, several events of a sample have the same number",
            hint="their files were generated with equal numbers: leave out among=, or make each a sample",
        )
    return frame.merge(selected[keys].drop_duplicates(), on=keys, how="inner")
