"""Revisions of a submitted plan: corrected by scouts, with smaller jobs, without files that cannot be read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from b2grid.planning.learning import Observed
    from b2grid.planning.revision import Revision
    from b2grid.planning.table import Plan
    from b2grid.run.limits import Limits

__all__ = ["adjusted", "alone", "between", "smaller", "without"]


def adjusted(plan: Plan, measured: Iterable[Observed], limits: Limits, *, kept: Iterable[int] = ()) -> Revision | None:
    """The plan, corrected by what scouts measured; nothing where they change nothing notably.

    Parameters
    ----------
    measured : iterable of Observed
        One for each scout that passed, with its sample: `b2grid.planning.learning.observed` makes it of a manifest.
    limits : Limits
        What the site lets a job use.
    kept : iterable of int
        Main jobs that keep their number and files: those that somebody cancelled or held before any was sent.
    """
    raise NotImplementedError


def smaller(plan: Plan, jobs: Iterable[int], parts: int = 2) -> Revision:
    """These jobs' files in so many smaller groups each, as jobs with new numbers.

    Raises
    ------
    InvalidPlan
        If a job has a single file, which cannot be divided (all such jobs are named), or is not a main job of the
        plan. `alone` says it before anything is voided.
    """
    raise NotImplementedError


def without(plan: Plan, jobs: Iterable[int], lfns: Iterable[str], reason: str) -> Revision:
    """These jobs without files that cannot be read, as jobs with new numbers; one without any other file is gone.

    Raises
    ------
    InvalidPlan
        If a job is not a main job of the plan, or a file is in none of them.
    """
    raise NotImplementedError


def alone(plan: Plan, jobs: Iterable[int]) -> tuple[int, ...]:
    """Those of some main jobs that have a single file, and cannot be made smaller."""
    raise NotImplementedError


def between(before: Plan, after: Plan) -> Revision:
    """The revision that leads from one plan to the next, as it is found on disk."""
    raise NotImplementedError
