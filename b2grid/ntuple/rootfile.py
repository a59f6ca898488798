"""Opening ROOT files: the one place where uproot's errors become ours.

A file that was cut short often opens and tells its entry count; its own header says how long it should be.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import B2GridError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

__all__ = ["HEADER", "length_in_header", "open_regular", "open_root"]

HEADER = 20
"""Bytes at the begin of a ROOT file that say how long it is."""

_MAGIC = b"root"


def open_regular(path: str | Path) -> BufferedReader:
    """Open a regular file for reading; links, FIFOs, devices and directories are refused, not followed.

    Raises
    ------
    InvalidInput
        If there is no such file, it is not a regular file, or it cannot be read.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not make us wait
    try:
        if Path(path).is_symlink():
            raise InvalidInput(f"{path} is a link", hint="give the regular file itself")
        descriptor = os.open(path, flags)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be opened: {error.strerror}", hint=_hint(error)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidInput(f"{path} is {_kind(path)}, not a regular file", hint="give a ROOT file")
    return os.fdopen(descriptor, "rb")


@contextmanager
def open_root(path: str | Path, *, opened: BufferedReader | None = None, threads: bool = True) -> Iterator[Any]:
    """Open a ROOT file with uproot; what goes wrong inside the block is told in one clear message.

    Parameters
    ----------
    path : str or Path
        A file, or a URL such as ``root://…``.
    opened : file object, optional
        The same file if it is open already; it is read, and stays open.
    threads : bool
        Whether uproot reads in threads of its own, which is slower where a local file is read in many small pieces.

    Raises
    ------
    InvalidInput
        If there is no such file, it is not a ROOT file, it is cut short, or its contents cannot be read.
    """
    import uproot

    if opened is not None:
        _check_header(path, os.pread(opened.fileno(), HEADER, 0), os.fstat(opened.fileno()).st_size)
    elif "://" not in str(path):
        _check_local(Path(path))
    source = os.fdopen(os.dup(opened.fileno()), "rb") if opened is not None else str(path)  # uproot closes it
    if str(path).startswith(("root://", "roots://")):
        # read when XRootD is loaded: by itself it waits minutes for a server that is not there
        os.environ.setdefault("XRD_CONNECTIONRETRY", "1")
        os.environ.setdefault("XRD_CONNECTIONWINDOW", "30")
    options: dict[str, Any] = {}
    if not threads and "://" not in str(path):
        options = {"handler": uproot.source.file.MultithreadedFileSource, "use_threads": False}
    try:
        with uproot.open(source, **options) as file:
            yield file
    except B2GridError:
        raise
    except OSError as error:
        if error.errno is None:
            raise _damaged(path, error) from error
        raise InvalidInput(f"{path} cannot be read: {error.strerror}", hint=_hint(error)) from error
    except Exception as error:  # what a damaged file makes uproot raise has no common base
        raise _damaged(path, error) from error


def _check_local(path: Path) -> None:
    try:
        if not path.is_file():
            if path.exists():
                raise InvalidInput(f"{path} is {_kind(path)}, not a file", hint="give a ROOT file")
            raise FileNotFoundError(2, "no such file")
        with path.open("rb") as file:
            _check_header(path, file.read(HEADER), os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be opened: {error.strerror}", hint=_hint(error)) from None


def _check_header(path: str | Path, header: bytes, size: int) -> None:
    """Compare the length in a ROOT file's header with the length of the file."""
    if size == 0:
        raise InvalidInput(f"{path} is empty: not a ROOT file", hint="write or fetch the file again")
    if header[:4] != _MAGIC[:size]:
        begin = repr(header[:8])[1:]
        raise InvalidInput(f"{path} is not a ROOT file: it begins with {begin}", hint="give a ROOT file")
    end = length_in_header(header)
    if len(header) < HEADER or size < end:
        of = f" of {end}" if len(header) == HEADER else ""
        raise InvalidInput(f"{path} is truncated: {size} bytes{of}", hint="write or fetch the file again")


def length_in_header(header: bytes) -> int:
    """The bytes that a ROOT file should have, by its own header.

    >>> length_in_header(b"root" + (62800).to_bytes(4, "big") + (100).to_bytes(4, "big") + (5000).to_bytes(4, "big"))
    5000
    """
    large = int.from_bytes(header[4:8], "big") >= 1_000_000  # 64-bit pointers from 2 GB on
    return int.from_bytes(header[12:20] if large else header[12:16], "big")


def _damaged(path: str | Path, error: Exception) -> InvalidInput:
    first = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, ImportError):  # of what uproot needs to read this address, or this compression
        return InvalidInput(f"{path} cannot be read here: {first}", hint="install it, or fetch the file first")
    if isinstance(error, OSError) and "://" in str(path):
        return InvalidInput(
            f"{path} cannot be read: {first}", hint="see whether its server answers and has it, or take another copy"
        )
    return InvalidInput(
        f"{path} cannot be read as a ROOT file: {type(error).__name__}: {first}",
        hint="the file is damaged or was not closed: write or fetch it again",
    )


def _hint(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "check the path"
    return "check the permissions" if isinstance(error, PermissionError) else "check the file and its disk"


def _kind(path: str | Path) -> str:
    mode = Path(path).stat().st_mode
    names = {
        stat.S_ISDIR: "a directory",
        stat.S_ISFIFO: "a FIFO",
        stat.S_ISSOCK: "a socket",
        stat.S_ISCHR: "a device",
        stat.S_ISBLK: "a device",
    }
    return next((name for test, name in names.items() if test(mode)), "something else")
