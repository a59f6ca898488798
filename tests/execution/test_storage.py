"""Inputs from a real storage element: by the LFN, from the next copy when one fails, and held against the catalogue."""

from __future__ import annotations

import gzip
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from b2grid import Catalogue, record
from b2grid.catalogue.model import INPUTS
from b2grid.catalogue.taking.inputs import resolve
from b2grid.execution import Definition, ProjectFolder
from b2grid.execution.job import Attempt, run_attempt
from b2grid.execution.publish import published
from b2grid.planning import plan
from b2grid.run import Limits, Runner
from tests.execution.xrootd import StorageElement, free_port, storage_element
from tests.project.conftest import COLLECTION, D0

pytestmark = [pytest.mark.slow, pytest.mark.system("xrootd")]

Lite = Callable[..., ProjectFolder]


@pytest.fixture(scope="module")
def element() -> Iterator[StorageElement]:
    """One server for all tests."""
    with storage_element() as running:
        yield running


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    """One file of the demo data, as the catalogue has it."""
    (row, *_) = resolve({"s": COLLECTION}, Catalogue()).table.to_pylist()
    return dict(row)


@pytest.fixture
def lite(tmp_path: Path, file: dict[str, Any]) -> Lite:
    """A project of one job that runs b2lite over one file, whose places are given."""

    def made(**changed: Any) -> ProjectFolder:
        steering = tmp_path / "d0.py"
        steering.write_text(D0)
        folder = ProjectFolder(tmp_path / "lite")
        project_id = uuid.uuid4().hex
        folder.write_definition(Definition(project_id, "lite", "hash", time.time(), "tester", "d0.py"))
        folder.steering.mkdir()
        (folder.steering / "d0.py").write_text(D0)
        plan(
            project="lite",
            project_id=project_id,
            inputs=pa.Table.from_pylist([{**file, "sample": "s", **changed}], schema=INPUTS),
            runner=Runner.lite(),
            steering="d0.py",
            files_per_job=1,
            scouts=False,
            recipe=record(steering),
        ).write(folder.plan(1))
        return folder

    return made


def run(folder: ProjectFolder, tmp_path: Path, **options: Any) -> dict[str, Any]:
    attempt = Attempt(str(folder.path), 1, 1, 1, Limits(grace=1.0), "0" * 64, scratch=str(tmp_path), **options)
    return run_attempt(attempt, lambda _said: None)


def log_of(folder: ProjectFolder) -> str:
    return gzip.decompress(folder.log(1, 1).read_bytes()).decode()


@pytest.mark.usefixtures("slot")
def test_the_copy_of_the_site_is_read_where_that_of_the_catalogue_cannot(
    element: StorageElement, lite: Lite, file: dict[str, Any], tmp_path: Path
) -> None:
    element.put(Path(file["pfn"]), file["lfn"])
    bad = Path(file["pfn"]).read_bytes()[:-1000]
    (tmp_path / "short.root").write_bytes(bad)
    short = element.put(tmp_path / "short.root", "/belle/short.root")
    folder = lite(pfn=f"root://127.0.0.1:{free_port()}//belle/f.root", replicas=[short])
    storage = (("NEAR-SE", element.url),)
    facts = run(folder, tmp_path, storage=storage, replica=1, checksums=True)
    # three copies: that of the site, that of a server that is gone, and one that was cut short; the first has failed
    assert facts["failure"] == "", facts["message"]
    assert facts["events"] == file["events"]
    log = log_of(folder)
    assert "does not answer" in log
    assert f"has {len(bad):,} bytes, the catalogue says {file['bytes']:,}" in log
    assert f"Added file {element.url}{file['lfn']}" in log
    (manifest,) = published(folder.output)
    assert [each.lfn for each in manifest.inputs] == [file["lfn"]]


@pytest.mark.usefixtures("slot")
def test_what_a_storage_element_has_not_is_blamed_by_its_name(
    element: StorageElement, lite: Lite, file: dict[str, Any], tmp_path: Path
) -> None:
    folder = lite(lfn="/belle/not/there.root", pfn=f"{element.url}/belle/not/there.root")
    facts = run(folder, tmp_path, storage=(("NEAR-SE", element.url),))
    assert facts["failure"] == "input"
    assert (facts["storage"], facts["lfn"]) == ("NEAR-SE", "/belle/not/there.root")
    assert "down" not in facts
    assert "no such file" in facts["message"]


@pytest.mark.usefixtures("slot")
def test_a_server_that_does_not_answer_is_down_and_costs_no_payload(
    lite: Lite, file: dict[str, Any], tmp_path: Path
) -> None:
    url = f"root://127.0.0.1:{free_port()}/"
    folder = lite(pfn=f"{url}{file['lfn']}")
    facts = run(folder, tmp_path, storage=(("FAR-SE", url),))
    assert (facts["failure"], facts["storage"], facts["down"]) == ("input", "FAR-SE", True)
    assert "FAR-SE does not answer" in facts["message"]
    assert not folder.log(1, 1).exists()


@pytest.mark.usefixtures("slot")
def test_other_bytes_of_the_same_number_are_seen_by_their_checksum(
    element: StorageElement, lite: Lite, file: dict[str, Any], tmp_path: Path
) -> None:
    data = bytearray(Path(file["pfn"]).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "other.root").write_bytes(data)
    url = element.put(tmp_path / "other.root", "/belle/other.root")
    adler32 = f"{zlib.adler32(Path(file['pfn']).read_bytes()):x}"  # written without leading zeros
    here = lite(pfn=str(tmp_path / "other.root"), replicas=[url], adler32=adler32, lfn="/belle/other.root")
    facts = run(here, tmp_path, checksums=True, storage=(("NEAR-SE", element.url),))
    assert facts["failure"] == "input"
    assert facts["message"].count("the catalogue says") == 2
    assert f"/belle/other.root at this host ({tmp_path / 'other.root'}) has adler32" in facts["message"]
    assert "/belle/other.root at NEAR-SE" in facts["message"]
