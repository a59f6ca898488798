"""Revisions of the plan, made and stored when the decisions ask for them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from b2grid.errors import InvalidInput
from b2grid.execution.publish import settle

if TYPE_CHECKING:
    from b2grid.execution.events import Replan
    from b2grid.execution.folder import ProjectFolder
    from b2grid.execution.state import State
    from b2grid.planning import Plan
    from b2grid.planning.learning import Observed
    from b2grid.planning.revision import Revision
    from b2grid.run import Limits

__all__ = ["replanned"]

_UNREADABLE = "it could not be read in several attempts"
_NEVER_SENT = frozenset({"Scouting", "Waiting"})


def replanned(folder: ProjectFolder, plan: Plan, asked: Replan, state: State, limits: Limits) -> Revision | None:
    """The next revision of the plan, on the disk; `None` when nothing has to be changed.

    One that is there already, of a driver that could not say so any more, holds: readers may have seen it.

    Raises
    ------
    InvalidPlan
        If it cannot be made: the files are in none of the jobs.
    """
    from b2grid.planning.revising import adjusted, between, smaller, without

    revision: Revision | None
    match asked.why:
        case "scouts" if any(change["why"] == "scouts" for change in plan.spec.get("revisions", ())):
            return None  # it was stored before a driver died, which could not say so
        case "scouts":
            revision = adjusted(plan, _measured(folder, plan, state), limits, kept=_kept(state))
        case "smaller":
            revision = smaller(plan, asked.jobs, asked.parts, anew=True)
        case "quarantine":
            revision = without(plan, asked.jobs, asked.lfns, _UNREADABLE)
    if revision is None:
        return None
    held = revision.plan.write_once(folder.plan(revision.plan.revision))
    return revision if held is revision.plan else between(plan, held)


def _kept(state: State) -> list[int]:
    """Main jobs that keep their numbers: those that were cancelled or held, or were sent although a journal lost it."""
    mains = ((job, now) for job, now in state.jobs.items() if now.kind == "main")
    return [job for job, now in mains if now.attempt or now.status not in _NEVER_SENT]


def _measured(folder: ProjectFolder, plan: Plan, state: State) -> list[Observed]:
    """What the scouts took, by their manifests."""
    from b2grid.planning.learning import observed

    found = []
    for job in plan.ids("scout"):
        with suppress(InvalidInput):  # a damaged manifest is named when collecting
            manifest = settle(folder.scouts, job)
            if manifest is not None and manifest.kind == "result":
                found.append(observed(plan, manifest, int(state.jobs[job].facts.get("peak_memory") or 0)))
    return found
