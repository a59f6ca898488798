"""The sources of a sample: what was given, and the files that each stands for."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.found import Collection, Dataset, Found
from b2grid.catalogue.model import FILES
from b2grid.catalogue.scan import scan_files
from b2grid.catalogue.taking.query import Query
from b2grid.errors import Finding, InvalidInput, nearest, printable
from b2grid.names import COLLECTION_PREFIX, CollectionPath, DatasetPath, is_grid_path, split_lfn

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from b2grid.catalogue.store import Catalogue

__all__ = ["Part", "parts_of"]

_WILD = re.compile(r"[*?\[]")
_LISTS = frozenset({".txt", ".list"})
_NAMED, _EXPLAINED = 20, 3  # missing names that are listed, and of which the nearest is looked for


@dataclass(frozen=True, slots=True)
class Part:
    """The files that one source of a sample stands for.

    Parameters
    ----------
    source : str
        What it is called in a message.
    table : pyarrow.Table
        As the schema `FILES`.
    collection : str or None
        The collection that it is.
    query : bool
        Whether it is a search, which finds something else tomorrow.
    on_disk : bool
        Whether the files were read here, rather than known to the catalogue.
    """

    sample: str
    source: str
    table: pa.Table = field(repr=False)
    collection: str | None = None
    query: bool = False
    on_disk: bool = False

    def inputs(self, number: int, *, exempt: bool) -> pa.Table:
        """The files with their sample, collection and part, and whether the catalogue's runs do not judge them."""
        values: dict[str, Any] = {
            "collection": pa.scalar(self.collection, pa.string()),
            "sample": pa.scalar(self.sample, pa.string()),
            "part": pa.scalar(number, pa.int32()),
            "exempt": pa.scalar(exempt),
        }
        table = self.table.select(FILES.names).cast(FILES)  # the catalogue's answers know of no required columns
        for name, value in values.items():
            table = table.append_column(name, pa.repeat(value, len(table)))
        return table


def parts_of(
    sample: str, given: object, catalogue: Catalogue, executor: Executor | None, findings: list[Finding]
) -> list[Part]:
    """What a sample was given, part by part; what is not there is added to the findings.

    All names of datasets and files are one part, and are asked for at once: there can be a hundred thousand.
    """
    parts: list[Part] = []
    names: dict[str, str] = {}  # and the line that each is from
    local: dict[str, None] = {}
    for source in _sources(given):
        try:
            if (text := _name(source)) is not None:
                names.setdefault(text, "")
            elif isinstance(source, (str, Path)) and not is_grid_path(str(source)):
                for path in _on_disk(source):
                    listed = Path(path).suffix in _LISTS and "://" not in path
                    names |= {name: where for name, where in _read(path).items() if name not in names} if listed else {}
                    local |= {} if listed else {path: None}
            else:
                parts.append(_part(sample, source, catalogue))
        except InvalidInput as error:
            findings += error.findings or (Finding("B2C042", "error", error.message, error.hint),)
    if names:
        table = _of_names(names, catalogue, findings)
        source = next(iter(names)) if len(names) == 1 else f"{len(names):,} names, the first {next(iter(names))}"
        parts.append(Part(sample, source, table))
    if local:
        scan = scan_files(local, executor=executor)
        findings += scan.findings
        source = next(iter(local)) if len(local) == 1 else f"{len(local):,} files, the first {next(iter(local))}"
        parts.append(Part(sample, source, scan.files, on_disk=True))
    return parts


def _sources(given: object) -> list[object]:
    if isinstance(given, Mapping):
        return [Query.of(given)]
    if hasattr(given, "columns") and not isinstance(given, (Collection, Dataset, Found)):
        raise InvalidInput("an input cannot be a whole table", hint="give one of its columns: table['lfn']")
    if isinstance(given, (pa.Array, pa.ChunkedArray)):
        given = given.to_pylist()
    if isinstance(given, Found) and len(given) and not given.terms:  # a part of what was found stays what it is
        return list(given.datasets)
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes, Path, Found)):
        return [source for item in given for source in _sources(item)]
    return [given]


def _name(source: object) -> str | None:
    """The name of a dataset, datablock or file in the catalogue, if it is one and no pattern."""
    if isinstance(source, DatasetPath):
        source = str(source)
    if not isinstance(source, str) or not is_grid_path(source) or _WILD.search(source):
        return None
    return None if source.startswith(COLLECTION_PREFIX) else source.rstrip("/")


def _part(sample: str, source: object, catalogue: Catalogue) -> Part:
    """A collection, a dataset, a pattern, or a search."""
    if isinstance(source, Query):
        source = source.found(catalogue)
    if isinstance(source, Found):
        return _found(sample, source, catalogue)
    if isinstance(source, (CollectionPath, str)) and str(source).startswith(COLLECTION_PREFIX):
        source = _collection(str(source).rstrip("/"), catalogue)
    if isinstance(source, Collection):
        return Part(sample, source.path, source.files_table(), source.path)
    if isinstance(source, Dataset):
        return Part(sample, source.path, source.files_table())
    if not isinstance(source, str):
        raise InvalidInput(
            f"an input cannot be {printable(repr(source))[:80]}",
            hint="give a collection, a dataset, an LFN, a path, a pattern or a search",
        )
    table = catalogue.files(pattern=source)
    if not len(table):
        raise InvalidInput(
            f"no file {printable(repr(source))} in the catalogue",
            hint="catalogue.dataset(path).files lists the files of a dataset",
        )
    return Part(sample, source, table)


