"""The manifests of a project as columns.

A manifest never changes once it is linked, so what was read is kept: in memory, and for large projects in a
file beside the manifests. Only names that are new are opened. The kept file is a convenience: without it, or
when it cannot be read or written, the manifests are read again.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput
from b2grid.execution.folder import read_accepted
from b2grid.ntuple import Manifest
from b2grid.ntuple.rootfile import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

__all__ = ["Index", "read_index"]

_KEPT = ".index.arrow"  # scans pass over hidden names
_VERSION = b"2"
_WORTH_KEEPING = 500  # manifests; fewer are read in under half a second
_READERS = 8  # the latency of a network file system, not the processor


@dataclass(frozen=True, slots=True)
class Index:
    """What all manifests of a project say.

    Parameters
    ----------
    jobs : pyarrow.Table
        One row per manifest: name, mark (whether the file is still the same), project_id, job, attempt,
        nonce, key, kind, plan_revision, sample,
        events_processed, runner, release, steering_sha256, host, walltime.
    inputs : pyarrow.Table
        job, lfn, events_expected.
    files : pyarrow.Table
        job, file, bytes, adler32, sha256.
    trees : pyarrow.Table
        job, file, tree, rows, left_out (of the rows), columns (names), types, copy, copy_bytes, copy_sha256.
    damaged : dict
        Job -> why its manifest cannot be read.
    accepted : frozenset of int or None
        The jobs that their owner left out when he took what was done as the result; `None` if he did not.
    """

    jobs: pa.Table
    inputs: pa.Table
    files: pa.Table
    trees: pa.Table
    damaged: Mapping[int, str] = field(default_factory=dict)
    accepted: frozenset[int] | None = None

    def tables(self) -> tuple[pa.Table, ...]:
        """The four tables, in the order in which they are kept."""
        return self.jobs, self.inputs, self.files, self.trees


_memory: dict[str, Index] = {}


def read_index(output: str | os.PathLike[str]) -> Index:
    """Read the manifests below ``output/manifests``, those that were read before not again, and what was accepted."""
    folder = Path(output) / "manifests"
    present = _scan(folder)
    known = _memory.get(str(folder)) or _load(folder)
    before = _names(known)
    if not before.items() <= present.items():  # something was removed or replaced: nothing kept is trusted
        known, before = _empty(), {}
    new = {name: mark for name, mark in present.items() if name not in before}
    if new:
        with ThreadPoolExecutor(_READERS) as pool:
            read = list(pool.map(lambda item: _read(folder, *item), new.items()))
        known = _joined(known, _as_index(read))
        if len(new) >= _WORTH_KEEPING:
            _keep(folder, known)
    elif known.damaged:
        known = _joined(known, _empty())
    _memory[str(folder)] = known
    return replace(known, accepted=read_accepted(Path(output)))


def _scan(folder: Path) -> dict[str, str]:
    """Name relative to the folder -> a mark that another file of this name would not have."""
    found: dict[str, str] = {}
    try:
        with os.scandir(folder) as below:
            subs = sorted(entry.name for entry in below if not entry.name.startswith(".") and entry.is_dir())
    except FileNotFoundError:
        return found
    for sub in subs:
        with os.scandir(folder / sub) as entries:
            found |= {
                f"{sub}/{entry.name}": _mark(entry)
                for entry in entries
                if entry.name.endswith(".json") and entry.name[:-5].isdigit()
            }
    return found


def _mark(entry: os.DirEntry[str]) -> str:
    facts = entry.stat(follow_symlinks=False)
    return f"{facts.st_ino}-{facts.st_mtime_ns}-{facts.st_size}"


def _read(folder: Path, name: str, mark: str) -> tuple[str, str, Manifest | str]:
    """Read one manifest, or say why it cannot be read."""
    job = int(name.partition("/")[2][:-5])
    try:
        with open_regular(folder / name) as file:
            manifest = Manifest.from_json(file.read(), where=f"manifests/{name}")
    except InvalidInput as error:
        return name, mark, error.message
    except OSError as error:
        return name, mark, f"manifests/{name} cannot be read: {error.strerror}"
    if manifest.job != job:
        return name, mark, f"manifests/{name} is the manifest of job {manifest.job}"
    return name, mark, manifest


def _schemas() -> tuple[pa.Schema, ...]:
    import pyarrow as pa

    text: pa.DataType = pa.string()
    number: pa.DataType = pa.int64()
    names: pa.DataType = pa.list_(text)
    return (
        pa.schema(
            {
                "name": text,
                "mark": text,
                "project_id": text,
                "job": number,
                "attempt": number,
                "nonce": text,
                "key": text,
                "kind": text,
                "plan_revision": number,
                "sample": text,
                "events_processed": number,
                "runner": text,
                "release": text,
                "steering_sha256": text,
                "host": text,
                "walltime": pa.float64(),
            }
        ),
        pa.schema({"job": number, "lfn": text, "events_expected": number}),
        pa.schema({"job": number, "file": text, "bytes": number, "adler32": number, "sha256": text}),
        pa.schema(
            {
                "job": number,
                "file": text,
                "tree": text,
                "rows": number,
                "left_out": number,
                "columns": names,
                "types": names,
                "copy": text,
                "copy_bytes": number,
                "copy_sha256": text,
            }
        ),
    )


def _as_index(read: Iterable[tuple[str, str, Manifest | str]]) -> Index:
    """Tables of what was read; what could not be read is not indexed, and is looked at again next time."""
    jobs: list[tuple[Any, ...]] = []
    inputs: list[tuple[Any, ...]] = []
    files: list[tuple[Any, ...]] = []
    trees: list[tuple[Any, ...]] = []
    damaged: dict[int, str] = {}
    for name, mark, manifest in read:
        if isinstance(manifest, str):
            damaged[int(name.partition("/")[2][:-5])] = manifest
            continue
        m, job = manifest, manifest.job
        jobs.append(
            (
                name,
                mark,
                m.project_id,
                job,
                m.attempt,
                m.nonce,
                m.key,
                m.kind,
                m.plan_revision,
                m.sample,
                m.events_processed,
                m.runner,
                m.release,
                m.steering_sha256,
                m.host,
                m.times.get("walltime"),
            )
        )
        inputs += [(job, file.lfn, file.events_expected) for file in m.inputs]
        for output in m.outputs:
            files.append((job, output.file, output.bytes, output.adler32, output.sha256))
            for tree in output.trees:
                copy = output.copy(tree.name)
                facts = (copy.file, copy.bytes, copy.sha256) if copy else (None, None, None)
                names = [column.name for column in tree.columns]
                types = [column.type for column in tree.columns]
                trees.append((job, output.file, tree.name, tree.rows, tree.left_out, names, types, *facts))
    return _index(map(_table, _schemas(), (jobs, inputs, files, trees)), damaged)


def _table(schema: pa.Schema, rows: list[tuple[Any, ...]]) -> pa.Table:
    import pyarrow as pa

    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)], schema=schema)


def _index(tables: Iterable[Any], damaged: Mapping[int, str]) -> Index:
    jobs, inputs, files, trees = tables
    return Index(jobs, inputs, files, trees, damaged)


def _empty() -> Index:
    return _as_index(())


def _joined(known: Index, new: Index) -> Index:
    import pyarrow as pa

    pairs = zip(known.tables(), new.tables(), strict=True)
    return _index((pa.concat_tables(pair).combine_chunks() for pair in pairs), new.damaged)


def _names(index: Index) -> dict[str, str]:
    columns: list[list[Any]] = [index.jobs[name].to_pylist() for name in ("name", "mark")]
    return dict(zip(*columns, strict=True))


def _keep(folder: Path, index: Index) -> None:
    """Write the index beside the manifests, whole or not at all, if we may write there."""
    import pyarrow as pa

    draft = folder / f"{_KEPT}.{os.getpid()}"
    try:
        with draft.open("wb") as file:
            for table in index.tables():
                marked = table.replace_schema_metadata({b"b2grid:index": _VERSION})
                with pa.ipc.new_stream(file, marked.schema) as writer:
                    writer.write_table(marked)
        draft.replace(folder / _KEPT)
    except OSError:
        with suppress(OSError):
            draft.unlink()


def _load(folder: Path) -> Index:
    """Read the kept index; anything that is not exactly one is as good as none."""
    import pyarrow as pa

    try:
        with (folder / _KEPT).open("rb") as file:
            tables = [pa.ipc.open_stream(file).read_all() for _ in _schemas()]
    except (OSError, pa.ArrowException):
        return _empty()
    for table, schema in zip(tables, _schemas(), strict=True):
        if (table.schema.metadata or {}).get(b"b2grid:index") != _VERSION or not table.schema.equals(schema):
            return _empty()
    return _index((table.replace_schema_metadata(None) for table in tables), {})
