"""The environment of a payload: made on purpose, not inherited by accident."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from typing import TYPE_CHECKING

from b2grid.errors import SiteUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from b2grid.run.command import Runner

__all__ = ["clean_environment"]

# what a program needs to find its files, itself and its language; credentials are not among it
_ALWAYS = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER", "BELLE2_SITE", "BELLE2_USER")
_SET_UP_TIME = 300.0  # seconds; a cold CVMFS cache is slow


def clean_environment(runner: Runner, allowed: Iterable[str] = ()) -> dict[str, str]:
    """The variables that a payload sees.

    Parameters
    ----------
    runner : Runner
        For basf2 the environment is what its set-up script makes, captured once per host and release.
    allowed : iterable of str
        Further names to let through, as the site profile has them.

    Raises
    ------
    SiteUnavailable
        If the set-up script fails.
    """
    names = {*_ALWAYS, *allowed}
    if runner.kind == "basf2" and runner.setup is not None:
        kept = {name: os.environ[name] for name in names if name in os.environ}
        return {**_captured(runner.setup, runner.release or ""), **{k: v for k, v in kept.items() if k != "PATH"}}
    environment = {name: os.environ[name] for name in names if name in os.environ}
    # a payload has one core: a numerical library that starts a thread per core would only get in its own way
    return environment | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@cache
def _captured(setup: str, release: str) -> dict[str, str]:
    script = 'source "$1" "$2" >&2 && exec "$3" -c "import json, os; print(json.dumps(dict(os.environ)))"'
    start = {name: os.environ[name] for name in ("HOME", "LOGNAME", "USER") if name in os.environ}
    start["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    try:
        done = subprocess.run(
            ["/bin/bash", "--noprofile", "--norc", "-c", script, "b2grid", setup, release, "python3"],
            env=start,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SET_UP_TIME,
            check=True,
        )
        captured: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise SiteUnavailable(
            f"basf2's set-up '{setup} {release}' failed: {said[-1] if said else 'no output'}",
            hint="run it in a shell on this host, and see whether the release is there",
            transient=True,
        ) from error
    return captured
