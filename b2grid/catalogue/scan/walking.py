"""The ROOT files below a folder: found as they come, with all links followed once."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.catalogue.scan.reading import UNPRINTABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.catalogue.scan.reading import Bad

__all__ = ["Seen", "walk"]

_SUFFIX = ".root"


@dataclass(frozen=True, slots=True)
class Seen:
    """A file that was found.

    Parameters
    ----------
    mtime : int
        When its content changed last, in nanoseconds.
    """

    place: str
    size: int
    mtime: int


def walk(folder: str, bad: list[Bad]) -> Iterator[Seen]:
    """The files ``*.root`` below a folder, in no order.

    Names that begin with a dot are left out: they are snapshots of a file system and drafts. Links are followed.
    A folder is read once, however many links lead to it; a link back to a folder above it is a bad one.

    Parameters
    ----------
    folder : str
        An absolute path.
    bad : list
        What cannot be read is added to it, with the reason.
    """
    read: set[tuple[int, int]] = set()
    links: list[str] = []
    ahead = [folder]
    while ahead or links:
        place = ahead.pop() if ahead else links.pop()
        try:
            status = os.stat(place)  # noqa: PTH116 - a tree can have millions of them
            key = (status.st_dev, status.st_ino)
            if key not in read:
                read.add(key)
                yield from _folder(place, ahead, links, bad)
            elif _leads_back(Path(place)):
                bad.append((place, f"{place} is a link back to a folder above it"))
        except OSError as error:
            bad.append((place, _cannot(place, error)))


def _leads_back(link: Path) -> bool:
    return link.parent.resolve().is_relative_to(link.resolve())


def _folder(place: str, ahead: list[str], links: list[str], bad: list[Bad]) -> Iterator[Seen]:
    with os.scandir(place) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir():
                    (links if entry.is_symlink() else ahead).append(entry.path)
                elif entry.name.endswith(_SUFFIX):
                    yield from _file(entry, bad)
            except OSError as error:
                bad.append((entry.path, _cannot(entry.path, error)))


def _file(entry: os.DirEntry[str], bad: list[Bad]) -> Iterator[Seen]:
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        bad.append((entry.path, f"{entry.path} is not a regular file"))
    elif UNPRINTABLE.search(entry.path):
        bad.append((entry.path, f"{entry.path} has a control character, or bytes that are not UTF-8, in its name"))
    else:
        yield Seen(entry.path, status.st_size, status.st_mtime_ns)


def _cannot(place: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        what = "is a link to nothing" if os.path.islink(place) else "vanished while its folder was read"  # noqa: PTH114
        return f"{place} {what}"
    return f"{place} cannot be read: {error.strerror}"
