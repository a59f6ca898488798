"""Logs of attempts: compressed, with when and where they ran, without secrets, and never the reason of a failure."""

from __future__ import annotations

import gzip
import time
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from b2grid.errors import InvalidInput
from b2grid.execution.credentials import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from b2grid.execution.folder import ProjectFolder

__all__ = ["keep_log", "read_log", "stamp"]

_OF_GOOD = 256 * 1024  # bytes of the log of a job that is done; of others all is kept that the supervisor kept


def stamp(seconds: float) -> str:
    """A time as logs have it, with the zone of the host.

    >>> stamp(0.0)[:10] in {"1970-01-01", "1969-12-31"}
    True
    """
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))


def keep_log(
    log: Path, places: Sequence[Path], secrets: Iterable[str], *, head: Sequence[str], tail: Sequence[str], good: bool
) -> Path | None:
    """Keep the log of an attempt where there is room for it.

    Parameters
    ----------
    places : sequence of Path
        Where to; the next is taken when one cannot be written.
    head, tail : sequence of str
        Lines that are put before and after it.
    good : bool
        Whether the attempt has a result: of such logs less is kept.

    Returns
    -------
    Path or None
        Where it is; `None` when there was nothing to keep, or no place had room.
    """
    try:
        text = log.read_bytes()
    except OSError:
        text = b""
    if good and not text:
        return None
    if good and len(text) > _OF_GOOD:
        left_out = len(text) - _OF_GOOD
        half = _OF_GOOD // 2
        text = text[:half] + f"\n[b2grid] {left_out} bytes left out\n".encode() + text[-half:]
    said = masked(text.decode(errors="surrogateescape"), secrets).encode(errors="surrogateescape")
    before, after = ("".join(f"[b2grid] {line}\n" for line in lines).encode() for lines in (head, tail))
    end = b"" if said.endswith(b"\n") or not said else b"\n"
    packed = gzip.compress(before + said + end + after, compresslevel=4)
    for place in places:
        aside = place.with_name(f".{place.name}.new")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(packed)
            aside.replace(place)
        except OSError:
            with suppress(OSError):
                aside.unlink()
            continue
        return place
    return None


def read_log(folder: ProjectFolder, job: int, attempt: int | None = None) -> str:
    """The log of one attempt of a job: of the last that has one, unless another is named.

    Raises
    ------
    InvalidInput
        If the job has no log, or it is damaged.
    """
    there = folder.log(job, 0).parent.glob(f"{job}_*.log.gz")
    named = {path.name.removeprefix(f"{job}_").removesuffix(".log.gz"): path for path in there}
    logs = {int(name): path for name, path in named.items() if name.isdecimal()}
    if attempt is None and logs:
        attempt = max(logs)
    if attempt not in logs:
        which = f"attempt {attempt} of job {job}" if attempt is not None else f"job {job}"
        raise InvalidInput(f"{which} has no log", hint="a log is kept when an attempt has ended")
    try:
        with gzip.open(logs[attempt], "rt", errors="replace") as file:
            return file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(
            f"the log '{logs[attempt]}' cannot be read: {error}", hint="look at the logs of other attempts"
        ) from error
