"""Logs of attempts: compressed, with when and where they ran, without secrets, and never the reason of a failure."""

from __future__ import annotations

import gzip
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from b2grid.execution.credentials import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["keep_log", "stamp"]

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
