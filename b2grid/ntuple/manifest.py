"""The manifest: what one attempt of a job published, and the commit of that publication.

A manifest is linked into place once and never changed. It names files without folders: the outputs of a job
and their Parquet copies are side by side in the job's folder (`sub_folder`), so that a manifest cannot point
elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, Literal

from b2grid.ntuple.reading import Problems, Shape, parse

__all__ = [
    "FORMAT",
    "Column",
    "Copy",
    "Input",
    "Manifest",
    "Output",
    "Tree",
    "adler32_text",
    "manifest_key",
    "parse_adler32",
    "sub_folder",
]

FORMAT = 1
_FILES_PER_FOLDER = 1000


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its readable name, and its type as numpy names it, or ``string``."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree: its rows, and its columns in the order of the file.

    Parameters
    ----------
    left_out : int or None
        How many of the rows are of runs that are not wanted; the Parquet copy does not have them. `None` where no
        run of the job is left out, or where the tree does not say of which run a row is.
    """

    name: str
    rows: int
    columns: tuple[Column, ...] = ()
    left_out: int | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """The Parquet copy of one tree."""

    file: str
    tree: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Output:
    """One published ROOT file, as its verification saw it.

    Parameters
    ----------
    file : str
        The published name, ``<stem>_job<ID>.root``, without a folder.
    bytes : int
    adler32 : int
        A number, so that leading zeros never matter.
    sha256 : str
        64 hexadecimal digits.
    """

    file: str
    bytes: int
    adler32: int
    sha256: str
    trees: tuple[Tree, ...] = ()
    copies: tuple[Copy, ...] = ()

    def tree(self, name: str) -> Tree | None:
        """The tree of this name, if the file has it."""
        return next((tree for tree in self.trees if tree.name == name), None)

    def copy(self, tree: str) -> Copy | None:
        """The Parquet copy of this tree, if there is one."""
        return next((copy for copy in self.copies if copy.tree == tree), None)


@dataclass(frozen=True, slots=True)
class Input:
    """One input file of the job, and the events that the catalogue says it has."""

    lfn: str
    events_expected: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one attempt published (``kind="result"``), or that the job must not publish any more (``"void"``).

    Parameters
    ----------
    attempt : int
        From 1 on; 0 in a void that no attempt made.
    nonce : str
        The execution that wrote this; another execution of the same attempt has another.
    events_processed : int or None
        The job's own account; `None` where the runner gives none.
    times : dict of str to float
        Seconds: ``started``, ``ended`` (since the epoch), ``walltime``, ``cpu_time``, and others.
    reason : str
        Why a job was voided.
    """

    project_id: str
    job: int
    attempt: int
    nonce: str
    kind: Literal["result", "void"] = "result"
    plan_revision: int = 1
    sample: str = ""
    inputs: tuple[Input, ...] = ()
    events_processed: int | None = None
    steering_sha256: str = ""
    runner: str = ""
    release: str | None = None
    seed: str = ""
    host: str = ""
    times: dict[str, float] = field(default_factory=dict, hash=False)
    outputs: tuple[Output, ...] = ()
    reason: str = ""

    @property
    def key(self) -> str:
        """What the Parquet copies carry to say whose they are."""
        return manifest_key(self.project_id, self.job, self.attempt, self.nonce)

    @property
    def facts(self) -> dict[str, Any]:
        """What a table of jobs shows of the attempt that published."""
        return {**self.times, "host": self.host, "events": self.events_processed}

    def to_json(self) -> str:
        """The manifest as a JSON text; `from_json` reads it back equal."""
        return json.dumps({"format": FORMAT, **_plain(self)}, default=_plain, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, where: str = "manifest") -> Manifest:
        """Read and validate; nothing that is not in the format is taken.

        Raises
        ------
        InvalidInput
            If the text is not JSON, its format is newer than this program's, or it is not a manifest: with
            every problem as a finding.
        """
        manifest: Manifest = parse(text, _MANIFEST, where=where, format_known=FORMAT)
        return manifest


def _plain(value: Any) -> dict[str, Any]:
    """The fields of one part of a manifest, as JSON has them; one level, for `asdict` copies all that is below."""
    document = {name: getattr(value, name) for name in _FIELDS[type(value)]}
    if isinstance(value, Output):
        document["adler32"] = adler32_text(value.adler32)
    if isinstance(value, Tree) and value.left_out is None:
        del document["left_out"]
    return document


_PARTS: tuple[type[Any], ...] = (Column, Tree, Copy, Output, Input, Manifest)
_FIELDS = {part: tuple(each.name for each in fields(part)) for part in _PARTS}


def adler32_text(value: int) -> str:
    """Eight hexadecimal digits, as basf2 and the file catalogues write it.

    >>> adler32_text(0x1b2c3d)
    '001b2c3d'
    """
    return f"{value:08x}"


def parse_adler32(text: str) -> int:
    """The number behind the digits, with or without leading zeros.

    >>> parse_adler32("1B2C3D") == parse_adler32("001b2c3d")
    True
    """
    return int(text, 16)


def manifest_key(project_id: str, job: int, attempt: int, nonce: str) -> str:
    """The key of one execution, as the Parquet copies carry it.

    >>> manifest_key("p1", 12, 1, "ab")
    'p1:12:1:ab'
    """
    return f"{project_id}:{job}:{attempt}:{nonce}"


def sub_folder(job: int) -> str:
    """The folder of a job's files and manifest: at most 1000 jobs each, as datablocks are.

    >>> sub_folder(1000), sub_folder(1001)
    ('sub00', 'sub01')
    """
    return f"sub{(job - 1) // _FILES_PER_FOLDER:02d}"


def _one_each(items: tuple[Any, ...], attribute: str, where: str, problems: Problems) -> None:
    seen: set[str] = set()
    for item in items:
        name = getattr(item, attribute)
        if name in seen:
            problems.add(where, f"{attribute} {name!r} occurs twice")
        seen.add(name)


def _check_output(output: Output, where: str, problems: Problems) -> None:
    _one_each(output.trees, "name", f"{where}.trees", problems)
    _one_each(output.copies, "tree", f"{where}.copies", problems)
    for copy in output.copies:
        if output.tree(copy.tree) is None:
            problems.add(f"{where}.copies", f"a copy of tree {copy.tree!r}, which the file does not have")


def _check_tree(tree: Tree, where: str, problems: Problems) -> None:
    if (tree.left_out or 0) > tree.rows:
        problems.add(f"{where}.left_out", f"{tree.left_out} of {tree.rows} rows")


def _check_manifest(manifest: Manifest, where: str, problems: Problems) -> None:
    _one_each(manifest.outputs, "file", f"{where}.outputs", problems)
    _one_each(manifest.inputs, "lfn", f"{where}.inputs", problems)
    if manifest.kind == "void" and manifest.outputs:
        problems.add(f"{where}.outputs", "a void manifest has no outputs")
    if manifest.kind == "result" and manifest.attempt < 1:
        problems.add(f"{where}.attempt", "a result comes from attempt 1 or later")


_COLUMN = Shape(Column, {"name": Shape.text(1), "type": Shape.text(1, 40)})
_EACH_COLUMN = Shape.list_of(_COLUMN)


@lru_cache(maxsize=100_000)
def _column(name: str, kind: str) -> Column:
    """One value for the same column of all jobs' trees; what is not a column is refused with a `KeyError`."""
    problems = Problems()
    column: Column = _COLUMN({"name": name, "type": kind}, "", problems)
    if problems.found:
        raise KeyError(name)
    return column


