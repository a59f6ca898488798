"""Writing the Parquet copy of a tree, window by window."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from b2grid.errors import B2GridError, SiteError
from b2grid.ntuple.manifest import Copy

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import pyarrow as pa

__all__ = ["KEY", "ROW_GROUP", "ParquetCopy", "copy_name"]

ROW_GROUP = 128 * 1024
"""Rows of a row group."""

KEY = b"b2grid:manifest"
"""Where the file's metadata name the execution that wrote it (`Manifest.key`)."""

_LONGEST = 100


def copy_name(stem: str, tree: str) -> str:
    """The file name of a copy; a tree in a directory of the ROOT file stays one file name.

    >>> copy_name("ntuple_job12", "B0ch1"), copy_name("ntuple_job12", "dir/tree")
    ('ntuple_job12.B0ch1.parquet', 'ntuple_job12.dir%2Ftree.parquet')
    """
    safe = quote(tree, safe="")
    if len(safe) > _LONGEST:
        safe = safe[:_LONGEST] + hashlib.sha256(tree.encode()).hexdigest()[:16]
    return f"{stem}.{safe}.parquet"


class ParquetCopy:
    """One copy as it is written; leaving the block with an error removes it.

    Raises
    ------
    SiteError
        If the disk does not take it.
    """

    def __init__(self, folder: Path, stem: str, tree: str, *, key: str = "") -> None:
        self.path = folder / copy_name(stem, tree)
        self.tree, self.key = tree, key
        self.writer: Any = None
        self.file: Any = None

    def __enter__(self) -> Self:
        try:
            self.path.unlink(missing_ok=True)
            self.file = self.path.open("xb")
        except OSError as error:
            raise _disk(self.path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            return
        self._close()
        self.path.unlink(missing_ok=True)

    def write(self, columns: dict[str, pa.Array[Any]]) -> None:
        """Add one window of rows: the next row group; the first fixes the types."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        # an ntuple has no missing values: such columns are read faster, and come back as plain numbers
        fields = [pa.field(name, column.type, nullable=False) for name, column in columns.items()]
        table = pa.table(list(columns.values()), schema=pa.schema(fields))
        try:
            if self.writer is None:
                facts = {KEY: self.key.encode(), b"b2grid:tree": self.tree.encode()}
                schema = table.schema.with_metadata(facts)
                # dictionaries help where values repeat: floats of a candidate do not
                repeating: Any = [field.name for field in schema if not pa.types.is_floating(field.type)]
                self.writer = pq.ParquetWriter(
                    self.file,
                    schema,
                    compression="zstd",
                    compression_level=1,
                    use_dictionary=repeating,
                    write_page_checksum=True,
                )
            self.writer.write_table(table.cast(self.writer.schema), row_group_size=ROW_GROUP)
        except OSError as error:
            raise _disk(self.path, error) from error

    def finish(self) -> Copy:
        """Close the file, bring it to the disk, and account for it."""
        try:
            self.writer.close()
            self.writer = None
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
            with self.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Copy(self.path.name, self.tree, self.path.stat().st_size, digest)
        except OSError as error:
            raise _disk(self.path, error) from error

    def _close(self) -> None:
        """Close what is open; on a full disk that fails again, and the first error is the one to tell."""
        for opened in (self.writer, self.file):
            try:
                if opened is not None:
                    opened.close()
            except OSError:
                continue


def _disk(path: Path, error: OSError) -> B2GridError:
    return SiteError(
        f"{path} cannot be written: {error.strerror or error}",
        hint="check the space and the permissions of that disk",
        transient=True,
    )
