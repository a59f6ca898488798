"""The environment of a payload: made on purpose, not inherited by accident."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import SiteUnavailable
from b2grid.run.limits import Limits, Payload
from b2grid.run.proc import MARK
from b2grid.run.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from b2grid.run.command import Runner
    from b2grid.run.limits import Outcome

__all__ = ["clean_environment", "set_up_script"]

# what a program needs to find its files, itself and its language; credentials are not among it
_ALWAYS = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER", "BELLE2_SITE", "BELLE2_USER")
_SET_UP_TIME = 300.0  # seconds; a cold CVMFS cache is slow
_CVMFS_SETUP = "/cvmfs/belle.cern.ch/tools/b2setup"
_captured: dict[tuple[str, str], dict[str, str]] = {}


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
    names = {*_ALWAYS, *allowed}
    if runner.kind == "basf2" and runner.setup is not None:
        kept = {name: os.environ[name] for name in names if name in os.environ}
        return {**_set_up(runner.setup, runner.release or "", limit), **{k: v for k, v in kept.items() if k != "PATH"}}
    environment = {name: os.environ[name] for name in names if name in os.environ}
    # a payload has one core: a numerical library that starts a thread per core would only get in its own way
    return environment | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


_WRITE = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"
_SET_UP = f'source "$1" "$2" && exec python3 -c "{_WRITE}" "$3"'


def _set_up(setup: str, release: str, limit: float) -> dict[str, str]:
    """What a set-up script makes of an empty environment."""
    if (known := _captured.get((setup, release))) is not None:
        return known
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
    made = {name: value for name, value in made.items() if name != MARK}
    return _captured.setdefault((setup, release), made)


def _read(path: Path) -> dict[str, str] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()) else None


def _why(outcome: Outcome, limit: float) -> str:
    if outcome.cause == "walltime":
        return f"it had not ended after {limit:g} s"
    said = [line.strip() for line in outcome.log_tail.splitlines() if line.strip()]
    return said[-1] if said else "no output"
