"""The supervising process: runs one payload after another, and leaves no process of theirs behind.

It is a program of its own, ``python -I -S supervising.py``, fed with a line of JSON per payload on standard input and
answering with lines of JSON on standard output. It is a child subreaper, so that whatever a payload starts,
however it detaches itself, stays a descendant; and it is the parent of the payload in its only thread.
End-of-file on standard input means that whoever asked is gone: the payload is ended at once.

Standard library only, and nothing of b2grid but `proc`, which lies beside it: it has to start in milliseconds.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import json
import math
import os
import re
import resource
import selectors
import signal
import subprocess
import sys
import time
from typing import Any, BinaryIO

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import proc  # type: ignore[import-not-found,unused-ignore]

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h
_TICK = 0.25  # seconds between two looks at what the payload uses
# what programs say of their progress; a line without its end may still grow
_PROGRESS = re.compile(
    rb"\[b2lite\] events (?P<done>\d+) of (?P<total>\d+)\s*\n"
    rb"|Processed: +\d+ runs, +(?P<events>\d+) events\s*\n"  # basf2's module Progress
    rb"|^\[=*> *\] +(?P<share>\d+)% [^\n]*\n",  # basf2's module ProgressBar, on what is no terminal
    re.MULTILINE,
)
_LONGEST = 160  # bytes of such a line
_STAMP = 60.0  # seconds between two times in the log
_SHOWN = 16 * 1024  # bytes of head and tail that travel with the outcome


class Log:
    """A payload's output on disk: its start, and, when it is too long, its end."""

    def __init__(self, path: str, limit: int) -> None:
        self.file: BinaryIO = open(path, "wb", buffering=0)
        self.half = max(limit // 2, 1)
        self.head = b""
        self.tail = bytearray()
        self.written = 0
        self.left_out = 0
        self.full = False  # whether the disk took no more: the rest is kept in memory
        self.stamped = time.monotonic()
        self.between = True  # whether what came last was the end of a line

    def add(self, data: bytes) -> None:
        """Keep some output, within the limit; now and then with the time, between two lines."""
        if self.between and time.monotonic() - self.stamped > _STAMP:
            self.stamped = time.monotonic()
            self._keep(time.strftime("[b2grid] %Y-%m-%dT%H:%M:%S%z\n").encode())
        self.between = data.endswith(b"\n")
        self._keep(data)

    def _keep(self, data: bytes) -> None:
        room = max(self.half - self.written, 0)
        if room:
            taken = self._write(data[:room])
            self.head += data[: max(_SHOWN - len(self.head), 0)] if len(self.head) < _SHOWN else b""
            self.full = taken < min(room, len(data))
            self.written += room if self.full else taken
            data = data[taken:]
        self.tail += data
        if (over := len(self.tail) - self.half) > self.half:
            # cut only when it has grown to twice its size: moving bytes on every read would cost more
            del self.tail[:over]
            self.left_out += over

    def _write(self, data: bytes | bytearray) -> int:
        """How much of it the disk takes: an attempt does not end because there is no room for its log."""
        try:
            return self.file.write(data)
        except OSError:
            return 0

    def close(self) -> tuple[str, str]:
        """Finish the file; the first and the last of the output, as text."""
        if (over := len(self.tail) - self.half) > 0:
            del self.tail[:over]
            self.left_out += over
        if self.left_out:
            self._write(f"\n[b2grid] {self.left_out} bytes left out\n".encode())
        self.full |= self._write(self.tail) < len(self.tail)
        with contextlib.suppress(OSError):
            self.file.close()
        return self.head.decode(errors="replace"), self._end().decode(errors="replace")

    def _end(self) -> bytes:
        if len(self.tail) >= _SHOWN or self.full:
            return bytes(self.tail[-_SHOWN:])
        with open(self.file.name, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - _SHOWN, 0))
            return file.read()


