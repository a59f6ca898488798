"""Keeps a recorded script in its own folder, in words: notes what it reads and starts, and objects where it may not go.

It hears what the script does in Python, before it is done, and can say so at the line. What Python does not tell,
and what other programs do, is held by the kernel: see `b2grid.run.confine`.
"""

from __future__ import annotations

import faulthandler
import os
import shlex
import socket
import sys
import sysconfig
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from b2grid.run.confine import DEVICES
from b2grid.run.proc import descendants
from b2grid.steering.standin.origin import origin
from b2grid.steering.standin.session import Started, session

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Refused", "watch"]

# audit events that change files: of each path among their arguments, its position and that of its folder's handle
_CHANGES = {
    "os.chmod": ((0, 2),), "os.chown": ((0, 3),), "os.link": ((1, 3),), "os.mkdir": ((0, 2),), "os.remove": ((0, 1),),
    "os.removexattr": ((0, None),), "os.rename": ((0, 2), (1, 3)), "os.rmdir": ((0, 1),),
    "os.setxattr": ((0, None),), "os.symlink": ((1, 2),), "os.truncate": ((0, None),), "os.utime": ((0, 3),),
}  # fmt: skip
_FOLLOWS = {"os.chmod", "os.chown", "os.removexattr", "os.setxattr", "os.truncate", "os.utime"}  # others change links
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_SHOWN = 200  # characters of a command


class Refused(PermissionError):
    """What a script may not do while it is recorded.

    Parameters
    ----------
    kind : {"outside", "signal", "network", "program"}
    """

    def __init__(self, kind: str, said: str, what: object) -> None:
        super().__init__(1, f"while it is recorded, a steering {said}", str(what))
        self.kind = kind


def watch(folders: Sequence[Path], *, programs: bool, trace: IO[bytes]) -> None:
    """Watch this process from now on.

    Parameters
    ----------
    folders : sequence of pathlib.Path
        Where files may be written; the first is the script's own folder.
    programs : bool
        Whether other programs may be started.
    trace : binary file
        Where it is written down at which line the script last multiplied, or sent a signal: it may be killed then
        without a word.
    """
    sys.addaudithook(_Guard(folders, programs=programs, trace=trace))


class _Guard:
    """Looks at what Python is about to do, and objects by raising."""

    def __init__(self, folders: Sequence[Path], *, programs: bool, trace: IO[bytes]) -> None:
        self.programs = programs
        self.trace = trace
        self.process = os.getpid()
        self.here = f"{folders[0]}{os.sep}"
        self.allowed = tuple(os.path.realpath(folder) + os.sep for folder in folders)
        self.own = (
            sys.prefix,
            sys.base_prefix,
            sysconfig.get_paths()["stdlib"],
            "/dev/",
            "/proc/",
            "/sys/",
            "/etc/",
            "/usr/lib",
            "/usr/share",
            str(Path(__file__).parents[3]),
            *filter(None, sys.path),
        )

    def __call__(self, event: str, details: tuple[Any, ...]) -> None:
        """Hear of an audit event."""
        if event == "open":
            self._open(*details)
        elif event in _CHANGES:
            self._change(event, details)
        elif event in ("os.kill", "os.killpg"):
            self._mark()
            self._signal(details[0])
        elif event in ("os.fork", "os.forkpty"):
            self._mark()
        elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"):
            self._mark()
            self._start(event, details)
        elif event in ("socket.__new__", "socket.getaddrinfo"):
            self._connect(event, details)

    def _open(self, path: Any, mode: str | None, flags: Any) -> None:
        if (mode and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITES):
            self._write(path)
        elif isinstance(path, str | bytes):
            self._note(os.fsdecode(path))

    def _change(self, event: str, details: tuple[Any, ...]) -> None:
        for position, folder in _CHANGES[event]:
            path = details[position]
            if event == "os.mkdir" and Path(os.fsdecode(path)).is_dir():
                return  # it is there, and makedirs(…, exist_ok=True) only wants to hear so
            handle = -1 if folder is None else details[folder]
            self._write(path, "" if handle < 0 else f"/proc/self/fd/{handle}", follows=event in _FOLLOWS)

    def _write(self, path: Any, folder: str = "", *, follows: bool = True) -> None:
        if isinstance(path, int):
            return
        given = Path(folder, os.fsdecode(path))
        full = os.path.realpath(given) if follows else f"{os.path.realpath(given.parent)}{os.sep}{given.name}"
        # what a script gets by /dev/stdout is no file
        if not f"{full}{os.sep}".startswith((*self.allowed, "/proc/")) and full not in DEVICES:
            raise Refused("outside", "may change files in its own folder only", full)

    def _signal(self, pid: int) -> None:
        if pid not in (0, os.getpid(), os.getpgrp()) and pid not in descendants(os.getpid()):
            raise Refused("signal", "may not signal programs that it did not start", pid)

    def _start(self, event: str, details: tuple[Any, ...]) -> None:
        command = details[0] if event == "os.system" else details[1]
        words = command if isinstance(command, str | bytes) else [os.fsdecode(word) for word in command]
        text = (shlex.join(words) if isinstance(words, list) else os.fsdecode(words))[:_SHOWN]
        if not self.programs:
            raise Refused("program", "may not start programs: this system's kernel cannot confine them", text)
        if len(session.started) < _SHOWN:
            session.started.append(Started(text, origin().line))

    def _mark(self) -> None:
        """Write down where the script is, in the place of what was there; its copies would write all at once."""
        if os.getpid() == self.process:
            self.trace.seek(0)
            self.trace.truncate()
            faulthandler.dump_traceback(self.trace, all_threads=False)

    def _connect(self, event: str, details: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo":
            raise Refused("network", "has no network", details[0])
        # without a family it wraps a socket that there is; those of pairs are the others
        if details[1] not in (-1, socket.AF_UNIX):
            raise Refused("network", "has no network", socket.AddressFamily(details[1]).name)

    def _note(self, path: str) -> None:
        name = path.removeprefix(self.here)
        # what libraries read of their own, and what was made here, says nothing about the steering
        if name.endswith(".pyc") or name.startswith((*self.own, *self.allowed)) or name == session.script:
            return
        session.opened.setdefault(name, Path(path).exists())
