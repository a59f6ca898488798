"""Files that are whole or not there: written aside, made durable, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

from b2grid.errors import SiteError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Buffer

__all__ = ["read_text", "remove_cut_off", "sync_folder", "write_whole"]


def write_whole(
    path: Path, content: Buffer | str, *, durable: bool = True, before: Callable[[], object] | None = None
) -> None:
    """Replace a file in one step: readers see the old content or the new one, never a part.

    Parameters
    ----------
    durable : bool
        Whether it must survive a power cut; snapshots that can be made again need not.
    before : callable, optional
        Called when all is written and nothing can be seen of it yet: the last moment to raise instead.

    Raises
    ------
    SiteError
        If the disk is full, or the folder cannot be written to.
    """
    data = content.encode() if isinstance(content, str) else content
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with aside.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if before is not None:
            before()
        aside.replace(path)
        if durable:
            sync_folder(path.parent)
    except (OSError, SiteError) as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        if isinstance(error, SiteError):
            raise
        raise SiteError(
            f"'{path}' cannot be written: {error.strerror}", hint="look at the space and the rights of this folder"
        ) from error


def remove_cut_off(*paths: Path) -> None:
    """Remove what writes of these files have left beside them when they were cut off; for who alone writes them."""
    for path in paths:
        for left in path.parent.glob(f".{path.name}.*"):
            with contextlib.suppress(OSError):
                left.unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_text(path: Path) -> str | None:
    """The text of a file, or `None` where there is none; damage shows in the text, where its reader looks for it."""
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return None
