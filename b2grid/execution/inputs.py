"""Where a job reads its inputs from: which copy of each, and whether it is what the catalogue says.

The order is: a file on this machine, the site's storage elements by the LFN, then the other replicas of the catalogue.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from b2grid.errors import InvalidInput
from b2grid.execution.classifying import Failure
from b2grid.names import is_grid_path
from b2grid.ntuple.manifest import parse_adler32
from b2grid.web import shown_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from b2grid.planning import InputFile, Plan

__all__ = ["Chosen", "InputStorage", "Place", "choose", "places"]

_PATIENCE = 10.0  # seconds to wait for a storage element
_PORTS = {"root": 1094, "roots": 1094, "xroot": 1094, "http": 80, "https": 443, "davs": 443}
_NOT_FOUND = 3011  # kXR_NotFound
_CHECKSUM_TIME = 600  # seconds in which a server has read a file
_CHUNK = 1024**2


@dataclass(frozen=True, slots=True)
class Place:
    """One copy of one input.

    Parameters
    ----------
    name : str
        The path or URL that the program is given.
    storage : str
        The storage element; empty for a file that is in none.
    """

    lfn: str
    name: str
    storage: str = ""

    @property
    def file(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]

    @property
    def about(self) -> dict[str, Any]:
        """What a report of a failure says of it."""
        return {"lfn": self.lfn, "storage": self.storage}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The copies that a job reads, in the order of its inputs, and what was passed over."""

    places: tuple[Place, ...]
    remarks: tuple[str, ...] = ()
    failure: Failure | None = field(default=None)

    @property
    def names(self) -> tuple[str, ...]:
        """What the program is given."""
        return tuple(place.name for place in self.places)


def places(
    file: InputFile, storage: Sequence[tuple[str, str]], is_file: Callable[[str], bool] = os.path.isfile
) -> tuple[Place, ...]:
    """Every copy of a file that may be here or elsewhere, the preferred one first.

    >>> from b2grid.planning import InputFile
    >>> file = InputFile("/belle/x/f.root", "/gone/f.root", 10, replicas=("root://b.example//x/f.root",))
    >>> [place.name for place in places(file, [("KEK-SE", "root://kek.example:1094/")])]
    ['root://kek.example:1094//belle/x/f.root', 'root://b.example//x/f.root', '/gone/f.root']
    """
    known = [(name, _path(name)) for name in (file.pfn, *file.replicas)]
    here = [path for _, path in known if path is not None and is_file(path)]
    at_site = [_at(url, file.lfn) for _, url in storage] if is_grid_path(file.lfn) else []
    at_site = [name for name in at_site if "://" in name or is_file(name)]
    elsewhere = [name for name, path in known if path is None]
    absent = [path for _, path in known if path is not None and path not in here]
    names = dict.fromkeys((*here, *at_site, *elsewhere, *absent))
    return tuple(Place(file.lfn, name, _element(name, storage)) for name in names)


def _path(name: str) -> str | None:
    """The path that a name is on this machine, or `None` if it is elsewhere."""
    if "://" not in name:
        return name
    parts = urlsplit(name)
    return unquote(parts.path) if parts.scheme == "file" and parts.netloc in {"", "localhost"} else None


def _at(prefix: str, lfn: str) -> str:
    """A file beneath a storage element; XRootD takes a path to begin with a second slash."""
    prefix = prefix.rstrip("/")
    whole = "://" not in prefix or urlsplit(prefix).path
    return f"{prefix}{lfn}" if whole else f"{prefix}/{lfn}"


def _element(name: str, storage: Sequence[tuple[str, str]]) -> str:
    """The storage element that a copy is in: by the site's names where it has them, else by its host."""
    for element, prefix in storage:
        if name.startswith(prefix.rstrip("/") + "/"):
            return element
    return urlsplit(name).netloc.rpartition("@")[2] if "://" in name else ""


class InputStorage(Mapping[int, "tuple[str, ...]"]):
    """Job -> the storage elements that have all of its inputs, as far as is known without asking them.

    Jobs that find an input on this machine are not in it. Worked out when it is asked, for the plan and the site that
    hold then.

    Parameters
    ----------
    now : callable
        The plan, and the site's storage elements.
    """

    def __init__(self, now: Callable[[], tuple[Plan, Sequence[tuple[str, str]]]]) -> None:
        self._now = now

    def __getitem__(self, job: int) -> tuple[str, ...]:
        plan, storage = self._now()
        try:
            copies = [places(file, storage) for file in plan.job(job).files]
        except InvalidInput:
            raise KeyError(job) from None
        names = [dict.fromkeys(place.storage for place in of_file if place.storage) for of_file in copies]
        shared = tuple(name for name in names[0] if all(name in others for others in names))
        if not shared or any(not of_file[0].storage for of_file in copies):
            raise KeyError(job)
        return shared

    def __iter__(self) -> Iterator[int]:
        return iter(self._now()[0].ids())

    def __len__(self) -> int:
        return len(self._now()[0])


