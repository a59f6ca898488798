"""Finished outputs on their way: kept on the host until they are published, by this attempt or a later one.

The payload is never run again because a copy failed. What is being published belongs to its attempt; what an attempt
gave up, or died with, belongs to the next attempt of the same job on this host.
"""

from __future__ import annotations

import os
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import B2GridError, SiteError
from b2grid.execution.publish import publish, restore, settle
from b2grid.ntuple import Manifest
from b2grid.run.scratch import Holder, private, read_mark, remove, write_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Kept", "keep", "publish_patiently", "take"]

_MANIFEST = "manifest.json"
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds; each is twice the one before


@dataclass(frozen=True, slots=True)
class Kept:
    """The verified outputs of one execution.

    Parameters
    ----------
    folder : Path or None
        Where they are kept; `None` when there are none.
    files : mapping
        Published name -> where the file is now.
    """

    manifest: Manifest
    files: Mapping[str, Path]
    folder: Path | None = None

    def remove(self) -> None:
        """They are published, or nobody wants them any more."""
        if self.folder is not None:
            remove(self.folder)

    def leave(self) -> None:
        """Leave them to the next attempt on this host."""
        if self.folder is not None and (mark := read_mark(self.folder)) is not None:
            write_mark(self.folder, None, mark[1])


def keep(base: str | None, project: Path, manifest: Manifest, files: Mapping[str, Path]) -> Kept:
    """Move verified outputs out of the scratch of their attempt.

    Raises
    ------
    OSError
        If they cannot be moved: the scratch is full, or gone.
    """
    if not files:
        return Kept(manifest, files)
    folder = private(base, "kept") / manifest.nonce
    folder.mkdir(mode=0o700)
    about = {"project": str(project), "id": manifest.project_id, "job": str(manifest.job), "nonce": manifest.nonce}
    write_mark(folder, Holder.this(), about)
    moved = {name: folder / name for name in files}
    for name, path in files.items():
        path.rename(moved[name])
    (folder / _MANIFEST).write_text(manifest.to_json())  # last: without it there is nothing to take
    return Kept(manifest, moved, folder)


def take(base: str | None, wanted: Manifest) -> Kept | None:
    """What an earlier attempt of the same job left on this host, if it is whole and made of the same.

    Parameters
    ----------
    wanted : Manifest
        Of this attempt: project, job, inputs, steering, runner and release have to be equal.
    """
    try:
        room = private(base, "kept")
        with os.scandir(room) as entries:
            found = [
                Path(entry.path) for entry in entries if entry.name.startswith(f"{wanted.project_id}-{wanted.job}-")
            ]
    except (SiteError, OSError):
        return None
    for folder in found:
        mark = read_mark(folder)
        if mark is None or (mark[0] is not None and mark[0].alive() is not False):
            continue
        kept = _taken(folder, mark[1])
        if kept is None:
            continue
        if _same(kept.manifest, wanted) and _whole(kept):
            return kept
        kept.remove()
    return None


def _taken(folder: Path, about: dict[str, str]) -> Kept | None:
    """Make a folder one's own: of several that want it, one can rename it."""
    own = folder.with_name(f"{folder.name}+")
    try:
        folder.rename(own)
        write_mark(own, Holder.this(), about)
    except OSError:
        return None
    try:
        manifest = Manifest.from_json((own / _MANIFEST).read_bytes(), where=str(own))
    except (OSError, B2GridError):  # its attempt died before all was here
        remove(own)
        return None
    names = [name for output in manifest.outputs for name in (output.file, *(copy.file for copy in output.copies))]
    return Kept(manifest, {name: own / name for name in names}, own)


def _same(one: Manifest, other: Manifest) -> bool:
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("project_id", "job", "sample", "inputs", "steering_sha256", "runner", "release", "seed")
    )


def _whole(kept: Kept) -> bool:
    """Whether the files are as they were when they were verified."""
    from b2grid.ntuple.verify import checksums

    sums = {output.file: output.sha256 for output in kept.manifest.outputs}
    sums |= {copy.file: copy.sha256 for output in kept.manifest.outputs for copy in output.copies}
    try:
        return all(checksums(path)[-1] == sums[name] for name, path in kept.files.items())
    except (OSError, B2GridError, KeyError):
        return False


def publish_patiently(
    root: Path,
    kept: Kept,
    patience: float,
    *,
    waiting: Callable[[], None] = lambda: None,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Publish, again and again with growing pauses while the destination may come back; whether this attempt won.

    Parameters
    ----------
    patience : float
        Seconds after which it is given up.
    waiting : callable
        Called when a try has failed and there will be another.

    Raises
    ------
    SiteError
        If it was given up, or there is no space or right, and waiting would not help.
    """
    until = clock() + patience
    wait = _FIRST_PAUSE
    while True:
        try:
            return publish(root, kept.manifest, kept.files)
        except SiteError as error:
            left = until - clock()
            if not error.transient or left <= 0:
                raise
        waiting()
        # jobs that failed together should not try together
        pause(min(wait * random.uniform(0.5, 1.0), left))  # noqa: S311
        wait = min(2 * wait, _LONGEST_PAUSE)
        with suppress(OSError):
            if (found := settle(root, kept.manifest.job)) is not None:
                if found.nonce == kept.manifest.nonce:
                    restore(root, kept.manifest, kept.files)
                return found.nonce == kept.manifest.nonce
