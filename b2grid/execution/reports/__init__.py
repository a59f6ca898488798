"""What a project's owner has to know: what failed and what to do, how hosts do, what scouts said. Pure functions.

They work on the table of jobs, the plans and the texts of logs, which others read.
"""

from b2grid.execution.reports.causes import Cause, Diagnosis, diagnosis
from b2grid.execution.reports.helping import help_report, reproducing
from b2grid.execution.reports.hosts import Host, Hosts, hosts
from b2grid.execution.reports.loglines import telling
from b2grid.execution.reports.scouting import Scouted, Scouting, scouting

__all__ = [
    "Cause",
    "Diagnosis",
    "Host",
    "Hosts",
    "Scouted",
    "Scouting",
    "diagnosis",
    "help_report",
    "hosts",
    "reproducing",
    "scouting",
    "telling",
]
