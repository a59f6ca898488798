"""What a project's owner asks of its driver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index
from typing import Any

from b2grid import execution
from b2grid.errors import InvalidInput, nearest, printable
from b2grid.execution.requests import options
from b2grid.execution.state import IN_SCOUTING
from b2grid.project.reporting import Reporting

__all__ = ["Asking"]

Jobs = int | Iterable[int]


class Asking(Reporting):
    """A project whose driver answers.

    Each verb leaves a request, waits for the driver's answer and returns it: one sentence. A notebook that goes away
    meanwhile changes nothing. A driver that has left is started again. What is wrong with a request is said before it
    is left.

    Jobs are one number, or several, such as a column of `jobs` or `failures`; all of them when they are left out.
    """

    def cancel(self, jobs: Jobs = ()) -> str:
        """End some jobs, or all of them; what is done stays. The driver's answer.

        Raises
        ------
        InvalidInput
            If there is no such job, or the project is a draft; nothing has been asked.
        TimeoutError
            If the driver has not answered yet; it will carry the request out when it sees it.
        """
        return self._ask("cancel", jobs)

    def reschedule(
        self,
        jobs: Jobs = (),
        *,
        cause: str | None = None,
        memory: str | float | None = None,
        walltime: str | float | None = None,
        smaller: int | None = None,
    ) -> str:
        """Try held and failed jobs again: some, or all of them. The driver's answer.

        Parameters
        ----------
        cause : str, optional
            Only jobs with this failure class, such as ``"memory"``.
        memory : str or float, optional
            What each of them may use from now on: ``"6 GB"``, or bytes.
        walltime : str or float, optional
            How long each of them may run from now on: ``"12 h"``, or seconds.
        smaller : int, optional
            Plan each of them again, as so many jobs with fewer files; what is done is not touched.

        Raises
        ------
        InvalidInput
            With everything that is wrong with the request; nothing has been asked.
        TimeoutError
            As `cancel`.
        """
        self._require_submitted()
        asked = options(cause=cause, memory=memory, walltime=walltime, smaller=smaller)
        chosen = self._known(jobs)
        if smaller is not None:
            self._require_divisible(chosen, cause)
        return self._ask("reschedule", chosen, **asked)

    def hold(self, jobs: Jobs = ()) -> str:
        """Send no more: of some jobs, or of the project; what runs goes on. The driver's answer."""
        return self._ask("hold", jobs)

    def resume(self, jobs: Jobs = ()) -> str:
        """Send held jobs again, or those of a held project. The driver's answer."""
        return self._ask("resume", jobs)

    def finish(self) -> str:
        """Take what is done as the result, and end the rest. The driver's answer.

        `arrays` then returns what is there, with its completeness, without being asked for parts; what was left out
        counts as missing.
        """
        return self._ask("finish")

    def priority(self, priority: int) -> str:
        """Give the project another priority, 0 to 10. The driver's answer."""
        return self._ask("priority", priority=priority)

    def move(self, site: str) -> str:
        """Send what is waiting to another site; what runs ends where it is. The driver's answer.

        Raises
        ------
        InvalidInput
            If there is no such site, or the project's release does not run there; nothing has been asked.
        """
        asked = options(site="" if site is None else site)
        execution.site(asked["site"]).runner(self._definition.release)
        return self._ask("move", **asked)

    def restore(self, host: str | None = None) -> str:
        """Use a host or a storage element again that was taken out; all of them when none is named.

        Returns the driver's answer.

        Raises
        ------
        InvalidInput
            If the project knows none of this name.
        """
        self._require_submitted()
        known = {row.host for row in self.hosts().rows} | set(self.status.storages)
        if host is not None and host not in known:
            near = nearest(host, known)
            listed = f"hosts are: {', '.join(sorted(known)[:5])}" if known else "no job has run yet"
            raise InvalidInput(
                f"there is no host '{printable(host)}' in project '{self.name}'",
                hint=f"did you mean '{near[0]}'?" if near else listed,
            )
        return self._ask("restore", host=host)

    def _require_divisible(self, chosen: tuple[int, ...], cause: str | None) -> None:
        """See to it that every job that would be tried again has several files.

        Raises
        ------
        InvalidInput
            If some have one; all of them are named.
        """
        from b2grid.planning import Plan
        from b2grid.planning.revising import alone

        plan = Plan.read(self._folder.plans()[-1])
        planned, named = set(plan.ids("main")), set(chosen)
        rows = execution.read_jobs(self._folder).select(["job", "status", "minor_status", "failure"]).to_pylist()
        about = [
            row["job"]
            for row in rows
            if row["job"] in planned
            and row["status"] in {"Held", "Failed"}
            and row["minor_status"] != IN_SCOUTING
            and (not chosen or row["job"] in named)
            and cause in {None, row["failure"]}
        ]
        if about and (single := alone(plan, about)):
            raise InvalidInput(
                f"job {_listed(single)} of project '{self.name}' has a single file, and cannot be made smaller",
                hint="choose the other jobs, or give more: walltime='…', memory='…'",
            )

    def _ask(self, verb: str, jobs: Jobs = (), **given: Any) -> str:
        self._require_submitted()
        asked = options(**given)
        return execution.ask(self._folder, verb, self._known(jobs), asked)

    def _known(self, jobs: Jobs) -> tuple[int, ...]:
        """The numbers of jobs that there are; none means all.

        Raises
        ------
        InvalidInput
            If some are not there, or a list of them is empty: that nobody was chosen must not mean everybody.
        """
        if isinstance(jobs, tuple) and not jobs:
            return ()
        try:
            asked = tuple(map(index, jobs if isinstance(jobs, Iterable) else (jobs,)))
        except TypeError as error:
            raise InvalidInput("jobs are asked for by their numbers", hint="such as 3, or [3, 4]") from error
        if not asked:
            raise InvalidInput("no jobs are chosen; nothing was asked", hint="leave jobs out to mean all of them")
        there: set[Any] = set(execution.read_jobs(self._folder)["job"].to_pylist())
        if unknown := sorted(set(asked) - there):
            raise InvalidInput(
                f"there is no job {_listed(unknown)} in project '{self.name}'; nothing was asked",
                hint=f"jobs are {min(there)} to {max(there)}: see .jobs",
            )
        return tuple(dict.fromkeys(asked))


def _listed(jobs: Sequence[int]) -> str:
    return ", ".join(map(str, jobs[:5])) + (", …" if len(jobs) > 5 else "")
