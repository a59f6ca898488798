"""What this user has on this host besides projects: private folders, each marked with the process that it belongs to.

::

    BASE/b2grid-UID/work/          scratch of what runs now
    BASE/b2grid-UID/kept/          finished outputs that could not be published yet
    BASE/b2grid-UID/environments/  what set-up scripts made

The base is the system's place for temporary files, unless a site profile names another. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from b2grid.errors import SiteError
from b2grid.run.proc import boot_id, start_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Holder", "private", "read_mark", "remove", "scratch", "write_mark"]

Room = Literal["work", "kept", "environments"]
_MARK = "owner.json"


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that a folder belongs to.

    Parameters
    ----------
    start_time : int
        Of the process, in ticks since the boot: process ids are used again.
    """

    host: str
    boot: str
    pid: int
    start_time: int

    @classmethod
    def this(cls) -> Self:
        """The process that runs this."""
        return cls(socket.gethostname(), boot_id(), os.getpid(), start_time(os.getpid()) or 0)

    def alive(self) -> bool | None:
        """Whether it still runs; `None` when that cannot be told from this host."""
        if self.host != socket.gethostname():
            return None
        return self.boot == boot_id() and start_time(self.pid) == self.start_time


def private(base: str | None, room: Room) -> Path:
    """One of this user's folders on this host, which nobody else can look into; made when it is missing.

    Raises
    ------
    SiteError
        If somebody else has a folder or a link of this name.
    OSError
        If it cannot be made.
    """
    place = Path(base or tempfile.gettempdir(), f"b2grid-{os.getuid()}")
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SiteError(
            f"'{place}' is not a folder of yours", hint="let scratch in the site profile, or TMPDIR, name another place"
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        place.chmod(0o700)
    made = place / room
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def write_mark(folder: Path, holder: Holder | None, about: Mapping[str, str]) -> None:
    """Say whom a folder belongs to, and what it is for; without a holder it belongs to whoever takes it."""
    mark = {"holder": asdict(holder) if holder is not None else None, "about": dict(about)}
    aside = folder / f".{_MARK}.{secrets.token_hex(4)}"
    aside.write_text(json.dumps(mark))
    aside.replace(folder / _MARK)


def read_mark(folder: Path) -> tuple[Holder | None, dict[str, str]] | None:
    """Whom a folder belongs to, and what it is for; `None` when that is not said, or damaged."""
    try:
        found = json.loads((folder / _MARK).read_text())
        holder = Holder(**found["holder"]) if found["holder"] is not None else None
        return holder, {str(name): str(value) for name, value in found["about"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@contextlib.contextmanager
def scratch(base: str | None, about: Mapping[str, str]) -> Iterator[Path]:
    """A folder of this process, which is removed at the end, whatever a program made of it.

    Raises
    ------
    SiteError, OSError
        If it cannot be made.
    """
    folder = Path(tempfile.mkdtemp(dir=private(base, "work")))
    try:
        write_mark(folder, Holder.this(), about)
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> bool:
    """Remove a folder with all that is in it, also where its modes forbid it; whether it is gone.

    What a link leads to is left alone.
    """
    if folder.is_symlink():
        return False
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return True
    for inner, _, _ in os.walk(folder):  # from the top: what is below a closed folder is seen when it is open
        with contextlib.suppress(OSError):
            Path(inner).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
