"""Asking a catalogue: the queries of a search, of collections, and of what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from b2grid.catalogue.found import Found
from b2grid.catalogue.searching.remarks import remarks, unmatched
from b2grid.catalogue.searching.search import TERMS, Condition, conditions, nearest_values, select
from b2grid.names import Skim, split_lfn

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ask", "collections", "search", "totals"]

#: A query and what fills its question marks, to its answer.
Ask = Callable[[str, Sequence[Any]], pa.Table]

_LISTED = 20  # values of a term that are looked for one by one
#: A sum of which a part is not known is not known, as in the totals of datasets.
_SUMS = ", ".join(
    f"CASE WHEN count({name}) = count(*) THEN sum({name})::BIGINT END AS {name}"
    for name in ("files", "bytes", "events")
)


def search(ask: Ask, terms: Mapping[str, Any]) -> Found:
    """The datasets that match all terms, and what there is to say about them; see `Catalogue.search`."""
    own = _own_skims(ask) if terms.get("skim_decay") is not None else []
    chosen = conditions(terms, own)
    table = ask(*select(chosen))
    if len(table):
        lost = [(one, _near(ask, one, own)) for one in _listed(chosen, own) if _blocks(ask, one)]
        return Found(table, (*remarks(chosen, table, {}), *unmatched(lost)), dict(terms))
    unknown = ask("SELECT count(*) AS n FROM datasets WHERE data_type = 'other'", ())["n"][0].as_py()
    blocking = {condition.term: _near(ask, condition, own) for condition in chosen if _blocks(ask, condition)}
    return Found(table, tuple(remarks(chosen, table, blocking, unknown)), dict(terms))


def _own_skims(ask: Ask) -> list[Skim]:
    """The skims that the catalogue itself says something about."""
    rows = ask('SELECT skim, code, "group", combined FROM skims ORDER BY skim', ()).to_pylist()
    return [Skim(row["skim"], row["code"], row["group"] or "", row["combined"]) for row in rows]


def _listed(chosen: Sequence[Condition], own: Sequence[Skim]) -> list[Condition]:
    """The values of short lists, each as a condition of its own."""
    lists = [condition for condition in chosen if 1 < len(condition.values) <= _LISTED]
    alone = [{condition.term: value} for condition in lists for value in condition.values]  # noqa: PD011
    return [one for terms in alone for one in conditions(terms, own)]


def _blocks(ask: Ask, condition: Condition) -> bool:
    """Whether a term matches nothing even alone."""
    return not len(ask(*select([condition], "1 AS one", "LIMIT 1")))


def _near(ask: Ask, condition: Condition, own: Sequence[Skim]) -> list[str]:
    column = TERMS[condition.term][0]
    known = ask(f"SELECT DISTINCT {column} FROM datasets ORDER BY {column}", ())[column].to_pylist()  # noqa: S608
    return nearest_values(condition, [value for value in known if value is not None], own)


def collections(ask: Ask, pattern: str) -> pd.DataFrame:
    """The collections that match a pattern, with what they hold; see `Catalogue.collections`."""
    table = ask(
        f"""
        WITH held AS (SELECT collection, unnest(datasets) AS dataset FROM collections),
        totals AS (SELECT collection, {_SUMS} FROM held JOIN datasets USING (dataset) GROUP BY ALL)
        SELECT c.* REPLACE (len(c.datasets) AS datasets), files, bytes, events
        FROM collections c LEFT JOIN totals USING (collection) ORDER BY collection
        """,  # noqa: S608
        (),
    )
    wanted = pattern.lower()
    texts = (str(path).lower() for path in table["collection"].to_pylist())
    keep = [fnmatchcase(text if "/" in wanted else text.rsplit("/", 1)[1], wanted) for text in texts]
    import pandas as pd

    # counts are whole numbers, also where some are not known
    return table.filter(pa.array(keep, pa.bool_())).to_pandas(
        types_mapper=lambda kind: pd.Int64Dtype() if kind == pa.int64() else None
    )


def totals(ask: Ask, paths: Iterable[str]) -> dict[str, int | None]:
    """The files, bytes and events of datasets (or datablocks); see `Catalogue.totals`."""
    places = [(path, *split_lfn(f"{path}/")[:2]) for path in paths]
    whole = [path for path, _, block in places if block is None]
    parts = "SELECT files, bytes, events FROM datasets WHERE dataset IN (SELECT unnest(?::VARCHAR[]))"
    if len(whole) == len(places):
        row = ask(f"SELECT {_SUMS} FROM ({parts})", [whole])  # noqa: S608
        return dict(row.to_pylist()[0])
    blocks = [(above, path) for path, above, block in places if block is not None]
    parts += """
        UNION ALL SELECT 1, bytes, events FROM files WHERE dataset IN (SELECT unnest(?::VARCHAR[]))
        AND dataset || '/' || datablock IN (SELECT unnest(?::VARCHAR[]))
    """
    row = ask(f"SELECT {_SUMS} FROM ({parts})", [whole, *map(list, zip(*blocks, strict=True))])  # noqa: S608
    return dict(row.to_pylist()[0])
