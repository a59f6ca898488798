"""What is in a ROOT file, without reading its baskets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from b2grid.errors import printable
from b2grid.html import Html, table
from b2grid.ntuple.baskets import column_type, duplicated, is_tree, readable_names
from b2grid.ntuple.filemetadata import TREE as METADATA
from b2grid.ntuple.manifest import Column
from b2grid.ntuple.rootfile import open_root

__all__ = ["FileContents", "TreeContents", "inspect_file"]


@dataclass(frozen=True, slots=True)
class TreeContents:
    """One tree.

    Parameters
    ----------
    bytes : int
        Compressed size of its baskets in the file.
    duplicates : tuple of str
        Branch names that occur more than once.
    """

    name: str
    rows: int
    columns: tuple[Column, ...]
    bytes: int
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileContents:
    """The trees of one file, without basf2's `persistent`, and its size in bytes."""

    path: str
    bytes: int
    trees: tuple[TreeContents, ...] = ()

    def tree(self, name: str) -> TreeContents | None:
        """The tree of this name, if the file has it."""
        return next((tree for tree in self.trees if tree.name == name), None)

    def __str__(self) -> str:
        lines = [f"{printable(self.path)}: {self.bytes} bytes"]
        for tree in self.trees:
            twice = f"; twice: {', '.join(tree.duplicates)}" if tree.duplicates else ""
            lines.append(
                printable(f"  {tree.name}: {tree.rows} rows, {len(tree.columns)} columns, {tree.bytes} bytes{twice}")
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            (tree.name, tree.rows, len(tree.columns), tree.bytes, ", ".join(tree.duplicates)) for tree in self.trees
        ]
        made: Html = table(
            ["tree", "rows", "columns", "bytes", "twice"],
            rows,
            numeric=(1, 2, 3),
            caption=f"{self.path}: {self.bytes} bytes",
        )
        return str(made)


def inspect_file(path: str | Path) -> FileContents:
    """List the trees, rows and columns of a ROOT file, with their sizes.

    Opening a damaged file can look fine: only `verify` reads the baskets.

    Raises
    ------
    InvalidInput
        If there is no such file, it is not a ROOT file, or it is cut short.
    """
    with open_root(path) as file:
        trees = tuple(_contents(name, file[name]) for name in tree_names(file))
        return FileContents(str(path), _size(path, file), trees)


def tree_names(file: Any) -> list[str]:
    """The names of the trees in an open file; basf2's metadata are not one of them."""
    classes = file.classnames(recursive=True, cycle=False)
    return [name for name, kind in classes.items() if is_tree(kind) and name != METADATA]


def _contents(name: str, tree: Any) -> TreeContents:
    branches = [branch.name for branch in tree.branches]
    columns = tuple(
        Column(column, column_type(branch))
        for column, branch in zip(readable_names(branches), tree.branches, strict=True)
    )
    rows, size = int(tree.num_entries), int(tree.compressed_bytes)
    return TreeContents(name, rows, columns, size, duplicated(branches))


def _size(path: str | Path, file: Any) -> int:
    return int(file.file.source.num_bytes) if "://" in str(path) else Path(path).stat().st_size
