"""Keeps a recorded script in its own folder: notes what it reads, and lets it write and connect nowhere else.

It holds for what the script does in Python; programs that it starts are only kept short.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.steering.standin.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["watch"]

# audit events that change files: the positions of the paths among their arguments
_CHANGES = {
    "os.chmod": (0,), "os.chown": (0,), "os.link": (1,), "os.mkdir": (0,), "os.remove": (0,),
    "os.rename": (0, 1), "os.rmdir": (0,), "os.symlink": (1,), "os.truncate": (0,), "shutil.move": (0, 1),
    "shutil.rmtree": (0,),
}  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_DEVICES = ("/dev/", "/proc/")


def watch(folders: Sequence[Path]) -> None:
    """Watch this process from now on.

    Parameters
    ----------
    folders : sequence of pathlib.Path
        Where files may be written; the first is the script's own folder.
    """
    sys.addaudithook(_Guard(folders))


class _Guard:
    """Looks at what Python is about to do, and objects by raising."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.here = f"{folders[0]}{os.sep}"
        self.allowed = tuple(os.path.realpath(folder) + os.sep for folder in folders)
        self.own = (
            sys.prefix,
            sys.base_prefix,
            sysconfig.get_paths()["stdlib"],
            *_DEVICES,
            "/sys/",
            "/etc/",
            "/usr/lib",
            "/usr/share",
            str(Path(__file__).parents[3]),
        )

    def __call__(self, event: str, details: tuple[Any, ...]) -> None:
        """Hear of an audit event."""
        if event == "open":
            self._open(*details)
        elif event in _CHANGES:
            for position in _CHANGES[event]:
                self._write(details[position])
        elif event == "socket.connect" and not isinstance(details[1], str | bytes):
            raise PermissionError(1, "while it is recorded, a steering has no network", str(details[1]))

    def _open(self, path: Any, mode: str | None, flags: Any) -> None:
        if (mode and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITES):
            self._write(path)
        elif isinstance(path, str):
            self._note(path)

    def _write(self, path: Any) -> None:
        if isinstance(path, int):
            return
        full = os.path.realpath(os.fsdecode(path))
        if not f"{full}{os.sep}".startswith(self.allowed) and not full.startswith(_DEVICES):
            said = "while it is recorded, a steering may write in its own folder only"
            raise PermissionError(1, said, full)

    def _note(self, path: str) -> None:
        name = path.removeprefix(self.here)
        if name.endswith(".pyc") or name.startswith(self.own) or name in (session.script, *session.opened):
            return
        session.opened.append(name)
