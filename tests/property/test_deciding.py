"""Laws of deciding: in any order of things, with losses, repetitions and new drivers in between."""

from __future__ import annotations

import copy
from collections import Counter
from math import ceil
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from b2grid.execution.decide import decide
from b2grid.execution.events import (
    Answered,
    Asked,
    Began,
    Downtime,
    Ended,
    Note,
    Planned,
    Recall,
    Replan,
    Send,
    Slots,
    Switch,
    Tick,
    Void,
    Voided,
)
from b2grid.execution.policy import POLICIES
from b2grid.execution.recovery import replay
from b2grid.execution.state import FINAL, SENT, State

STATES = FINAL | SENT | {"Waiting", "Scouting", "Held"}
HOSTS = ["h1", "h2", "h3"]
FAILURES = ["", "", "", "lost worker", *POLICIES, "nobody knows"]
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("cancel", {}),
    ("finish", {}),
    ("hold", {}),
    ("resume", {}),
    ("reschedule", {}),
    ("reschedule", {"cause": "memory", "memory": 1e9}),
    ("reschedule", {"smaller": 2}),
    ("reschedule", {"walltime": float("nan")}),
    ("reschedule", {"cause": ["memory"]}),
    ("restore", {}),
    ("restore", {"host": "h1"}),
    ("move", {"site": "elsewhere"}),
    ("move", {"site": "nowhere"}),
    ("priority", {"priority": 7}),
    ("priority", {"priority": "high"}),
    ("dance", {}),
]


