"""The environment of a payload: made on purpose, not inherited by accident."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import SiteError, SiteUnavailable
from b2grid.run.limits import Limits, Payload
from b2grid.run.proc import MARK
from b2grid.run.scratch import private
from b2grid.run.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from b2grid.run.command import Runner
    from b2grid.run.limits import Outcome

__all__ = ["clean_environment", "set_up_script"]

# what a program needs to find its files, itself and its language; credentials are not among it
_ALWAYS = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER", "BELLE2_SITE", "BELLE2_USER")
# by itself XRootD waits minutes for a server that is not there; seconds, and how often
_XROOTD = {"XRD_CONNECTIONRETRY": "1", "XRD_CONNECTIONWINDOW": "30", "XRD_STREAMERRORWINDOW": "60"}
_SET_UP_TIME = 300.0  # seconds; a cold CVMFS cache is slow
_CVMFS_SETUP = "/cvmfs/belle.cern.ch/tools/b2setup"
_OF_SHELL = ("PWD", "OLDPWD", "SHLVL", "_")  # of the shell that ran the script, and nothing to do with it
_captured: dict[str, dict[str, str]] = {}


def set_up_script() -> str | None:
    """The script that sets a basf2 release up on this host, or `None` where there is no basf2.

    ``B2GRID_BASF2_SETUP`` names it; without, it is that of CVMFS.
    """
    return os.environ.get("B2GRID_BASF2_SETUP") or (_CVMFS_SETUP if Path(_CVMFS_SETUP).exists() else None)


def clean_environment(runner: Runner, allowed: Iterable[str] = (), *, limit: float = _SET_UP_TIME) -> dict[str, str]:
    """The variables that a payload sees.

    Parameters
    ----------
    runner : Runner
        For basf2 the environment is what its set-up script makes, captured once per host and release.
    allowed : iterable of str
        Further names to let through, as the site profile has them.
    limit : float
        Seconds that the set-up script may take.

    Raises
    ------
    SiteUnavailable
        If the set-up script fails, or takes longer.
    """
    names = {*_ALWAYS, *allowed, *_XROOTD}
    kept = {name: os.environ[name] for name in names if name in os.environ}
    if runner.kind == "basf2" and runner.setup is not None:
        made = _set_up(runner.setup, runner.release or "", limit)
        return {**_XROOTD, **made, **{name: value for name, value in kept.items() if name != "PATH"}}
    # a payload has one core: a numerical library that starts a thread per core would only get in its own way
    return _XROOTD | kept | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


_WRITE = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"
_SET_UP = f'source "$1" "$2" && exec python3 -c "{_WRITE}" "$3"'


def _set_up(setup: str, release: str, limit: float) -> dict[str, str]:
    """What a set-up script makes of an empty environment: captured once, for all processes of this user here."""
    key = _key(setup, release)
    if (known := _captured.get(key)) is not None:
        return known
    try:
        room = private(None, "environments")
    except (SiteError, OSError):
        made = _capture(setup, release, limit)
    else:
        with _alone(room / f"{key}.lock", limit):
            kept = room / f"{key}.json"
            known = _read(kept)
            made = _capture(setup, release, limit) if known is None else known
            if known is None:
                with contextlib.suppress(OSError):
                    _write(kept, made)
    return _captured.setdefault(key, made)


def _key(setup: str, release: str) -> str:
    """Of one release on this host, as its set-up script is now."""
    try:
        changed = Path(setup).stat().st_mtime_ns
    except OSError:
        changed = 0  # running it says what is wrong
    words = json.dumps([socket.gethostname(), str(Path(setup).absolute()), changed, release])
    return hashlib.sha256(words.encode()).hexdigest()[:32]


@contextlib.contextmanager
def _alone(lock: Path, limit: float) -> Iterator[None]:
    """Wait for another process that captures the same; for no longer than it may take."""
    with lock.open("ab") as file:
        until = time.monotonic() + limit
        while time.monotonic() < until:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(0.05)
        yield


def _capture(setup: str, release: str, limit: float) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="b2grid-setup-") as folder:
        written = Path(folder, "environment.json")
        start = {name: os.environ[name] for name in ("HOME", "LOGNAME", "USER") if name in os.environ}
        payload = Payload(
            ("/bin/bash", "--noprofile", "--norc", "-c", _SET_UP, "b2grid", setup, release, str(written)),
            folder,
            {**start, "PATH": "/usr/local/bin:/usr/bin:/bin"},
            Limits(walltime=limit, grace=0.5),
            os.urandom(8).hex(),
            str(Path(folder, "log")),
        )
        # supervised: a script that hangs is ended with all that it has started
        with Supervisor() as supervisor:
            outcome = supervisor.run(payload)
        made = _read(written) if outcome.ok else None
    if made is None:
        raise SiteUnavailable(
            f"basf2's set-up '{setup} {release}' failed: {_why(outcome, limit)}",
            hint="run it in a shell on this host, and see whether the release is there",
            transient=True,
        )
    return {name: value for name, value in made.items() if name not in {MARK, *_OF_SHELL}}


def _read(path: Path) -> dict[str, str] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(found, dict) and bool(found) and all(isinstance(value, str) for value in found.values())
    return found if whole else None


def _write(path: Path, made: dict[str, str]) -> None:
    aside = path.with_suffix(f".{os.urandom(4).hex()}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(made, file)
    aside.replace(path)


def _why(outcome: Outcome, limit: float) -> str:
    if outcome.cause == "walltime":
        return f"it had not ended after {limit:g} s"
    said = [line.strip() for line in outcome.log_tail.splitlines() if line.strip()]
    return said[-1] if said else "no output"
