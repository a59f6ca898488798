"""All projects of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid import execution
from b2grid.draft import registered
from b2grid.errors import B2GridError, InvalidInput
from b2grid.project.facade import Project

if TYPE_CHECKING:
    import ipywidgets
    import pandas as pd

__all__ = ["panel", "projects"]


def projects() -> pd.DataFrame:
    """All projects of this user: name, phase, jobs, done, driver, folder; one that cannot be read says why."""
    import pandas as pd

    rows = []
    for folder in registered():
        try:
            status = execution.read_status(folder)
        except (B2GridError, OSError) as error:
            status = execution.Status(folder.path.name, {}, phase="unreadable", message=str(error))
        rows.append(
            (status.name, status.phase, status.total, status.done, status.driver, str(folder.path), status.message)
        )
    return pd.DataFrame(rows, columns=["name", "phase", "jobs", "done", "driver", "folder", "message"])


def panel(project: str | Project | None = None) -> ipywidgets.Widget:
    """The panel of one project; of the one that changed last when none is named.

    Raises
    ------
    InvalidInput
        If there is no project at all.
    """
    if project is None:
        known = registered()
        if not known:
            raise InvalidInput("there are no projects yet", hint="make one: Project(name, steering=…, inputs=…)")
        project = str(max(known, key=lambda folder: folder.path.stat().st_mtime).path)
    return (project if isinstance(project, Project) else Project(project)).panel()
