"""ROOT output: column names and their encoding, metadata, looking into and verifying files, manifests.

Nothing here loads uproot, awkward or pyarrow before it is called.
"""

from __future__ import annotations

from b2grid.ntuple.columns import BOOKKEEPING, decode, encode
from b2grid.ntuple.filemetadata import FileMetaData, read_file_metadata, write_file_metadata
from b2grid.ntuple.inspect import FileContents, TreeContents, inspect_file
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
from b2grid.ntuple.parquet import copy_name
from b2grid.ntuple.profiling import Multiplicity, TreeProfile, profile
from b2grid.ntuple.verify import check_file, checksums, verify, verify_published

__all__ = [
    "BOOKKEEPING",
    "Column",
    "Copy",
    "FileContents",
    "FileMetaData",
    "Input",
    "Manifest",
    "Multiplicity",
    "Output",
    "Tree",
    "TreeContents",
    "TreeProfile",
    "adler32_text",
    "check_file",
    "checksums",
    "copy_name",
    "decode",
    "encode",
    "inspect_file",
    "manifest_key",
    "parse_adler32",
    "profile",
    "read_file_metadata",
    "sub_folder",
    "verify",
    "verify_published",
    "write_file_metadata",
]
