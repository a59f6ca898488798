"""ROOT output: column names and their encoding, metadata, looking into and verifying files, manifests."""

from __future__ import annotations

from b2grid.ntuple.columns import BOOKKEEPING, decode, encode
from b2grid.ntuple.filemetadata import FileMetaData, read_file_metadata, write_file_metadata

__all__ = [
    "BOOKKEEPING",
    "FileMetaData",
    "decode",
    "encode",
    "read_file_metadata",
    "write_file_metadata",
]
