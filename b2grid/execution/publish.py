"""Publishing is the commit: whoever links the manifest first has done the job, and nobody else.

Files are staged beside their destination, made durable, and the manifest is linked. Only then are they moved into
place, never over an existing file. A crash in between leaves a staging folder whose manifest is linked: `complete`
finishes the move. A manifest without files is staged as a file, and its link is made durable by whoever records it,
for many at once (`sync_manifests`): there is nothing to move that it would have to precede.
"""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import InvalidInput, SiteError
from b2grid.execution.files import sync_folder
from b2grid.ntuple import Manifest
from b2grid.ntuple.manifest import sub_folder

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

__all__ = ["complete", "manifest_path", "publish", "published", "restore", "settle", "sync_manifests", "void"]

_STAGING = ".staging"
_NAME = "manifest.json"
# no space and no right at the destination: to try again would be of no use
_REFUSED = {errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
_TAKEN = ".taken"  # a staging folder that recovery has taken from whoever was filling it


def manifest_path(root: Path, job: int) -> Path:
    """Where the manifest of a job is linked."""
    return root / "manifests" / sub_folder(job) / f"{job}.json"


def publish(root: Path, manifest: Manifest, files: Mapping[str, Path]) -> bool:
    """Publish the outputs of an attempt, unless its job has a manifest already.

    After an error it may be called again with the same manifest and files: it goes on where it was.

    Parameters
    ----------
    root : Path
        The output folder; workers and readers share it.
    files : mapping
        Published name -> where the file is now.

    Returns
    -------
    bool
        Whether this attempt won. One that lost leaves nothing behind.

    Raises
    ------
    SiteError
        If the files could not be written; nothing is half visible then. It is `transient` unless there is no space or
        no right.
    """
    staging = root / _STAGING / manifest.nonce
    try:
        if not manifest.outputs:
            return _link_alone(root, manifest)
        if staging.exists() and not _may_be_linked(staging):
            shutil.rmtree(staging)  # an earlier try could not even clear up
        if staging.exists():
            won = True
        else:
            staging.mkdir(parents=True)
            for name, path in files.items():
                _copy(path, staging / name)
            won = _link(root, staging, manifest)
        if won:
            _move(root, staging, manifest)
    except OSError as error:
        if not _may_be_linked(staging):
            shutil.rmtree(staging, ignore_errors=True)
        raise SiteError(
            f"the outputs of job {manifest.job} cannot be published in '{root}': {error.strerror}",
            hint="look at the space and the rights of this folder",
            transient=error.errno not in _REFUSED,
        ) from error
    shutil.rmtree(staging, ignore_errors=True)
    return won


def void(root: Path, manifest: Manifest) -> bool:
    """Link a void manifest, so that the job can publish no more; whether it has one now, and no result.

    It holds after a power cut when `sync_manifests` has returned.

    Raises
    ------
    SiteError
        If it could not be written.
    """
    try:
        if _link_alone(root, manifest):
            return True
    except OSError as error:
        raise SiteError(
            f"job {manifest.job} cannot be voided in '{root}': {error.strerror}",
            hint="look at the space and the rights of this folder, then restart the project",
        ) from error
    path = manifest_path(root, manifest.job)
    with suppress(InvalidInput):  # an earlier driver may have linked it, and died
        return Manifest.from_json(path.read_bytes(), where=str(path)).kind == "void"
    return False


def sync_manifests(root: Path, jobs: Iterable[int]) -> None:
    """Make the links of some jobs' manifests durable: before their results, or their ends, are recorded."""
    for folder in {manifest_path(root, job).parent for job in jobs}:
        with suppress(FileNotFoundError):
            sync_folder(folder)


def _may_be_linked(staging: Path) -> bool:
    """Whether a manifest may have been linked, for all that is known: its files are needed then."""
    try:
        return (staging / _NAME).stat().st_nlink > 1
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("xb") as writing:
        shutil.copyfileobj(reading, writing, 1 << 20)
        writing.flush()
        os.fsync(writing.fileno())


def _link(root: Path, staging: Path, manifest: Manifest) -> bool:
    """Link the manifest of a staging folder, durably; whether it was the first."""
    draft = staging / _NAME
    _write(draft, manifest)
    sync_folder(staging)  # after a crash the staged files have to be found under their names
    target = manifest_path(root, manifest.job)
    first = _first(draft, target)
    if first:
        sync_folder(target.parent)
    return first


def _link_alone(root: Path, manifest: Manifest) -> bool:
    """Link a manifest that has no files; whether it was the first."""
    draft = root / _STAGING / manifest.nonce
    try:
        try:
            _write(draft, manifest)
        except FileExistsError:  # an earlier try could not even clear up
            if draft.stat().st_nlink > 1:
                return True
            draft.unlink()
            _write(draft, manifest)
        return _first(draft, manifest_path(root, manifest.job))
    finally:
        draft.unlink(missing_ok=True)


def _write(draft: Path, manifest: Manifest) -> None:
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileNotFoundError:
        draft.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(manifest.to_json())
        file.flush()
        os.fsync(descriptor)


def _first(draft: Path, target: Path) -> bool:
    """Link a manifest to its place; whether none was there."""
    try:
        try:
            os.link(draft, target)
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(draft, target)
    except FileExistsError:
        # on a network file system the answer to a link that worked can be lost, and asking again then fails
        return draft.stat().st_nlink == 2
    except OSError:
        if draft.stat().st_nlink != 2:
            raise
    return True


def _is_linked(root: Path, staging: Path, job: int) -> bool:
    with suppress(FileNotFoundError):
        return (staging / _NAME).samefile(manifest_path(root, job))
    return False


def restore(root: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Put the files of a manifest that is linked in their place, as far as they are not there.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    missing = {name: path for name, path in files.items() if not (root / sub_folder(manifest.job) / name).exists()}
    if not missing:
        return
    staging = root / _STAGING / f"{manifest.nonce}{_TAKEN}"
    staging.mkdir(parents=True, exist_ok=True)
    for name, path in missing.items():
        (staging / name).unlink(missing_ok=True)
        _copy(path, staging / name)
    _move(root, staging, manifest)
    shutil.rmtree(staging, ignore_errors=True)


def _move(root: Path, staging: Path, manifest: Manifest) -> None:
    """Move what the manifest names into place; what is there already stays as it is."""
    folder = root / sub_folder(manifest.job)
    folder.mkdir(parents=True, exist_ok=True)
    for output in manifest.outputs:
        for name in (output.file, *(copy.file for copy in output.copies)):
            # not found: moved before a crash, or by whoever has taken the staging folder since
            with suppress(FileExistsError, FileNotFoundError):
                os.link(staging / name, folder / name)
            (staging / name).unlink(missing_ok=True)
    sync_folder(folder)


def complete(root: Path, *stagings: Path) -> int:
    """Finish what a crash interrupted: move what had been committed, remove what had not; how many were moved.

    An attempt that is still publishing, against expectation, loses its staging folder, and has to begin again.

    Parameters
    ----------
    stagings : path
        The folders that are meant; all that are there by default.
    """
    return sum(_completed(root, staging) for staging in stagings or sorted((root / _STAGING).glob("*")))


def settle(root: Path, job: int) -> Manifest | None:
    """The manifest of a job, with its files in place; `None` when it has none.

    Whoever linked it may have been killed before it moved the files.

    Raises
    ------
    InvalidInput
        If the manifest is damaged.
    """
    path = manifest_path(root, job)
    if (text := _text(path)) is None:
        return None
    manifest = Manifest.from_json(text, where=str(path))
    staging = root / _STAGING / manifest.nonce
    for left in (staging, staging.with_name(staging.name + _TAKEN)):
        if left.exists():
            _completed(root, left)
    return manifest


def _completed(root: Path, staging: Path) -> bool:
    """Take one staging folder, and finish it if its manifest is linked."""
    taken = staging
    if staging.suffix != _TAKEN:
        # from here on a writer that is still alive can neither add to it nor link its manifest
        taken = staging.with_name(staging.name + _TAKEN)
        try:
            staging.rename(taken)
        except OSError:
            return False  # its writer has just finished with it
    if taken.is_file():
        taken.unlink()
        return False  # a manifest without files: linked or not, there is nothing to move
    linked = False
    text = _text(taken / _NAME)
    try:
        if text is not None:
            manifest = Manifest.from_json(text, where=str(taken))
            linked = _is_linked(root, taken, manifest.job)
            if linked:
                _move(root, taken, manifest)
    except InvalidInput:
        pass  # cut short before it was linked
    except OSError:
        return False  # it cannot be told now: the files stay until it can
    shutil.rmtree(taken, ignore_errors=True)
    return linked


def _text(path: Path) -> str | None:
    with suppress(OSError):
        return path.read_text(errors="replace")  # what is damaged is no manifest, whatever it is
    return None


def published(root: Path, *, without: Container[int] = ()) -> Iterator[Manifest]:
    """Every manifest that is linked, in no order; one that is damaged is left out here and named when collecting.

    Parameters
    ----------
    without : container of int
        Jobs whose manifests are not read.
    """
    for folder in sorted((root / "manifests").glob("sub*")):
        for entry in os.scandir(folder):
            job, _, kind = entry.name.partition(".")
            if kind != "json" or not job.isdigit() or int(job) in without:
                continue
            if (text := _text(Path(entry.path))) is not None:
                with suppress(InvalidInput):
                    yield Manifest.from_json(text, where=entry.path)
