"""Asking the catalogue for what advice is given from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.taking.advice import bare_searches, in_production, newer_versions, smaller_skims, uncited
from b2grid.catalogue.taking.overlaps import odd_files, processed_twice, same_files
from b2grid.names import skims

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from b2grid.catalogue.store import Catalogue
    from b2grid.catalogue.taking.given import Part
    from b2grid.errors import Finding

__all__ = ["about_collections", "advise", "check_overlaps"]

_DESCRIBED = """
    SELECT dataset, campaign, mc_event, general_skim, skim_decay, data_level, files, status
    FROM datasets WHERE dataset IN (SELECT unnest(?::VARCHAR[]))
"""
_HOLDERS = """
    SELECT collection, dataset FROM (SELECT collection, unnest(datasets) AS dataset FROM collections)
    WHERE dataset IN (SELECT unnest(?::VARCHAR[]))
"""
_PROFILES = """
    WITH held AS (
        SELECT collection, data_type, name, version, int_luminosity, unnest(datasets) AS dataset FROM collections
        WHERE data_type IN (SELECT data_type FROM collections WHERE collection IN (SELECT unnest(?::VARCHAR[])))
    )
    SELECT collection, any_value(held.data_type) AS data_type, any_value(name) AS name, any_value(version) AS version,
        any_value(int_luminosity) AS int_luminosity,
        list_sort(list(DISTINCT campaign) FILTER (campaign IS NOT NULL)) AS campaigns,
        list_sort(list(DISTINCT concat(experiment, ' ', beam_energy))) AS energies,
        list_sort(list(DISTINCT mc_event) FILTER (mc_event IS NOT NULL)) AS mc_events,
        coalesce(list_sort(list(DISTINCT general_skim) FILTER (general_skim IS NOT NULL)), []) AS general_skims,
        coalesce(list_sort(list(DISTINCT skim_decay) FILTER (skim_decay IS NOT NULL)), []) AS skim_decays,
        sum(files)::BIGINT AS files,
        CASE WHEN count(bytes) = count(*) THEN sum(bytes)::BIGINT END AS bytes
    FROM held JOIN datasets USING (dataset) GROUP BY collection
"""


def check_overlaps(parts: Sequence[Part], merged: pa.Table) -> list[Finding]:
    """Errors for files that two inputs have in common."""
    return same_files(merged, [(part.sample, part.source) for part in parts])


def advise(parts: Sequence[Part], merged: pa.Table, kept: pa.Table, catalogue: Catalogue) -> list[Finding]:
    """All that there is to say about inputs that were found.

    Parameters
    ----------
    merged, kept : pyarrow.Table
        The files of all parts; and those of which a run is used.
    """
    paths: list[Any] = pc.unique(merged["dataset"]).to_pylist()
    datasets = catalogue.arrow(_DESCRIBED, [paths])
    columns: list[list[Any]] = [datasets[name].to_pylist() for name in ("dataset", "files")]
    totals = dict(zip(*columns, strict=True))
    findings = processed_twice(kept, datasets)
    findings += bare_searches((part.sample, part.source) for part in parts if part.query)
    # a search has been spoken of, and copies on disk are no datasets
    named = [n for n, part in enumerate(parts) if not (part.collection or part.query or part.on_disk)]
    if named:
        by_name = merged.filter(pc.is_in(merged["part"], value_set=pa.array(named, pa.int32())))
        names: list[Any] = pc.unique(by_name["dataset"]).to_pylist()
        findings += uncited(by_name, totals, catalogue.arrow(_HOLDERS, [names]))
        findings += in_production(by_name, datasets)
    findings += odd_files(kept, datasets)
    return findings + about_collections((part.collection for part in parts if part.collection), catalogue)


def about_collections(
    used: Iterable[str], catalogue: Catalogue, efficiencies: pd.DataFrame | None = None
) -> list[Finding]:
    """Newer versions of collections, and skims of the same data.

    Parameters
    ----------
    efficiencies : pandas.DataFrame, optional
        What `Project.skim_efficiencies` measured.
    """
    paths = sorted(set(used))
    if not paths:
        return []
    profiles = catalogue.arrow(_PROFILES, [paths])
    return newer_versions(paths, profiles) + smaller_skims(paths, profiles, _skim_names(catalogue), efficiencies)


def _skim_names(catalogue: Catalogue) -> dict[str, str]:
    table = catalogue.arrow("SELECT code, skim FROM skims")
    columns: list[list[Any]] = [table[name].to_pylist() for name in ("code", "skim")]
    return {skim.code: skim.name for skim in skims()} | dict(zip(*columns, strict=True))
