"""A kept supervisor: one for each slot, which runs payloads one after another under limits."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from b2grid.run.limits import Limits, Outcome, Payload
from b2grid.run.proc import MARK, sweep

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Limits", "Outcome", "Payload", "Supervisor"]


def _fields(value: Payload | Limits) -> dict[str, Any]:
    """As `asdict`, which would copy the whole environment name by name."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


_PROGRAM = str(Path(__file__).with_name("supervising.py"))


class Supervisor:
    r"""Runs payloads in a process of its own, which starts once and is kept.

    Whatever a payload starts is ended with it. When the process that holds the supervisor dies, however it dies,
    the payload is killed with all its descendants.

    Examples
    --------
    >>> import os, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> payload = Payload(("/bin/echo", "hello"), folder, dict(os.environ), Limits(), "n1", f"{folder}/log")
    >>> with Supervisor() as supervisor:
    ...     outcome = supervisor.run(payload)
    >>> outcome.exit_code, outcome.log_tail
    (0, 'hello\n')
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._writing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        return self._process

    def run(self, payload: Payload, on_progress: Callable[[int, int], None] | None = None) -> Outcome:
        """Run a payload to its end.

        Parameters
        ----------
        on_progress : callable, optional
            Called with the events done and the events expected, whenever the payload says so.

        Returns
        -------
        Outcome
            Also when the program could not be started (cause ``not started``), or the supervisor itself was
            killed (cause ``lost``; what it left behind has been swept).
        """
        process = self._started()
        environment = {**payload.environment, MARK: payload.nonce}
        self._write(process, {**_fields(payload), "limits": _fields(payload.limits), "environment": environment})
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            if "outcome" in said:
                outcome = Outcome(**said["outcome"])
                if outcome.cause == "cannot be killed":
                    self.close()  # what hangs stays a child of this one: the next payload gets another
                return outcome
            if on_progress is not None:
                on_progress(*said["progress"])
        sweep(payload.nonce)
        self.close()
        return Outcome(cause="lost")

    def cancel(self) -> None:
        """End the payload that runs now; called from another thread than `run`."""
        if self._process is not None:
            self._write(self._process, {"cancel": True})

    def _write(self, process: subprocess.Popen[str], message: dict[str, Any]) -> None:
        assert process.stdin is not None
        with self._writing:
            try:
                process.stdin.write(json.dumps(message) + "\n")
                process.stdin.flush()
            except BrokenPipeError:
                return  # it is gone: reading its answer finds that out

    def close(self) -> None:
        """End the supervising process, and with it whatever still runs."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
        process.stdout.close()
