"""A project that runs: sending it, and looking at it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from b2grid import execution
from b2grid.errors import InvalidInput
from b2grid.execution.requests import options
from b2grid.project.preparing import Preparing

if TYPE_CHECKING:
    import distributed
    import pandas as pd

    from b2grid.execution import Status

__all__ = ["Running"]


class Running(Preparing):
    """A project from its submission on; reading never starts anything."""

    def submit(
        self,
        *,
        force: bool = False,
        scouts: Literal["auto"] | bool | int = "auto",
        priority: int = 5,
        wait: bool = False,
        adjust: bool = True,
        scouts_pass: float = 1.0,
        client: distributed.Client | None = None,
    ) -> Status:
        """Send the project; the check, the trial and the plan are made if they are missing.

        From here on the project runs by itself: the notebook may end. Submitting again does nothing more.

        Parameters
        ----------
        force : bool
            Submit in spite of findings and of a trial that failed: gbasf2's "Y".
        scouts : "auto", bool or int
            As in `plan`; a plan that was made with other scouts is made again.
        priority : int
            0 to 10, 5 by default.
        wait : bool
            Whether to return only when every job has ended.
        adjust : bool
            Whether limits and files per job are corrected by what scouts measured, before the first main job is sent.
        scouts_pass : float
            The share of scouts that must pass; main jobs of a project below it fail without being sent.
        client : distributed.Client, optional
            Somebody's Dask cluster, which runs the jobs instead of the site. The project's driver connects to its
            scheduler with the same keys, which are kept for their owner alone until the end; the Client may be closed.

        Raises
        ------
        InvalidInput
            If the priority or the share is out of range; nothing has been stored.
        InvalidSteering
            If the check or the trial found errors; nothing has been sent.
        SiteError
            If the Client's scheduler cannot be used: it lives inside one process, or has no TLS off loopback.
        SiteUnavailable
            If no driver could be started; the project is stored, and `restart` tries again.
        """
        asked = options(priority=priority, scouts_pass=scouts_pass)
        if self._definition.state == "draft":
            self._ready(force=force, scouts=scouts)
            if client is not None:
                asked["site"] = self._adopted(client)
            self._folder.write_definition(replace(self._definition, adjust=bool(adjust), **asked))
            execution.submit(self._folder)
        return self.wait() if wait else self.status

    def _adopted(self, client: distributed.Client) -> str:
        """The site that somebody's Client is for this project."""
        from b2grid.execution.cluster import adopt

        return adopt(client, self._folder.keys)

    @property
    def status(self) -> Status:
        """Where the project is, as its driver has published it at most a second ago."""
        if self._draft is not None:
            return execution.Status(self.name, {}, phase="draft")
        return execution.read_status(self._folder)

    @property
    def jobs(self) -> pd.DataFrame:
        """One row per job, scouts included, from the plan on.

        Raises
        ------
        InvalidInput
            If there is no plan yet.
        """
        if self._draft is not None:
            raise InvalidInput(f"project '{self.name}' has no plan yet", hint="call plan() first")
        import pandas as pd

        frame = execution.read_jobs(self._folder).to_pandas()
        words = frame.select_dtypes(include=["object", "string"]).columns
        frame[words] = frame[words].fillna("")
        for when in ("started", "ended"):
            frame[when] = pd.to_datetime(frame[when], unit="s", utc=True).dt.floor("s")
        return frame

    def wait(self, timeout: float | None = None) -> Status:
        """Wait until nothing more would happen by itself: every job has ended, or is held.

        Raises
        ------
        TimeoutError
            If it is not over after `timeout` seconds; it goes on.
        SiteError
            If nothing drives it any more.
        InvalidInput
            If it is a draft.
        """
        if self._draft is not None:
            raise InvalidInput(
                f"project '{self.name}' is a draft: there is nothing to wait for", hint="submit it first"
            )
        return execution.wait(self._folder, timeout)

    def log(self, job: int, attempt: int | None = None) -> str:
        """The log of one attempt of a job: of the last that has ended, unless another is named."""
        return execution.read_log(self._folder, job, attempt)

    def restart(self) -> Status:
        """Start a driver for a project that has lost its own; it goes on where it stopped."""
        return execution.restart(self._folder)
