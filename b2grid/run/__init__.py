"""Running a program: its command line, its environment, its limits, and a supervisor that leaves nothing behind.

The only room that starts processes. Linux only.
"""

from b2grid.run.command import JOB_INFORMATION, Runner, command_line
from b2grid.run.limits import Limits, Outcome, Payload

__all__ = ["JOB_INFORMATION", "Limits", "Outcome", "Payload", "Runner", "command_line"]
