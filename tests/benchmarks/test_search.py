"""A catalogue of the experiment's size: opening it, searching it, against pandas over the same Parquet."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from b2grid.catalogue import write_catalogue
from tests.benchmarks.generator import made_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.benchmark, pytest.mark.slow, pytest.mark.timeout(900)]

FILES, DATASETS, ROUNDS = 4_000_000, 200_000, 9
EVENTS = ["mixed", "charged"]
TERMS = {"campaign": "MC1?rd*", "mc_event": EVENTS, "exp_low": 10, "exp_high": 18, "release": "release-0*"}

# in a process of its own, so that its memory is that of opening and searching alone
FRESH = """
import json, sys, time
from b2grid.catalogue import Catalogue
folder, terms, rounds = json.loads(sys.argv[1])

def timed(call):
    started = time.perf_counter()
    answer = call()
    return time.perf_counter() - started, answer

opening, catalogue = timed(lambda: Catalogue(folder))
first, found = timed(lambda: catalogue.search(**terms))
searches = [timed(lambda: catalogue.search(**terms))[0] for _ in range(rounds)]
memory = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
names = catalogue.arrow("SELECT lfn FROM files WHERE dataset = ?", [found.datasets[0]])["lfn"].to_pylist()
spread = catalogue.sql("SELECT dataset FROM datasets USING SAMPLE reservoir(1000 ROWS) REPEATABLE (1)")["dataset"]
lookups = {
    "one dataset": lambda: catalogue.files(datasets=found.datasets[:1]),
    "1,000 datasets of a search": lambda: catalogue.files(datasets=found.datasets[:1000]),
    "1,000 datasets from everywhere": lambda: catalogue.files(datasets=spread),
    "10,000 files": lambda: catalogue.files(lfns=many),
    "a pattern": lambda: catalogue.files(pattern=names[0][:-30] + "*"),
    "the luminosity of a collection": lambda: catalogue.collection(collection).luminosity,
}
collection = "/belle/collection/MC/MC15rd_b_mixed_4S_v1"
many = catalogue.files(datasets=found.datasets[:1000])["lfn"].to_pylist()[:10000]
print(json.dumps({
    "opening": opening, "first": first, "searches": searches, "memory": memory, "found": len(found),
    "lookups": {name: min(timed(call)[0] for _ in range(3)) for name, call in lookups.items()},
}))
"""


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def with_pandas(folder: Path) -> pd.DataFrame:
    """What a user would write with pandas."""
    table = pd.read_parquet(folder / "datasets")
    return table[
        table["campaign"].str.match("MC1.rd.*", case=False, na=False)
        & table["mc_event"].str.lower().isin(EVENTS)
        & table["experiment"].between(10, 18)
        & table["release"].str.match("release-0.*", case=False, na=False)
    ]


def test_search_among_four_million_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.perf_counter()
    tables = made_up(FILES, DATASETS)
    made = time.perf_counter()
    folder = write_catalogue(tmp_path / "catalogue", **tables)
    written = time.perf_counter()
    del tables
    arguments = json.dumps([str(folder), TERMS, ROUNDS])
    done = subprocess.run([sys.executable, "-c", FRESH, arguments], check=True, capture_output=True, text=True)
    ours = json.loads(done.stdout)
    theirs = statistics.median(timed(lambda: with_pandas(folder)) for _ in range(3))
    assert ours["found"] == len(with_pandas(folder)) > 1000
    search = statistics.median(ours["searches"])
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    found, memory = f"{ours['found']:,} datasets", f"{ours['memory'] / 1024:.0f} MB"
    lookups = (f"{name} {1e3 * seconds:.0f} ms" for name, seconds in ours["lookups"].items())
    with capsys.disabled():
        print(
            f"\ncatalogue of {FILES:,} files and {DATASETS:,} datasets: made up in {made - started:.1f} s, written in "
            f"{written - made:.1f} s, {size / 1e6:.0f} MB\n"
            f"  opened in {1e3 * ours['opening']:.1f} ms, searched first in {1e3 * ours['first']:.0f} ms, then by five "
            f"terms {1e3 * search:.0f} ms (median of {ROUNDS}; {found}); pandas over the same Parquet "
            f"{1e3 * theirs:.0f} ms: ratio {theirs / search:.1f}; memory of the process {memory}\n"
            f"  files of {', '.join(lookups)}"
        )