class World:
    """A driver, a cluster, manifests and the plan, as small as can be; what happens next is a matter of luck."""

    def __init__(self, luck: Random) -> None:
        self.luck = luck
        mains, scouts = luck.choice([luck.randint(1, 9), luck.randint(10, 80)]), luck.choice([0, 0, 1, 3])
        self.mains = list(range(1, mains + 1))
        self.scouts = list(range(mains + 1, mains + 1 + scouts))
        self.next = mains + scouts + 1
        self.revision = 1
        places = [("A",), ("B",), ("A", "B"), ()]
        self.settings: dict[str, Any] = {
            "pass_share": luck.choice([0.0, 0.5, 1.0]),
            "adjust": luck.random() < 0.5,
            "site": "here",
            "sites": ("here", "elsewhere"),
            "replicas": {job: luck.choice(places) for job in range(1, 200)} if luck.random() < 0.5 else {},
        }
        self.revises = luck.random() < 0.5  # whether there is something to correct after scouts
        self.bad = luck.choice([0.05, 0.3, 0.9])  # how often attempts fail
        self.favourite = luck.choice([*POLICIES, "lost worker", None])  # how, mostly
        self.bad_host = luck.choice(["h1", ""])  # where every attempt fails
        self.ghosts: list[int] = []  # jobs with an attempt that was lost and still runs
        self.state = self.new()
        self.lines: list[dict[str, Any]] = []
        self.dask: dict[tuple[int, int], str] = {}  # attempts that it has -> waiting, running, recalled
        self.old: list[Any] = []  # events that may come again
        self.published: set[int] = set()
        self.voids: set[int] = set()
        self.time = 0.0
        self.nonce = 0
        self.crash = False  # before the driver acts on what it decides next
        self.crash_planned = False  # when a plan has been stored, and before the journal says so
        self.most = 0  # slots that there have been
        self.work(Tick(0.0), self.slots(2, {"h1": 1, "h2": 1}))

    def slots(self, count: int, hosts: dict[str, int]) -> Slots:
        self.most = max(self.most, count)
        return Slots(count, hosts)

    def new(self) -> State:
        return State.new(self.mains, self.scouts, **self.settings)

    # -- the driver --------------------------------------------------------------------------------------------

    def work(self, *events: Any) -> None:
        """Decide, write the journal, act; a driver that dies does not act any more."""
        todo = list(events)
        while todo:
            event = todo.pop(0)
            done = {job for job, now in self.state.jobs.items() if now.status == "Done"}
            self.state, actions = decide(self.state, event)
            assert all(self.state.jobs[job].status == "Done" for job in done if job in self.state.jobs)
            self.lines += [action.line for action in actions if isinstance(action, Note)]
            if self.crash:
                self.crash = False
                self.recover()
                return
            for action in actions:
                todo += self.act(action)
        self.unchanged_by_time()

    def act(self, action: Any) -> list[Any]:
        match action:
            case Send(job, attempt):
                now = self.state.jobs[job]
                assert not any(other == job for other, _ in self.dask), "sent twice at once"
                assert now.kind == "scout" or self.state.gate, "a main job before the gate"
                assert len(self.state.sent) <= 4 * self.most
                assert job not in self.voids
                self.dask[job, attempt] = "waiting"
            case Recall(job, attempt):
                if self.dask.get((job, attempt)) == "waiting":
                    self.dask[job, attempt] = "recalled"
            case Void(job):
                held = job not in self.published
                if held:
                    self.voids.add(job)
                return [Voided(job, held=held)]
            case Replan():
                return self.replan(action)
            case Switch(site):
                assert not self.dask or all(self.state.jobs[job].status in FINAL for job, _ in self.dask)
                self.settings["site"] = site
                return [self.slots(1, {"h2": 1})]
            case Answered(_, text):
                assert text
        return []

    def replan(self, plan: Replan) -> list[Any]:
        if plan.why == "scouts":
            if not self.revises:
                return [Planned(self.revision)]
            gone, new = plan.jobs, plan.jobs[: ceil(len(plan.jobs) / 2)]
        else:
            assert set(plan.jobs) <= self.voids | {job for job in plan.jobs if not self.state.jobs[job].attempt}
            gone = plan.jobs
            count = len(gone) * (plan.parts if plan.why == "smaller" else 1)
            new = tuple(range(self.next, self.next + count))
        self.next += len(new)
        self.mains = sorted((set(self.mains) - set(gone)) | set(new))
        self.revision += 1
        if self.crash_planned:
            self.crash_planned = False
            self.recover()
            return []
        return [Planned(self.revision, gone, new)]

    def recover(self) -> None:
        self.ghosts += [job for job, _ in self.dask]
        found = [(job, {"host": "h1"}) for job in self.published]
        self.dask.clear()
        self.old.clear()
        self.state = replay(self.new(), self.lines, found, self.voids)
        self.lines.append({"kind": "epoch"})
        self.work(self.slots(2, {"h1": 1, "h2": 1}), Tick(self.time))

    # -- what happens ------------------------------------------------------------------------------------------

    def step(self) -> None:
        what, weights = zip(
            (self.begins, 10),
            (self.ends, 16),
            (self.time_passes, 8),
            (self.comes_again, 3),
            (self.is_asked, 2),
            (self.other_slots, 1),
            (self.is_announced, 1),
            (self.driver_dies, 0.3),
            (self.what_was_lost_publishes, 1),
            strict=True,
        )
        self.luck.choices(what, weights)[0]()

    def time_passes(self) -> None:
        self.time += self.luck.choice([1.0, 2.0, 60.0, 700.0, 4000.0])
        self.work(Tick(self.time))

    def other_slots(self) -> None:
        hosts = self.luck.sample(HOSTS, self.luck.randint(0, 3))
        self.work(self.slots(self.luck.choice([len(hosts), 3]), dict.fromkeys(hosts, 1)))

    def begins(self) -> None:
        if self.dask:
            job, attempt = self.luck.choice(list(self.dask))
            self.dask[job, attempt] = "running"
            facts: dict[str, Any] = {"host": self.luck.choice(HOSTS), "started": 1.0}
            self.old.append(Began(job, attempt, facts))
            self.work(self.old[-1])
            if self.luck.random() < 0.1:
                self.work(Began(job, attempt, {**facts, "minor": "Uploading Output Data"}))

    def ends(self, *, well: bool = False) -> None:
        if not self.dask:
            return
        luck = self.luck
        job, attempt = luck.choice(list(self.dask))
        how = self.dask.pop((job, attempt))
        failure = luck.choice([self.favourite or luck.choice(FAILURES), luck.choice(FAILURES)])
        failure = failure if luck.random() < self.bad and not well else ""
        host = luck.choice(HOSTS)
        if how == "recalled":
            failure = "recalled"
        elif failure == "lost worker":
            self.ghosts.append(job)
        elif job in self.published and failure != "lost worker":
            failure = ""
        elif job in self.voids and not failure:
            failure = "unknown"
        elif host == self.bad_host and not well:
            failure = "environment"
        facts: dict[str, Any] = {"host": host} if failure not in {"recalled", "lost worker"} else {}
        if not failure:
            self.published.add(job)
        elif failure in {"input", "checksum"}:
            rarely = {"down": 0.1, "storage": 0.4}
            about = {"storage": luck.choice("AB"), "lfns": ["/belle/x"], "files": luck.randint(1, 2), "down": True}
            facts |= {name: about[name] for name in about if luck.random() < rarely.get(name, 0.8)}
        elif failure == "stage-out":
            facts["kept"] = luck.choice(["", "/kept"])
        self.old.append(Ended(job, attempt, failure, "it went wrong" if failure else "", facts))
        self.work(self.old[-1])

    def what_was_lost_publishes(self) -> None:
        """Cut off from the scheduler, a worker ends its job; nobody is told."""
        if self.ghosts:
            job = self.ghosts.pop(self.luck.randrange(len(self.ghosts)))
            if job not in self.voids:
                self.published.add(job)
                if self.luck.random() < 0.3 and job in self.state.jobs:
                    self.work(Ended(job, 1, "", "", {"host": "h3"}))

    def comes_again(self) -> None:
        if self.old:
            self.work(self.luck.choice(self.old))

    def is_asked(self) -> None:
        verb, options = self.luck.choice(OPTIONS)
        jobs = self.luck.sample(list(self.state.jobs), self.luck.choice([0, 1, min(3, len(self.state.jobs))]))
        if verb in {"cancel", "finish"} and not jobs and self.luck.random() < 0.8:
            return
        self.nonce += 1
        self.crash = self.luck.random() < 0.1
        self.crash_planned = self.luck.random() < 0.1
        self.work(Asked(f"n{self.nonce}", verb, tuple(jobs), options))

    def is_announced(self) -> None:
        what = self.luck.choice(["site", "host:h1", "host:h2", "storage:A", "nonsense"])
        self.work(Downtime(what, self.luck.choice(["", "", "noon"]), "maintenance"))

    def driver_dies(self) -> None:
        if self.luck.random() < 0.5:
            self.recover()
        else:
            self.crash = self.crash_planned = True

    # -- what holds --------------------------------------------------------------------------------------------

    def every_job_has_one_state(self) -> None:
        state = self.state
        assert sorted(state.jobs) == sorted(self.mains + self.scouts)
        assert {now.status for now in state.jobs.values()} <= STATES
        assert set(state.sent) == {job for job, now in state.jobs.items() if now.status in SENT}
        assert state.open == sum(now.status in SENT or now.status == "Waiting" for now in state.jobs.values())
        assert state.running == sum(now.status in SENT - {"Matched"} for now in state.jobs.values())
        assert all(now.charged <= 3 for now in state.jobs.values())

    def a_job_that_waits_is_in_one_queue(self) -> None:
        state = self.state
        queued = [
            *state.waiting,
            *(job for _, job in state.later),
            *(job for jobs in state.parked.values() for job in jobs),
        ]
        times = Counter(job for job in queued if job in state.jobs and state.jobs[job].status == "Waiting")
        assert times == Counter(job for job, now in state.jobs.items() if now.status == "Waiting")

    def manifests_have_the_last_word(self) -> None:
        for job, now in self.state.jobs.items():
            if now.status == "Done":
                assert job in self.published
            if now.status == "Killed" and now.attempt:
                assert job in self.voids

    def the_journal_tells_the_same(self) -> None:
        live = self.state
        # what a driver found when it began is in manifests alone
        done = [(job, {}) for job, now in live.jobs.items() if now.status == "Done"]
        told = replay(self.new(), self.lines, done)
        assert {
            job: _lasting(now, closed=told.closed) for job, now in told.jobs.items() if job not in told.voiding
        } == {job: _lasting(now, closed=live.closed) for job, now in live.jobs.items() if job not in told.voiding}
        assert (told.gate, told.closed, told.priority, told.finished) == (
            live.gate,
            live.closed,
            live.priority,
            live.finished,
        )
        assert told.site == (live.moving or live.site)
        by_people = {"owner", "project", "breaker"}
        assert {key: told.pauses[key] for key in told.pauses.keys() & by_people} == {
            key: live.pauses[key] for key in live.pauses.keys() & by_people
        }
        if live.moving:
            return  # a new driver is there at once, where no host is known
        for told_places, live_places in ((told.hosts, live.hosts), (told.storages, live.storages)):
            assert {name for name, place in told_places.items() if place.out} >= {
                name for name, place in live_places.items() if place.out and not place.until
            }

    def unchanged_by_time(self) -> None:
        if not self.state.settled:
            return
        later = copy.deepcopy(self.state)
        for _ in range(3):
            _, actions = decide(later, Tick((later.clock or 0.0) + 10_000.0))
            assert not actions, "it said that nothing more would happen"

    def laws_hold(self) -> None:
        self.every_job_has_one_state()
        self.a_job_that_waits_is_in_one_queue()
        self.manifests_have_the_last_word()

    def ends_well(self) -> None:
        """When nothing is in the way and every attempt ends well, a project settles."""
        self.crash = self.crash_planned = False
        self.recover()  # who publishes unseen is seen by the next driver
        for what in list(self.state.downtimes):
            self.work(Downtime(what))
        self.work(Asked("r", "restore"), Asked("s", "resume"))
        for _ in range(100):
            if self.state.settled:
                break
            while self.dask:
                self.ends(well=True)
            self.time += 6000.0
            self.work(self.slots(2, {"h1": 1, "h2": 1, "h3": 1}), Tick(self.time))
        assert self.state.settled
        assert all(self.state.jobs[job].status == "Done" for job in self.published & set(self.state.jobs))
        assert {now.status for now in self.state.jobs.values()} <= FINAL | {"Held", "Scouting"}


def _lasting(now: Any, *, closed: bool) -> tuple[Any, ...]:
    """What a new driver has to know of a job."""
    lost = "Failed" if closed and now.kind == "scout" else "Waiting"
    status = lost if now.status in SENT else now.status
    return now.kind, status, now.attempt, now.charged, dict(now.budgets), now.hosts, now.replica, dict(now.given)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_laws_hold_whatever_happens_in_whatever_order(seed: int) -> None:
    world = World(Random(seed))
    for number in range(world.luck.choice([30, 60, 150])):
        world.step()
        world.laws_hold()
        if number % 20 == 0:
            world.the_journal_tells_the_same()
    world.the_journal_tells_the_same()
    world.ends_well()
    world.laws_hold()
    world.the_journal_tells_the_same()