class Running:
    """One payload, from its start to its outcome."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.limits = asked["limits"]
        self.scratch = asked["scratch"] or asked["folder"]
        self.expected = asked["events"]
        self.log = Log(asked["log"], self.limits["log_bytes"])
        self.cause = ""
        self.peak = 0
        self.cpu = 0.0
        self.started = self.lively = time.monotonic()
        self.ending = 0.0  # when TERM was sent
        self.killed = 0.0  # when KILL was
        self.known: int | None = None  # how far it is, in events or per cent, once it has said so
        self.rest = b""
        self.process = subprocess.Popen(
            asked["command"],
            cwd=asked["folder"],
            env=asked["environment"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout
        os.set_blocking(self.output.fileno(), False)

    def read(self) -> bool:
        """Take what the payload has written; whether there may be more."""
        try:
            data = os.read(self.output.fileno(), 65536)
        except BlockingIOError:
            return False
        if not data:
            return False
        self.log.add(data)
        if self.known is None:
            self.lively = time.monotonic()
        # a line may come in two pieces; one without an end is never kept longer than this
        data = self.rest + data
        self.rest = data[-_LONGEST:].rpartition(b"\n")[2]
        if b" events" in data or b"% " in data:  # much faster than the expression, where there is a lot of output
            found = collections.deque(_PROGRESS.finditer(data), maxlen=1)
            if found:
                self._said(found[0])
        return True

    def _said(self, line: re.Match[bytes]) -> None:
        """Pass on how far the payload is; from then on only events and CPU time count as life, and no other output."""
        count, expected = line["done"] or line["events"], self.expected or 0
        done = int(count) if count else int(line["share"]) * expected // 100
        known = int(count or line["share"])
        if self.known is None or known > self.known:
            self.lively = time.monotonic()
        self.known = known
        if count or expected:
            _say({"progress": [done, int(line["total"] or expected)]})

    def look(self) -> None:
        """Measure, and end what is over its limits."""
        now = time.monotonic()
        if self.ending and now - self.ending > self.limits["grace"]:
            self.killed = self.killed or now
            proc.end_all(os.getpid())
            return
        most = self.limits["processes"]
        pids = proc.descendants(os.getpid(), most=None if most is None else most + 1)
        memory, cpu = self._used(pids)
        self.peak = max(self.peak, memory)
        if cpu > self.cpu + 0.01:
            self.lively = now
        self.cpu = max(self.cpu, cpu)
        if len(pids) > _number(most):
            self.end("processes")
        elif memory > _number(self.limits["memory"]):
            self.end("memory")
        elif now - self.started > _number(self.limits["walltime"]):
            self.end("walltime")
        elif now - self.lively > _number(self.limits["stall"]):
            self.end("stalled")
        elif self._fills_disk():
            self.end("disk")

    def _used(self, pids: list[int]) -> tuple[int, float]:
        """The memory and CPU time of processes; what they share is told apart only where it matters."""
        memory, cpu = proc.usage(pids)
        if len(pids) > 1 and memory > _number(self.limits["memory"]):
            shared = proc.shared_memory(pids)
            memory = memory if shared is None else shared
        return memory, cpu

    def _fills_disk(self) -> bool:
        limit = self.limits["disk"]
        return limit is not None and proc.size(self.scratch, most=limit) > limit

    def end(self, cause: str) -> None:
        """Ask every process of the payload to stop; KILL follows after the grace, at once where they multiply."""
        if self.ending:
            return
        self.cause = cause
        self.ending = time.monotonic()
        if cause == "processes":
            proc.end_all(os.getpid())
        else:
            proc.end(proc.descendants(os.getpid()), signal.SIGTERM)

    @property
    def given_up(self) -> bool:
        """Whether it has not even ended by KILL: it hangs in the kernel, and may do so for ever."""
        return bool(self.killed) and time.monotonic() - self.killed > self.limits["after_kill"]

    def outcome(self) -> dict[str, Any]:
        """Clear up, and say how it went."""
        walltime = time.monotonic() - self.started
        ended, status, used = os.wait4(self.process.pid, os.WNOHANG if self.given_up else 0)
        self.process.returncode = code = os.waitstatus_to_exitcode(status)
        if self.given_up or not _clear(0.0 if self.cause else self.limits["grace"], self.limits["after_kill"]):
            self.cause = "cannot be killed"
        while self.read():
            pass
        self.output.close()
        head, tail = self.log.close()
        return {
            "exit_code": code if ended and code >= 0 else None,
            "signal": -code if code < 0 else None,
            "cause": self.cause,
            "walltime": walltime,
            "cpu_time": max(self.cpu, used.ru_utime + used.ru_stime),
            "peak_memory": max(self.peak, used.ru_maxrss * 1024),
            "log_head": head,
            "log_tail": tail,
        }


def _clear(grace: float, patience: float) -> bool:
    """End what a payload left behind: TERM, unless there is no grace, then KILL; whether nothing is left."""
    if grace and (left := proc.descendants(os.getpid())):
        proc.end(left, signal.SIGTERM)
        _reap(min(grace, 1.0))
    until = time.monotonic() + patience
    while (left := proc.descendants(os.getpid(), most=1)) and time.monotonic() < until:
        proc.end_all(os.getpid())
        _reap(0.05)
    _reap(0.0)
    return not left


def _reap(patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if time.monotonic() >= until:
                return
            time.sleep(0.01)


def _number(limit: float | None) -> float:
    return math.inf if limit is None else limit


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


class Asked:
    """Standard input as lines, without ever waiting for one."""

    def __init__(self) -> None:
        self.open = True
        self.rest = b""

    def lines(self) -> list[dict[str, Any]]:
        """What has been asked since the last time."""
        data = os.read(0, 1 << 20)
        if not data:
            self.open = False
            return []
        *whole, self.rest = (self.rest + data).split(b"\n")
        return [json.loads(line) for line in whole]


def _supervise(asked: dict[str, Any], requests: Asked) -> dict[str, Any]:
    """Run one payload to its end."""
    try:
        running = Running(asked)
    except (OSError, ValueError) as error:  # a null character in a word is a ValueError
        said = getattr(error, "strerror", None) or error
        return {"cause": "not started", "log_tail": f"{asked['command'][0]}: {said}"}
    with selectors.DefaultSelector() as selector:
        ended = os.pidfd_open(running.process.pid)
        selector.register(ended, selectors.EVENT_READ)
        selector.register(running.output, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        look = time.monotonic() + _TICK
        done = False
        while not done:
            ready = {key.fd for key, _ in selector.select(max(look - time.monotonic(), 0.0))}
            if running.output.fileno() in ready and not running.read():
                selector.unregister(running.output)
            if 0 in ready and (any("cancel" in request for request in requests.lines()) or not requests.open):
                running.end("cancelled")
                if not requests.open:
                    # nobody is left to hear the outcome: no grace, no payload
                    running.killed = time.monotonic()
                    proc.end_all(os.getpid())
                    selector.unregister(0)
            if time.monotonic() >= look:
                running.look()
                look = time.monotonic() + _TICK
            done = ended in ready or running.given_up
        os.close(ended)
    return running.outcome()


def main() -> None:
    """Serve until standard input ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # payloads inherit it: no core dumps
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Ctrl-C in a notebook's terminal reaches the whole group; who asked decides what ends. With SIG_IGN payloads
        # would begin with it, and ignore TERM as well
        signal.signal(number, lambda *_: None)
    requests = Asked()
    while requests.open:
        for request in requests.lines():
            if "command" in request:
                with contextlib.suppress(BrokenPipeError):
                    _say({"outcome": _supervise(request, requests)})


if __name__ == "__main__":
    main()
