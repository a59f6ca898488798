"""Reading many files through an executor: a window of them at a time, whatever becomes of the workers."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

from b2grid.catalogue.scan.reading import Row, read_some

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Workers", "cpus", "read_all"]

_CHUNK = 8  # files that one call reads: a call to a cluster costs about a millisecond, a file ten
_IN_FLIGHT = 512  # files that are being read, or wait for it, at any time

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
        return ProcessPoolExecutor(self._count, mp_context=context, initializer=_end_with_parent)

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


def _end_with_parent() -> None:
    """Watch for the death of the process that started this one: a pool that is killed leaves its processes waiting."""
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
) -> Iterator[tuple[tuple[_Item, str], Row | str]]:
    """Read files, and give each back with its row, or the reason why it has none, as they come.

    Never more than a window of files is taken from `files` ahead of what was given back. When a worker dies, what
    it had is read again, one file at a time: only a file whose reader dies once more is bad.

    Parameters
    ----------
    files : iterable of (anything, place)
        The first comes back with the result.
    executor : concurrent.futures.Executor, optional
        By default they are read here, one after the other.
    """
    source = iter(files)
    chunks: Iterator[_Chunk[_Item]] = iter(lambda: list(itertools.islice(source, _CHUNK)), [])
    if executor is None:
        for chunk in chunks:
            yield from zip(chunk, read([place for _, place in chunk], checksums), strict=True)
        return
    suspects: _Chunk[_Item] = []
    running: dict[Future[Any], _Chunk[_Item]] = {}
    try:
        while True:
            for chunk in itertools.islice(chunks, max(_IN_FLIGHT // _CHUNK - len(running), 0)):
                running[executor.submit(read, [place for _, place in chunk], checksums)] = chunk
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                chunk = running.pop(future)
                if future.exception() is None:
                    yield from zip(chunk, future.result(), strict=True)
                else:
                    suspects += chunk
        for item, place in suspects:
            yield (item, place), _alone(executor, read, place, checksums)
    finally:
        for future in running:
            future.cancel()


def _alone(
    executor: Executor, read: Callable[[list[str], bool], list[Row | str]], place: str, checksums: bool
) -> Row | str:
    future = executor.submit(read, [place], checksums)
    error = future.exception()
    if error is None:
        return next(iter(future.result()))
    return f"{place} cannot be read: its reader died twice ({type(error).__name__})"
