"""Files that are added, against those that a catalogue has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from b2grid.catalogue.model import FILES
from b2grid.catalogue.sources.known import PAIRS, known
from b2grid.catalogue.writing.rows import completed_files, counted

if TYPE_CHECKING:
    from b2grid.catalogue.store import Catalogue
    from b2grid.errors import Finding

__all__ = ["compared"]

#: Its stubs do not know that a text stands for a scalar.
pc: Any = pyarrow.compute

_OTHER = "the content of a file does not change: give the new one another LFN"
_PLACES = ["pfn", "replicas"]
_CONTENT = [name for name in FILES.names if name not in {"lfn", *_PLACES}]
_BATCH = 131_072  # files that are compared at a time


def compared(catalogue: Catalogue, new: pa.Table) -> tuple[pa.Table, pa.Table, list[Finding]]:
    """The files that are not known, those of which more is known now, and those with other content.

    Compared is what is `known`, on both sides: what only paths say is never other content, and changes nothing.
    """
    # all of the text of queries is made below
    query = f"SELECT n.lfn AS lfn, {_SAYS_MORE} AS more FROM files f JOIN n USING (lfn)"  # noqa: S608
    there = catalogue.arrow(query, n=new)
    fresh = new.filter(pc.invert(pc.is_in(new["lfn"], there["lfn"].combine_chunks())))
    again = new.filter(pc.is_in(new["lfn"], there.filter(there["more"])["lfn"].combine_chunks())).cast(FILES)
    mended, others = [FILES.empty_table()], []
    for start in range(0, len(again), _BATCH):
        richer, differing = _joined(catalogue, again.slice(start, _BATCH))
        mended.append(richer)
        others += differing
    findings = counted("B2C004", "file is known with other content", sorted(others), _OTHER)
    return completed_files(fresh), completed_files(pa.concat_tables(mended)), findings


def _joined(catalogue: Catalogue, ours: pa.Table) -> tuple[pa.Table, list[str]]:
    """The files of which more is known, as they are then, and those with other content, with the columns."""
    theirs = catalogue.arrow("FROM files SEMI JOIN ours USING (lfn)", ours=ours.select(["lfn"])).cast(FILES)
    theirs, ours = _with_known(theirs), _with_known(ours)
    query = f"SELECT n.lfn AS lfn, {_OTHERS} AS other, {_MORE} AS more FROM f JOIN n USING (lfn)"  # noqa: S608
    found = catalogue.arrow(query, f=theirs, n=ours)
    same: Any = pc.equal(found["other"], pa.scalar(""))
    differing = found.filter(pc.invert(same))
    named = pc.binary_join_element_wise(differing["lfn"], " (", differing["other"], ")", "").to_pylist()
    richer = found.filter(pc.and_(found["more"], same)).select(["lfn"])
    if not len(richer):
        return FILES.empty_table(), named
    query = f"SELECT {_MERGED} FROM f JOIN n USING (lfn) SEMI JOIN richer USING (lfn)"  # noqa: S608
    return catalogue.arrow(query, f=theirs, n=ours, richer=richer).cast(FILES), named


def _with_known(files: pa.Table) -> pa.Table:
    """Files, with what is known of them in further columns."""
    facts = known(files)
    columns: dict[str, Any] = {name: files[name] for name in files.column_names}
    return pa.table(columns | {f"known_{name}": facts[name] for name in facts.column_names})


def _other(name: str) -> str:
    differ = f"n.known_{name} <> f.known_{name}"
    return f"CASE WHEN {differ}{f' OR n.known_{PAIRS} <> f.known_{PAIRS}' * (name == 'runs')} THEN '{name}' END"


def _merged(name: str) -> str:
    """What a column is with both: what is known, or else as it was, or else what the path says."""
    both = f"n.known_{name}, f.known_{name}"
    if name in {"lfn", "replicas"}:
        return f"coalesce(n.{name}, f.{name})"
    if name == "pfn":
        return "CASE WHEN n.pfn <> n.lfn THEN n.pfn ELSE f.pfn END"
    if name == "runs":
        return f"coalesce({both}, n.known_{PAIRS}, f.known_{PAIRS}, f.runs, n.runs)"
    if name in {"run_low", "run_high"}:  # of the runs, if these are known
        sides = " ".join(f"WHEN {side}.known_{PAIRS} IS NOT NULL THEN {side}.{name}" for side in "nf")
        return f"CASE {sides} ELSE coalesce({both}, f.{name}, n.{name}) END"
    blank = "nullif(n.{0}, '')" if FILES.field(name).type == pa.string() else "n.{0}"
    return f"coalesce({both}, f.{name}, {blank.format(name)})"


def _says(name: str) -> str:
    """Whether a new row has a value, and another one."""
    return f"(n.{name} IS NOT NULL AND n.{name} IS DISTINCT FROM f.{name}{' AND n.pfn <> n.lfn' * (name == 'pfn')})"


_SAYS_MORE = " OR ".join(map(_says, [*_CONTENT, *_PLACES]))
_OTHERS = f"concat_ws(', ', {', '.join(map(_other, _CONTENT))})"
_MORE = " OR ".join(f"{_merged(name)} IS DISTINCT FROM f.{name}" for name in [*_CONTENT, *_PLACES])
_MERGED = ", ".join(f"{_merged(name)} AS {name}" for name in FILES.names)
