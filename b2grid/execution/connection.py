"""The cluster of a project: started, watched and left in a thread of its own, so that the driver never waits for it."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from b2grid.execution.cluster import trouble
from b2grid.execution.events import Event, Slots
from b2grid.execution.exchange import Exchange
from b2grid.execution.job import run_attempt

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import distributed

    from b2grid.execution.exchange import Run
    from b2grid.execution.sites import Site

__all__ = ["Connect", "Connection", "Link"]

log = logging.getLogger("b2grid.driver")

Connect: TypeAlias = "Callable[[Site], AbstractContextManager[distributed.Client]]"

#: Seconds before a cluster is tried again: after the first failure, the second, and so on; the last one stays.
PAUSES = (1.0, 5.0, 15.0, 60.0, 300.0)


_QUEUES = {"slurm": "squeue", "htcondor": "condor_q", "lsf": "bjobs", "sge": "qstat", "pbs": "qstat"}


class Connection:
    """One cluster, from the moment when it is wanted.

    Attributes
    ----------
    client : distributed.Client or None
        When it is there.
    problem : str
        Why it could not be started; a sentence.
    decided : threading.Event
        Set when it is there, or cannot be had.
    """

    def __init__(self, opened: Callable[[], AbstractContextManager[distributed.Client]]) -> None:
        self.client: distributed.Client | None = None
        self.problem = ""
        self._opened = opened
        self.decided = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name="cluster", daemon=True)
        self._thread.start()

    def _live(self) -> None:
        try:
            with self._opened() as client:
                self.client = client
                self.decided.set()
                self._over.wait()
        except Exception as error:
            # whatever it is, a cluster that cannot be had is no reason to lose the project
            log.warning("the cluster: %r", error)
            self.problem = str(error) or repr(error)
        self.decided.set()

    def leave(self, patience: float) -> None:
        """End what was started here, and wait for that so many seconds."""
        self._over.set()
        self._thread.join(patience)


class Link:
    """The way to the cluster of a site: made when it is wanted, and again, after growing pauses, when it is lost.

    Parameters
    ----------
    connect : callable
        Opens the cluster of a site.
    clock : callable
        Seconds that only go forward.
    run : callable
        What a worker does with an attempt.

    Attributes
    ----------
    exchange : Exchange or None
        When there is a cluster.
    trouble : str
        What is wrong with it, and what is being done; empty when nothing is.
    stuck : bool
        Whether there has been no worker for longer than the site allows: somebody has to look at it.
    """

    def __init__(
        self, connect: Connect, site: Site, project: str, clock: Callable[[], float], run: Run = run_attempt
    ) -> None:
        self.site = site
        self.exchange: Exchange | None = None
        self.trouble = ""
        self.stuck = False
        self._connect = connect
        self._project = project
        self._clock = clock
        self._run = run
        self._connection: Connection | None = None
        self._left: list[Connection] = []
        self._failures = 0
        self._due = 0.0  # of the next try
        self._without = clock()  # since when there has been no worker
        self._workers = 0

    def look(self) -> list[Event]:
        """See to the cluster; what the decisions should know of it."""
        now = self._clock()
        if self._connection is None:
            if now >= self._due:
                self._connection = Connection(partial(self._connect, self.site))
            return self._waited(now)
        if self._connection.problem:
            return self._again(now, f"the cluster of site '{self.site.name}': {self._connection.problem}")
        if self._connection.client is None:
            return self._waited(now)
        if self.exchange is None:
            return self._joined(now, self._connection.client)
        if not self.exchange.alive:
            return self._again(now, f"the cluster of site '{self.site.name}' was lost, and what ran there with it")
        return self._counted(now, self.exchange.hosts())

    def wait(self, seconds: float) -> None:
        """Wait until there is a cluster, but not longer than so many seconds."""
        if self._connection is None:
            time.sleep(seconds)
        else:
            self._connection.decided.wait(seconds)

    def _joined(self, now: float, client: distributed.Client) -> list[Event]:
        try:
            self.exchange = Exchange(client, self._project, self._clock, self._run)
        except Exception as error:
            return self._again(now, f"the cluster of site '{self.site.name}' left at once: {error}")
        return [Slots(self.site.workers)]

    def _counted(self, now: float, hosts: dict[str, int] | None) -> list[Event]:
        """What follows from the workers that are there."""
        if hosts is None:
            return self._waited(now)
        if self._workers and not hosts:
            self._without = now
        self._workers = sum(hosts.values())
        if hosts:
            self._failures, self.trouble, self.stuck = 0, "", False
        return [Slots(self.site.workers, hosts)]

    def _waited(self, now: float) -> list[Event]:
        """Say when no worker comes in time; nothing more is sent until one does."""
        if self.exchange is not None and not self.exchange.busy:
            self._without = now  # there is nothing to come for
            if self.stuck:  # all was taken back: without something that is queued no worker would ever come
                self.stuck, self.trouble = False, ""
                return [Slots(self.site.workers)]
        if self.stuck or self._workers or now - self._without < self.site.start_limit:
            return []
        self.stuck = True
        missing = f"no worker of site '{self.site.name}' has come within {self.site.start_limit:g} s"
        self.trouble = f"{missing}: {self.trouble or self._where_to_look()}"
        return [Slots(0)]

    def _where_to_look(self) -> str:
        """What somebody should look at when no worker comes."""
        client = self._connection.client if self._connection is not None else None
        if client is not None and (said := trouble(client)):
            return f"the batch system says: {said}"
        if self.site.scheduler is not None:
            return f"look whether workers are connected to {self.site.scheduler.address}"
        if self.site.kind == "local":
            return "look at driver.log in the project's folder"
        return f"look at its queue: {_QUEUES[self.site.kind]}"

    def _again(self, now: float, problem: str) -> list[Event]:
        """Give the cluster up, and try again after a pause."""
        pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1
        self._due = now + pause
        self.trouble = f"{problem}; it is tried again every {pause:g} s" if not self.stuck else self.trouble
        lost = self.exchange.lost() if self.exchange is not None else []
        if self._workers:
            self._workers, self._without = 0, now
        self._give_up()
        return [Slots(0), *lost]  # nothing is sent again to where it was lost

    def _give_up(self) -> None:
        if self.exchange is not None:
            self.exchange.close()
        if self._connection is not None:
            self._connection.leave(0.0)
            self._left.append(self._connection)
        self._connection = self.exchange = None

    def switch(self, site: Site) -> None:
        """Go to another site, from here on."""
        self._give_up()
        self.site = site
        self.trouble, self.stuck, self._failures, self._due, self._workers = "", False, 0, 0.0, 0
        self._without = self._clock()

    def close(self, patience: float = 30.0) -> None:
        """Leave, and wait until all that was started has ended; what does not end in time is left to itself."""
        self._give_up()
        until = time.monotonic() + patience
        for connection in self._left:
            connection.leave(max(until - time.monotonic(), 0.1))
