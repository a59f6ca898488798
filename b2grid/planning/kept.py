"""How a plan is kept: an Arrow file, with all that is not the table in its metadata."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from b2grid.catalogue.model import INPUTS
from b2grid.errors import InvalidInput, printable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FORMAT", "PLAN", "content_hash", "read", "write", "write_once"]

FORMAT = 1
_FORMAT_KEY = b"b2grid.plan.format"
_SPEC_KEY = b"b2grid.plan.spec"

_OF_FILES = (
    "sample",
    "global_tag",
    "lfn",
    "pfn",
    "bytes",
    "events",
    "dataset",
    "collection",
    "runs",
    "adler32",
    "replicas",
)
_FIELDS: list[pa.Field[Any]] = [
    pa.field("job", pa.int32(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),  # main, scout
    *(INPUTS.field(name) for name in _OF_FILES),
    pa.field("events_limit", pa.int64()),  # of the job
]
#: One row per job and file, sorted by job and LFN.
PLAN = pa.schema(_FIELDS)


def write(table: pa.Table, spec: dict[str, Any], target: Path) -> Path:
    """Write a plan, whole or not at all; what is there is replaced."""
    draft = _drafted(table, spec, target)
    draft.replace(target)
    return target


def write_once(table: pa.Table, spec: dict[str, Any], target: Path) -> bool:
    """Write a plan, whole or not at all, and durably; whether nothing was there, which is never replaced."""
    draft = _drafted(table, spec, target)
    try:
        with suppress(FileExistsError):
            os.link(draft, target)
        # on a network file system the answer to a link that worked can be lost, and asking again then fails
        ours = draft.stat().st_nlink == 2
    finally:
        draft.unlink()
    _sync(target.parent)
    return ours


def read(path: str | os.PathLike[str]) -> tuple[pa.Table, dict[str, Any]]:
    """Read a plan's table and spec.

    Raises
    ------
    InvalidInput
        If there is none, it is cut short, or it was written by a newer b2grid.
    """
    try:
        with pa.OSFile(os.fspath(path), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
    except FileNotFoundError:
        raise InvalidInput(f"no plan at {printable(path)}", hint="make one with plan()") from None
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(
            f"{printable(path)} is not a plan, or is cut short: {printable(error)}", hint="make it again"
        ) from error
    metadata = table.schema.metadata or {}
    written = metadata.get(_FORMAT_KEY, b"").decode(errors="replace")
    if not written.isdigit():
        raise InvalidInput(f"{printable(path)} is not a plan", hint="plans are made by plan()")
    if int(written) > FORMAT:
        raise InvalidInput(
            f"the plan {printable(path)} has format {written}, this b2grid reads up to {FORMAT}",
            hint="install a newer b2grid",
        )
    try:
        spec = json.loads(metadata[_SPEC_KEY])
    except (KeyError, ValueError) as error:
        raise InvalidInput(f"{printable(path)} is a damaged plan", hint="make it again") from error
    return _with_all_columns(table.replace_schema_metadata(None)), spec


def content_hash(table: pa.Table, spec: dict[str, Any]) -> str:
    """SHA-256 of all that a plan says: the same on any machine for the same content."""
    sink = _Hasher()
    marked = _marked(table, spec).combine_chunks()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), marked.schema) as writer:
        writer.write_table(marked)
    return sink.digest.hexdigest()


def _with_all_columns(table: pa.Table) -> pa.Table:
    """A plan as the schema has it: older ones lack columns that may be empty."""
    for name in PLAN.names:
        if name not in table.column_names and PLAN.field(name).nullable:
            table = table.append_column(PLAN.field(name), pa.nulls(len(table), PLAN.field(name).type))
    known = set(PLAN.names) <= set(table.column_names)
    return table.select(PLAN.names) if known else table


def _marked(table: pa.Table, spec: dict[str, Any]) -> pa.Table:
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return table.replace_schema_metadata({_FORMAT_KEY: str(FORMAT).encode(), _SPEC_KEY: text.encode()})


def _drafted(table: pa.Table, spec: dict[str, Any], target: Path) -> Path:
    """The plan beside its place, durable, under a name that no other writer has."""
    draft = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
    marked = _marked(table, spec)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    try:
        with draft.open("wb") as file:
            with pa.ipc.new_file(file, marked.schema, options=options) as writer:
                writer.write_table(marked)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Hasher(io.RawIOBase):
    """A file that keeps only the hash of what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)
