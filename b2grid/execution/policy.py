"""Failure classes, and what each causes: a table, drawn from the practice of DIRAC, HTCondor, CRAB and PanDA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CHARGED", "POLICIES", "Policy", "policy"]

CHARGED = 3  # attempts that a job may spend on failures of its own

Then = Literal["hold", "fail", "hold project"]


_DELAYS = (60.0, 180.0, 300.0, 600.0)  # seconds before each retry, as DIRAC has them


@dataclass(frozen=True, slots=True)
class Policy:
    """What a failure class causes.

    Parameters
    ----------
    retries : int
        How often the job is sent again because of this class.
    then : {"hold", "fail", "hold project"}
        What happens after that.
    charged : bool
        Whether the attempt counts against the job.
    minor : str
        The minor status, in DIRAC's words where it has them.
    place : bool
        Whether the host may be the reason: the next attempt goes elsewhere, and a host with many of them is taken out.
    delays : tuple of float
        Seconds before each retry; the last holds for all that follow.
    """

    retries: int
    then: Then
    charged: bool
    minor: str
    place: bool = False
    delays: tuple[float, ...] = ()


_INPUT = Policy(2, "hold", False, "Input Data Not Available", place=True, delays=_DELAYS)

POLICIES: dict[str, Policy] = {
    "environment": Policy(3, "hold", False, "Application environment not available", place=True, delays=_DELAYS),
    "input": _INPUT,  # three attempts, on three hosts where there are so many; then the job goes on without the file
    "checksum": _INPUT,
    # only what has been kept on its host is tried again, there: the payload never is
    "stage-out": Policy(3, "hold", False, "Uploading Output Data", place=True, delays=_DELAYS),
    "quota": Policy(0, "hold project", False, "No space or right at the destination"),
    "credentials": Policy(0, "hold project", False, "Proxy or token expired"),
    "lost worker": Policy(5, "hold", False, "Worker lost", place=True),
    "signal": Policy(1, "hold", True, "Application killed by a signal"),
    "memory": Policy(1, "hold", True, "Job has exceeded the memory limit"),
    "walltime": Policy(0, "hold", True, "Job has reached the walltime limit"),
    "stalled": Policy(1, "hold", True, "Watchdog identified this job as stalled", place=True),
    "processes": Policy(0, "hold", True, "Job has exceeded the limit of processes"),
    "disk": Policy(0, "hold", True, "Job has insufficient disk space to continue"),
    "output": Policy(1, "hold", True, "Missing or bad output"),
    "application": Policy(0, "fail", True, "Application Finished With Errors"),
    "unknown": Policy(0, "hold", True, "Unknown failure"),
}


def policy(failure: str) -> Policy:
    """What a class causes; one that nobody knows holds the job, so that a person looks at it."""
    return POLICIES.get(failure, POLICIES["unknown"])
