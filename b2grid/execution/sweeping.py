"""What is left behind and of no use any more: scratch of killed workers, staging, kept outputs, environments, logs.

What is found is a value; whether it may go is decided from that alone (`why_gone`). What belongs to a process that
lives, or to somebody else, stays.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from b2grid.errors import B2GridError, SiteError
from b2grid.execution.folder import ProjectFolder
from b2grid.execution.publish import complete, manifest_path
from b2grid.execution.status import read_status
from b2grid.run.proc import size, sweep
from b2grid.run.scratch import private, read_mark, remove

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["LOG_DAYS", "Found", "Remnant", "clear", "of_project", "on_host", "remnants", "tidy", "why_gone"]

LOG_DAYS = 90.0
"""Days for which logs are kept after their project is over, unless it is said."""

_DAY = 86400.0  # seconds
_UNCLAIMED = 1 * _DAY  # a scratch folder whose maker died before it could say whose it is
_KEPT = 30 * _DAY  # outputs that no attempt came back for
_CAPTURED = 14 * _DAY  # an environment: a release may be changed in its place
_STAGED = 3600.0  # staging in which nothing has changed, of a project that nobody drives
_OVER = ("done", "failed", "cancelled", "finished")

What = Literal["scratch", "kept outputs", "kept log", "environment", "staging", "logs"]


@dataclass(frozen=True, slots=True)
class Found:
    """Something that may be of no use any more.

    Parameters
    ----------
    age : float
        Seconds since it was last changed; of logs, since their project was over.
    holder : {"alive", "dead", "none", "elsewhere", "unsaid"}
        The process that it belongs to; ``none`` when that gave it up.
    job : {"open", "published", "gone", "unknown"}
        Whether the job whose outputs these are has a manifest, or its project is no more.
    driven : bool
        Whether its project may be driven by somebody.
    about : tuple of str
        The project's folder and the nonce of the execution, where they are said.
    """

    what: What
    where: Path
    age: float
    holder: Literal["alive", "dead", "none", "elsewhere", "unsaid"] = "none"
    job: Literal["open", "published", "gone", "unknown"] = "unknown"
    driven: bool = False
    about: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Remnant:
    """What goes: its kind, where it is, its size, and why."""

    what: What
    where: Path
    bytes: int
    why: str
    nonce: str = ""


def why_gone(found: Found, *, log_days: float = LOG_DAYS) -> str:
    """Why something may go; empty when it has to stay.

    >>> why_gone(Found("scratch", Path("x"), 10.0, holder="dead"))
    'its worker is no more'
    >>> why_gone(Found("scratch", Path("x"), 1e9, holder="alive"))
    ''
    """
    if found.holder in {"alive", "elsewhere"}:
        return ""
    days = f"{found.age / _DAY:.0f} days"
    reasons: dict[What, tuple[tuple[bool, str], ...]] = {
        "scratch": (
            (found.holder == "dead", "its worker is no more"),
            (found.age > _UNCLAIMED, "nobody says whose it is"),
        ),
        "kept outputs": (
            (found.job == "published", "its job has its result"),
            (found.job == "gone", "its project is no more"),
            (found.age > _KEPT, f"nobody has come back for it in {days}"),
        ),
        "environment": ((found.age > _CAPTURED, f"captured {days} ago"),),
        "staging": ((not found.driven and found.age > _STAGED, "its attempt is no more"),),
        "logs": ((not found.driven and found.age > log_days * _DAY, f"over for {days}"),),
        "kept log": ((found.age > log_days * _DAY, f"over for {days}"),),
    }
    return next((why for holds, why in reasons[found.what] if holds), "")


# -- looking ---------------------------------------------------------------------------------------------------


def on_host(base: str | None = None) -> Iterator[Found]:
    """What this user has on this host, in one place of scratch."""
    for entry in _entries(base, "work"):
        yield _held(Found("scratch", entry, _age(entry)))
    for entry in _entries(base, "kept"):
        if entry.is_dir():
            found = _held(Found("kept outputs", entry, _age(entry)))
            yield _with_job(found)
        else:
            yield Found("kept log", entry, _age(entry))
    for entry in _entries(base, "environments"):
        yield Found("environment", entry, _age(entry))


def _entries(base: str | None, room: Literal["work", "kept", "environments"]) -> list[Path]:
    try:
        return sorted(private(base, room).iterdir())
    except (SiteError, OSError):
        return []


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:
        return 0.0


def _held(found: Found) -> Found:
    """With what its mark says."""
    mark = read_mark(found.where)
    if mark is None:
        return replace(found, holder="unsaid")
    holder, about = mark
    known = (about.get("project", ""), about.get("nonce", ""))
    if holder is None:
        return replace(found, holder="none", about=known)
    states: dict[bool | None, Literal["alive", "dead", "elsewhere"]] = {True: "alive", False: "dead", None: "elsewhere"}
    return replace(found, holder=states[holder.alive()], about=known)


def _with_job(found: Found) -> Found:
    """With whether the job of kept outputs still wants them."""
    mark = read_mark(found.where)
    if mark is None or not (project := mark[1].get("project")):
        return found
    folder = ProjectFolder(Path(project))
    if not folder.exists:
        # a file system that is not there for a while is no reason
        return replace(found, job="gone" if folder.path.parent.is_dir() else "unknown")
    job = mark[1].get("job", "")
    roots = (folder.output, folder.scouts)
    there = job.isdecimal() and any(manifest_path(root, int(job)).exists() for root in roots)
    return replace(found, job="published" if there else "open")


def of_project(folder: ProjectFolder) -> Iterator[Found]:
    """What a project has of its own: staging, and the logs when it is over."""
    try:
        if folder.path.stat().st_uid != os.getuid():
            return
        status = read_status(folder)
    except (B2GridError, OSError):
        return
    driven = status.driver in {"running", "unknown"}
    for root in (folder.output, folder.scouts):
        for staging in sorted((root / ".staging").glob("*")):
            yield Found("staging", staging, _newest(staging), driven=driven)
    logs = folder.path / "logs"
    if status.phase in _OVER and logs.is_dir() and not logs.is_symlink():  # logs elsewhere are their owner's business
        yield Found("logs", logs, max(time.time() - status.updated, 0.0), driven=driven)


def _newest(folder: Path) -> float:
    """Seconds since something in a folder has changed."""
    with suppress(OSError):
        return min([_age(folder), *(_age(inner) for inner in folder.glob("*"))])
    return 0.0


# -- clearing --------------------------------------------------------------------------------------------------


def remnants(
    projects: Iterable[ProjectFolder] = (),
    bases: Iterable[str | None] = (None,),
    *,
    host: bool = True,
    log_days: float = LOG_DAYS,
) -> list[Remnant]:
    """All that may go of some projects, and of this user on this host.

    Parameters
    ----------
    bases : iterable of str or None
        The places of scratch on this host; `None` is the system's place for temporary files.
    host : bool
        Whether what belongs to other projects of this user on this host is meant as well.
    """
    folders = list(projects)
    own = {str(folder.path) for folder in folders}
    found = [item for base in bases for item in on_host(base) if host or item.about[0] in own]
    found += [item for folder in folders for item in of_project(folder)]
    return [
        Remnant(item.what, item.where, _bytes(item.where), why, item.about[1])
        for item in found
        if (why := why_gone(item, log_days=log_days))
    ]


def _bytes(path: Path) -> int:
    with suppress(OSError):
        return size(str(path)) if path.is_dir() else path.lstat().st_size
    return 0


def clear(listed: Iterable[Remnant]) -> list[Remnant]:
    """Remove what was listed; what could be removed."""
    return [remnant for remnant in listed if _cleared(remnant)]


def _cleared(remnant: Remnant) -> bool:
    if remnant.what == "staging":
        complete(remnant.where.parent.parent, remnant.where)  # a manifest that is linked gets its files first
        return not remnant.where.exists()
    if remnant.what == "scratch" and remnant.nonce:
        sweep(remnant.nonce)  # its supervisor may have been killed with its worker
    aside = remnant.where.with_name(f"{remnant.where.name}.swept")
    try:
        if not remnant.where.is_dir():
            remnant.where.unlink()
            return True
        remnant.where.rename(aside)  # an attempt that comes for it now finds nothing, rather than a part
    except OSError:
        return False
    return remove(aside)


def tidy(base: str | None = None) -> None:
    """Clear what killed workers left on this host; never the reason of a failure."""
    with suppress(B2GridError, OSError):
        clear(remnants(bases={None, base}))
