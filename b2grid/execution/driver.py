"""The driver: a process of its own for each project, and the only writer of its journal.

It takes the project, lets the loop (`b2grid.execution.loop`) run, and says how it left.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import B2GridError, SiteError
from b2grid.execution.files import remove_cut_off
from b2grid.execution.folder import ProjectFolder
from b2grid.execution.journal import Journal, TakenOver
from b2grid.execution.loop import Driver
from b2grid.execution.owner import Owner, beating, liveness

if TYPE_CHECKING:
    import os
    from contextlib import AbstractContextManager

    import distributed

    from b2grid.execution.sites import Site

__all__ = ["Driver", "drive"]

log = logging.getLogger("b2grid.driver")


def drive(path: str | os.PathLike[str], *, take_over: bool = False) -> None:
    """Drive a project in this process until nothing more would happen by itself.

    Parameters
    ----------
    take_over : bool
        Take a project from a driver on another host whose beat stands still.

    Raises
    ------
    SiteError
        If somebody else drives it, or its journal cannot be written.
    """
    folder = ProjectFolder(Path(path))
    definition = folder.read_definition()
    if definition.state != "submitted":
        raise SiteError(f"project '{definition.name}' is a draft", hint="submit it first")
    _alone(folder, take_over=take_over)
    journal, history = Journal.take(folder)
    for place in history.damaged:
        log.warning("%s is damaged and was left out; manifests decide what is done", place)
    remove_cut_off(folder.owner, folder.status, folder.jobs)
    owner = Owner.this(journal.epoch)
    owner.write(folder)
    why = ""
    try:
        lost = bool(history.damaged)
        driver = Driver(folder, None, journal, owner, history.lines, damaged=lost)
        del history
        driver.run(partial(_cluster, folder))
    except TakenOver:
        raise
    except BaseException as error:
        why = str(error) or repr(error)
        raise
    finally:
        with suppress(SiteError):  # also TakenOver: then the file is that of another driver
            dataclasses.replace(owner, ended=True, why=why).write(folder, journal.require_ours)
        journal.close()


def _cluster(folder: ProjectFolder, where: Site) -> AbstractContextManager[distributed.Client]:
    from b2grid.execution.cluster import cluster

    return cluster(where, folder.keys)


def _alone(folder: ProjectFolder, *, take_over: bool) -> None:
    seen = liveness(folder)
    if seen == "running":
        raise SiteError(f"project '{folder.path.name}' is being driven already", hint="look at its status")
    if seen == "unknown":
        if not take_over:
            raise SiteError(
                f"project '{folder.path.name}' was last driven on another host",
                hint="restart it there, or take it over with b2grid drive --take-over",
            )
        if beating(folder):
            raise SiteError(f"project '{folder.path.name}' is being driven on another host", hint="look at its status")


def main() -> int:
    """Drive the project whose folder is the only argument."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        drive(sys.argv[1])
    except B2GridError as error:
        print(f"b2grid: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