def _columns(value: Any, where: str, problems: Problems) -> Any:
    """A tree's columns: there are thousands of equal ones, and reading them is most of reading a manifest."""
    if not isinstance(value, list):
        return _EACH_COLUMN(value, where, problems)
    try:
        made = tuple(_column(item["name"], item["type"]) for item in value)
    except (KeyError, TypeError):  # say what is wrong
        return _EACH_COLUMN(value, where, problems)
    return made if sum(map(len, value)) == 2 * len(value) else _EACH_COLUMN(value, where, problems)


_TREE = Shape(
    Tree,
    {"name": Shape.text(1), "rows": Shape.count(), "columns": _columns, "left_out": Shape.count()},
    also=_check_tree,
    may_lack=("left_out",),
)
_COPY = Shape(
    Copy, {"file": Shape.file_name(), "tree": Shape.text(1), "bytes": Shape.count(), "sha256": Shape.digits(64)}
)
_OUTPUT = Shape(
    Output,
    {
        "file": Shape.file_name(),
        "bytes": Shape.count(),
        "adler32": Shape.digits(1, 8, convert=parse_adler32),
        "sha256": Shape.digits(64),
        "trees": Shape.list_of(_TREE),
        "copies": Shape.list_of(_COPY),
    },
    also=_check_output,
)
_INPUT = Shape(Input, {"lfn": Shape.text(1), "events_expected": Shape.optional(Shape.count())})
_MANIFEST = Shape(
    Manifest,
    {
        "project_id": Shape.text(1, 200),
        "job": Shape.count(1),
        "attempt": Shape.count(),
        "nonce": Shape.text(1, 200),
        "kind": Shape.one_of("result", "void"),
        "plan_revision": Shape.count(1),
        "sample": Shape.text(),
        "inputs": Shape.list_of(_INPUT),
        "events_processed": Shape.optional(Shape.count()),
        "steering_sha256": Shape.text(0, 64),
        "runner": Shape.text(),
        "release": Shape.optional(Shape.text()),
        "seed": Shape.text(),
        "host": Shape.text(),
        "times": Shape.numbers(),
        "outputs": Shape.list_of(_OUTPUT),
        "reason": Shape.text(),
    },
    also=_check_manifest,
)
