"""One job of a plan, and its input files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from b2grid.ntuple import sub_folder

__all__ = ["InputFile", "Job", "Kind", "seed"]

Kind = Literal["main", "scout"]


def seed(project_id: str, job: int) -> str:
    """The random seed of a job: the same for all its attempts.

    >>> seed("p-1", 12)
    'b2grid-p-1-12'
    """
    return f"b2grid-{project_id}-{job}"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input file of a job; `bytes`, `events` and `adler32` are `None` where the catalogue does not know.

    Parameters
    ----------
    adler32 : str or None
        Hexadecimal digits.
    replicas : tuple of str
        Physical names of further copies.
    """

    lfn: str
    pfn: str
    bytes: int | None
    events: int | None = None
    adler32: str | None = None
    replicas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One execution unit: a group of input files of one sample and one production global tag.

    Parameters
    ----------
    events_limit : int or None
        A scout stops after so many events.
    events_expected : int or None
        What the job should read; `None` where the number of a file is not known.
    args : tuple of str
        The steering's own arguments, filled in for this job.
    """

    id: int
    kind: Kind
    sample: str
    global_tag: str
    files: tuple[InputFile, ...]
    events_limit: int | None
    events_expected: int | None
    args: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The directory of its outputs: at most 1000 jobs in each.

        >>> Job(1001, "main", "signal", "", (), None, None).folder
        'sub01'
        """
        return sub_folder(self.id)
