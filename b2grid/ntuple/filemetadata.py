"""basf2's account of a file, the tree `persistent`: read from files of any release, and written into ours."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput
from b2grid.ntuple.leaves import first_number, first_text, first_texts, is_text
from b2grid.ntuple.rootfile import open_root

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FileMetaData", "branch_type", "metadata_of", "read_file_metadata", "write_file_metadata"]

TREE = "persistent"
_PREFIX = "FileMetaData/"

# attribute, leaf, type in the file
_LEAVES = (
    ("lfn", "m_lfn", "string"),
    ("events", "m_nEvents", "uint32"),
    ("full_events", "m_nFullEvents", "uint32"),
    ("experiment_low", "m_experimentLow", "int32"),
    ("run_low", "m_runLow", "int32"),
    ("event_low", "m_eventLow", "uint32"),
    ("experiment_high", "m_experimentHigh", "int32"),
    ("run_high", "m_runHigh", "int32"),
    ("event_high", "m_eventHigh", "uint32"),
    ("date", "m_date", "string"),
    ("site", "m_site", "string"),
    ("user", "m_user", "string"),
    ("seed", "m_randomSeed", "string"),
    ("release", "m_release", "string"),
    ("steering", "m_steering", "string"),
    ("is_mc", "m_isMC", "bool"),
    ("mc_events", "m_mcEvents", "uint32"),
    ("global_tag", "m_databaseGlobalTag", "string"),
)


@dataclass(frozen=True, slots=True)
class FileMetaData:
    """What a basf2 file says of itself.

    Parameters
    ----------
    events : int
        Events in the file; in an ntuple, the rows of the tree that ended last.
    full_events : int or None
        Events that reached the output module, which is what an ntuple's events are counted by; `None` in
        files of releases that did not write it.
    experiment_low, run_low, event_low, experiment_high, run_high, event_high : int
        The first and the last event.
    parents : tuple of str
        LFNs of the files that this one was made from.
    is_mc : bool
        Simulation; files of old releases do not say, and count as simulation, as in basf2.
    mc_events : int
        Events generated, before any selection.
    global_tag : str
        The production global tag: what the file was made with.
    data_description : dict
        Free facts, such as ``dataLevel: mdst``; empty in files of old releases.
    """

    lfn: str = ""
    events: int = 0
    full_events: int | None = None
    experiment_low: int = 0
    run_low: int = 0
    event_low: int = 0
    experiment_high: int = 0
    run_high: int = 0
    event_high: int = 0
    parents: tuple[str, ...] = ()
    is_mc: bool = True
    mc_events: int = 0
    global_tag: str = ""
    release: str = ""
    date: str = ""
    site: str = ""
    user: str = ""
    seed: str = ""
    steering: str = field(default="", repr=False)
    data_description: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_ntuple(self) -> bool:
        """Whether the file says that it is an ntuple file of a newer release."""
        return self.data_description.get("isNtupleMetaData") == "True"


def read_file_metadata(path: str | Path) -> FileMetaData:
    """Read the metadata of one file, leaf by leaf; what an old release did not write keeps its default.

    Raises
    ------
    InvalidInput
        If the file is not there, is not a ROOT file, is cut short, or has no metadata.
    """
    with open_root(path) as file:
        return metadata_of(file, path)


def metadata_of(file: Any, path: str | Path) -> FileMetaData:
    """The metadata of a file that uproot has open, as `read_file_metadata`; the path is for what is said of it."""
    tree = file.get(TREE)
    branches = dict(tree.iteritems(recursive=True)) if tree is not None else {}
    if f"{_PREFIX}m_nEvents" not in branches:
        raise InvalidInput(
            f"{path} has no FileMetaData: not a file that basf2 wrote",
            hint="give an mDST, uDST or ntuple file of basf2 or b2lite",
        )
    if tree.num_entries < 1:
        raise InvalidInput(f"{path} has an empty FileMetaData tree", hint="write the file again")
    found: dict[str, Any] = {
        attribute: _value(branches[_PREFIX + leaf], kind)
        for attribute, leaf, kind in _LEAVES
        if _PREFIX + leaf in branches
    }
    return FileMetaData(**found, parents=_parents(branches), data_description=_description(branches))


def write_file_metadata(file: Any, metadata: FileMetaData) -> None:
    """Write the metadata as the tree `persistent` of a file that uproot has open for writing.

    The leaves have basf2's names and types. Lists and maps of strings, which uproot does not write, are JSON.
    """
    import awkward as ak
    import numpy as np

    full = metadata.full_events if metadata.full_events is not None else metadata.events
    values = {leaf: (getattr(metadata, attribute), kind) for attribute, leaf, kind in _LEAVES}
    values["m_nFullEvents"] = (full, "uint32")
    values["m_parentLfns"] = (json.dumps(list(metadata.parents)), "string")
    values["m_dataDescription"] = (json.dumps(metadata.data_description), "string")
    tree = file.mktree(TREE, {_PREFIX + leaf: branch_type(kind) for leaf, (_, kind) in values.items()})
    tree.extend(
        {
            _PREFIX + leaf: ak.Array([value]) if kind == "string" else np.array([value], dtype=kind)
            for leaf, (value, kind) in values.items()
        }
    )


@functools.cache
def branch_type(kind: str) -> Any:
    """What uproot's ``mktree`` takes for a branch of numbers, or of ``string``.

    It would take the words too, and parse each of them anew, which takes longer than writing.
    """
    if kind != "string":
        return kind
    from awkward.types import ListType, NumpyType

    return ListType(NumpyType("uint8", parameters={"__array__": "char"}), parameters={"__array__": "string"})


def _value(branch: Any, kind: str) -> str | int | bool:
    if kind == "string":
        return first_text(branch)
    return bool(first_number(branch)) if kind == "bool" else int(first_number(branch))


def _parents(branches: dict[str, Any]) -> tuple[str, ...]:
    branch = branches.get(f"{_PREFIX}m_parentLfns")
    if branch is None:
        return ()
    return tuple(json.loads(first_text(branch))) if is_text(branch) else first_texts(branch)


def _description(branches: dict[str, Any]) -> dict[str, str]:
    branch = branches.get(f"{_PREFIX}m_dataDescription")
    split = f"{_PREFIX}m_dataDescription/m_dataDescription."
    if f"{split}first" in branches:
        keys, values = (first_texts(branches[f"{split}{part}"]) for part in ("first", "second"))
        return dict(zip(keys, values, strict=True))
    if branch is None or not is_text(branch):  # a map that is not split cannot be read (old releases)
        return {}
    return {str(key): str(value) for key, value in json.loads(first_text(branch)).items()}