def _found(sample: str, found: Found, catalogue: Catalogue) -> Part:
    """What a search found; an empty one says why."""
    query = str(Query.of(found.terms))
    if not len(found):
        why = [f for f in found.findings if f.severity != "note"] or [Finding("", "error", "no dataset matches")]
        raise InvalidInput(f"{query}: {why[0].message}", hint=why[0].hint)
    return Part(sample, query, catalogue.files(datasets=found.datasets), query=True)


def _collection(path: str, catalogue: Catalogue) -> Collection:
    if not _WILD.search(path):
        return catalogue.collection(path)
    known = [str(name) for name in catalogue.collections(path)["collection"]]
    shown = f"it matches {', '.join(known[:3])}" + (f" and {len(known) - 3} more" if len(known) > 3 else "")
    raise InvalidInput(
        f"a collection is given by its whole path, not as '{printable(path)}'",
        hint=shown if known else "no collection matches; catalogue.collections() lists them all",
    )


def _of_names(names: Mapping[str, str], catalogue: Catalogue, findings: list[Finding]) -> pa.Table:
    """The files of datasets and datablocks, and files by their LFN."""
    folders = [name for name in names if not name.endswith(".root")]
    table = catalogue.files(datasets=folders, lfns=list(names))
    pieces: tuple[Any, ...] = (table["dataset"], table["datablock"], "/")
    blocks: Any = pc.binary_join_element_wise(*pieces)
    asked = pa.array(list(names), pa.string())
    there = np.zeros(len(names), bool)
    for column in (table["lfn"], table["dataset"].unique(), blocks.unique()):
        there |= pc.is_in(asked, value_set=column).to_numpy(zero_copy_only=False)
    missing: list[Any] = asked.filter(pa.array(~there)).to_pylist()
    for number, name in enumerate(missing[:_NAMED]):
        message, hint = _why(name, catalogue) if number < _EXPLAINED else (_absent(name), "")
        where = f"{names[name]}: " if names[name] else ""
        findings.append(Finding("B2C042", "error", f"{where}{message}", hint))
    if len(missing) > _NAMED:
        rest = f"{len(missing) - _NAMED:,} further names are not in the catalogue either"
        findings.append(Finding("B2C042", "error", rest))
    return table


def _absent(name: str) -> str:
    return f"no {'file' if name.endswith('.root') else 'dataset'} '{printable(name)}' in the catalogue"


def _why(name: str, catalogue: Catalogue) -> tuple[str, str]:
    """What to say about a name that is not there, with the nearest."""
    dataset = split_lfn(name)[0] if name.endswith(".root") else name
    try:
        catalogue.dataset(dataset)
    except InvalidInput as error:
        return (_absent(name) if name.endswith(".root") else error.message), error.hint
    if name == dataset:
        return f"dataset '{printable(name)}' has no files", "it may still be in production"
    lfns: list[Any] = catalogue.files(datasets=[dataset])["lfn"].to_pylist()
    last = {lfn.rpartition("/")[2]: lfn for lfn in lfns}
    near = [last[one] for one in nearest(name.rpartition("/")[2], last)]
    return _absent(name), f"did you mean {near[0]}?" if near else "catalogue.dataset(path).files lists its files"


def _read(path: str) -> dict[str, str]:
    """The names in a text file, one in a line, with the place of each; blank lines and comments are passed over."""
    shown = printable(Path(path).name)
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InvalidInput(f"{shown} is not a text file", hint="a list has one LFN or dataset per line") from None
    except OSError as error:
        raise InvalidInput(f"{printable(path)} cannot be read: {error.strerror}", hint="check the path") from None
    names: dict[str, str] = {}
    wrong = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if text and (name := _name(text)) is None:
            said = f"{shown}:{number}: not the path of a dataset or file on the grid: '{printable(text)[:80]}'"
            hint = "a line is /belle/… without wildcards; collections are given by themselves, not in a list"
            wrong.append(Finding("B2C049", "error", said, hint))
        elif text:
            names.setdefault(str(name), f"{shown}:{number}")
    if not names and not wrong:
        wrong.append(Finding("B2C049", "error", f"{shown} names no files", "a list has one LFN or dataset per line"))
    if wrong:
        raise InvalidInput(wrong[0].message, hint=wrong[0].hint, findings=tuple(wrong[:_NAMED]))
    return names


def _on_disk(source: str | Path) -> list[str]:
    """The files that a path, a folder, a URL or a pattern stands for, sorted."""
    text = str(source)
    if "://" in text:
        return [text]
    if not text:
        raise InvalidInput("an input is an empty text", hint="name a collection, a dataset or a file; a folder is '.'")
    if "\0" in text:
        raise InvalidInput(f"no file {printable(text)}", hint="check the path")
    path = Path(text).expanduser()
    try:
        path.exists()
    except OSError as error:  # such as a name that is too long
        raise InvalidInput(f"no file {printable(text)[:80]}: {error.strerror}", hint="check the path") from None
    if path.is_dir():
        found = sorted(map(str, path.glob("*.root")))
        if not found:
            raise InvalidInput(f"folder {printable(path)} has no *.root files", hint="check the path")
        return found
    if path.exists() or not _WILD.search(text):
        if not path.exists():
            raise InvalidInput(
                f"no file {printable(path.absolute())}",
                hint="check the path; collections and datasets begin with /belle/",
            )
        return [str(path.absolute())]
    found = sorted(glob.glob(str(path.absolute()), recursive=True))  # noqa: PTH207 - Path.glob is relative
    if not found:
        raise InvalidInput(f"no file matches {printable(text)}", hint="check the pattern")
    return found
