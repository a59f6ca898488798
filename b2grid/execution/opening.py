"""What a new driver finds: the state of its project, from the journals and from manifests."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput
from b2grid.execution.events import Ended, Event
from b2grid.execution.publish import complete, published, settle
from b2grid.execution.ranges import ids
from b2grid.execution.recovery import replay
from b2grid.execution.sites import Site, site, sites
from b2grid.execution.state import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from b2grid.execution.folder import ProjectFolder
    from b2grid.planning import Plan

__all__ = ["found_site", "recovered", "untold"]

Line = dict[str, Any]
_ENDED = frozenset({"Done", "Killed"})


def recovered(
    folder: ProjectFolder, plan: Plan, lines: Iterable[Line], *, patience: float = 1.0, damaged: bool = False
) -> tuple[State, dict[str, str]]:
    """The state as the journals and the manifests have it, and the answers to requests that the journals have.

    Publishing that a crash interrupted is finished. The manifest of a job whose end is in the journal is not read
    again, for there may be a hundred thousand of them; nor are all lines ever in memory together. With `damaged`, lines
    are missing, as in `replay`.
    """
    ended: set[int] = set()
    answers: dict[str, str] = {}
    voided: list[int] = []
    definition = folder.read_definition()
    state = State.new(
        plan.ids("main"),
        plan.ids("scout"),
        pass_share=definition.scouts_pass,
        adjust=definition.adjust,
        patience=patience,
        site=definition.site,
        sites=tuple(sites()),
        priority=definition.priority,
        revision=plan.revision,
    )
    # each is read when the one before it has been: lines, results, voids
    state = replay(state, _noted(lines, ended, answers), _results(folder, ended, voided), voided, damaged=damaged)
    return state, answers


def found_site(name: str, keys: Path) -> tuple[Site, str]:
    """A site, and what is wrong with it: without its profile a project still has an owner, who may move or end it.

    Returns
    -------
    Site
        With nothing but its name, where there is something wrong.
    str
        A sentence; empty when the site can be used.
    """
    try:
        return site(name, keys), ""
    except InvalidInput as error:
        return Site(name, 1), str(error)


def _noted(lines: Iterable[Line], ended: set[int], answers: dict[str, str]) -> Iterator[Line]:
    """The lines of the journals, and on the way the jobs whose end they have, and answers."""
    for line in lines:
        match line["kind"]:
            case "job":
                (ended.add if line["status"] in _ENDED else ended.discard)(line["job"])
            case "jobs" if line["status"] in _ENDED:
                ended.update(ids(line["jobs"]))
            case "jobs":
                ended.difference_update(ids(line["jobs"]))
            case "answer":
                answers[line["nonce"]] = line["text"]
        yield line


def _results(folder: ProjectFolder, ended: set[int], voided: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Jobs with a result that the journals do not have, and what it says; jobs that were voided go to `voided`."""
    for root in (folder.output, folder.scouts):
        complete(root)
        for manifest in published(root, without=ended):
            if manifest.kind == "void":
                voided.append(manifest.job)
            else:
                yield manifest.job, manifest.facts


def untold(folder: ProjectFolder, state: State) -> list[Event]:
    """Results of jobs without one that nobody has told of: an attempt that was given up may have published.

    A damaged manifest tells nothing; it is named when collecting.
    """
    found: list[Event] = []
    for job, now in state.jobs.items():
        if now.attempt and now.status in {"Held", "Failed"}:
            with suppress(InvalidInput):
                manifest = settle(folder.scouts if now.kind == "scout" else folder.output, job)
                if manifest is not None and manifest.kind == "result":
                    found.append(Ended(job, now.attempt, facts=manifest.facts))
    return found
