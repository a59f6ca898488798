"""Where a project is, for everybody who may read its folder: nothing here starts or changes anything."""

from __future__ import annotations

import gzip
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput, SiteError, printable
from b2grid.execution.files import read_text
from b2grid.execution.owner import Liveness, liveness
from b2grid.html import Html, bar, tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from b2grid.execution.folder import ProjectFolder
    from b2grid.planning import Plan

__all__ = ["STATES", "Status", "phase", "read_jobs", "read_log", "read_status"]

#: DIRAC's states in the order in which a job passes them, with the colour that each has everywhere.
STATES = {
    "Planned": "#d0d7de",
    "Scouting": "#c8b6ff",
    "Checking": "#b6c7ff",
    "Waiting": "#afb8c1",
    "Matched": "#9ecbff",
    "Running": "#0969da",
    "Completing": "#1b9aaa",
    "Done": "#2da44e",
    "Held": "#d4a72c",
    "Failed": "#cf222e",
    "Killed": "#6e4040",
}


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a project's main jobs, and of its scouts.

    Parameters
    ----------
    counts : dict of str to int
        State -> main jobs in it.
    scouts : dict of str to int
        State -> scouts in it.
    phase : str
        draft, planned, scouting, running, held, done, failed, cancelled.
    message : str
        What its owner should know now.
    driver : {"none", "running", "gone", "unknown", "ended"}
        Whether something drives it.
    updated : float
        When this was true, in seconds since the epoch.
    """

    name: str
    counts: dict[str, int]
    scouts: dict[str, int] = field(default_factory=dict)
    phase: str = "draft"
    message: str = ""
    driver: Liveness = "none"
    updated: float = 0.0
    settled: bool = False
    answers: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def total(self) -> int:
        """All main jobs."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """Main jobs with a published result."""
        return self.counts.get("Done", 0)

    @property
    def _summary(self) -> str:
        return f"{self.phase}, {self.done} of {self.total} jobs done" if self.total else self.phase

    def __str__(self) -> str:
        lines = [f"{self.name}: {self._summary}"]
        lines += [f"  {state:<10} {count:>7}" for state, count in _ordered(self.counts)]
        if self.scouts:
            lines.append("  scouts: " + ", ".join(f"{state} {count}" for state, count in _ordered(self.scouts)))
        lines += [f"  {printable(self.message)}"] if self.message else []
        lines += [f"  {_ADVICE[self.driver]}"] if self.driver in _ADVICE and not self.settled else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [(state, count, STATES.get(state, "#888")) for state, count in _ordered(self.counts)]
        legend = [
            tag(
                "span",
                tag("span", "\N{BLACK SQUARE}", style=f"color:{colour}"),
                f" {state} {count} ",
                style="margin-right:10px",
            )
            for state, count, colour in parts
        ]
        said = (
            [tag("div", "scouts: " + ", ".join(f"{state} {count}" for state, count in _ordered(self.scouts)))]
            if self.scouts
            else []
        )
        said += [tag("div", self.message, style="color:#9a6700")] if self.message else []
        said += (
            [tag("div", _ADVICE[self.driver], style="color:#b00020")]
            if (self.driver in _ADVICE and not self.settled)
            else []
        )
        title = tag("div", tag("b", self.name), f": {self._summary}")
        return str(Html(title + bar(parts) + tag("div", *legend) + "".join(said)))


_ADVICE = {
    "gone": "nothing drives this project any more: restart() goes on where it stopped",
    "unknown": "it was last driven on another host, which cannot be seen from here",
}


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    order = list(STATES)
    return sorted(
        ((state, count) for state, count in counts.items() if count),
        key=lambda item: order.index(item[0]) if item[0] in order else len(order),
    )


def phase(mains: Mapping[str, int], *, sending: bool = True) -> str:
    """One word for where a project is.

    >>> phase({"Done": 3})
    'done'
    >>> phase({"Scouting": 3})
    'scouting'
    """
    total = sum(mains.values())
    ended = sum(mains.get(state, 0) for state in ("Done", "Failed", "Killed"))
    if ended == total:
        states = ("Failed", "Killed", "Done")
        worst = next((state for state in states if mains.get(state)), "Done")
        return {"Failed": "failed", "Killed": "cancelled", "Done": "done"}[worst]
    if not sending or ended + mains.get("Held", 0) == total:
        return "held"
    return "scouting" if mains.get("Scouting") else "running"


def read_status(folder: ProjectFolder) -> Status:
    """Where the project in this folder is; also of a draft.

    Raises
    ------
    InvalidInput
        If there is no project here.
    """
    definition = folder.read_definition()
    if definition.state == "draft":
        plan = _plan(folder)
        counts = {"Planned": len(plan.ids("main"))} if plan is not None else {}
        return Status(definition.name, counts, phase="planned" if plan is not None else "draft")
    published = _published(folder)
    if published is None:
        plan = _plan(folder)
        waiting = {"Waiting": len(plan.ids("main"))} if plan is not None else {}
        return Status(
            definition.name,
            waiting,
            phase="running",
            driver=liveness(folder),
            updated=time.time(),
            message="waiting for the driver",
        )
    return Status(
        definition.name,
        published["counts"],
        published["scouts"],
        published["phase"],
        published["message"],
        liveness(folder),
        published["updated"],
        published["settled"],
        published["answers"],
    )


def _published(folder: ProjectFolder) -> dict[str, Any] | None:
    text = read_text(folder.status)
    try:
        return None if text is None else dict(json.loads(text))
    except ValueError:
        return None  # a damaged snapshot says nothing; the driver writes the next one from its state


def _plan(folder: ProjectFolder) -> Plan | None:
    from b2grid.planning import Plan

    plans = folder.plans()
    return Plan.read(plans[-1]) if plans else None


def read_jobs(folder: ProjectFolder) -> pa.Table:
    """One row per job, scouts included; at most five seconds old while the project runs.

    Raises
    ------
    InvalidInput
        If the project has no plan yet.
    """
    import pyarrow as pa

    if folder.jobs.is_file() and folder.read_definition().state == "submitted":
        try:
            with pa.memory_map(str(folder.jobs)) as source:
                return pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid as error:
            raise SiteError(
                f"'{folder.jobs}' is damaged: {error}", hint="the driver writes it again: restart the project"
            ) from error
    plan = _plan(folder)
    if plan is None:
        raise InvalidInput(f"project '{folder.path.name}' has no plan yet", hint="call plan() first")
    from b2grid.execution.jobtable import JobTable

    return JobTable(plan).arrow()


def read_log(folder: ProjectFolder, job: int, attempt: int | None = None) -> str:
    """The log of one attempt of a job: of the last that has one, unless another is named.

    Raises
    ------
    InvalidInput
        If the job has no log.
    """
    logs = {
        int(path.name.partition("_")[2].partition(".")[0]): path
        for path in folder.log(job, 0).parent.glob(f"{job}_*.log.gz")
    }
    if attempt is None and logs:
        attempt = max(logs)
    if attempt not in logs:
        which = f"attempt {attempt} of job {job}" if attempt is not None else f"job {job}"
        raise InvalidInput(f"{which} has no log", hint="a log is kept when an attempt has ended")
    with gzip.open(logs[attempt], "rt", errors="replace") as file:
        return file.read()
