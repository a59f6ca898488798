"""Input files from elsewhere, kept for the next trial: shared, checksummed, and not larger than a limit.

``B2GRID_TRIAL_CACHE`` names the folder, which colleagues may share; without it, or where it cannot be written, the
folder is in the user's own cache directory. ``B2GRID_TRIAL_CACHE_SIZE`` is the limit (``50 GB``; 20 GB by default):
files that have not been used for longest are dropped for new ones.

A file has a folder of its own, made aside and then renamed, so that it is whole or not there, whoever else fetches
it at the same time; nothing is locked. What is in the cache has the permissions of its folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.amounts import bytes_of
from b2grid.errors import InvalidInput, SiteError
from b2grid.names import is_grid_path
from b2grid.steering.trying.fetching import adler32_of, fetch
from b2grid.web import shown_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from b2grid.steering.trying.fetching import Fetched, Tell
    from b2grid.steering.trying.replicas import Replicas

__all__ = ["Cache", "Held"]

FOLDER = "B2GRID_TRIAL_CACHE"
SIZE = "B2GRID_TRIAL_CACHE_SIZE"
_DEFAULT_SIZE = "20 GB"
_PARTS = "parts"
_SUM = "adler32"
_IN_USE = 3600.0  # seconds after its last use in which a file is never dropped
_ABANDONED = 24 * 3600.0  # seconds after which a part that nobody adds to is removed


@dataclass(frozen=True, slots=True)
class Held:
    """A file on this machine, and what is worth knowing about how it came here."""

    path: Path
    notes: tuple[str, ...] = ()


class Cache:
    """Files from elsewhere, on this machine.

    Parameters
    ----------
    folders : sequence of path
        Where files are looked for; new ones go into the first that can be written.
    limit : int
        Bytes that each folder may hold. The newest file stays, also when it is larger, and so does what was used
        within the last hour.
    patience : float
        Seconds without an answer after which a replica counts as down.
    clock : callable
        Seconds since the epoch.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        limit: int,
        *,
        patience: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folders = tuple(folders)
        self.limit = limit
        self.patience = patience
        self.clock = clock

    @classmethod
    def default(cls) -> Cache:
        """The user's cache, as the environment has it.

        Raises
        ------
        InvalidInput
            If ``B2GRID_TRIAL_CACHE_SIZE`` is not a size.
        """
        import platformdirs

        named = os.environ.get(FOLDER)
        own = platformdirs.user_cache_path("b2grid") / "trial"
        folders = ([Path(named).expanduser().absolute()] if named else []) + [own]
        return cls(folders, bytes_of(os.environ.get(SIZE) or _DEFAULT_SIZE, SIZE, least=0))

    def get(self, file: Replicas, tell: Tell = lambda _done, _total: None) -> Held:
        """A file that is here, in its place if it has one on this machine, else from the cache or from a replica.

        Parameters
        ----------
        tell : callable, optional
            Called with the bytes fetched, and how many there will be, while a replica is read.

        Raises
        ------
        InvalidInput
            If its only places are paths on this machine, and there is no file.
        SiteUnavailable
            If no replica can be read; each is named with its reason.
        SiteError
            If no folder of the cache can be written.
        """
        if (path := file.local) is not None:
            return Held(path)
        if not file.urls:
            raise _nowhere(file)
        notes: list[str] = []
        for folder in self.folders:
            entry = _Entry(folder, file)
            if not entry.exists:
                continue
            if entry.sound(file):
                entry.touch()
                return Held(entry.path)
            entry.drop()
            notes.append(f"its copy in {folder} was damaged, and it was fetched again")
        folder = self._writable(notes)
        with _disk(folder):
            return self._fetched(_Entry(folder, file), file, tell, notes)

    def _writable(self, notes: list[str]) -> Path:
        """The first folder that takes files."""
        refused = []
        for folder in self.folders:
            try:
                _make(folder / _PARTS, like=folder)
                if not os.access(folder, os.W_OK) or not os.access(folder / _PARTS, os.W_OK):
                    raise PermissionError(13, "permission denied")
            except OSError as error:
                refused.append(f"{folder} cannot be written: {error.strerror}")
                continue
            if refused:
                notes.append(f"kept in {folder}, as {'; '.join(refused)}")
            return folder
        raise SiteError("; ".join(refused), hint=f"let {FOLDER} name a folder that can be written")

    def _fetched(self, entry: _Entry, file: Replicas, tell: Tell, notes: list[str]) -> Held:
        self._make_room(entry, file.bytes or 0)
        part = entry.part(taking_up=file.adler32 is not None)
        try:
            fetched = fetch(file, part, patience=self.patience, tell=tell)
            ours = entry.fill(part, fetched)
        except BaseException:
            entry.leave(part, for_later=file.adler32 is not None)
            raise
        if not (ours or entry.sound(file)):
            raise SiteError(f"{entry.path} is damaged, and cannot be replaced", hint="remove its folder, and try again")
        self._make_room(entry, 0)
        notes.append(f"fetched from {shown_url(fetched.url)}")
        return Held(entry.path, tuple(notes))

    def _make_room(self, wanted: _Entry, needed: int) -> None:
        """Drop what was not used for longest, until a file of this size is within the limit."""
        now = self.clock()
        for part in _listed(wanted.folder / _PARTS):
            if now - _used(part) > _ABANDONED:
                _remove(part)
        others = [path for path in _listed(wanted.folder) if path.name not in {_PARTS, wanted.key}]
        sizes = {path: sum(_size(inner) for inner in _listed(path)) for path in others}
        total = sum(sizes.values()) + max(needed, _size(wanted.path))
        for path in sorted(others, key=_used):
            if total <= self.limit or now - _used(path) < _IN_USE:
                return
            total -= sizes[path]
            _set_aside(path)


