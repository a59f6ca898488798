"""What a batch system gets: the job script, letter by letter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.execution.sites.site import BATCH
from b2grid.html import Html, tag

if TYPE_CHECKING:
    import os

    from b2grid.execution.sites.site import Site

__all__ = ["JobScript", "job_script"]


@dataclass(frozen=True, slots=True)
class JobScript:
    """What a batch system gets for each worker, or why it gets nothing.

    Parameters
    ----------
    text : str
        Empty where there is no batch system.
    said : str
        What it is.
    """

    site: str
    text: str
    said: str

    def __str__(self) -> str:
        return self.text or printable(self.said)

    def _repr_html_(self) -> str:
        script = tag("pre", self.text, style="padding:4px 8px;background:rgba(128,128,128,0.12)") if self.text else ""
        return str(Html(tag("div", self.said) + script))


def job_script(site: Site, folder: str | os.PathLike[str] = "/path/of/project") -> JobScript:
    """The script that each batch job of a site runs.

    The address of the scheduler, the number of the worker and the names of the key files are put in when a project
    runs; nothing else differs.

    Parameters
    ----------
    folder : path
        Of the project.

    Raises
    ------
    InvalidInput
        If the site is a batch system and dask-jobqueue is not installed.
    """
    if site.kind == "local":
        return JobScript(site.name, "", f"site '{site.name}' runs jobs on this host: there is no job script")
    if site.kind not in BATCH:
        return JobScript(site.name, "", f"site '{site.name}' is a scheduler that runs already: there is no job script")
    return JobScript(site.name, _script(site, Path(folder) / "keys"), f"what {site.kind} gets for each worker:")


def _script(site: Site, keys: Path) -> str:
    from b2grid.execution.cluster.batch import written

    return written(site, keys)
