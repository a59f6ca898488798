"""Outputs and inputs that are not what they seem: rows 40 to 43."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from b2grid import IncompleteOutput, InvalidInput
from b2grid.errors import InvalidPlan
from b2grid.execution import ProjectFolder
from b2grid.execution.job import Attempt, run_attempt
from b2grid.ntuple import encode
from b2grid.ntuple.verify import verify
from b2grid.outputs import arrays, completeness, fetch, verify_published
from b2grid.planning import Plan
from b2grid.run import Limits
from tests.execution.conftest import slot
from tests.faults.ntuples import ROWS, copying, seen, write_ntuple
from tests.faults.report import fault

__all__ = ["slot"]

pytestmark = pytest.mark.usefixtures("slot", "scratch")

Published = tuple[ProjectFolder, Plan]


@pytest.fixture
def published(tmp_path: Path) -> Published:
    """A project whose two jobs have published an ntuple each, by attempts as workers make them."""
    folder = copying(tmp_path / "project", write_ntuple(tmp_path / "good.root"), jobs=2)
    for job in (1, 2):
        facts = run_attempt(Attempt(str(folder.path), 1, job, 1, Limits(), "0" * 64), lambda said: None)
        assert facts["failure"] == "", facts
    assert seen(folder) == 2 * ROWS
    return folder, Plan.read(folder.plan(1))


def flip(path: Path, place: int) -> None:
    """Let one bit be another; the size and the time of the file stay."""
    import os

    before = path.stat()
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def a_basket(path: Path) -> int:
    """A place among the values of a column that is not compressed."""
    with uproot.open(path) as file:
        return int(file["B0"][encode("Mbc")].member("fBasketSeek")[0]) + 200


@fault(40, "a bit of a ROOT file flips in a basket that is not compressed")
def test_row_40_a_bit_that_flips_in_a_basket_is_named_by_every_way_to_collect(
    published: Published, tmp_path: Path
) -> None:
    folder, plan = published
    path = folder.output / "sub00" / "x_job2.root"
    flip(path, a_basket(path))
    assert verify(path, {"B0": ["Mbc"]}).trees[0].rows == ROWS, "it reads back wrong in silence"
    assert seen(folder) == 2 * ROWS, "the copies hold what was published"
    fetched = fetch(folder, plan, tmp_path / "mine")
    assert [name for name, _ in fetched.failed] == ["x_job2.root"]
    (said,) = verify_published(folder, plan)
    assert "x_job2.root does not match its checksum" in said
    told = completeness(folder, plan, verify=True)
    assert [missing.job for missing in told.missing] == [2]
    assert "x_job2.root does not match its checksum" in str(told)
    assert completeness(folder, plan).complete, "checksums are read when they are asked for"
    (folder.output / "sub00" / "x_job2.B0.parquet").unlink()
    with pytest.raises(IncompleteOutput, match=r"x_job2\.root does not match its checksum"):
        arrays(folder, plan, "B0", ["Mbc"])
    assert seen(folder) == ROWS


@fault(40, "any bit of a Parquet copy flips")
def test_row_40_a_bit_that_flips_in_a_copy_is_never_read(published: Published) -> None:
    folder, plan = published
    path = folder.output / "sub00" / "x_job1.B0.parquet"
    sound, size = path.read_bytes(), path.stat().st_size
    footer = size - pq.ParquetFile(path).metadata.serialized_size - 8
    expected = arrays(folder, plan, "B0").to_list()
    places = np.random.default_rng(5).integers(0, footer, 40).tolist() + list(range(footer, size, 7))
    named = 0
    for place in places:
        flip(path, place)
        assert arrays(folder, plan, "B0").to_list() == expected, f"byte {place} of {size}"
        named += len(verify_published(folder, plan))
        path.write_bytes(sound)
    assert named == len(places)
    path.write_bytes(sound[:-1])
    assert seen(folder) == 2 * ROWS


@fault(42, "the same input twice, and in two samples")
def test_row_42_an_input_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    from b2grid.planning import plan
    from b2grid.run import Runner
    from tests.execution.conftest import inputs

    import pyarrow as pa

    twice = pa.concat_tables([inputs(3), inputs(2, "signal")])
    with pytest.raises(InvalidPlan, match=r"there twice: /belle/x/signal_000000\.root \(and 1 more"):
        plan(project="p", project_id="1", inputs=twice, runner=Runner("raw", ("true",)), steering="s.py")


@fault(43, "adler32 with leading zeros, and without them")
def test_row_43_checksums_are_compared_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "small"
    number = next(n for n in range(10_000) if zlib.adler32(b"%d" % n) < 1 << 24)
    path.write_bytes(b"%d" % number)
