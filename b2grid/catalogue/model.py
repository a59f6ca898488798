"""The tables of a catalogue, and of the inputs that a project takes from it, as Arrow schemas.

A catalogue is a folder (or a URL) with five tables: ``files``, ``runs``, ``collections``, ``datasets`` and ``skims``.
Each is kept in Parquet files, its parts; ``catalogue.json`` names them, and has the number of the format, so that a
program that is too old for it can say so.

A file's ``pfn`` is where its bytes are: a URL, an absolute path, or a path relative to the catalogue.
Luminosities are in inverse picobarn in ``runs`` and in inverse femtobarn in ``collections``, as the
collaboration quotes them. A run that is in a file and not in ``runs`` is good: run-independent simulation has
no list of runs.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = [
    "CODED",
    "COLLECTIONS",
    "DATASETS",
    "FILES",
    "FORMAT",
    "INPUTS",
    "LEFT_OUT",
    "RUNS",
    "SKIMS",
    "TABLES",
]

FORMAT = 2


#: A column of few different texts, as numbers of them.
CODED = pa.dictionary(pa.int32(), pa.string())


def _required(name: str, kind: pa.DataType) -> pa.Field[pa.DataType]:
    return pa.field(name, kind, nullable=False)


_FILE_RUN = pa.struct(
    [_required("experiment", pa.int32()), _required("run", pa.int32()), pa.field("events", pa.int64())]
)

#: One row per file. `runs` says which runs the file holds and, where known, the events of each.
FILES = pa.schema(
    [
        _required("lfn", pa.string()),
        _required("pfn", pa.string()),
        _required("dataset", pa.string()),  # the path of the dataset, without its datablock
        pa.field("datablock", pa.string()),  # sub00, sub01, …
        pa.field("bytes", pa.int64()),  # lists of names do not say
        pa.field("events", pa.int64()),
        pa.field("adler32", pa.string()),  # eight hexadecimal digits
        _required("global_tag", pa.string()),  # the production global tag; of several, joined by a comma
        pa.field("release", pa.string()),
        pa.field("experiment", pa.int32()),  # of the first run
        pa.field("run_low", pa.int32()),
        pa.field("run_high", pa.int32()),
        _required("is_mc", pa.bool_()),
        pa.field("runs", pa.list_(pa.field("item", _FILE_RUN, nullable=False))),
        pa.field("replicas", pa.list_(pa.string())),  # further physical names
    ]
)

#: One row per run of the accelerator (or of run-dependent simulation).
RUNS = pa.schema(
    [
        _required("experiment", pa.int32()),
        _required("run", pa.int32()),
        _required("good", pa.bool_()),
        pa.field("reason", pa.string()),  # why it is bad
        pa.field("luminosity", pa.float64()),  # 1/pb
        pa.field("luminosity_error", pa.float64()),  # 1/pb
        pa.field("beam_energy", pa.string()),  # 4S, 4S_offres, …
        pa.field("events", pa.int64()),
    ]
)

#: One row per collection: an immutable, versioned set of datasets.
COLLECTIONS = pa.schema(
    [
        _required("collection", pa.string()),  # /belle/collection/<Data|MC>/<name>_vN
        _required("data_type", pa.string()),  # data, mc
        _required("name", pa.string()),
        _required("version", pa.int32()),
        pa.field("description", pa.string()),
        pa.field("campaign", pa.string()),
        pa.field("data_level", pa.string()),
        pa.field("general_skim", pa.string()),
        pa.field("skim_decay", pa.string()),
        pa.field("int_luminosity", pa.float64()),  # 1/fb, the official value
        pa.field("int_luminosity_error", pa.float64()),
        _required("datasets", pa.list_(pa.string())),
        pa.field("created", pa.string()),  # ISO 8601
        pa.field("content_hash", pa.string()),  # of the LFNs and their sizes, as far as known
    ]
)

#: One row per dataset; the columns after `dataset` follow from its path, the totals from its files.
DATASETS = pa.schema(
    [
        _required("dataset", pa.string()),
        _required("data_type", pa.string()),  # data, mc, user, …
        pa.field("release", pa.string()),
        pa.field("global_tag_id", pa.string()),  # DB00002392
        pa.field("global_tag", pa.string()),
        pa.field("campaign", pa.string()),
        pa.field("production", pa.string()),
        pa.field("stream", pa.string()),
        pa.field("experiment", pa.int32()),
        pa.field("beam_energy", pa.string()),
        pa.field("run", pa.int32()),
        pa.field("run_high", pa.int32()),
        pa.field("mc_event", pa.string()),
        pa.field("bkg_level", pa.string()),
        pa.field("general_skim", pa.string()),
        pa.field("skim_decay", pa.string()),
        pa.field("data_level", pa.string()),
        pa.field("files", pa.int64()),
        pa.field("bytes", pa.int64()),
        pa.field("events", pa.int64()),
        pa.field("status", pa.string()),  # good, bad, in production
        pa.field("generated", pa.int64()),  # events of simulation before any selection
        pa.field("branching_fraction", pa.float64()),  # of the decay in signal simulation
    ]
)

#: One row per analysis skim.
SKIMS = pa.schema(
    [
        _required("skim", pa.string()),  # its name, such as TDCPV_ccs
        _required("code", pa.string()),  # eight digits, as in the paths of datasets
        pa.field("group", pa.string()),  # the working group
        pa.field("combined", pa.string()),  # the code of the combined skim that it is produced with
        pa.field("description", pa.string()),
    ]
)

TABLES: dict[str, pa.Schema] = {
    "files": FILES,
    "runs": RUNS,
    "collections": COLLECTIONS,
    "datasets": DATASETS,
    "skims": SKIMS,
}

_INPUT_RUN = pa.struct(
    [
        _required("experiment", pa.int32()),
        _required("run", pa.int32()),
        pa.field("events", pa.int64()),
        _required("good", pa.bool_()),
    ]
)

#: One row per input file of a project, resolved: what planning divides.
INPUTS = pa.schema(
    [
        _required("sample", pa.string()),
        pa.field("collection", pa.string()),
        pa.field("dataset", pa.string()),
        _required("lfn", pa.string()),  # a local file without one has its absolute path here
        _required("pfn", pa.string()),  # absolute path or URL
        pa.field("bytes", pa.int64()),
        pa.field("events", pa.int64()),
        _required("global_tag", pa.string()),
        _required("release", pa.string()),
        pa.field("experiment", pa.int32()),
        _required("is_mc", pa.bool_()),
        _required("runs", pa.list_(pa.field("item", _INPUT_RUN, nullable=False))),
        pa.field("adler32", pa.string()),
        pa.field("replicas", pa.list_(pa.string())),  # further physical names
    ]
)

#: One row per run of a sample that a project leaves out, with what that costs.
LEFT_OUT = pa.schema(
    [
        _required("sample", pa.string()),
        _required("experiment", pa.int32()),
        _required("run", pa.int32()),
        pa.field("reason", pa.string()),
        _required("files", pa.int64()),  # files that hold it
        _required("whole_files", pa.int64()),  # files dropped at planning, as all their runs are left out
        pa.field("events", pa.int64()),
        pa.field("luminosity", pa.float64()),  # 1/pb
    ]
)
