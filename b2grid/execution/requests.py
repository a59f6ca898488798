"""What readers ask of the driver: files that it answers through the journal."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.amounts import bytes_of, seconds_of
from b2grid.errors import Finding, InvalidInput, SiteError, nearest, printable
from b2grid.execution.files import read_text, write_whole
from b2grid.execution.policy import POLICIES
from b2grid.execution.sites import site

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from b2grid.execution.folder import ProjectFolder

__all__ = ["VERBS", "Request", "leave_request", "options", "waiting_requests"]

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


_SHORTEST = 60.0  # seconds of a walltime: what is below it lacks its unit


def options(**given: Any) -> dict[str, Any]:
    """What a verb takes besides jobs, as the project and its driver read it; what is `None` is left out.

    Raises
    ------
    InvalidInput
        With everything that is wrong: a cause that is no failure class, an amount that is none, no such site.

    Examples
    --------
    >>> options(memory="6 GB", walltime="12 h", cause=None)
    {'memory': 6442450944, 'walltime': 43200.0}
    """
    taken: dict[str, Any] = {}
    wrong: list[InvalidInput] = []
    for name, value in given.items():
        if value is None:
            continue
        try:
            taken[name] = _OPTIONS[name](value)
        except InvalidInput as error:
            wrong.append(error)
    if len(wrong) > 1:
        findings = tuple(Finding("", "error", error.message, error.hint) for error in wrong)
        raise InvalidInput(f"{len(wrong)} things in this request are wrong; nothing was asked", findings=findings)
    if wrong:
        raise wrong[0]
    return taken


def _cause(given: object) -> str:
    if given in POLICIES:
        return str(given)
    near = nearest(str(given), POLICIES)
    raise InvalidInput(
        f"'{printable(given)}' is not a failure class",
        hint=f"did you mean '{near[0]}'?" if near else f"they are: {', '.join(POLICIES)}",
    )


def _whole(name: str, low: int, high: int) -> Callable[[Any], int]:
    def checked(given: Any) -> int:
        if isinstance(given, bool) or not hasattr(given, "__index__") or not low <= int(given) <= high:
            raise InvalidInput(f"{name} is {printable(given)}", hint=f"it is a whole number from {low} to {high}")
        return int(given)

    return checked


def _walltime(given: Any) -> float:
    seconds = seconds_of(given, "walltime")
    if seconds < _SHORTEST:
        raise InvalidInput(
            f"walltime is '{printable(given)}', which is {seconds:g} s", hint="write it as 12 h or 90 min"
        )
    return seconds


def _share(given: Any) -> float:
    try:
        share = float(given)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 1:
        raise InvalidInput(f"scouts_pass is {printable(given)}", hint="it is a share, such as 0.8; 1 means all scouts")
    return share


_OPTIONS: Mapping[str, Callable[[Any], Any]] = {
    "cause": _cause,
    "memory": lambda given: bytes_of(given, "memory", least=1024**2),
    "walltime": _walltime,
    "smaller": _whole("smaller", 2, 1000),
    "site": lambda given: site(given).name,
    "priority": _whole("priority", 0, 10),
    "host": str,
    "scouts_pass": _share,
}


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
    return [request for path in sorted(folder.requests.glob("[0-9]*.json")) if (request := _read(path)) is not None]


def _read(path: Path) -> Request | None:
    with suppress(OSError):  # somebody else's, or a folder
        text = read_text(path)
        return None if text is None else _parsed(text, path)
    return None


def _parsed(text: str, path: Path) -> Request | None:
    try:
        data: dict[str, Any] = json.loads(text)
        jobs = tuple(int(job) for job in data["jobs"])
        request = Request(str(data["nonce"]), str(data["verb"]), jobs, dict(data.get("options", {})), path)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return request if request.verb in VERBS else None
