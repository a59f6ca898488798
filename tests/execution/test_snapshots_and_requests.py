"""What lies in a project's folder and is not what it should be: readers and drivers pass it over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from b2grid.execution import ProjectFolder, read_status
from b2grid.execution.requests import leave_request, waiting_requests
from tests.execution.conftest import Make

GOOD = {"format": 1, "counts": {"Done": 1}, "phase": "done", "message": "", "settled": True}


@pytest.mark.parametrize(
    "written",
    [
        "",
        "\0\0",
        "3",
        "[1]",
        "null",
        "[" * 100_000,
        json.dumps(GOOD)[:-9],
        '{"format": 1}',
        '{"format": "x"}',
        json.dumps(GOOD | {"counts": [1]}),
        json.dumps(GOOD | {"events": 3}),
        json.dumps(GOOD | {"downtimes": [1]}),
        json.dumps(GOOD | {"hosts": None}),
    ],
)
def test_a_damaged_snapshot_says_nothing(make: Make, written: str) -> None:
    folder = make(1, "/bin/true")
    folder.submitted()
    folder.status.write_text(json.dumps(GOOD))
    assert read_status(folder).done == 1
    folder.status.write_text(written)
    assert read_status(folder).message == "waiting for the driver"


def test_what_is_no_request_is_passed_over(tmp_path: Path) -> None:
    folder = ProjectFolder(tmp_path)
    nonce = leave_request(folder, "cancel", (1,))
    (folder.requests / "1.json").mkdir()
    (folder.requests / "2.json").write_text("[" * 100_000)
    (folder.requests / "3.json").write_text('{"nonce": "n", "verb": "cancel", "jobs": [1e400]}')
    (folder.requests / "4.json").symlink_to(tmp_path)
    assert [request.nonce for request in waiting_requests(folder)] == [nonce]
