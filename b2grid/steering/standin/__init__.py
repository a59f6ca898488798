"""Stand-ins for basf2's Python packages: a steering file runs with them and builds paths.

`run_script` executes a steering file as ``__main__``; ``basf2.process`` hands the path to a function.
`record` prints that path, ``b2lite`` executes it: the API is not written twice.
"""

from __future__ import annotations

from b2grid.steering.standin.log import Log, LogLevel
from b2grid.steering.standin.module import AfterConditionPath, Condition, Module
from b2grid.steering.standin.origin import origin
from b2grid.steering.standin.path import Path
from b2grid.steering.standin.script import run_script
from b2grid.steering.standin.session import Refusal, Session, session

__all__ = [
    "AfterConditionPath",
    "Condition",
    "Log",
    "LogLevel",
    "Module",
    "Path",
    "Refusal",
    "Session",
    "origin",
    "run_script",
    "session",
]
