"""One command to run a steering file, whichever program runs it.

basf2 and b2lite obey the same command line: the two differ in one word.

>>> import shlex
>>> runner = Runner("basf2", ("basf2",), release="release-09-00-00")
>>> shlex.join(command_line(runner, "B2EtapKs.py", ["a.root", "b.root"], events=10, args=["--loose"]))
'basf2 -i a.root -i b.root -n 10 B2EtapKs.py -- --loose'
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["JOB_INFORMATION", "Runner", "command_line"]

JOB_INFORMATION = "job-information.json"  # where a job writes its own account, in its folder


@dataclass(frozen=True, slots=True)
class Runner:
    """What executes a steering file.

    Parameters
    ----------
    kind : {"b2lite", "basf2", "raw"}
        A raw program takes no options at all: it is for benchmarks.
    program : tuple of str
        The words before the options.
    release : str or None
        The basf2 release.
    setup : str or None
        The script that sets basf2's environment up, such as ``b2setup``.
    """

    kind: Literal["b2lite", "basf2", "raw"]
    program: tuple[str, ...]
    release: str | None = None
    setup: str | None = None

    @classmethod
    def lite(cls) -> Self:
        """Run with the embedded runtime, in the Python that runs b2grid."""
        # -P: the job's folder is no place to import from before the steering itself runs
        return cls("b2lite", (sys.executable, "-P", "-m", "b2grid.lite"))

    def to_json(self) -> dict[str, Any]:
        """The runner as plain data."""
        return {"kind": self.kind, "program": list(self.program), "release": self.release, "setup": self.setup}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The runner that `to_json` wrote."""
        return cls(data["kind"], tuple(data["program"]), data["release"], data["setup"])


def command_line(
    runner: Runner,
    steering: str,
    inputs: Sequence[str],
    *,
    events: int | None = None,
    skip_events: int | None = None,
    seed: str | int | None = None,
    job_information: str | None = None,
    args: Sequence[str] = (),
) -> tuple[str, ...]:
    """The words of the command that runs a steering file over some inputs.

    ``-o`` is never given: basf2 would write every ntuple that does not forbid it into that one file.

    Parameters
    ----------
    events, skip_events : int, optional
        Events to read, and to leave out before them; all and none by default.
    seed : optional
        The random seed.
    job_information : str, optional
        Where the program writes its own account of the job.
    args : sequence of str
        The steering's own arguments.
    """
    if runner.kind == "raw":
        return (*runner.program, *args)
    options = [word for name in inputs for word in ("-i", name)]
    for option, value in (
        ("-n", events),
        ("--skip-events", skip_events),
        ("--random-seed", seed),
        ("--job-information", job_information),
    ):
        if value is not None:
            options += [option, str(value)]
    return (*runner.program, *options, steering, *(("--", *args) if args else ()))
