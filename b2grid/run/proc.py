"""Processes as Linux shows them in ``/proc``: who descends from whom, what they use, what marks them.

Standard library only: the supervising process runs it before it has anything else.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import math
import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MARK",
    "boot_id",
    "descendants",
    "end",
    "end_all",
    "marked",
    "shared_memory",
    "size",
    "start_time",
    "sweep",
    "usage",
]

MARK = "B2GRID_ATTEMPT"
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ENTRY = 4096  # bytes that a file takes without any content
_LISTED = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # CONFIG_PROC_CHILDREN


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on; the name before them may hold anything."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def boot_id() -> str:
    """Of this boot of this host; empty where it is not told."""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
    return ""


def start_time(pid: int) -> int | None:
    """When a process started, in ticks since the boot: process ids are used again. `None` when it is no more."""
    with contextlib.suppress(OSError, IndexError):
        fields = _stat(pid)
        return None if fields[0] == "Z" else int(fields[19])
    return None


def descendants(root: int, *, most: int | None = None) -> list[int]:
    """Every descendant of a process that has not been waited for, parents before children; no more than `most`."""
    return list(itertools.islice(_descending(root), most))


def _descending(root: int) -> Iterator[int]:
    listed = None if _LISTED else _by_parent()
    waiting = collections.deque([root])
    while waiting:
        parent = waiting.popleft()
        below = _children(parent) if listed is None else listed.get(parent, [])
        waiting += below
        yield from below


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


def shared_memory(pids: list[int]) -> int | None:
    """The memory (bytes) of some processes together, what several share counted once; `None` where it is not told."""
    total = 0
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            try:
                with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                    total += next((int(line.split()[1]) * 1024 for line in file if line.startswith(b"Pss:")), 0)
            except (FileNotFoundError, PermissionError):
                if os.path.exists(f"/proc/{pid}"):
                    return None
    return total


def size(folder: str, *, most: float = math.inf) -> int:
    """The bytes that a folder takes on disk, and something for each file; no more is counted beyond `most`."""
    total, waiting = 0, [folder]
    while waiting and total <= most:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += _ENTRY + entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total


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


def end_all(root: int) -> None:
    """Kill every descendant of a process, whole groups at once: what forks meanwhile does not escape from a group."""
    groups = {os.getpgrp()}
    for pid in _descending(root):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if (group := os.getpgid(pid)) not in groups:
                groups.add(group)
                os.killpg(group, signal.SIGKILL)
            os.kill(pid, signal.SIGKILL)


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
