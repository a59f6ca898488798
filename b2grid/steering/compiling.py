"""What the Python of an installed basf2 release says of a text: it is compiled there, and never executed.

This is what gbasf2 does before it sends a steering file. A release that is not installed on this host is not asked.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from b2grid.errors import SiteUnavailable, printable
from b2grid.steering.checking.text.syntax import Verdict

__all__ = ["verdict"]

LIMIT = 30.0  # seconds: the check is not worth a longer wait
_MEMORY = 2 * 1024**3
_NOT_SET_UP = re.compile(r"main|development")  # no set-up script makes these
_KINDS = {kind.__name__: kind for kind in (SyntaxError, IndentationError, TabError)}

# runs in the release's Python, of any version: standard library only
_PROGRAM = r"""
import json, sys, warnings
warnings.simplefilter("ignore")
with open(sys.argv[1], encoding="utf-8", errors="surrogatepass", newline="") as file:
    text = file.read()
error = None
try:
    compile(text, "<steering>", "exec", dont_inherit=True)
except SyntaxError as raised:
    error = [type(raised).__name__, raised.msg, raised.lineno, raised.offset]
except (ValueError, RecursionError, MemoryError) as raised:
    error = ["SyntaxError", str(raised) or type(raised).__name__, None, None]
with open(sys.argv[2], "w") as file:
    json.dump({"python": list(sys.version_info[:3]), "error": error}, file)
"""


def verdict(text: str, release: str, *, limit: float = LIMIT) -> Verdict | None:
    """Ask the release's own Python whether it reads a text.

    Parameters
    ----------
    limit : float
        Seconds that the set-up script may take, and again that Python.

    Returns
    -------
    Verdict or None
        `None` where there is no basf2, or the release has no set-up of its own, as ``main``.

    Raises
    ------
    SiteUnavailable
        If the set-up script, or that Python, fails or takes longer.
    """
    from b2grid.run.environment import set_up_script

    setup = set_up_script()
    if setup is None or _NOT_SET_UP.fullmatch(release):
        return None
    return _asked(text, release, setup, limit)


@lru_cache(maxsize=16)
def _asked(text: str, release: str, setup: str, limit: float) -> Verdict:
    from b2grid.run.command import Runner
    from b2grid.run.environment import clean_environment
    from b2grid.run.supervisor import Limits, Payload, Supervisor

    environment = clean_environment(Runner("basf2", ("basf2",), release, setup), limit=limit)
    with tempfile.TemporaryDirectory(prefix="b2grid-compile-") as folder:
        steering, answer = Path(folder, "steering.py"), Path(folder, "answer.json")
        steering.write_bytes(text.encode("utf-8", "surrogatepass"))
        payload = Payload(
            # -S: what is installed beside it takes no part, and is not waited for
            ("python3", "-S", "-c", _PROGRAM, str(steering), str(answer)),
            folder,
            environment,
            Limits(walltime=limit, memory=_MEMORY, grace=0.5),
            os.urandom(8).hex(),
            str(Path(folder, "log")),
        )
        with Supervisor() as supervisor:
            outcome = supervisor.run(payload)
        found = _read(answer)
    if found is None:
        said = outcome.log_tail.strip().splitlines() or ["no answer"]
        why = f"it had not ended after {limit:g} s" if outcome.cause == "walltime" else printable(said[-1][:200])
        raise SiteUnavailable(f"the Python of {release} failed: {why}", transient=True)
    return found


def _read(path: Path) -> Verdict | None:
    """The answer, unless it is none: what is called python3 there may be anything."""
    try:
        said = json.loads(path.read_text("utf-8"))
        major, *minor = map(int, said["python"])
        error = None if said["error"] is None else _error(*said["error"])
        return Verdict(".".join(map(str, (major, *minor))), error) if major == 3 else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _error(kind: str, message: str, line: Any, offset: Any) -> SyntaxError:
    place = (line if isinstance(line, int) else None, offset if isinstance(offset, int) else None)
    return _KINDS.get(kind, SyntaxError)(str(message), ("<steering>", *place, None))
