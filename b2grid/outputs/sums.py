"""Published files, and whether they are still what was published."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from b2grid.ntuple import check_file, sub_folder
from b2grid.outputs.pieces import located

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from b2grid.outputs.index import Index

__all__ = ["PublishedFile", "changed_files", "published_files"]


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One published file, with what the manifest says of it."""

    job: int
    sample: str
    nonce: str
    name: str
    bytes: int
    sha256: str


def changed_files(output: Path, index: Index, states: pd.DataFrame) -> list[tuple[int, str]]:
    """Read every published file and copy again; job and reason of those that are not what their manifests say.

    A bit that flipped on the disk is named here; where a basket is not compressed, nothing else sees it.
    """
    files = list(published_files(index, states, copies=True))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        said = list(pool.map(lambda file: _wrong(output, file), files))
    return [(file.job, wrong) for file, wrong in zip(files, said, strict=True) if wrong is not None]


def published_files(index: Index, states: pd.DataFrame, *, copies: bool) -> Iterator[PublishedFile]:
    """All files of the jobs that are done, in the order of the jobs."""
    done = states[states["state"] == "done"]
    jobs: dict[Any, Any] = {row.job: row for row in done.itertuples()}
    rows: list[dict[str, Any]] = index.files.select(["job", "file", "bytes", "sha256"]).to_pylist()
    if copies:
        columns = ["job", "copy", "copy_bytes", "copy_sha256"]
        made: list[dict[str, Any]] = index.trees.select(columns).to_pylist()
        rows += [
            dict(zip(("job", "file", "bytes", "sha256"), (row[name] for name in columns), strict=True))
            for row in made
            if row["copy"] is not None
        ]
    for row in sorted(rows, key=lambda row: (row["job"], row["file"])):
        if row["job"] in jobs:
            job = jobs[row["job"]]
            yield PublishedFile(row["job"], job.sample, job.nonce, row["file"], row["bytes"], row["sha256"])


def _wrong(output: Path, file: PublishedFile) -> str | None:
    path = located(output, file.job, file.nonce, file.name)
    if path is None:
        return f"{output / sub_folder(file.job) / file.name} is not there"
    return check_file(path, file.bytes, file.sha256)