def choose(
    files: Sequence[InputFile], storage: Sequence[tuple[str, str]], failed: int = 0, *, checksums: bool = False
) -> Chosen:
    """The copy of each input that is read now.

    A copy whose server does not answer, or that is not what the catalogue says, is passed over. One that is not there
    is left to the program, which says so in its own words.

    Parameters
    ----------
    failed : int
        How many copies have failed in earlier attempts: each file is read from the next ones.
    checksums : bool
        Whether each copy is read and compared with the catalogue's adler32; its size always is, where it can be told.
    """
    chosen: list[Place] = []
    remarks: list[str] = []
    servers: dict[str, bool] = {}
    for file in files:
        copies = places(file, storage)
        turned = copies[failed % len(copies) :] + copies[: failed % len(copies)]
        wrong: list[Failure] = []
        for place in turned:
            problem = _problem(place, file, servers, checksums=checksums)
            if problem is None:
                break
            wrong.append(problem)
        else:
            told = [failure for failure in wrong if not failure.about.get("absent")]
            if told:
                return Chosen((), failure=_none_is_good(told))
            place = turned[0]
        chosen.append(place)
        remarks += [f"passed over: {failure.message}" for failure in wrong]
    return Chosen(tuple(chosen), tuple(remarks))


def _none_is_good(wrong: Sequence[Failure]) -> Failure:
    """Every copy has something wrong: the first is blamed, and is down only when all are."""
    about = wrong[0].about | {"down": True}
    if not all(failure.about.get("down") for failure in wrong):
        del about["down"]
    return Failure("input", "; ".join(failure.message for failure in wrong)[:500], about)


def _problem(place: Place, file: InputFile, servers: dict[str, bool], *, checksums: bool) -> Failure | None:
    """What is wrong with a copy, as far as that is seen without reading it as ROOT."""
    shown = f"{file.lfn} at {place.storage or 'this host'} ({shown_url(place.name)})"
    path = _path(place.name)
    if path is None and not _listens(place.name, servers):
        where = f"storage element {place.storage}"
        return Failure("input", f"{where} does not answer: {shown_url(place.name)}", {**place.about, "down": True})
    wanted = checksums and file.adler32 is not None
    seen = _local(path, wanted) if path is not None else _remote(place.name, wanted)
    if not seen.there:
        return Failure("input", f"{shown} is not there", {**place.about, "absent": True})
    if seen.size is not None and file.bytes is not None and seen.size != file.bytes:
        return Failure("input", f"{shown} has {seen.size:,} bytes, the catalogue says {file.bytes:,}", place.about)
    if seen.adler32 is not None and file.adler32 is not None and seen.adler32 != parse_adler32(file.adler32):
        said = f"{shown} has adler32 {seen.adler32:08x}, the catalogue says {file.adler32}"
        return Failure("input", said, place.about)
    return None


class _Seen(NamedTuple):
    """What is seen of a copy from outside; `None` where it is not told."""

    there: bool = True
    size: int | None = None
    adler32: int | None = None


def _listens(url: str, servers: dict[str, bool]) -> bool:
    """Whether the server of a copy answers; each is asked once."""
    server = urlsplit(url).netloc
    if server not in servers:
        servers[server] = _answers(url)
    return servers[server]


def _answers(url: str) -> bool:
    """Whether somebody listens at the other end."""
    parts = urlsplit(url)
    try:
        address = (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))
        socket.create_connection(address, timeout=_PATIENCE).close()
    except (OSError, ValueError):
        return False
    return True


def _local(path: str, checksum: bool) -> _Seen:
    """A file here; where it cannot be read the program says better why."""
    try:
        size = Path(path).stat().st_size
        if not checksum:
            return _Seen(size=size)
        total = 1
        with Path(path).open("rb") as file:
            while chunk := file.read(_CHUNK):
                total = zlib.adler32(chunk, total)
    except FileNotFoundError:
        return _Seen(there=False)
    except OSError:
        return _Seen()
    return _Seen(size=size, adler32=total)


def _remote(url: str, checksum: bool) -> _Seen:
    """A file as an XRootD server tells of it; nothing of other servers, or where there is no XRootD here."""
    parts = urlsplit(url)
    if parts.scheme not in {"root", "roots", "xroot"} or importlib.util.find_spec("XRootD") is None:
        return _Seen()
    # read when XRootD is loaded: by itself it waits minutes for a server that is not there
    os.environ.setdefault("XRD_CONNECTIONRETRY", "1")
    os.environ.setdefault("XRD_CONNECTIONWINDOW", f"{_PATIENCE:.0f}")
    client: Any = importlib.import_module("XRootD.client")
    flags: Any = importlib.import_module("XRootD.client.flags")
    server = client.FileSystem(f"{parts.scheme}://{parts.netloc}")
    path = parts.path.replace("//", "/", 1)
    done, found = server.stat(path, timeout=int(_PATIENCE))
    if not done.ok:
        return _Seen(there=done.errno != _NOT_FOUND)
    if not checksum:
        return _Seen(size=int(found.size))
    done, answer = server.query(flags.QueryCode.CHECKSUM, path, timeout=_CHECKSUM_TIME)
    kind, _, value = (answer or b"").decode(errors="replace").rstrip("\0\n").partition(" ")
    return _Seen(size=int(found.size), adler32=int(value, 16) if done.ok and kind == "adler32" else None)
