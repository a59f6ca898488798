"""ROOT output: column names and their encoding, metadata, looking into and verifying files, manifests."""

from __future__ import annotations

from b2grid.ntuple.columns import BOOKKEEPING, decode, encode
from b2grid.ntuple.filemetadata import FileMetaData, read_file_metadata, write_file_metadata
from b2grid.ntuple.manifest import (
    Column,
    Copy,
    Input,
    Manifest,
    Output,
    Tree,
    adler32_text,
    manifest_key,
    parse_adler32,
    sub_folder,
)

__all__ = [
    "BOOKKEEPING",
    "Column",
    "Copy",
    "FileMetaData",
    "Input",
    "Manifest",
    "Output",
    "Tree",
    "adler32_text",
    "decode",
    "encode",
    "manifest_key",
    "parse_adler32",
    "read_file_metadata",
    "sub_folder",
    "write_file_metadata",
]
