"""Projects with raw payloads: the whole path of execution, and nothing of the physics."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest

from b2grid.catalogue.model import INPUTS
from b2grid.execution import Definition, ProjectFolder
from b2grid.execution.slot import close_slot
from b2grid.planning import plan
from b2grid.run import Runner
from b2grid.steering import Recipe

Make = Callable[..., ProjectFolder]


def inputs(count: int, sample: str = "signal") -> pa.Table:
    """So many small files."""
    rows = [
        {
            "sample": sample,
            "collection": None,
            "dataset": None,
            "lfn": f"/belle/x/{sample}_{n:06d}.root",
            "pfn": f"/nowhere/{sample}_{n:06d}.root",
            "bytes": 1000,
            "events": 10,
            "global_tag": "gt",
            "release": "r",
            "experiment": 0,
            "is_mc": True,
            "runs": [],
        }
        for n in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=INPUTS)


@pytest.fixture
def slot() -> Iterator[None]:
    """Be a worker's slot, and close its supervisor as the end of a worker would."""
    yield
    close_slot()


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a planned project whose jobs run a program."""

    def made(jobs: int, *program: str, name: str = "raw", **options: Any) -> ProjectFolder:
        return planned(tmp_path / name, jobs, *program, **options)

    return made


def planned(
    path: Path,
    jobs: int,
    *program: str,
    scouts: bool | int = False,
    args: list[str] | None = None,
    recipe: Recipe | None = None,
    table: pa.Table | None = None,
    kind: Literal["raw", "b2lite"] = "raw",
    files_per_job: int = 1,
) -> ProjectFolder:
    """A planned project in this folder, whose jobs run a program."""
    folder = ProjectFolder(path)
    project_id = uuid.uuid4().hex
    folder.write_definition(Definition(project_id, path.name, "hash", time.time(), "tester", "steer.py"))
    folder.steering.mkdir()
    (folder.steering / "steer.py").write_text("")
    plan(
        project=path.name,
        project_id=project_id,
        inputs=inputs(jobs * files_per_job) if table is None else table,
        runner=Runner(kind, program),
        steering="steer.py",
        files_per_job=files_per_job,
        scouts=scouts,
        args=args,
        recipe=recipe,
    ).write(folder.plan(1))
    return folder
