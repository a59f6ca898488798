"""What a payload is, what it may use, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Cause", "Limits", "Outcome", "Payload"]

Cause = Literal[
    "", "walltime", "memory", "stalled", "processes", "disk", "cancelled", "not started", "lost", "cannot be killed"
]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a payload may use; `None` is no limit.

    Parameters
    ----------
    walltime : float or None
        Seconds.
    memory : int or None
        Bytes that the payload and all its descendants hold in memory together, what they share counted once.
    stall : float or None
        Seconds without using the CPU and without output; of a payload that counts its events, without further events.
    processes : int or None
        The payload and all its descendants.
    disk : int or None
        Bytes in the payload's scratch.
    grace : float
        Seconds between TERM and KILL.
    after_kill : float
        Seconds after KILL in which a process ends, unless it hangs in the kernel: then it is given up.
    log_bytes : int
        How much of the log is kept: half of it from the start, half from the end.
    """

    walltime: float | None = None
    memory: int | None = None
    stall: float | None = None
    processes: int | None = None
    disk: int | None = None
    grace: float = 10.0
    after_kill: float = 30.0
    log_bytes: int = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Payload:
    """One program to run, once.

    Parameters
    ----------
    command : tuple of str
        The program and its arguments; no shell reads them.
    folder : str
        The working directory.
    environment : dict
        All of its environment; ``B2GRID_ATTEMPT`` is added.
    nonce : str
        Marks every process of this execution, so that what is left behind can be found.
    log : str
        Where its output goes, both streams together.
    scratch : str
        The folder whose size is limited; by default the working directory.
    events : int or None
        How many it should read, where that is known: some programs say their progress as a share of it.
    """

    command: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    limits: Limits
    nonce: str
    log: str
    scratch: str = ""
    events: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a payload ended.

    Parameters
    ----------
    exit_code, signal : int or None
        One of the two, unless it never started or was lost.
    cause : str
        Why the supervisor ended it, or nothing when it ended by itself.
    walltime, cpu_time : float
        Seconds.
    peak_memory : int
        Bytes, of all its processes together.
    log_head, log_tail : str
        The first and the last lines of its output.
    """

    exit_code: int | None = None
    signal: int | None = None
    cause: Cause = ""
    walltime: float = 0.0
    cpu_time: float = 0.0
    peak_memory: int = 0
    log_head: str = field(default="", repr=False)
    log_tail: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        """Whether the program ended by itself and said that all is well."""
        return self.exit_code == 0 and not self.cause
