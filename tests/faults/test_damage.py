"""Outputs and inputs that are not what they seem: rows 40 to 43."""

from __future__ import annotations

import os
import shutil
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from b2grid import Catalogue, IncompleteOutput, InvalidInput, Project
from b2grid.execution import ProjectFolder, read_jobs
from b2grid.execution.inputs import choose
from b2grid.execution.job import Attempt, run_attempt
from b2grid.ntuple import encode
from b2grid.ntuple.verify import verify
from b2grid.outputs import arrays, completeness, fetch, verify_published
from b2grid.planning import InputFile, Plan
from b2grid.run import Limits
from tests.execution.conftest import inputs, planned, slot
from tests.faults.injection import Forks
from tests.faults.ntuples import ROWS, copying, seen, whole, write_ntuple
from tests.faults.report import fault
from tests.project.conftest import COLLECTION, D0

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
    expected = arrays(folder, plan, "B0")
    places = np.random.default_rng(5).integers(0, footer, 8).tolist() + list(range(footer, size, (size - footer) // 16))
    for place in places:
        flip(path, place)
        assert ak.array_equal(arrays(folder, plan, "B0"), expected), f"byte {place} of {size}"
        path.write_bytes(sound)
    flip(path, places[0])
    assert [said.split()[0] for said in verify_published(folder, plan)] == [str(path)]
    path.write_bytes(sound[:-1])
    assert seen(folder) == 2 * ROWS


READS = """
import json, os, sys
files = [word for before, word in zip(sys.argv, sys.argv[1:]) if before == '-i']
for name in files:
    if not os.path.exists(name):
        sys.exit(f'[FATAL] steer.py:3: {name} cannot be opened: no such file - check the path')
account = {'finished': True, 'success': True, 'events_processed': 10 * len(files)}
json.dump({'basf2_status': account}, open('job-information.json', 'w'))
"""


@pytest.mark.slow
@pytest.mark.system("compiler")
@fault(41, "one input is not there, one is cut short")
def test_row_41_an_input_that_cannot_be_read_is_quarantined_and_the_result_is_partial(
    tmp_path: Path, forking: Forks
) -> None:
    rows = inputs(6).to_pylist()
    for row in rows:
        row["pfn"] = str(tmp_path / row["lfn"].rpartition("/")[2])
        Path(row["pfn"]).write_bytes(b"x" * 1000)
    Path(rows[1]["pfn"]).unlink()
    os.truncate(rows[4]["pfn"], 900)
    program = tmp_path / "program.py"
    program.write_text(READS)
    table = pa.Table.from_pylist(rows, schema=inputs(1).schema)
    folder = planned(
        tmp_path / "project", 3, sys.executable, "-S", str(program), table=table, kind="b2lite", files_per_job=2
    )
    folder.submitted()
    came = forking("drive", folder)
    assert came.code == 0, came.said
    plan = Plan.read(folder.plans()[-1])
    told = completeness(folder, plan)
    assert set(plan.quarantined) == set(told.missing_lfns) == {rows[1]["lfn"], rows[4]["lfn"]}
    assert (told.files, told.files_expected, told.events_processed, told.events_expected) == (4, 6, 40, 60)
    assert "signal_000004.root: cannot be read" in str(told)
    assert {row["status"] for row in read_jobs(folder).to_pylist()} == {"Done"}
    assert sorted(len(manifest.inputs) for manifest in whole(folder) if manifest.kind == "result") == [1, 1, 2]
    with pytest.raises(IncompleteOutput, match="is incomplete"):
        told.require()


@pytest.fixture
def made(home: Path, tmp_path: Path) -> Callable[..., Project]:
    """Make a project of a small steering file."""
    (tmp_path / "d0.py").write_text(D0)
    return lambda *given: Project("overlap", tmp_path / "d0.py", {f"s{n}": one for n, one in enumerate(given)})


@fault(42, "the same input twice: in one sample, in two, by its collection and its name, by two spellings")
def test_row_42_an_input_that_is_there_twice_is_refused_however_it_is_spelt(
    made: Callable[..., Project], home: Path, tmp_path: Path
) -> None:
    files = Catalogue().collection(COLLECTION).files_table()
    lfn = files["lfn"][0].as_py()
    local = shutil.copy(files["pfn"][0].as_py(), tmp_path / "a.root")
    (tmp_path / "link.root").symlink_to(local)
    (tmp_path / "hard.root").hardlink_to(local)
    (tmp_path / "sub").mkdir()
    for given in (
        [[COLLECTION, COLLECTION]],
        [COLLECTION, COLLECTION],
        [COLLECTION, lfn],
        [[str(local), str(tmp_path / "sub" / ".." / "a.root")]],
        [str(local), str(tmp_path / "link.root")],
        [str(local), str(tmp_path / "hard.root")],
        [lfn, str(local)],
    ):
        with pytest.raises(InvalidInput, match=r"there twice|is both in|are both in"):
            made(*given)
    assert not list(home.rglob("project.json"))


@fault(43, "adler32 of the catalogue with leading zeros, without them, and in capitals")
def test_row_43_checksums_are_compared_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "input.root"
    content = next(text for text in map(b"%d".__mod__, range(10**6)) if zlib.adler32(text) < 1 << 24)
    path.write_bytes(content)
    text = f"{zlib.adler32(content):x}"
    for known in (text, text.zfill(8), text.upper(), "00" + text):
        chosen = choose([InputFile("/belle/x", str(path), len(content), adler32=known)], (), checksums=True)
        assert chosen.failure is None, known
    chosen = choose([InputFile("/belle/x", str(path), len(content), adler32=text + "0")], (), checksums=True)
    assert chosen.failure is not None
    assert chosen.failure.kind == "input"
