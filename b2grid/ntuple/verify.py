"""Verifying a ROOT output: every basket is read once, and what was read is kept as the Parquet copies.

A file that opens and tells its entry count may still be cut short or damaged: only reading shows it. A writer
that was killed before it closed its file leaves a file that reads as valid and is only shorter: rows are in
the result so that the account of events can be held against them.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, IncompleteOutput, InvalidInput, nearest, printable
from b2grid.ntuple.baskets import column_type, is_tree, read_columns, readable_names
from b2grid.ntuple.columns import encode
from b2grid.ntuple.filemetadata import TREE as METADATA
from b2grid.ntuple.inspect import tree_names
from b2grid.ntuple.manifest import Column, Copy, Output, Tree
from b2grid.ntuple.parquet import ROW_GROUP, ParquetCopy
from b2grid.ntuple.rootfile import open_regular, open_root
from b2grid.ntuple.unwanted import Unwanted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from io import BufferedReader

__all__ = ["check_file", "checksums", "verify", "verify_published"]

_BLOCK = 1024 * 1024
_HELD = 256 * 1024**2
_SHOWN = 3


@dataclass(slots=True)
class _Found:
    """What is wrong with one file: damage, and what was expected and is not there."""

    damage: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    near: list[str] = field(default_factory=list)


def verify(
    path: str | Path,
    trees: Mapping[str, Sequence[str]],
    *,
    copies_to: Path | None = None,
    copy_stem: str | None = None,
    key: str = "",
    rows: Mapping[str, int] | None = None,
    leave_out: Collection[tuple[int, int]] = (),
) -> Output:
    """Read a ROOT output from end to end and write its Parquet copies in the same pass.

    Parameters
    ----------
    path : str or Path
        The file; a link, a FIFO or a directory is refused.
    trees : dict
        Expected tree -> readable names of its columns; may be empty, and more in the file is fine.
    copies_to : Path, optional
        Folder of the copies; without it none are written.
    copy_stem : str, optional
        Published name without ``.root``: ``<stem>_job<ID>``; the file's own when left out.
    key : str
        `Manifest.key`, kept in the metadata of the copies.
    rows : dict, optional
        Trees whose number of rows is known.
    leave_out : collection of (experiment, run)
        Runs whose rows are counted and are not in the copies, where a tree says of which run a row is.

    Returns
    -------
    Output
        Sizes, checksums, trees and copies, for the manifest.

    Raises
    ------
    InvalidInput
        If there is no file, it is not a ROOT file, it is truncated or damaged; the findings name everything.
    IncompleteOutput
        If the file is sound, but trees, columns or rows are missing.
    SiteError
        If the copies cannot be written.
    """
    path = Path(path)
    stem = copy_stem if copy_stem is not None else path.name.removesuffix(".root")
    found = _Found()
    with open_regular(path) as file, ExitStack() as undo:
        before = os.fstat(file.fileno())
        adler, digest = _digest(file)
        copies: list[Copy] = []
        with open_root(path, opened=file) as root:
            sources = [_Source(name, root[name], trees.get(name, ())) for name in tree_names(root)]
            _compare(sources, trees, rows or {}, found)
            for source in sources:
                copy = None
                if copies_to is not None and source.columns:
                    copy = undo.enter_context(ParquetCopy(copies_to, stem, source.name, key=key))
                _read(source, file, copy, found, Unwanted.of(leave_out, source.columns))
                if copy is not None and not found.damage:
                    copies.append(copy.finish())
            _read_rest(root, found)
        after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            found.damage.append("the file changed while it was read")
        _raise(path, found)
    contents = tuple(source.tree for source in sources)
    return Output(f"{stem}.root", before.st_size, adler, digest, contents, tuple(copies))


def verify_published(folder: Path, output: Output) -> list[str]:
    """Compare a published output and its copies with the manifest: what is wrong, one line per file.

    Size and SHA-256 are compared: a bit that flipped on the disk reads back wrong in silence where a basket
    is not compressed, and only the checksum sees it.
    """
    expected = [(output.file, output.bytes, output.sha256)]
    expected += [(copy.file, copy.bytes, copy.sha256) for copy in output.copies]
    said = (check_file(folder / name, size, digest) for name, size, digest in expected)
    return [wrong for wrong in said if wrong is not None]


def check_file(path: Path, size: int, sha256: str) -> str | None:
    """Say what is wrong with a published file, or nothing."""
    try:
        with open_regular(path) as file:
            found = os.fstat(file.fileno()).st_size
            if found != size:
                return f"{path} has {found} bytes, the manifest says {size}"
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return f"{path} does not match its checksum: it changed after it was published"
    except InvalidInput as error:
        return error.message
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return None


def checksums(path: str | Path) -> tuple[int, str]:
    """The adler32, as a number, and the SHA-256 of a regular file."""
    with open_regular(path) as file:
        return _digest(file)


class _Source:
    """One tree of the open file, with its columns by readable name."""

    def __init__(self, name: str, opened: Any, wanted: Sequence[str]) -> None:
        self.name = name
        self.branches = list(opened.branches)
        self.stored = [branch.name for branch in self.branches]
        names = readable_names(self.stored, wanted)
        self.columns = {
            column: branch for column, branch in zip(names, self.branches, strict=True) if _copyable(branch)
        }
        self.rest = [branch for branch in self.branches if branch not in self.columns.values()]
        self.tree = Tree(
            name,
            int(opened.num_entries),
            tuple(Column(column, column_type(branch)) for column, branch in zip(names, self.branches, strict=True)),
        )

    @property
    def step(self) -> int:
        """Rows that are held at once: a row group, less for trees of more than some 250 columns."""
        width = sum(_width(column.type) for column in self.tree.columns) or 1
        return min(ROW_GROUP, max(1024, _HELD // width))


def _width(kind: str) -> int:
    known = {"float64": 8, "int64": 8, "uint64": 8, "float32": 4, "int32": 4, "uint32": 4, "bool": 1}
    return known.get(kind, 64)


def _copyable(branch: Any) -> bool:
    import uproot

    kind = branch.interpretation
    if len(branch.branches):
        return False
    inner = kind.content if isinstance(kind, uproot.AsJagged) else kind
    return isinstance(inner, uproot.AsDtype | uproot.AsStrings)


def _compare(
    sources: Sequence[_Source], trees: Mapping[str, Sequence[str]], rows: Mapping[str, int], found: _Found
) -> None:
    """Hold what is in the file against what was expected."""
    present = {source.name: source for source in sources}
    for name, columns in trees.items():
        if name not in present:
            found.missing.append(f"tree {name!r} (the file has {', '.join(present) or 'none'})")
            found.near += nearest(name, present)
            continue
        stored = present[name].stored
        for column in columns:
            if encode(column) not in stored:
                found.missing.append(f"column {column!r} of tree {name!r}")
                found.near += nearest(column, (made.name for made in present[name].tree.columns), count=1)
    for name, count in rows.items():
        if name in present and present[name].tree.rows != count:
            found.missing.append(f"rows of tree {name!r}: {present[name].tree.rows} of {count}")


def _read(
    source: _Source, file: BufferedReader, copy: ParquetCopy | None, found: _Found, unwanted: Unwanted | None
) -> None:
    """Read one tree to its end; the copy gets each window as it comes, without the rows that are not wanted."""
    rows = source.tree.rows
    found.damage += [
        f"tree {source.name!r}: branch {branch.name!r} has {branch.num_entries} entries, the tree {rows}"
        for branch in source.branches
        if branch.num_entries != rows
    ]
    try:
        for whole in read_columns(source.columns, rows, file, step=source.step):
            window = whole if unwanted is None else unwanted.without(whole)
            if copy is not None:
                copy.write(window)
        if unwanted is not None:
            source.tree = replace(source.tree, left_out=unwanted.rows)
        for branch in source.rest:
            _read_raw(branch)
    except InvalidInput as error:
        found.damage.append(f"tree {source.name!r}: {error.message}")


def _read_raw(branch: Any) -> None:
    """Unpack every basket of a branch, and of the branches below, that is not copied."""
    try:
        for index in range(branch.num_baskets):
            branch.basket(index)
    except Exception as error:  # what a damaged basket makes uproot raise has no common base
        raise InvalidInput(f"branch {branch.name!r} cannot be read: {type(error).__name__}") from error
    for below in branch.branches:
        _read_raw(below)


def _read_rest(root: Any, found: _Found) -> None:
    """Read what is no ntuple: basf2's own metadata, histograms."""
    for name, kind in root.classnames(recursive=True, cycle=False).items():
        if kind.startswith("TDirectory") or (is_tree(kind) and name != METADATA):
            continue
        try:
            thing = root[name]
            for branch in thing.branches if is_tree(kind) else ():
                _read_raw(branch)
        except InvalidInput as error:
            found.damage.append(f"{name!r}: {error.message}")
        except Exception as error:  # as above
            found.damage.append(f"{name!r} cannot be read: {type(error).__name__}")


def _digest(file: BufferedReader) -> tuple[int, str]:
    adler, digest = 1, hashlib.sha256()
    while block := file.read(_BLOCK):
        adler = zlib.adler32(block, adler)
        digest.update(block)
    return adler, digest.hexdigest()


def _raise(path: Path, found: _Found) -> None:
    said = [printable(text) for text in found.damage]
    missing = [printable(text) for text in found.missing]
    everything = said + [f"missing: {text}" for text in missing]
    if not everything:
        return
    more = f" and {len(everything) - _SHOWN} more" if len(everything) > _SHOWN else ""
    message = f"{path} is {'damaged' if said else 'incomplete'}: {'; '.join(everything[:_SHOWN])}{more}"
    if said:
        findings = tuple(Finding("B2M002", "error", text) for text in everything)
        raise InvalidInput(message, hint="write the file again", findings=findings)
    near = tuple(dict.fromkeys(found.near))
    hint = f"nearest: {', '.join(near)}" if near else "the job did not write everything: read its log"
    raise IncompleteOutput(message, hint=hint, missing=tuple(missing), near=near)
