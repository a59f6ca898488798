"""Starting a program that outlives who started it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["start_detached"]

# A program between the two that leaves at once: what it started then belongs to init, so that it is neither a zombie
# of the notebook nor ends with it. Its standard output becomes standard error, which is the log.
_BETWEEN = """
import os, sys
child = os.fork()
if child:
    print(child, flush=True)
    os._exit(0)
os.dup2(2, 1)
os.execv(sys.argv[1], sys.argv[1:])
"""


def start_detached(command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> int:
    """Start a program in a session of its own; its process id.

    Parameters
    ----------
    command : sequence of str
        The absolute path of the program, and its arguments.
    log : Path
        Where both of its output streams are appended.
    environment : mapping
        All of its environment.
    """
    with log.open("ab") as output:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _BETWEEN, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            env=dict(environment),
            start_new_session=True,
            check=True,
        )
    return int(done.stdout)
