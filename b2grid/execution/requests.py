"""What readers ask of the driver: files that it answers through the journal."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.errors import SiteError
from b2grid.execution.files import read_text, write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from b2grid.execution.folder import ProjectFolder

__all__ = ["VERBS", "Request", "leave_request", "waiting_requests"]

VERBS = ("cancel", "finish", "hold", "move", "priority", "reschedule", "restore", "resume")


@dataclass(frozen=True, slots=True)
class Request:
    """One thing that was asked.

    Parameters
    ----------
    jobs : tuple of int
        The jobs it is about; all of them when empty.
    options : dict
        What the verb takes besides: ``reschedule`` takes ``cause`` (a failure class), ``memory`` (bytes),
        ``walltime`` (seconds) and ``smaller`` (in how many parts each job is planned again); ``move`` takes ``site``,
        ``priority`` takes ``priority``, ``restore`` takes ``host``.
    """

    nonce: str
    verb: str
    jobs: tuple[int, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    file: Path | None = field(default=None, compare=False)


def leave_request(
    folder: ProjectFolder, verb: str, jobs: tuple[int, ...] = (), options: dict[str, Any] | None = None
) -> str:
    """Leave a request for the driver; its nonce, which the answer carries.

    Raises
    ------
    SiteError
        If the folder cannot be written to: a colleague's project is there to read.
    """
    nonce = secrets.token_hex(8)
    try:
        folder.requests.mkdir(exist_ok=True)
    except OSError as error:
        raise SiteError(
            f"project '{folder.path.name}' cannot be asked to {verb}: {error.strerror}", hint="only its owner can"
        ) from error
    asked = json.dumps({"nonce": nonce, "verb": verb, "jobs": list(jobs), "options": options or {}})
    write_whole(folder.requests / f"{time.time_ns()}-{nonce}.json", asked)
    return nonce


def waiting_requests(folder: ProjectFolder) -> list[Request]:
    """What has been asked and not been taken away yet, oldest first; what is not a request is ignored."""
    return [
        request
        for path in sorted(folder.requests.glob("[0-9]*.json"))
        if (text := read_text(path)) is not None and (request := _parsed(text, path)) is not None
    ]


def _parsed(text: str, path: Path) -> Request | None:
    try:
        data: dict[str, Any] = json.loads(text)
        jobs = tuple(int(job) for job in data["jobs"])
        request = Request(str(data["nonce"]), str(data["verb"]), jobs, dict(data.get("options", {})), path)
    except (ValueError, KeyError, TypeError):
        return None
    return request if request.verb in VERBS else None
