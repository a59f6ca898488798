"""What to say about inputs, from tables alone: each function looks at one matter and says only what is certain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.found import size
from b2grid.errors import Finding, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

__all__ = ["bare_searches", "in_production", "newer_versions", "smaller_skims", "uncited"]

_WORTH = 0.8  # of the bytes, from which on a skim is no help
_SAME = 0.02  # relative difference of luminosities up to which two collections may hold the same data
_CITE = "a publication must cite a collection"


def newer_versions(used: Iterable[str], known: pa.Table) -> list[Finding]:
    """Collections of which there is a newer version.

    Parameters
    ----------
    used : iterable of str
        Paths of collections.
    known : pyarrow.Table
        ``collection``, ``data_type``, ``name``, ``version`` of all collections.
    """
    rows: dict[str, Any] = {row["collection"]: row for row in known.to_pylist()}
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows.values():
        family = (row["data_type"], row["name"])
        if family not in newest or row["version"] > newest[family]["version"]:
            newest[family] = row
    found = []
    for path in sorted(set(used) & rows.keys()):
        latest = newest[rows[path]["data_type"], rows[path]["name"]]
        if latest["version"] > rows[path]["version"]:
            said = f"there is a newer version of {printable(path)}: {printable(latest['collection'])}"
            found.append(
                Finding("B2C050", "note", said, "a collection never changes: look at what differs, and choose")
            )
    return found


def uncited(files: pa.Table, totals: Mapping[str, int], holders: pa.Table) -> list[Finding]:
    """Whole datasets that were given by themselves although a collection holds them.

    Single files of a dataset are no finding: somebody tries something.

    Parameters
    ----------
    files : pyarrow.Table
        ``sample``, ``dataset``, ``collection`` of every input file.
    totals : mapping of str to int
        How many files each dataset has.
    holders : pyarrow.Table
        ``collection`` and ``dataset``: which collections hold these datasets.
    """
    bare = files.filter(files["collection"].is_null())
    counts: list[Any] = bare.group_by(["sample", "dataset"]).aggregate([([], "count_all")]).to_pylist()
    holding: dict[str, list[str]] = {}
    for row in holders.to_pylist():
        holding.setdefault(row["dataset"], []).append(row["collection"])
    by_choice: dict[tuple[str, str], list[str]] = {}
    for row in counts:
        if row["dataset"] in holding and row["count_all"] == totals.get(row["dataset"]):
            best = max(holding[row["dataset"]], key=_version)
            by_choice.setdefault((row["sample"], best), []).append(row["dataset"])
    found = []
    for (sample, collection), datasets in sorted(by_choice.items()):
        what = datasets[0] if len(datasets) == 1 else f"{len(datasets)} datasets"
        said = f"sample '{sample}' has {what}, which {collection} holds: {_CITE}"
        found.append(Finding("B2C052", "warning", printable(said), f"give {printable(collection)} instead"))
    return found


def _version(collection: str) -> tuple[int, str]:
    digits = collection.rpartition("_v")[2]
    return (int(digits) if digits.isdigit() else 0), collection


def bare_searches(searches: Iterable[tuple[str, str]]) -> list[Finding]:
    """Samples that come from a search: (sample, the search)."""
    return [
        Finding(
            "B2C054",
            "warning",
            printable(f"sample '{sample}' is what a {search} finds today: {_CITE}"),
            "news() says what came since; use a collection when there is one",
        )
        for sample, search in searches
    ]


def in_production(files: pa.Table, datasets: pa.Table) -> list[Finding]:
    """Samples with datasets that are still in production."""
    status: Any = pc.is_in(pc.utf8_lower(datasets["status"]), value_set=pa.array(["in production"]))
    unfinished = datasets.filter(status)["dataset"]
    chosen = files.filter(pc.is_in(files["dataset"], value_set=unfinished))
    found = []
    for row in _sorted(chosen.group_by("sample").aggregate([("dataset", "count_distinct")]), "sample"):
        count = row["dataset_count_distinct"]
        said = (
            f"sample '{row['sample']}' has {count} dataset{'s' * (count != 1)} in production, which will grow: {_CITE}"
        )
        found.append(Finding("B2C055", "warning", printable(said), "news() says what came since"))
    return found


def _sorted(table: pa.Table, column: str) -> list[Any]:
    rows: list[Any] = table.sort_by(column).to_pylist()
    return rows


def smaller_skims(
    used: Iterable[str],
    profiles: pa.Table,
    names: Mapping[str, str] | None = None,
    efficiencies: pd.DataFrame | None = None,
) -> list[Finding]:
    """Skims of the same data, which take less reading than the collections that are used.

    The same data: of the same type and campaigns, experiments, beam energies and simulated events, and, where both
    are known, of the same luminosity within two per cent.

    Parameters
    ----------
    used : iterable of str
        Paths of collections.
    profiles : pyarrow.Table
        One row per collection: ``collection``, ``data_type``, ``name``, ``version``, ``int_luminosity``,
        ``campaigns``, ``energies``, ``mc_events``, ``general_skims``, ``skim_decays`` (sorted lists of what its
        datasets have), ``files``, ``bytes``.
    names : mapping of str to str, optional
        The names of skims by their codes.
    efficiencies : pandas.DataFrame, optional
        What `Project.skim_efficiencies` measured.
    """
    rows: dict[str, Any] = {row["collection"]: row for row in profiles.to_pylist()}
    newest = {(row["data_type"], row["name"]): row for row in sorted(rows.values(), key=lambda row: row["version"])}
    found = []
    for path in sorted(set(used) & rows.keys()):
        whole = rows[path]
        skims = [row for row in newest.values() if _is_skim_of(row, whole)]
        for general in (True, False):
            chosen = [row for row in skims if (not row["skim_decays"]) == general]
            if chosen:
                found.append(_skim_note(whole, chosen, dict(names or {}), _measured(efficiencies)))
    return found


def _is_skim_of(row: Mapping[str, Any], whole: Mapping[str, Any]) -> bool:
    same = ("data_type", "campaigns", "energies", "mc_events")
    if any(row[name] != whole[name] for name in same) or whole["skim_decays"] or not whole["campaigns"]:
        return False
    if not (row["skim_decays"] or (row["general_skims"] and not whole["general_skims"])):
        return False
    values = (row["int_luminosity"], whole["int_luminosity"])
    if None not in values and abs(values[0] - values[1]) > _SAME * max(values):
        return False
    sizes = (row["bytes"], whole["bytes"])
    return None not in sizes and 0 < sizes[0] < _WORTH * sizes[1]


def _measured(efficiencies: pd.DataFrame | None) -> dict[str, list[Any]]:
    if efficiencies is None:
        return {}
    made: dict[str, list[Any]] = {}
    for row in efficiencies.to_dict("records"):
        made.setdefault(str(row["skim"]), []).append(row)
    return made


def _skim_note(
    whole: Mapping[str, Any], skims: list[Any], names: Mapping[str, str], measured: Mapping[str, list[Any]]
) -> Finding:
    """One note for all skims of one kind, those that were measured and keep most first, then the smallest."""

    def kept(row: Mapping[str, Any]) -> list[Any]:
        codes: list[str] = [*row["skim_decays"], *row["general_skims"]]
        return [one for code in codes for one in measured.get(names.get(code, code), measured.get(code, []))]

    def rank(row: Mapping[str, Any]) -> tuple[float, int, str]:
        worst = min((one["efficiency"] for one in kept(row)), default=-1.0)
        return -worst, row["bytes"], row["collection"]

    first, *others = sorted(skims, key=rank)
    what = " ".join(names.get(code, code) for code in (first["skim_decays"] or first["general_skims"]))
    files = f"{first['files']:,} file{'s' * (first['files'] != 1)}"
    said = (
        f"{first['collection']} is the skim {what} of the same campaign, experiments and energies as "
        f"{whole['collection']}: {files} and {size(first['bytes'])} instead of {whole['files']:,} and "
        f"{size(whole['bytes'])}"
    )
    if others:
        said += f" (and {len(others)} other skims)"
    values = [
        f"it keeps {100 * one['efficiency']:.1f} % of sample '{one['sample']}' "
        f"({100 * one['low']:.1f} to {100 * one['high']:.1f})"
        for one in kept(first)
    ]
    hint = "; ".join(values) if values else "only if it keeps the signal: skim_efficiencies() measures that"
    if not values and what == "hadron":
        hint += "; tau and low-multiplicity signals are lost"
    return Finding("B2C051", "note", printable(said), printable(hint))
