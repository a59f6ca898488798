"""A project's trial: on files that are elsewhere, and what of it stays with the project."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import b2grid.catalogue.demo as demo
from b2grid import Project
from b2grid.catalogue import write_catalogue
from b2grid.errors import InvalidSteering
from b2grid.keeping import _write as write_table
from b2grid.keeping import read_inputs
from b2grid.preparation import first_files
from b2grid.steering import Replicas
from b2grid.steering.trying import EVENTS, Step
from tests.project.conftest import COLLECTION, D0, Write

DATA = Path(demo.__file__).parent / "data"
NAME = "signal1_prod00090101_01.root"
DATASET = "/belle/MC/release-06-01-08/DB00002649/MC15ri_b/prod00027999/s00/e1003/4S/r00000/mixed/mdst"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def storage() -> Iterator[str]:
    """The URL of a storage element that has the demo data."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(DATA)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def elsewhere(storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A dataset whose file has one replica that is down and one that works."""
    content = (DATA / NAME).read_bytes()
    files = [
        {
            "lfn": f"{DATASET}/sub00/mdst_1.root",
            "pfn": f"http://127.0.0.1:1/{NAME}",
            "replicas": [f"{storage}/{NAME}"],
            "adler32": f"{zlib.adler32(content):08x}",
            "bytes": len(content),
            "events": 150,
            "global_tag": "main",
            "release": "release-06",
            "is_mc": True,
            "runs": [{"experiment": 1003, "run": 0, "events": 150}],
        }
    ]
    monkeypatch.setenv("B2GRID_CATALOGUE", str(write_catalogue(tmp_path / "catalogue", files)))
    monkeypatch.setenv("B2GRID_TRIAL_CACHE", str(tmp_path / "cache"))
    return DATASET


def test_a_file_that_is_elsewhere_is_fetched_once_for_all_projects(
    elsewhere: str, write: Write, storage: str, tmp_path: Path
) -> None:
    steps: list[Step] = []
    first = Project("first", write(), elsewhere).trial(events=5, on_progress=steps.append)["sample"]
    assert (first.ok, first.events, first.file_events) == (True, 5, 150)
    assert first.notes == (f"fetched from {storage}/{NAME}",)
    assert first.file.startswith(str(tmp_path / "cache"))
    assert {step.doing for step in steps} == {"fetching", "running"}
    other = Project("other", write(), elsewhere)
    assert other.trial(events=5)["sample"].notes == ()
    assert first_files(other.inputs)["sample"].urls == (f"http://127.0.0.1:1/{NAME}", f"{storage}/{NAME}")
    assert "--cputime" in str(other.plan().summary())


def test_a_file_that_is_known_by_its_name_alone_is_said_to_be(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [{"lfn": f"{DATASET}/sub00/mdst_1.root", "global_tag": "main", "is_mc": True}]
    monkeypatch.setenv("B2GRID_CATALOGUE", str(write_catalogue(tmp_path / "catalogue", names)))
    project = Project("p", write(), DATASET)
    assert "size unknown: 1 file" in str(project.inputs)
    found = project.trial()["sample"]
    assert not found.ok
    assert "is known by its name alone" in found.problem


def test_what_an_older_b2grid_stored_is_read_or_measured_again(write: Write) -> None:
    project = Project("p", write(), COLLECTION)
    project.trial(events=2)
    folder = project._folder
    folder.trial.write_text('{"format": 1, "measurements": []}')
    table = read_inputs(folder).table.drop_columns(["adler32", "replicas"])
    write_table(folder.inputs.with_suffix(".old"), table)
    folder.inputs.with_suffix(".old").replace(folder.inputs)  # it is mapped into memory
    again = Project("p")
    assert again._trial() is None
    assert isinstance(first_files(again.inputs)["sample"], Replicas)
    assert again.trial(events=2).ok
    assert again._trial() is not None


def test_the_log_of_a_sample_that_failed_stays_until_the_next_trial(write: Write) -> None:
    project = Project("p", write(D0.replace("K-:mine", "K-:all")), COLLECTION)
    found = project.trial()["sample"]
    assert found.asked == EVENTS == 100
    log = Path(found.log_file)
    assert log.is_relative_to(project.folder)
    assert "[FATAL] d0.py:6" in log.read_text()
    with pytest.raises(InvalidSteering, match="the trial failed for sample") as caught:
        project.submit()
    assert [finding.code for finding in caught.value.findings] == ["B2S900"]
    Project("p", write(), COLLECTION).trial(events=2)
    assert not log.exists()
