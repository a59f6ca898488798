"""What a project's owner has to know while it runs: failures, hosts, scouts, and what somebody who helps asks."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

from b2grid import execution
from b2grid.errors import InvalidInput
from b2grid.project.running import Running

if TYPE_CHECKING:
    import pandas as pd

    from b2grid.execution.reports import Diagnosis, Hosts, Scouting
    from b2grid.execution.sites.script import JobScript

__all__ = ["Reporting"]

_FAILURES = ["job", "kind", "sample", "status", "minor_status", "attempt", "failure", "host", "message"]


class Reporting(Running):
    """A project that says how it does."""

    def failures(self) -> pd.DataFrame:
        """The jobs without a result that need somebody: which, why, and the line that says it.

        `diagnosis` sums them up.
        """
        jobs = self.jobs
        return jobs.loc[jobs["status"].isin(["Failed", "Held", "Killed"]), _FAILURES].reset_index(drop=True)

    def diagnosis(self) -> Diagnosis:
        """What failed: by failure class, host and site, with the line that jobs share and what to do next."""
        from b2grid.execution import reports

        self._require_submitted()
        return reports.diagnosis(self.name, execution.read_jobs(self._folder), self._site)

    def hosts(self) -> Hosts:
        """How hosts do: what was done there and how fast, what failed, and which of them are out, and why."""
        from b2grid.execution import reports

        self._require_submitted()
        return reports.hosts(self.name, execution.read_jobs(self._folder), self._site, self._hosts_there())

    def scouting(self) -> Scouting:
        """What scouts said: what they measured against the trial, what that changed, and why some failed."""
        from b2grid.execution import reports
        from b2grid.planning import Plan

        self._require_submitted()
        plans = self._folder.plans()
        now = Plan.read(plans[-1])
        return reports.scouting(
            execution.read_jobs(self._folder),
            Plan.read(plans[0]),
            now,
            share=self._definition.scouts_pass,
            lines=self._log_lines,
            command=lambda job: reports.reproducing(now, job, self._folder.steering),
        )

    def help_report(self, job: int) -> str:
        """What somebody who helps needs to know of a job, as text to paste into a question.

        Problem, project, job, data set, user, site, host, failure class, what runs it again, and the log's lines that
        matter.

        Raises
        ------
        InvalidInput
            If there is no such job, or the project has not been submitted.
        """
        from b2grid import __version__
        from b2grid.execution import reports
        from b2grid.planning import Plan

        self._require_submitted()
        row = self._row(job)
        plan = Plan.read(self._folder.plans()[-1])
        lines = self._log_lines(job)
        return reports.help_report(
            self._definition,
            plan,
            row,
            versions={"b2grid": __version__, "Python": platform.python_version(), "System": platform.platform()},
            site=row.get("site") or self._site,
            command=reports.reproducing(plan, job, self._folder.steering),
            lines=lines,
            log=str(self._folder.log(job, row["attempt"])) if lines else "",
        )

    def job_script(self) -> JobScript:
        """What the batch system of the project's site gets for each worker, letter by letter."""
        from b2grid.execution.sites.script import job_script

        return job_script(execution.site(self._site, self._folder.keys), self.folder)

    @property
    def _site(self) -> str:
        """Where jobs are sent now."""
        return execution.read_status(self._folder).site or self._definition.site

    def _hosts_there(self) -> dict[str, dict[str, Any]]:
        """What the driver says of hosts."""
        return execution.read_status(self._folder).hosts

    def _row(self, job: int) -> dict[str, Any]:
        import pyarrow.compute as pc

        table = execution.read_jobs(self._folder)
        rows: list[dict[str, Any]] = table.filter(pc.field("job") == job).to_pylist()
        if not rows:
            raise InvalidInput(f"there is no job {job} in project '{self.name}'", hint="see .jobs")
        return rows[0]

    def _log_lines(self, job: int) -> list[str]:
        """The lines of a job's last log that matter; none where it has no log."""
        from b2grid.execution.reports import telling

        try:
            return telling(self.log(job))
        except InvalidInput:
            return []

    def _require_submitted(self) -> None:
        if self._definition.state == "draft":
            raise InvalidInput(f"project '{self.name}' is a draft", hint="submit it first")
