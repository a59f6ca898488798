"""Laws of revisions: whatever is changed, and in whatever order, each file is in one main job or in quarantine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2grid.errors import InvalidPlan
from b2grid.planning import PLAN, Plan
from b2grid.planning.learning import Observed
from b2grid.planning.revising import adjusted, alone, between, smaller, without
from b2grid.planning.revision import Revision
from b2grid.run.limits import Limits
from tests.property.test_planning import files, planned, trials

Files = dict[int, tuple[str, ...]]
SITE = Limits(walltime=3600.0, memory=4 * 1024**3)

scouts = st.lists(
    st.builds(
        Observed,
        events=st.integers(0, 100),
        files=st.integers(1, 7),
        seconds=st.floats(0, 500),
        rows=st.just({}),
        bytes=st.just({}),
        memory=st.integers(0, 10**9),
        sample=st.sampled_from(["mixed", "signal"]),
        cpu=st.floats(0, 500),
    ),
    max_size=6,
)


def of(plan: Plan, kind: str) -> Files:
    found: Files = {}
    for row in plan.table.to_pylist():
        if row["kind"] == kind:
            found[row["job"]] = (*found.get(row["job"], ()), row["lfn"])
    return found


def _all(jobs: Files, plan: Plan) -> list[str]:
    return sorted([*(lfn for lfns in jobs.values() for lfn in lfns), *plan.quarantined])


def holds(before: Plan, made: Revision, ever: Files, *, sent: bool) -> None:
    """Hold one revision against the plan before it, and against all numbers that jobs ever had."""
    plan = made.plan
    old, new = of(before, "main"), of(plan, "main")
    assert _all(new, plan) == _all(old, before)
    assert of(plan, "scout") == of(before, "scout")
    assert plan.table.schema.equals(PLAN)
    assert plan.table["job"].to_pylist() == sorted(plan.table["job"].to_pylist())
    assert made.gone == tuple(sorted(old.keys() - new.keys()))
    assert made.new == tuple(sorted(new.keys() - old.keys()))
    for job, lfns in new.items():
        assert list(lfns) == sorted(lfns, key=str.encode) or plan.spec["across"]
        if sent:
            assert ever.setdefault(job, lfns) == lfns
    assert plan.last_job >= max(plan.ids(), default=0)
    assert plan.last_job >= before.last_job
    assert plan.revision == before.revision + 1 == plan.changes[-1].revision
    for sample, one in plan.spec["estimates"].items():
        jobs = [job for job in new if plan.job(job).sample == sample]
        assert (one["jobs"], one["files"]) == (len(jobs), sum(len(new[job]) for job in jobs))
    assert between(before, plan) == made


@settings(max_examples=50)
@given(files(), trials, st.booleans(), scouts, st.data())
def test_no_input_is_ever_in_two_jobs_or_lost(
    rows: Any, trial: Any, with_scouts: bool, measured: list[Observed], data: st.DataObject
) -> None:
    plan = planned(rows, trial=trial, scouts=with_scouts)
    kept = data.draw(st.lists(st.sampled_from(plan.ids("main")), max_size=2))
    if (first := adjusted(plan, measured, SITE, kept=kept)) is not None:
        holds(plan, first, {}, sent=False)
        assert all(of(first.plan, "main")[job] == of(plan, "main")[job] for job in kept)
        plan = first.plan
    ever = of(plan, "main") | of(plan, "scout")
    for _ in range(data.draw(st.integers(1, 5))):
        mains = of(plan, "main")
        if not mains:
            break
        jobs = data.draw(st.lists(st.sampled_from(sorted(mains)), min_size=1, max_size=4, unique=True))
        if data.draw(st.booleans()):
            lfns = [data.draw(st.sampled_from(mains[job])) for job in jobs]
            made = without(plan, jobs, lfns, "not a ROOT file")
            assert made == without(plan, jobs[::-1], lfns[::-1], "not a ROOT file")
        elif single := alone(plan, jobs):
            with pytest.raises(InvalidPlan, match="single input file") as caught:
                smaller(plan, jobs)
            assert len(caught.value.findings) == len(single)
            continue
        else:
            parts = data.draw(st.integers(2, 4))
            made = smaller(plan, jobs, parts)
            assert made == smaller(plan, jobs[::-1], parts)
            assert len(made.new) == sum(min(parts, len(mains[job])) for job in jobs)
        holds(plan, made, ever, sent=True)
        assert {job: lfns for job, lfns in mains.items() if job not in jobs} == {
            job: lfns for job, lfns in of(made.plan, "main").items() if job not in made.new
        }
        str(made.plan)
        plan = made.plan


@settings(max_examples=50)
@given(files(), trials, scouts, st.randoms(use_true_random=False))
def test_scouts_correct_their_samples_alone_in_any_order(
    rows: Any, trial: Any, measured: list[Observed], random: Any
) -> None:
    plan = planned(rows, trial=trial)
    shuffled = measured.copy()
    random.shuffle(shuffled)
    made = adjusted(plan, measured, SITE)
    assert made == adjusted(plan, shuffled, SITE)
    for sample in {"mixed", "signal"} - {one.sample for one in measured if one.events}:
        for spec in ("rates", "estimates"):
            before = plan.spec[spec].get(sample)
            assert made is None or made.plan.spec[spec].get(sample) == before  # never by another sample's scouts
        assert made is None or sample not in made.plan.spec["limits_of"]
    for sample, limits in (made.plan.spec["limits_of"] if made else {}).items():
        ones = [one for one in measured if one.sample == sample and one.events]
        if "walltime" in limits:
            assert max(one.seconds for one in ones) < limits["walltime"] < (SITE.walltime or 0)
        if "memory" in limits:
            assert max(one.memory for one in ones) < limits["memory"] < (SITE.memory or 0)
