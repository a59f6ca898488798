"""Taking outputs elsewhere, and checking that they are still what was published."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from b2grid.errors import InvalidInput, SiteError, printable
from b2grid.html import bar, details, tag
from b2grid.ntuple import check_file, sub_folder
from b2grid.ntuple.rootfile import open_regular
from b2grid.outputs.books import completeness_of, job_states
from b2grid.outputs.index import Index, read_index
from b2grid.outputs.pieces import located
from b2grid.outputs.sums import PublishedFile, published_files

if TYPE_CHECKING:
    import pandas as pd

    from b2grid.outputs.books import Place
    from b2grid.outputs.coverage import Completeness
    from b2grid.planning import Plan

__all__ = ["Fetched", "fetch"]

_BLOCK = 4 * 1024**2
_SHOWN = 10
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Fetched:
    """What `fetch` did.

    Parameters
    ----------
    copied, skipped : tuple of str
        Files at the destination: written now, and there already with the same size and checksum.
    failed : tuple of (str, str)
        Files that are not there, and why.
    bytes : int
        Written now.
    mixed : int
        ROOT files at the destination that have events of runs that are left out.
    completeness : Completeness
        Of the outputs that there are to fetch.
    """

    destination: str
    copied: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    bytes: int
    completeness: Completeness
    mixed: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything that was published is at the destination."""
        return not self.failed

    def _headline(self) -> str:
        return (
            f"{printable(self.destination)}: {len(self.copied):,} files copied ({self.bytes:,} bytes), "
            f"{len(self.skipped):,} were there, {len(self.failed):,} failed"
        )

    def _mixed(self) -> list[str]:
        if not self.mixed:
            return []
        what = "1 ROOT file has" if self.mixed == 1 else f"{self.mixed:,} ROOT files have"
        return [f"{what} events of runs that are left out, as the inputs have: arrays() is without them"]

    def _failures(self) -> list[str]:
        shown = [printable(f"{file}: {reason}") for file, reason in self.failed[:_SHOWN]]
        more = len(self.failed) - _SHOWN
        return shown + ([f"and {more:,} more"] if more > 0 else [])

    def __str__(self) -> str:
        lines = [self._headline(), *self._mixed(), *(f"  failed: {failure}" for failure in self._failures())]
        if not self.completeness.complete:
            lines.append(str(self.completeness))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [
            ("copied", len(self.copied), "#1a7f37"),
            ("were there", len(self.skipped), "#0550ae"),
            ("failed", len(self.failed), "#b00020"),
        ]
        made: list[object] = [tag("div", self._headline(), style="font-weight:bold"), bar(parts)]
        made += [tag("div", said) for said in self._mixed()]
        if self.failed:
            failures = tag("ul", *(tag("li", failure) for failure in self._failures()))
            made.append(details(f"failed: {len(self.failed):,}", failures, opened=True))
        return str(tag("div", *made))


def fetch(
    place: Place, plan: Plan, destination: str | os.PathLike[str], *, sample: str | None = None, copies: bool = False
) -> Fetched:
    """Copy the published outputs to a folder: ``<destination>/<sample>/subNN/<file>``.

    It can be repeated: what is there with the same size and checksum is left alone, what is there with other
    contents is never written over. A copy is compared with the manifest before it gets its name.

    Parameters
    ----------
    copies : bool
        The Parquet copies too.

    Raises
    ------
    InvalidInput
        If the destination is not a folder that can be written.
    SiteError
        If the disk is full; what was copied stays, and the next call goes on.
    """
    index = read_index(place.output)
    states = job_states(index, plan, sample)
    target = Path(destination).expanduser().absolute()
    _make(target, target)
    done: dict[str, list[Any]] = {"copied": [], "skipped": [], "failed": []}
    written = 0
    for file in published_files(index, states, copies=copies):
        path = target / _folder_name(file.sample) / sub_folder(file.job) / file.name
        outcome = _fetch_one(place.output, file, path, target)
        if outcome in done:
            done[outcome].append(str(path))
            written += file.bytes if outcome == "copied" else 0
        else:
            done["failed"].append((file.name, outcome))
    return Fetched(
        str(target),
        tuple(done["copied"]),
        tuple(done["skipped"]),
        tuple(done["failed"]),
        written,
        completeness_of(index, plan, states, sample),
        _mixed(index, plan, states),
    )


def _mixed(index: Index, plan: Plan, states: pd.DataFrame) -> int:
    """How many ROOT files have events of runs that are left out, or may have: not all of them say."""
    jobs = set(states.loc[states["state"] == "done", "job"]) & plan.bad_runs.keys()
    trees: list[Any] = index.trees.select(["job", "file", "left_out"]).to_pylist()
    clean = {row["file"]: True for row in trees if row["job"] in jobs}
    for row in trees:
        if row["job"] in jobs:
            clean[row["file"]] &= row["left_out"] == 0
    files: list[Any] = index.files.select(["job", "file"]).to_pylist()
    return sum(row["job"] in jobs and not clean.get(row["file"], False) for row in files)


def _fetch_one(output: Path, file: PublishedFile, path: Path, target: Path) -> str:
    """Copy one file: ``copied``, ``skipped``, or why not."""
    if path.exists() or path.is_symlink():
        return (
            "skipped"
            if check_file(path, file.bytes, file.sha256) is None
            else (f"{path} is there with other contents: move it away")
        )
    source = located(output, file.job, file.nonce, file.name)
    if source is None:
        return f"{output / sub_folder(file.job) / file.name} is not there"
    draft = path.with_name(f".{path.name}.part")
    try:
        _make(path.parent, target)
        digest = _copy(source, draft)
        if digest != file.sha256:
            draft.unlink()
            return f"{source} does not match its checksum: it changed after it was published"
        draft.replace(path)
    except InvalidInput as error:
        return error.message
    except OSError as error:
        draft.unlink(missing_ok=True)
        if error.errno in _FULL:
            raise SiteError(
                f"{target} is full: {error.strerror}", hint="make room and fetch again", transient=True
            ) from error
        return f"{error.strerror}: {error.filename or path}"
    return "copied"


def _copy(source: Path, draft: Path) -> str:
    """Copy and bring to the disk; the SHA-256 of what was read."""
    digest = hashlib.sha256()
    with open_regular(source) as read, draft.open("wb") as write:
        while block := read.read(_BLOCK):
            digest.update(block)
            write.write(block)
        write.flush()
        os.fsync(write.fileno())
    return digest.hexdigest()


def _folder_name(sample: str) -> str:
    """A sample's name as one folder that cannot lead elsewhere."""
    name = quote(sample, safe="")
    return name if name.strip(".") else f"_{name}"


def _make(folder: Path, target: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"{printable(target)} is not a folder that can be written: {error.strerror}",
            hint="give another destination",
        ) from None
    if not os.access(folder, os.W_OK):
        raise InvalidInput(f"{printable(target)} cannot be written", hint="give another destination")
