"""Threads beside the notebook: one action at a time, and a pulse that looks for news.

Neither ever prints: what they find is handed to the panel, which shows it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Action", "Pulse"]


class Action:
    """What the user asked for, running in a thread of its own; nothing else begins until it has ended.

    Parameters
    ----------
    on_result : callable
        Called with the verb and what came back.
    on_error : callable
        Called with the verb and the exception.
    """

    def __init__(self, on_result: Callable[[str, object], None], on_error: Callable[[str, Exception], None]) -> None:
        self._on_result = on_result
        self._on_error = on_error
        self._lock = threading.Lock()
        self._verb = ""
        self._started = 0.0

    @property
    def verb(self) -> str:
        """What is running now, or nothing."""
        with self._lock:
            return self._verb

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        with self._lock:
            return time.monotonic() - self._started if self._verb else 0.0

    def start(self, verb: str, call: Callable[[], object]) -> bool:
        """Begin, unless something is running already; say whether it began."""
        with self._lock:
            if self._verb:
                return False
            self._verb, self._started = verb, time.monotonic()
        threading.Thread(target=self._run, args=(verb, call), name=f"b2grid {verb}", daemon=True).start()
        return True

    def _run(self, verb: str, call: Callable[[], object]) -> None:
        try:
            result = call()
        except Exception as error:  # whatever it is, the panel shows it
            self._end()
            self._on_error(verb, error)
        else:
            self._end()
            self._on_result(verb, result)

    def _end(self) -> None:
        with self._lock:
            self._verb = ""


class Pulse:
    """Calls something once per interval, until it is stopped.

    The interval counts from the end of a call, so that a slow disk is not asked more often than it answers.
    """

    def __init__(self, call: Callable[[], None], interval: float = 1.0) -> None:
        self._call = call
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="b2grid panel", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """No further call begins; one that is running may still end."""
        self._stop.set()

    def join(self, timeout: float) -> None:
        """Wait until the last call has ended."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self._call()
