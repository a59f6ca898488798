"""Choosing runs, and what that leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.catalogue import Catalogue, write_catalogue
from b2grid.catalogue.model import FILES, LEFT_OUT, RUNS
from b2grid.catalogue.runs import RunChoice, plain_runs
from b2grid.catalogue.taking.selection import by_reason, leave_out, used_events
from b2grid.errors import InvalidInput
from tests.catalogue.conftest import COLLECTION, DATA, HADRON

KNOWN = pa.Table.from_pylist(
    [
        {"experiment": 18, "run": 1, "good": True, "luminosity": 1.0},
        {"experiment": 18, "run": 2, "good": False, "reason": "no muon detector", "luminosity": 2.0},
        {"experiment": 18, "run": 3, "good": False, "reason": "no muon detector; HV off", "luminosity": 4.0},
        {"experiment": 18, "run": 4, "good": False, "reason": None, "luminosity": 8.0},
        {"experiment": 20, "run": 1, "good": False, "reason": "HV off"},
    ],
    schema=RUNS,
)
NUMBERS = [(18, 1), (18, 2), (18, 3), (18, 4), (20, 1), (20, 2)]


def files(*held: list[tuple[int, int, int | None]] | None, samples: str = "", is_mc: bool = False) -> pa.Table:
    rows = [
        {
            "lfn": f"/belle/{n}.root",
            "pfn": "x",
            "dataset": "/belle",
            "bytes": 1,
            "events": None if runs is None or any(e is None for _, _, e in runs) else sum(e or 0 for _, _, e in runs),
            "global_tag": "t",
            "is_mc": is_mc,
            "runs": None if runs is None else [{"experiment": e, "run": r, "events": n} for e, r, n in runs],
        }
        for n, runs in enumerate(held)
    ]
    table = pa.Table.from_pylist(rows, schema=FILES)
    table = table.append_column("sample", pa.array(list(samples) or ["a"] * len(rows), pa.string()))
    return table.append_column("exempt", pa.array(np.zeros(len(rows), bool)))


@pytest.mark.parametrize(
    ("runs", "used"),
    [
        ("good", "100001"),
        ("all", "111111"),
        ({"allow": ["no muon*"]}, "110001"),  # the third is bad for the high voltage too
        ({"allow": ["no muon*", "hv OFF"]}, "111011"),
        ({"allow": "*"}, "111011"),  # nobody said why the fourth is bad
        ({"exclude": ["HV off"]}, "110001"),
        ({"exclude": ["no muon detector"]}, "100011"),
        ("exclude=no muon*;HV*", "100001"),
        ([(18, 2), (20, 2)], "010001"),
    ],
)
def test_which_runs_a_choice_uses(runs: Any, used: str) -> None:
    keys = np.array([(e << 32) | r for e, r in NUMBERS], np.int64)
    assert RunChoice.of(runs).good(keys, KNOWN).tolist() == [flag == "1" for flag in used]
    again = RunChoice.of(plain_runs(runs))
    assert again.good(keys, KNOWN).tolist() == [flag == "1" for flag in used]


def test_a_table_from_the_catalogue_names_runs(catalogue: Catalogue) -> None:
    frame = catalogue.sql("SELECT experiment, run FROM runs WHERE reason LIKE '%muon%'")
    assert plain_runs(frame) == [(18, 101)]  # type: ignore[arg-type]
    assert plain_runs(catalogue.runs())[:2] == [(18, 100), (18, 101)]  # type: ignore[arg-type]


def test_no_run_at_all_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    empty = tmp_path / "runs.txt"
    empty.write_text("# none yet\n")
    for runs in ([], catalogue.runs().slice(0, 0), empty):
        with pytest.raises(InvalidInput, match="names no run"):
            RunChoice.of(runs)  # type: ignore[arg-type]


HELD = st.lists(
    st.one_of(
        st.none(),
        st.lists(st.tuples(st.sampled_from([18, 20]), st.integers(0, 5), st.one_of(st.none(), st.integers(0, 9)))),
    ),
    max_size=8,
)


@given(HELD, st.sampled_from(["good", "all", {"allow": ["HV*"]}, [(18, 1), (20, 5)]]))
def test_what_is_kept_and_what_is_left_out_make_up_all(held: list[Any], runs: Any) -> None:
    held = [None if one is None else list({(e, r): (e, r, n) for e, r, n in one}.values()) for one in held]
    table = files(*held, samples="".join("ab"[n % 2] for n in range(len(held))))
    kept, left, _ = leave_out(table, KNOWN, RunChoice.of(runs))
    bad = {(row["experiment"], row["run"]) for row in left.to_pylist()}
    whole = 0
    for n, one in enumerate(held):
        used = [run for run in one or () if (run[0], run[1]) not in bad]
        there = f"/belle/{n}.root" in kept["lfn"].to_pylist()
        assert there == (not one or bool(used))
        whole += sum(not there for _ in one or ())
    assert left.schema.equals(LEFT_OUT)
    assert sum(left["whole_files"].to_pylist()) == whole
    for row in left.to_pylist():
        mine = [
            n
            for number, one in enumerate(held)
            for e, r, n in one or ()
            if (e, r) == (row["experiment"], row["run"]) and row["sample"] == "ab"[number % 2]
        ]
        assert row["files"] == len(mine)
        assert row["events"] == (None if None in mine else sum(mine))
    for row, events in zip(kept.to_pylist(), used_events(kept).tolist(), strict=True):
        counts = [run["events"] for run in row["runs"] if not run["good"]]
        expected = -1 if row["events"] is None or None in counts else row["events"] - sum(counts)
        assert events == expected


def test_sums_by_reason_count_a_run_of_two_samples_once() -> None:
    table = files([(18, 2, 5)], [(18, 2, 7), (18, 1, 1)], [(20, 1, 3)], samples="aba")
    _, left, _ = leave_out(table, KNOWN, RunChoice.of("good"))
    rows = {(row["sample"], row["reason"]): row for row in by_reason(left)}
    assert rows["a", "no muon detector"]["events"] == 5
    assert rows["a", "HV off"]["luminosity"] is None
    total = rows["", "in all"]
    assert (total["runs"], total["files"], total["whole_files"]) == (2, 3, 2)
    assert (total["events"], total["luminosity"]) == (15, None)  # that of run 20 1 is not known
    simulated = [row | {"sample": "mc", "luminosity": None} for row in left.slice(0, 1).to_pylist()]
    both = pa.Table.from_pylist([*left.filter(left["run"].to_numpy() == 2).to_pylist(), *simulated], schema=LEFT_OUT)
    assert by_reason(both)[-1]["luminosity"] == 2.0


def test_simulation_has_no_luminosity_to_leave_out() -> None:
    _, left, _ = leave_out(files([(18, 2, 5)], [(18, 1, 1)], is_mc=True), KNOWN, RunChoice.of("good"))
    assert left["luminosity"].to_pylist() == [None]


def test_the_luminosity_of_some_runs_of_a_collection(catalogue: Catalogue) -> None:
    collection = catalogue.collection(DATA)
    assert collection.luminosity_of("all").runs == pytest.approx(0.52)
    assert collection.luminosity_of("all").runs_error is None  # that of one run is not known
    named = collection.luminosity_of([(18, 100), (99, 1)])
    assert (named.runs, named.runs_error) == (pytest.approx(0.5), pytest.approx(0.005))
    assert str(named) == "0.5 ± 0.005 /fb (official); 0.5 ± 0.005 /fb in the runs that were asked for"
    with pytest.raises(InvalidInput, match="bad because of 'x'"):
        collection.luminosity_of({"allow": ["x"]})
    assert catalogue.collection(COLLECTION).luminosity_of("all").runs is None


def test_signal_has_generated_events_and_a_branching_fraction_where_they_are_known(tmp_path: Path) -> None:
    paths = [
        f"/belle/MC/release-06-01-08/DB00002649/MC15ri_b/prod0000000{n}/s00/e1003/4S/r00000/1110062100/mdst"
        for n in (1, 2)
    ]
    rows = [{"lfn": f"{path}/a.root", "bytes": 1, "events": 90, "global_tag": "t", "is_mc": True} for path in paths]
    facts = [{"dataset": path, "generated": 100, "branching_fraction": 6.6e-5} for path in paths]
    signal = {"collection": "/belle/collection/MC/signal_v1", "datasets": paths}
    for datasets, said in (
        (facts, "200 generated events of a branching fraction of 6.6e-05"),
        # not the events of files: some are filtered
        (facts[:1], "not known; of signal cite the number of generated events"),
        ([facts[0], facts[1] | {"branching_fraction": 1e-5}], "200 generated events"),
    ):
        made = Catalogue(write_catalogue(tmp_path / "catalogue", rows, (), [signal], datasets))
        assert str(made.collection("/belle/collection/MC/signal_v1").luminosity) == said


def test_a_run_whose_luminosity_is_not_known_makes_the_sum_unknown(tmp_path: Path) -> None:
    held = [{"experiment": 18, "run": run, "events": 1} for run in (1, 2)]
    row = {"lfn": f"{HADRON}/a.root", "bytes": 1, "events": 2, "global_tag": "t", "is_mc": False, "runs": held}
    known = [{"experiment": 18, "run": 1, "good": True, "luminosity": 3.0}]
    data = {"collection": "/belle/collection/Data/x_v1", "datasets": [HADRON]}
    made = Catalogue(write_catalogue(tmp_path / "catalogue", [row], known, [data])).collection(data["collection"])
    assert made.luminosity.runs is None
    assert str(made.luminosity) == "not known in its good runs: 1 of 2 has no luminosity"
    assert "it holds none of them" in str(made.luminosity_of([(18, 9)]))
    assert made.luminosity_of([(18, 1)]).runs == pytest.approx(0.003)