def _nowhere(file: Replicas) -> InvalidInput:
    """Why a file whose places are all on this machine, where it is not, cannot be tried."""
    place = str(file.paths[0]) if file.paths else file.name
    if not is_grid_path(place):
        return InvalidInput(f"no file {place}", hint="check the path")
    return InvalidInput(
        f"{place} is known by its name alone: no place of it is in the catalogue, and it is not on this machine",
        hint="try a file of this sample that is here, or add its replicas to the catalogue; the grid finds it by name",
    )


class _Entry:
    """One file of the cache: a folder with the file and its checksum, named by what the file should be."""

    def __init__(self, folder: Path, file: Replicas) -> None:
        identity = "\n".join([file.name, str(file.bytes), (file.adler32 or "").lower().lstrip("0")])
        self.folder = folder
        self.key = hashlib.sha256(identity.encode(errors="replace")).hexdigest()[:32]
        # basf2 expands wildcards in the names of its inputs
        safe = re.sub(r"[^A-Za-z0-9_.+-]", "_", file.name.rstrip("/").rpartition("/")[2])
        self.path = folder / self.key / (safe[-100:].lstrip(".-") or "file.root")

    @property
    def exists(self) -> bool:
        return bool(_listed(self.path.parent))

    def sound(self, file: Replicas) -> bool:
        """Whether the file is as it came, and as it should be."""
        try:
            kept = (self.path.parent / _SUM).read_text("ascii").strip()
            expected = int(kept if file.adler32 is None else file.adler32, 16)
            return file.bytes in {None, _size(self.path)} and int(adler32_of(self.path), 16) == expected
        except (OSError, ValueError):
            return False

    def touch(self) -> None:
        """Remember that it was used now."""
        with suppress(OSError):  # of somebody else, in a cache that is only read
            os.utime(self.path.parent)

    def drop(self) -> None:
        with suppress(OSError):
            _set_aside(self.path.parent)

    def part(self, *, taking_up: bool) -> Path:
        """A place to fetch to, with what an attempt that was broken off has left, if that can be checked."""
        part = self.folder / _PARTS / f"{self.key}.{secrets.token_hex(4)}"
        left = self.folder / _PARTS / self.key
        if taking_up:
            with suppress(OSError):
                left.rename(part)  # one of several that want it gets it
                if not os.access(part, os.R_OK | os.W_OK):
                    part.unlink()
        return part

    def leave(self, part: Path, *, for_later: bool) -> None:
        """What becomes of a part that is not whole."""
        with suppress(OSError):
            if for_later and _size(part):
                part.replace(self.folder / _PARTS / self.key)
            else:
                part.unlink()

    def fill(self, part: Path, fetched: Fetched) -> bool:
        """Put a whole file in its place; whether it is this one, for somebody else's may be there by now."""
        made = part.with_name(f"{part.name}.whole")
        made.mkdir()
        try:
            part.rename(made / self.path.name)
            (made / _SUM).write_text(fetched.adler32 + "\n", "ascii")
            mode = self.folder.stat().st_mode & 0o777
            for inner in _listed(made):
                inner.chmod(mode & 0o666)
            made.chmod(mode)
            try:
                made.rename(self.path.parent)
            except OSError:  # there is one
                return False
            _sync(self.folder)
            return True
        finally:
            shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SiteError(
            f"the cache {folder} cannot be written: {error.strerror or error}",
            hint=f"look at the space there, or let {FOLDER} name another folder",
        ) from error


def _make(folder: Path, *, like: Path) -> None:
    """Make a folder with the permissions of the cache's own, so that who may add files there may add them here."""
    like.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        folder.chmod(like.stat().st_mode & 0o3777)


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _set_aside(entry: Path) -> None:
    """Take a file out of the cache: first its name, so that nobody finds half of it."""
    aside = entry.parent / _PARTS / f"{entry.name}.{secrets.token_hex(4)}.dropped"
    _make(aside.parent, like=entry.parent)
    entry.rename(aside)
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
