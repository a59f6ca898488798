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

    from b2grid.execution import ProjectFolder

__all__ = ["panel", "projects"]


def projects() -> pd.DataFrame:
    """All projects of this user: one that cannot be read says why.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``phase``, ``jobs``, ``done``, ``site``, ``priority``, ``hosts_out`` (how many nothing is sent to),
        ``driver``, ``folder``, ``message``.
    """
    import pandas as pd

    columns = ["name", "phase", "jobs", "done", "site", "priority", "hosts_out", "driver", "folder", "message"]
    return pd.DataFrame([_row(folder) for folder in registered()], columns=columns)


def _row(folder: ProjectFolder) -> tuple[object, ...]:
    try:
        definition, status = folder.read_definition(), execution.read_status(folder)
    except (B2GridError, OSError) as error:
        return (folder.path.name, "unreadable", 0, 0, "", None, 0, "none", str(folder.path), str(error))
    priority = definition.priority if status.priority is None else status.priority
    out = sum(bool(host["out"]) for host in status.hosts.values())
    about = (status.site or definition.site, priority, out, status.driver)
    return (status.name, status.phase, status.total, status.done, *about, str(folder.path), status.message)


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
