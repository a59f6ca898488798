"""Laws of deciding: in any order of things, with losses, repetitions and new drivers in between."""

from __future__ import annotations

import copy
from collections import Counter
from math import ceil
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from b2grid.execution.decide import decide
from b2grid.execution.policy import POLICIES
from b2grid.execution.recovery import replay
from b2grid.execution.state import (
    FINAL,
    SENT,
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
    State,
    Switch,
    Tick,
    Void,
    Voided,
)

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


class World(RuleBasedStateMachine):
    """A driver, a cluster, manifests and the plan, as small as can be."""

    @initialize(
        mains=st.integers(1, 9),
        scouts=st.integers(0, 3),
        share=st.sampled_from([0.0, 0.5, 1.0]),
        adjust=st.booleans(),
        revises=st.booleans(),
    )
    def submitted(self, mains: int, scouts: int, share: float, adjust: bool, revises: bool) -> None:
        self.revises = revises  # whether there is something to correct after scouts
        self.mains = list(range(1, mains + 1))
        self.scouts = list(range(mains + 1, mains + 1 + scouts))
        self.next = mains + scouts + 1
        self.revision = 1
        self.settings = {"pass_share": share, "adjust": adjust, "site": "here", "sites": ("here", "elsewhere")}
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
        self.work(Tick(0.0), Slots(1, {"h1": 1}))

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
                assert len(self.state.sent) <= 4 * self.state.slots
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
                return [Slots(1, {"h2": 1})]
            case Answered(_, text):
                assert text
        return []

    def replan(self, plan: Replan) -> list[Any]:
        if plan.why == "scouts":
            if not self.revises:
                return [Planned(self.revision)]
            gone, new = tuple(self.mains), tuple(self.mains[: ceil(len(self.mains) / 2)])
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
        found = [(job, {"host": "h1"}) for job in self.published]
        self.dask.clear()
        self.old.clear()
        self.state = replay(self.new(), self.lines, found, self.voids)
        self.work(Slots(1, {"h1": 1}), Tick(self.time))

    # -- what happens ------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1.0, 2.0, 60.0, 700.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.time += seconds
        self.work(Tick(self.time))

    @rule(count=st.integers(0, 3), hosts=st.sets(st.sampled_from(HOSTS)))
    def other_slots(self, count: int, hosts: set[str]) -> None:
        self.work(Slots(count, dict.fromkeys(sorted(hosts)[:count], 1)))

    @precondition(lambda self: self.dask)
    @rule(which=st.integers(0, 50), host=st.sampled_from(HOSTS))
    def begins(self, which: int, host: str) -> None:
        job, attempt = list(self.dask)[which % len(self.dask)]
        self.dask[job, attempt] = "running"
        self.old.append(Began(job, attempt, {"host": host, "started": 1.0}))
        self.work(self.old[-1])

    @precondition(lambda self: self.dask)
    @rule(
        which=st.integers(0, 50),
        failure=st.sampled_from(FAILURES),
        facts=st.fixed_dictionaries(
            {},
            optional={
                "host": st.sampled_from(HOSTS),
                "storage": st.sampled_from(["A", "B"]),
                "lfns": st.just(["/belle/x"]),
                "files": st.integers(1, 3),
                "down": st.just(True),
                "kept": st.just("/kept"),
            },
        ),
    )
    def ends(self, which: int, failure: str, facts: dict[str, Any]) -> None:
        job, attempt = list(self.dask)[which % len(self.dask)]
        how = self.dask.pop((job, attempt))
        if how == "recalled":
            failure = "recalled"
        elif job in self.published and failure != "lost worker":
            failure = ""
        elif job in self.voids and not failure:
            failure = "unknown"
        if not failure:
            self.published.add(job)
        self.old.append(Ended(job, attempt, failure, "it went wrong" if failure else "", facts))
        self.work(self.old[-1])

    @precondition(lambda self: self.old)
    @rule(which=st.integers(0, 200))
    def comes_again(self, which: int) -> None:
        self.work(self.old[which % len(self.old)])

    @rule(what=st.sampled_from(OPTIONS), jobs=st.lists(st.integers(0, 14), max_size=3))
    def is_asked(self, what: tuple[str, dict[str, Any]], jobs: list[int]) -> None:
        self.nonce += 1
        self.work(Asked(f"n{self.nonce}", what[0], tuple(jobs), what[1]))

    @rule(
        what=st.sampled_from(["site", "host:h1", "host:h2", "storage:A", "nonsense"]),
        until=st.sampled_from(["", "noon"]),
    )
    def is_announced(self, what: str, until: str) -> None:
        self.work(Downtime(what, until, "maintenance"))

    @rule()
    def driver_dies(self) -> None:
        self.recover()

    @rule()
    def driver_dies_before_it_acts(self) -> None:
        self.crash = True

    @rule()
    def driver_dies_after_planning(self) -> None:
        self.crash_planned = True

    # -- what holds --------------------------------------------------------------------------------------------

    @invariant()
    def every_job_has_one_state(self) -> None:
        state = self.state
        assert sorted(state.jobs) == sorted(self.mains + self.scouts)
        assert {now.status for now in state.jobs.values()} <= STATES
        assert set(state.sent) == {job for job, now in state.jobs.items() if now.status in SENT}
        assert state.open == sum(now.status in SENT or now.status == "Waiting" for now in state.jobs.values())
        assert state.running == sum(now.status in SENT - {"Matched"} for now in state.jobs.values())
        assert all(now.charged <= 3 for now in state.jobs.values())

    @invariant()
    def a_job_that_waits_is_in_one_queue(self) -> None:
        state = self.state
        queued = [
            *state.waiting,
            *(job for _, job in state.later),
            *(job for jobs in state.parked.values() for job in jobs),
        ]
        times = Counter(job for job in queued if job in state.jobs and state.jobs[job].status == "Waiting")
        assert times == Counter(job for job, now in state.jobs.items() if now.status == "Waiting")

    @invariant()
    def manifests_have_the_last_word(self) -> None:
        for job, now in self.state.jobs.items():
            if now.status == "Done":
                assert job in self.published
            if now.status == "Killed" and now.attempt:
                assert job in self.voids

    @invariant()
    def the_journal_tells_the_same(self) -> None:
        live, told = self.state, replay(self.new(), self.lines)
        assert {job: _lasting(now) for job, now in told.jobs.items()} == {
            job: _lasting(now) for job, now in live.jobs.items()
        }
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

    def teardown(self) -> None:
        """When nothing is in the way and every attempt ends well, a project settles."""
        if not hasattr(self, "state"):
            return
        self.crash = self.crash_planned = False
        for what in list(self.state.downtimes):
            self.work(Downtime(what))
        self.work(Asked("r", "restore"), Asked("s", "resume"), Slots(2, {"h1": 1, "h2": 1}))
        for _ in range(100):
            if self.state.settled:
                break
            while self.dask:
                job, attempt = next(iter(self.dask))
                self.dask[job, attempt] = "running"
                self.ends(0, "", {"host": "h1"})
            self.time += 6000.0
            self.work(Slots(2, {"h1": 1, "h2": 1}), Tick(self.time))
        assert self.state.settled
        assert all(self.state.jobs[job].status == "Done" for job in self.published & set(self.state.jobs))
        assert {now.status for now in self.state.jobs.values()} <= FINAL | {"Held", "Scouting"}


def _lasting(now: Any) -> tuple[Any, ...]:
    """What a new driver has to know of a job."""
    status = "Waiting" if now.status in SENT else now.status
    return now.kind, status, now.attempt, now.charged, dict(now.budgets), now.hosts, now.replica, dict(now.given)


World.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestWorld = World.TestCase
