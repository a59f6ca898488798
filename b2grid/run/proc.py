"""Processes as Linux shows them in ``/proc``: who descends from whom, what they use, what marks them.

Standard library only: the supervising process runs it before it has anything else.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

__all__ = ["MARK", "descendants", "end", "marked", "sweep", "usage"]

MARK = "B2GRID_ATTEMPT"
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LISTED = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # CONFIG_PROC_CHILDREN


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on; the name before them may hold anything."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def descendants(root: int) -> list[int]:
    """Every descendant of a process that has not been waited for, parents before children."""
    listed = None if _LISTED else _by_parent()
    found, waiting = [], [root]
    while waiting:
        parent = waiting.pop(0)
        below = _children(parent) if listed is None else listed.get(parent, [])
        found += below
        waiting += below
    return found


def _by_parent() -> dict[int, list[int]]:
    """All processes by their parent, for kernels that do not list the children of one."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                children.setdefault(int(_stat(int(name))[1]), []).append(int(name))
    return children


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
                children += map(int, file.read().split())
    return children


def usage(pids: list[int]) -> tuple[int, float]:
    """The memory (bytes) and the CPU time (seconds) of some processes together."""
    memory, cpu = 0, 0.0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            fields = _stat(pid)
            memory += int(fields[21]) * _PAGE
            cpu += sum(int(ticks) for ticks in fields[11:15]) / _TICKS
    return memory, cpu


def marked(nonce: str | None = None, *, start: str = "") -> list[int]:
    """Processes of this user that carry the mark of an execution: of one, of those that start so, or of any."""
    wanted = f"{MARK}={start if nonce is None else nonce}".encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            words = file.read().split(b"\0")
            if wanted in words if nonce is not None else any(word.startswith(wanted) for word in words):
                found.append(int(name))
    return found


def end(pids: list[int], number: int = signal.SIGKILL) -> None:
    """Send a signal to processes, some of which may have gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def sweep(nonce: str | None = None, *, start: str = "", patience: float = 5.0) -> int:
    """Kill whatever an execution, or all those that start so, left behind on this host; how many there were."""
    if nonce is None and not start:
        raise ValueError("sweep of nothing would be a sweep of everything")
    swept = 0
    until = time.monotonic() + patience
    while (left := marked(nonce, start=start)) and time.monotonic() < until:
        end(left)
        swept = max(swept, len(left))
        time.sleep(0.02)
    return swept
