"""One tree, as the published files of all jobs hold it: which files, and reading one of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import IncompleteOutput, InvalidInput, nearest, printable
from b2grid.ntuple import checksums, decode, sub_folder
from b2grid.ntuple.baskets import read_columns, readable_names
from b2grid.ntuple.parquet import KEY
from b2grid.ntuple.rootfile import open_regular, open_root

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import pandas as pd
    import pyarrow as pa

    from b2grid.outputs.index import Index
    from b2grid.planning import Plan

__all__ = ["Piece", "known_columns", "located", "pick", "pieces_of", "read_piece", "stem_of"]


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows of one tree that one job published.

    Parameters
    ----------
    columns : tuple of str
        Readable names, in the order of the file.
    types : tuple of str
        As the manifest names them.
    bad_runs : frozenset of (experiment, run)
        Runs in the job's inputs whose events are not wanted.
    left_out : int
        Rows of these runs that are in the ROOT file and not in the Parquet copy.
    """

    job: int
    sample: str
    nonce: str
    key: str
    file: str
    bytes: int
    sha256: str
    tree: str
    rows: int
    columns: tuple[str, ...]
    types: tuple[str, ...]
    copy: str | None
    copy_bytes: int | None
    bad_runs: frozenset[tuple[int, int]] = frozenset()
    left_out: int = 0


def stem_of(file: str, job: int) -> str:
    """The name that the steering gave the file of an output.

    >>> stem_of("ntuple_job12.root", 12)
    'ntuple'
    """
    return file.removesuffix(".root").removesuffix(f"_job{job}")


def located(output: Path, job: int, nonce: str, file: str) -> Path | None:
    """Where a published file is: in its folder or, while publishing is being completed, in the staging."""
    staging = output / ".staging"
    for folder in (output / sub_folder(job), staging / nonce, staging / f"{nonce}.taken"):
        if (folder / file).is_file():
            return folder / file
    return None


def pieces_of(index: Index, plan: Plan, states: pd.DataFrame, tree: str) -> list[Piece]:
    """The files that hold a tree, of the jobs that are done, in the order of the jobs.

    Parameters
    ----------
    tree : str
        Its name; where two files of a job have a tree of this name, ``file:tree``.

    Raises
    ------
    IncompleteOutput
        If no output has this tree; with the nearest names.
    InvalidInput
        If more than one file of a job has it.
    """
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pa.compute
    done = states[states["state"] == "done"]
    stem, name = _split(tree, index, plan)
    rows = index.trees.filter(pc.equal(index.trees["tree"], name))
    records: list[dict[str, Any]] = rows.to_pylist()
    if stem is not None:
        records = [row for row in records if stem_of(row["file"], row["job"]) == stem]
    published = {row["file"]: row for row in index.files.to_pylist()}
    jobs: dict[int, Any] = {row.job: row for row in done.itertuples()}  # type: ignore[misc]
    columns: list[list[Any]] = [index.jobs[name].to_pylist() for name in ("job", "key")]
    keys = dict(zip(*columns, strict=True))
    bad = plan.bad_runs
    made = [
        Piece(
            row["job"],
            jobs[row["job"]].sample,
            jobs[row["job"]].nonce,
            keys[row["job"]],
            row["file"],
            published[row["file"]]["bytes"],
            published[row["file"]]["sha256"],
            name,
            row["rows"],
            tuple(row["columns"]),
            tuple(row["types"]),
            row["copy"],
            row["copy_bytes"],
            bad.get(row["job"], frozenset()),
            row["left_out"] or 0,
        )
        for row in records
        if row["job"] in jobs
    ]
    made.sort(key=lambda piece: (piece.job, piece.file))
    for pair in pairwise(made):
        if pair[0].job == pair[1].job:
            names = ", ".join(f"{stem_of(piece.file, piece.job)}:{name}" for piece in pair)
            raise InvalidInput(f"tree {printable(tree)!r} is in several files", hint=f"name one: {names}")
    return made


def known_columns(pieces: Iterable[Piece], plan: Plan, tree: str) -> list[str]:
    """All columns of a tree: as the files have them, then as the recipe expects them."""
    found: dict[str, None] = {}
    for columns in dict.fromkeys(piece.columns for piece in pieces):
        found |= dict.fromkeys(columns)
    if not found:
        for trees in plan.spec.get("outputs", {}).values():
            found |= dict.fromkeys(trees.get(tree.rpartition(":")[2], ()))
    return list(found)


