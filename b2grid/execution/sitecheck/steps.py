"""The steps of a check, in their order."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.amounts import shown_duration
from b2grid.errors import B2GridError, SiteError, SiteUnavailable, SubmissionRefused, printable
from b2grid.execution.sitecheck.remote import OUTPUT, TREE, environment, exchange, here, now, one_event
from b2grid.execution.sitecheck.report import SiteCheck, Step
from b2grid.execution.sites import BATCH, Site, site
from b2grid.home import home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import distributed

    from b2grid.execution.sitecheck.remote import Place
    from b2grid.run import Runner

__all__ = ["check_site"]

_SKEW = 60.0  # seconds by which clocks may differ
_ENDS = 60.0  # seconds in which a worker must be gone
_VISIBLE = 60.0  # seconds in which a network file system must show a file
_ANSWER = 900.0  # seconds for what a worker is asked
_LOOK = 0.1


def check_site(
    name: str | Site,
    *,
    release: str | None = None,
    input: str | os.PathLike[str] | None = None,  # noqa: A002 - as the option of basf2 and of the command line
    folder: str | os.PathLike[str] | None = None,
    timeout: float | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> SiteCheck:
    """Start one worker of a site, and see whether jobs would run there.

    Nothing of it stays: the worker, its keys and what was written are gone at the end, also when a step fails.

    Parameters
    ----------
    release : str, optional
        The basf2 release to set up; b2lite by default.
    input : path, optional
        A file with events, as the worker sees it; the demo data by default, which basf2 does not read.
    folder : path, optional
        Where projects are to be, which workers must see too; b2grid's own by default.
    timeout : float, optional
        Seconds to wait for the worker; as the profile says by default.
    on_step : callable, optional
        Called with every step when it is over.

    Raises
    ------
    InvalidInput
        If there is no such site, its profile has mistakes, or it has no basf2 and a release is asked for.
    """
    profile = site(name) if isinstance(name, str) else name
    place = (Path(folder) if folder is not None else home()).expanduser().absolute()
    check = _Check(
        profile,
        profile.runner(release),
        os.fspath(input) if input is not None else None,
        place / f"site-check-{secrets.token_hex(4)}",
        profile.start_limit if timeout is None else timeout,
    )
    steps = []
    for step in check.run():
        steps.append(step)
        if on_step is not None:
            on_step(step)
    return SiteCheck(profile.name, (*steps, *(Step(left) for left in _STEPS[len(steps) :])))


class _Skipped(Exception):
    """A step that cannot be taken, and need not be."""


_STEPS = ("scheduler", "worker", "versions", "shared path", "clock", "environment", "one event", "end")


@dataclass(slots=True)
class _Check:
    """A check that goes on."""

    site: Site
    runner: Runner
    input: str | None
    folder: Path
    timeout: float
    client: Any = None
    worker: str = ""
    place: Place | None = None

    def run(self) -> Iterator[Step]:
        """The steps, each as soon as it is over; the first that fails is the last."""
        with ExitStack() as cleaning, ExitStack() as cluster:
            cleaning.callback(shutil.rmtree, self.folder, ignore_errors=True)
            looks: tuple[Callable[[], str], ...] = (
                lambda: self._scheduler(cluster),
                self._first_worker,
                self._versions,
                self._shared,
                self._clock,
                self._environment,
                self._one_event,
                lambda: self._end(cluster),
            )
            for name, look in zip(_STEPS, looks, strict=True):
                step = _taken(name, look)
                yield step
                if step.state == "failed":
                    return

    def _scheduler(self, cluster: ExitStack) -> str:
        from b2grid.execution.cluster import cluster as started

        self.folder.mkdir(parents=True)
        # of a batch system one worker is asked for though there is nothing to do yet
        one = replace(self.site, workers=1, minimum=1) if self.site.kind != "scheduler" else self.site
        client: distributed.Client = cluster.enter_context(started(one, self.folder / "keys"))
        self.client = client
        return f"{client.scheduler.address if client.scheduler else ''}"

    def _first_worker(self) -> str:
        from b2grid.execution.cluster import trouble

        until = time.monotonic() + self.timeout
        while not (known := self.client.scheduler_info()["workers"]):
            if said := trouble(self.client):
                raise SubmissionRefused(
                    f"the batch system says: {said}",
                    hint=f"mend [{self.site.name}.batch], or what this shell lacks to talk to it",
                )
            if time.monotonic() > until:
                raise SiteUnavailable(
                    f"no worker came within {shown_duration(self.timeout)}{self._last_words()}", hint=self._why_none()
                )
            time.sleep(_LOOK)
        self.worker = next(iter(known))
        self.place = self._asked(here)
        return f"process {self.place.pid} on {self.place.host}"

    def _last_words(self) -> str:
        """What a worker that did not come said last."""
        logs = sorted((self.folder / "logs" / "workers").glob("*.err"), key=lambda path: path.stat().st_mtime)
        lines = logs[-1].read_text(errors="replace").strip().splitlines() if logs else []
        return f"; the last of its log: {lines[-1][:200]}" if lines else ""

    def _why_none(self) -> str:
        if self.site.kind == "scheduler":
            return "look whether it has workers"
        if self.site.kind in BATCH and self.site.interface == "lo":
            return "workers on other hosts need the network between them and here: write interface = … in the profile"
        return "look at its queue, or wait longer with --timeout" if self.site.kind in BATCH else "look at this host"

    def _asked(self, function: Callable[..., Any], *words: Any) -> Any:
        """What the worker answers."""
        future = self.client.submit(function, *words, workers=[self.worker], pure=False, retries=0)
        try:
            return future.result(timeout=_ANSWER)
        finally:
            future.release()

    def _versions(self) -> str:
        from b2grid.execution.cluster import unfit, versions

        if reasons := unfit(self.client, [self.worker]):
            raise SiteError(reasons[self.worker], hint="use the same environment there as here")
        return ", ".join(f"{what} {number}" for what, number in versions().items())

    def _shared(self) -> str:
        token = secrets.token_hex(16)
        (self.folder / "from-here").write_text(token)
        folder = str(self.folder)
        try:
            read = self._asked(exchange, folder, "from-here", "from-there")
        except OSError as error:
            raise SiteError(
                f"the worker cannot use '{folder}': {error.strerror}",
                hint="keep projects where workers see them: set B2GRID_HOME, or give a folder with --folder",
            ) from error
        if read != token or self._from_there() != token[::-1]:
            raise SiteError(f"'{folder}' is another folder on the worker", hint="choose one that both see")
        return f"{folder} is written and read both ways, with hard links"

    def _from_there(self) -> str:
        """What the worker wrote, once it is seen here."""
        until = time.monotonic() + _VISIBLE
        path = self.folder / "from-there"
        while not path.exists() and time.monotonic() < until:
            os.listdir(self.folder)  # noqa: PTH208 - makes a network file system look again
            time.sleep(_LOOK)
        return path.read_text() if path.exists() else ""

    def _clock(self) -> str:
        before = time.time()
        there = self._asked(now)
        after = time.time()
        skew = max(there - after, before - there, 0.0)
        if skew > _SKEW:
            raise SiteError(
                f"its clock differs from the one here by {shown_duration(skew)}",
                hint="tell who runs these hosts: certificates and the times of jobs depend on clocks",
            )
        return f"differs by {skew:.1f} s at most" if skew else "the same, within the time of the question"

    def _environment(self) -> str:
        found = self._asked(environment, self.runner, self.site.environment)
        if self.runner.kind == "basf2":
            return f"{found} of {self.runner.release}"
        return f"b2lite with {found}" + ("; for basf2 give --release" if self.site.setup else "")

    def _one_event(self) -> str:
        if self.runner.kind == "basf2" and self.input is None:
            raise _Skipped("give basf2 a file with events that the worker sees: --input FILE")
        seconds = self._asked(
            one_event,
            self.runner,
            self.input,
            self.site.limits,
            self.site.environment,
            self.site.scratch,
            str(self.folder),
        )
        from b2grid.ntuple import verify

        output = verify(self.folder / OUTPUT, {TREE: ()})
        rows = sum(tree.rows for tree in output.trees if tree.name == TREE)
        if rows != 1:
            raise SiteError(f"its output has {rows} events, not 1", hint="look at the input")
        return f"{self.runner.kind} took {seconds:.1f} s; its output is complete"

    def _end(self, cluster: ExitStack) -> str:
        cluster.close()
        if left := [path.name for path in (self.folder / "keys").glob("*")]:
            raise SiteError(f"keys are left: {', '.join(left)}", hint=f"remove '{self.folder / 'keys'}'")
        if self.site.kind == "scheduler":
            return "the connection is closed; the scheduler goes on"
        assert self.place is not None, "there has been a worker"
        until = time.monotonic() + _ENDS
        while self.place.gone is False:
            if time.monotonic() > until:
                raise SiteError(
                    f"the worker, process {self.place.pid}, is still there", hint="end it, and look why it stayed"
                )
            time.sleep(_LOOK)
        if self.place.gone is None:
            return f"its batch job is cancelled, and its keys are removed; what is on {self.place.host} is not seen"
        return "the worker and its keys are gone"


def _taken(name: str, look: Callable[[], str]) -> Step:
    """Take one step, whatever comes of it."""
    began = time.monotonic()
    hint = ""
    try:
        state, said = "ok", look()
    except _Skipped as skipped:
        state, said = "skipped", str(skipped)
    except B2GridError as error:
        state, said, hint = "failed", error.message, error.hint
    except Exception as error:  # what a worker or a batch system raises is theirs; it is shown, never a traceback
        state, said = "failed", f"{type(error).__name__}: {printable(error)}"[:500]
        hint = f"look at the logs on {socket.gethostname()} and on the worker"
    return Step(name, state, time.monotonic() - began, said, hint)  # type: ignore[arg-type]
