"""What goes to Dask and what comes back of it, as long as one cluster lasts.

Nothing in here waits for an answer of the scheduler or of a worker: attempts are handed over in batches, and what
comes of them is told by events. A cluster that has gone cannot stop the driver.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import distributed

from b2grid.execution.events import Began, Ended, Event
from b2grid.execution.job import TOPIC, Attempt, Facts, run_attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Exchange", "Parcel", "Run", "on_worker"]

log = logging.getLogger("b2grid.driver")

_BATCH = 0.01  # seconds in which what happens is taken together
_LOST: Facts = {"failure": "lost worker", "message": "the worker was lost"}
_KILLED: Facts = {"failure": "lost worker", "message": "the worker died while it had this job"}
_RECALLED: Facts = {"failure": "recalled", "message": "taken back before it began"}

Key = tuple[int, int]  # job, attempt
Run: TypeAlias = "Callable[[Attempt, Callable[[Facts], None]], Facts]"


def on_worker(attempt: Attempt, run: Run = run_attempt) -> None:
    """Run one attempt where Dask put it; what came of it is told as an event, so that nobody has to ask for it."""
    worker = distributed.get_worker()
    _, project, *_ = cast("tuple[str, str, int, int]", worker.get_current_task())
    which = {"job": attempt.job, "attempt": attempt.attempt, "worker": worker.address}
    topic = _topic(project)
    facts = run(attempt, lambda said: worker.log_event(topic, {**which, **said}))
    worker.log_event(topic, {**which, "outcome": facts})


def _topic(project: str) -> str:
    """Of one project: a scheduler may serve several."""
    return f"{TOPIC}-{project}"


class Parcel(NamedTuple):
    """An attempt to hand over.

    Parameters
    ----------
    avoid : tuple of str
        Hosts that it should not go to, if there are others.
    """

    attempt: Attempt
    avoid: tuple[str, ...] = ()


class Exchange:
    """The traffic between the driver of a project and a cluster.

    Parameters
    ----------
    clock : callable
        Seconds that only go forward.
    run : callable
        What a worker does with an attempt.

    Attributes
    ----------
    progress : dict
        Job -> events done and expected, of jobs that run.
    """

    def __init__(
        self,
        client: distributed.Client,
        project: str,
        clock: Callable[[], float] = time.monotonic,
        run: Run = run_attempt,
    ) -> None:
        self.progress: dict[int, list[int]] = {}
        self._client = client
        self._project = project
        self._clock = clock
        self._work = on_worker if run is run_attempt else partial(on_worker, run=run)
        self._stream = client.scheduler_comm
        self._arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()  # what workers say, and futures that are done
        self._futures: dict[Key, distributed.Future[Any]] = {}
        self._begun: set[Key] = set()
        self._told: dict[Key, Facts] = {}
        self._names: dict[str, str] = {}  # address of a host -> what it calls itself
        self._workers: dict[str, int] = {}  # address -> slots
        self._changed = False
        client.subscribe_topic(_topic(project), self._arrived.put)
        client.subscribe_topic("all", self._heard)
        self._ask()

    # -- there and back ----------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether the scheduler is the one that this began with; one that was started again knows nothing of it."""
        return self._client.status == "running" and self._client.scheduler_comm is self._stream

    @property
    def busy(self) -> bool:
        """Whether Dask has something to do."""
        return bool(self._futures)

    def send(self, parcels: Iterable[Parcel], *, priority: int = 0) -> list[Event]:
        """Hand attempts over, in one message for all that may go to the same hosts.

        Returns
        -------
        list
            The ends of those that could not be handed over, because the cluster has just gone.
        """
        alike: dict[tuple[str, ...], list[Attempt]] = {}
        for attempt, avoid in parcels:
            alike.setdefault(tuple(sorted(avoid)), []).append(attempt)
        events: list[Event] = []
        for avoid, attempts in alike.items():
            try:
                self._hand_over(attempts, self._elsewhere(avoid), priority)
            except Exception as error:
                # whatever Dask says about a client that is being closed
                log.warning("attempts could not be sent: %r", error)
                events += [self._ended((attempt.job, attempt.attempt), _LOST) for attempt in attempts]
        return events

    def _hand_over(self, attempts: list[Attempt], workers: list[str], priority: int) -> None:
        # a tuple as the key: of string keys the scheduler keeps a prefix per job for ever
        keys = [("b2grid", self._project, attempt.job, attempt.attempt) for attempt in attempts]
        futures = self._client.map(
            self._work, attempts, key=keys, pure=False, retries=0, priority=priority, workers=workers or None
        )
        for attempt, future in zip(attempts, futures, strict=True):
            self._futures[attempt.job, attempt.attempt] = future
            future.add_done_callback(self._arrived.put)

    def _elsewhere(self, avoid: Sequence[str]) -> list[str]:
        """Workers on other hosts than these; none if there are none, for then it may go anywhere."""
        return [address for address in self._workers if self._name(address) not in avoid] if avoid else []

    def recall(self, keys: Iterable[Key]) -> list[Event]:
        """Take attempts back that have not begun; of one that has, the outcome comes as it does."""
        back = [key for key in keys if key not in self._begun]
        if futures := [self._futures[key] for key in back if key in self._futures]:
            with contextlib.suppress(Exception):  # with a client that is being closed they end as well
                self._client.cancel(futures)
        return [self._ended(key, _RECALLED) for key in back]

    def take(self, wait: float) -> list[Event]:
        """Wait until something happens, at most so many seconds, and take what happens together with it."""
        events: list[Event] = []
        with contextlib.suppress(queue.Empty):
            item = self._arrived.get(timeout=wait)
            until = self._clock() + _BATCH
            while True:
                events += self._said(item[1]) if isinstance(item, tuple) else self._finished(item)
                item = self._arrived.get(timeout=max(until - self._clock(), 0.0))
        return events

    def _said(self, said: Facts) -> list[Event]:
        """What a worker says, or which there are."""
        if "workers" in said:
            self._changed |= self._workers != said["workers"]
            self._workers = said["workers"]
            return []
        key = said["job"], said["attempt"]
        if "events" in said:
            self.progress[key[0]] = said["events"]
            return []
        if "outcome" not in said:
            self._learn(said["worker"], said["host"])
            self._begun.add(key)
            known = ("host", "started", "minor")  # the last when its outputs cannot be published yet
            return [Began(*key, {name: said[name] for name in known if name in said})]
        if key in self._futures:
            self._told[key] = said["outcome"]  # counts when Dask is done with it, too
            return []
        # it was sent by a driver before this one, or taken back when it had just begun
        return [self._ended(key, said["outcome"])]

    def _finished(self, future: distributed.Future[Any]) -> list[Event]:
        """What has become of an attempt that Dask is done with."""
        key = cast("tuple[str, str, int, int]", future.key)[2:]
        if self._futures.get(key) is not future:
            return []
        return [self._ended(key, self._told.get(key) or _why(future))]

    def _ended(self, key: Key, facts: Facts) -> Ended:
        self._futures.pop(key, None)
        self._told.pop(key, None)
        self._begun.discard(key)
        self.progress.pop(key[0], None)
        facts = dict(facts)
        return Ended(*key, facts.pop("failure"), facts.pop("message"), facts)

    def lost(self) -> list[Event]:
        """The end of all attempts, when the cluster has gone."""
        with contextlib.suppress(Exception):  # what was said before is worth hearing
            events = self.take(0.0)
            return [*events, *(self._ended(key, _LOST) for key in list(self._futures))]
        return [self._ended(key, _LOST) for key in list(self._futures)]

    def close(self) -> None:
        """Hear no more."""
        for topic in (_topic(self._project), "all"):
            with contextlib.suppress(Exception):  # it may be the reason why it is closed
                self._client.unsubscribe_topic(topic)

    # -- hosts -------------------------------------------------------------------------------------------------

    def _heard(self, event: tuple[float, Any]) -> None:
        """What the scheduler says to all; called on Dask's own thread, which must never wait."""
        said = event[1]
        if isinstance(said, dict) and said.get("action") in {"add-worker", "remove-worker"}:
            self._ask()

    def _ask(self) -> None:
        if self._client.loop is not None:
            self._client.loop.add_callback(self._count)

    async def _count(self) -> None:
        """Ask which workers there are, on Dask's own thread: the driver hears of it as of everything else."""
        scheduler: Any = self._client.scheduler
        with contextlib.suppress(OSError):
            self._arrived.put((0.0, {"workers": await scheduler.ncores()}))

    def hosts(self) -> dict[str, int] | None:
        """The slots that are there, by host; `None` when nothing has changed since this was asked last."""
        if not self._changed:
            return None
        self._changed = False
        hosts: dict[str, int] = {}
        for address, slots in self._workers.items():
            name = self._name(address)
            hosts[name] = hosts.get(name, 0) + slots
        return hosts

    def _learn(self, worker: str, host: str) -> None:
        place = _place(worker)
        if self._names.get(place) != host:
            self._names[place] = host
            self._changed = True

    def _name(self, worker: str) -> str:
        place = _place(worker)
        return self._names.get(place, place)


def _place(address: str) -> str:
    """The host in the address of a worker.

    >>> _place("tls://10.0.0.7:4711")
    '10.0.0.7'
    """
    return address.rpartition("://")[2].rpartition(":")[0]


def _why(future: distributed.Future[Any]) -> Facts:
    """What Dask says of an attempt whose outcome nobody told."""
    if future.status != "error":
        return _LOST
    error = future._state.exception if future._state is not None else None  # noqa: SLF001 - asking would wait
    if isinstance(error, distributed.KilledWorker):
        return _KILLED
    # what travels was not understood there: the worker, not the job, is the reason
    failure = "environment" if isinstance(error, ImportError) else "unknown"
    return {"failure": failure, "message": f"{type(error).__name__}: {error}"}