def pick(columns: str | Sequence[str] | None, known: Sequence[str], tree: str) -> list[str]:
    """The columns that were asked for; a name as ROOT stores it is understood too.

    Raises
    ------
    IncompleteOutput
        If some are not there: all of them, with the nearest names.
    """
    if columns is None:
        return list(known)
    asked = [columns] if isinstance(columns, str) else list(columns)
    there = set(known)
    squeezed = {"".join(name.split()): name for name in known}
    found: dict[str, None] = {}
    unknown = []
    for name in asked:
        match = next((n for n in (name, decode(name)) if n in there), squeezed.get("".join(name.split())))
        if match is None:
            unknown.append(name)
        else:
            found[match] = None
    if unknown:
        near = tuple(dict.fromkeys(near for name in unknown for near in nearest(name, known)))
        raise IncompleteOutput(
            f"tree {printable(tree)!r} has no column {', '.join(repr(printable(name)) for name in unknown)}",
            hint=f"nearest: {', '.join(near)}" if near else "leave columns out to see all",
            missing=tuple(unknown),
            near=near,
        )
    return list(found)


def read_piece(output: Path, piece: Piece, columns: Collection[str]) -> pa.Table:
    """Read some columns of one piece: of the Parquet copy, or of the ROOT file where the copy does not do.

    Columns that the piece does not have are left out.

    Raises
    ------
    InvalidInput
        If neither can be read, or they are not what was published.
    """
    wanted = [name for name in piece.columns if name in columns]
    if piece.copy is not None:
        table = _read_copy(output, piece, wanted)
        if table is not None:
            return table
    return _read_root(output, piece, wanted)


def _read_copy(output: Path, piece: Piece, wanted: list[str]) -> pa.Table | None:
    """Read the Parquet copy; nothing if it is not there, damaged, or another execution's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = located(output, piece.job, piece.nonce, str(piece.copy))
    if path is None or path.is_symlink():
        return None
    try:
        if path.stat().st_size != piece.copy_bytes:
            return None
        with pq.ParquetFile(path, memory_map=True, page_checksum_verification=True) as file:
            key = (file.schema_arrow.metadata or {}).get(KEY, b"").decode(errors="replace")
            if key not in {"", piece.key} or file.metadata.num_rows != piece.rows - piece.left_out:
                return None
            if not set(wanted) <= set(file.schema_arrow.names):  # what the copy cannot hold
                return None
            return file.read(columns=wanted, use_threads=False)
    except (OSError, pa.ArrowException):
        return None


def _read_root(output: Path, piece: Piece, wanted: list[str]) -> pa.Table:
    import pyarrow as pa

    path = located(output, piece.job, piece.nonce, piece.file)
    if path is None:
        raise InvalidInput(
            f"{output / sub_folder(piece.job) / piece.file} is not there",
            hint="it was published: look for it, or run the job again",
        )
    if checksums(path)[1] != piece.sha256:
        raise InvalidInput(
            f"{path} does not match its checksum: it changed after it was published",
            hint="restore it, or run the job again",
        )
    with open_regular(path) as file, open_root(path, opened=file) as root:
        tree = root[piece.tree]
        names = readable_names((branch.name for branch in tree.branches), piece.columns)
        branches = {name: branch for name, branch in zip(names, tree.branches, strict=True) if name in wanted}
        windows = read_columns(branches, piece.rows, file, step=max(1, piece.rows))
        return pa.concat_tables([pa.table(window) for window in windows])


def _split(tree: str, index: Index, plan: Plan) -> tuple[str | None, str]:
    """A tree's name and, if it was given, the stem of its file."""
    known: dict[str, None] = {name: None for trees in plan.spec.get("outputs", {}).values() for name in trees}
    present: list[Any] = index.trees["tree"].unique().to_pylist()
    known |= dict.fromkeys(present)
    if tree in known:
        return None, tree
    file, _, name = tree.rpartition(":")
    if file and name in known:
        stem = Path(file).name.removesuffix(".root")
        return stem, name
    near = tuple(nearest(tree, known))
    said = f"nearest: {', '.join(near)}" if near else f"trees: {', '.join(map(printable, known)) or 'none'}"
    raise IncompleteOutput(
        f"project {printable(plan.project)} has no tree {printable(tree)!r}", hint=said, missing=(tree,), near=near
    )
