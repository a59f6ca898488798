"""Running it on Dask: a driver for each project, decisions as pure functions, and readers that start nothing.

Dask is loaded by the driver and on its workers only.
"""

from b2grid.execution.control import ask, restart, submit, wait
from b2grid.execution.folder import Definition, ProjectFolder
from b2grid.execution.joblogs import read_log
from b2grid.execution.sites import Site, job_script, site, sites
from b2grid.execution.status import STATES, Status, read_jobs, read_status

__all__ = [
    "STATES",
    "Definition",
    "ProjectFolder",
    "Site",
    "Status",
    "ask",
    "job_script",
    "read_jobs",
    "read_log",
    "read_status",
    "restart",
    "site",
    "sites",
    "submit",
    "wait",
]
