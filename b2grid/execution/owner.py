"""Who drives a project: one process, known by host, boot, process id and start time."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, Self

from b2grid.errors import SiteError
from b2grid.execution.files import read_text, write_whole
from b2grid.run.proc import boot_id, start_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from b2grid.execution.folder import ProjectFolder

__all__ = ["Owner", "liveness", "read_owner"]

Liveness = Literal["none", "running", "gone", "unknown", "ended"]


@dataclass(frozen=True, slots=True)
class Owner:
    """One driver.

    Parameters
    ----------
    start_time : int
        Of the process, in ticks since the boot: process ids are used again.
    beat : int
        Counts up while the driver lives: what readers on other hosts can see.
    ended : bool
        Whether it has left by itself.
    why : str
        What stopped it, when it left before the end.
    """

    host: str
    boot: str
    pid: int
    start_time: int
    epoch: int
    beat: int = 0
    ended: bool = False
    why: str = ""

    @classmethod
    def this(cls, epoch: int) -> Self:
        """The process that runs this."""
        return cls(socket.gethostname(), boot_id(), os.getpid(), start_time(os.getpid()) or 0, epoch)

    def write(self, folder: ProjectFolder, before: Callable[[], object] | None = None) -> None:
        """Say so; `before` as in `write_whole`."""
        write_whole(folder.owner, json.dumps(asdict(self)), durable=False, before=before)


def read_owner(folder: ProjectFolder) -> Owner | None:
    """The last driver that said so; `None` when there was none."""
    text = read_text(folder.owner)
    if text is None:
        return None
    try:
        said = json.loads(text)
        return Owner(**{name: said[name] for name in Owner.__slots__ if name in said})  # a newer one may say more
    except (ValueError, TypeError) as error:
        raise SiteError(
            f"'{folder.owner}' is damaged: {error}",
            hint="if nothing drives the project, remove the file and restart the project",
        ) from error


def liveness(folder: ProjectFolder) -> Liveness:
    """Whether a project is being driven, as far as this host can tell.

    On the driver's own host its process decides. From elsewhere only the beat can be seen: see `beating`.
    """
    owner = read_owner(folder)
    if owner is None:
        return "none"
    if owner.ended:
        return "ended"
    if owner.host != socket.gethostname():
        return "unknown"
    if owner.boot != boot_id():
        return "gone"
    return "running" if start_time(owner.pid) == owner.start_time else "gone"


def beating(folder: ProjectFolder, *, patience: float = 60.0) -> bool:
    """Whether the driver's beat moves within `patience` seconds of this process's own clock."""
    before = read_owner(folder)
    until = time.monotonic() + patience
    while time.monotonic() < until:
        time.sleep(0.5)
        if read_owner(folder) != before:
            return True
    return False
