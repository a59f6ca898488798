"""Reading many files through an executor: a window of them at a time, whatever becomes of the workers."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from typing import TYPE_CHECKING, Any, TypeVar

from b2grid.catalogue.scan.reading import Row, read_some
from b2grid.catalogue.sources.lines import shortened
from b2grid.errors import SiteError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

__all__ = ["Workers", "cpus", "read_all"]

_CHUNK = 8  # files that one call reads: a call to a cluster costs about a millisecond, a file a hundred of them
_IN_FLIGHT = 512  # files that are being read, or wait for it, at any time
_DEATHS = 2 * _IN_FLIGHT // _CHUNK  # calls without an answer, of which a pool that dies ends all that it has

_Item = TypeVar("_Item")
_Chunk = list[tuple[_Item, str]]


def cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0))


class Workers(Executor):
    """A pool of processes that is made again when one of them dies, as a bad file can take its reader with it.

    Parameters
    ----------
    count : int, optional
        How many processes; by default two for each CPU that may be used, and not more than 32: a reader waits
        for its disk as long as it computes.

    Notes
    -----
    The processes are started afresh and import the main script, which therefore has to guard what it does with
    ``if __name__ == "__main__"``, as with every pool of processes.
    """

    def __init__(self, count: int | None = None) -> None:
        self._count = count or min(2 * cpus(), 32)
        self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        # a fork of a process with threads, such as that of a progress bar, can hang
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._count, mp_context=context, initializer=_begin_worker)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function in one of the processes."""
        try:
            return self._pool.submit(fn, *args, **kwargs)
        except BrokenExecutor:
            self._pool.shutdown(wait=False)
            self._pool = self._new()
            return self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def _begin_worker() -> None:
    """End with the process that started this one, which may be killed, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def read_all(
    files: Iterable[tuple[_Item, str]],
    executor: Executor | None = None,
    *,
    checksums: bool = False,
    read: Callable[[list[str], bool], list[Row | str]] = read_some,
) -> Generator[tuple[tuple[_Item, str], Row | str], None, None]:
    """Read files, and give each back with its row, or the reason why it has none, as they come.

    Never more than a window of files is taken from `files` ahead of what was given back. When a worker dies, what
    it had is read again, one file at a time: only a file whose reader dies once more is bad.

    Parameters
    ----------
    files : iterable of (anything, place)
        The first comes back with the result.
    executor : concurrent.futures.Executor, optional
        By default they are read here, one after the other.

    Raises
    ------
    SiteError
        If the executor is broken, or its workers die and not one has ever read a file.
    """
    source = iter(files)
    chunks: Iterator[_Chunk[_Item]] = iter(lambda: list(itertools.islice(source, _CHUNK)), [])
    if executor is None:
        for chunk in chunks:
            yield from zip(chunk, read([place for _, place in chunk], checksums), strict=True)
        return
    calls = _Calls(executor, read, checksums)
    suspects: _Chunk[_Item] = []
    running: dict[Future[Any], _Chunk[_Item]] = {}
    try:
        while True:
            for chunk in itertools.islice(chunks, max(_IN_FLIGHT // _CHUNK - len(running), 0)):
                running[calls.begin([place for _, place in chunk])] = chunk
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                chunk = running.pop(future)
                if (rows := calls.result(future)) is None:
                    suspects += chunk
                else:
                    yield from zip(chunk, rows, strict=True)
        for item, place in suspects:
            rows = calls.result(calls.begin([place]))
            yield (item, place), rows[0] if rows else f"{place} cannot be read: what reads it dies, twice"
    finally:
        for future in running:
            future.cancel()


class _Calls:
    """Calls to the workers of an executor, until it is clear that there are none."""

    def __init__(self, executor: Executor, read: Callable[[list[str], bool], list[Row | str]], checksums: bool) -> None:
        self._executor = executor
        self._read = read
        self._checksums = checksums
        self._lives = False  # whether one of them ever read a file
        self._died = 0

    def begin(self, places: list[str]) -> Future[Any]:
        """Have some files read."""
        try:
            return self._executor.submit(self._read, places, self._checksums)
        except BrokenExecutor as error:
            raise self._broken(error) from error

    def result(self, future: Future[Any]) -> list[Row | str] | None:
        """What was read; nothing if the reader died."""
        error = CancelledError() if future.cancelled() else future.exception()
        if error is None:
            self._lives = True
            return list(future.result())
        self._died += 1
        if self._died > _DEATHS and not self._lives:
            raise self._broken(error) from error
        return None

    @staticmethod
    def _broken(error: BaseException) -> SiteError:
        return SiteError(
            f"the workers that read files have died: {type(error).__name__}: {shortened(str(error))}",
            hint="see what they wrote; a script that starts processes needs: if __name__ == '__main__'",
        )
