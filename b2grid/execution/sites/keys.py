"""Every key that a profile may have, and what reads its value."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from b2grid.execution.sites import values
from b2grid.execution.sites.site import Kind

if TYPE_CHECKING:
    from b2grid.execution.sites.values import Reader

__all__ = ["BATCH_KEYS", "DOWNTIME", "KINDS_OF", "LIMITS", "RUNNER", "SCHEDULER", "SECTIONS", "SITE", "STORAGE"]

SITE: dict[str, Reader] = {
    "kind": values.choice(*get_args(Kind)),
    "description": values.text,
    "workers": values.count(1, 20_000),
    "minimum": values.count(0, 20_000),
    "start_limit": values.duration,
    "lifetime": values.duration,
    "environment": values.several(values.variable),
    "scratch": values.path,
    "checksums": values.flag,
    "interface": values.name,
    "worker_interface": values.name,
}

LIMITS: dict[str, Reader] = {
    "input": values.size,
    "memory": values.size,
    "walltime": values.duration,
    "stall": values.duration,
    "disk": values.size,
    "processes": values.count(1, 100_000),
    "grace": values.duration,
    "log": values.size,
}

RUNNER: dict[str, Reader] = {"setup": values.path}

BATCH_KEYS: dict[str, Reader] = {
    "cores": values.count(1, 256),
    "memory": values.size,
    "walltime": values.duration,
    "disk": values.size,
    "queue": values.plain,
    "account": values.plain,
    "project": values.plain,
    "resources": values.text,
    "directives": values.several(values.text),
    "prologue": values.several(values.text),
    "variables": values.pairs(values.variable, values.text),
    "python": values.path,
    "log_folder": values.path,
    "submit_options": values.several(values.text),
}

#: Keys of a batch job that only some kinds know.
KINDS_OF: dict[str, tuple[Kind, ...]] = {
    "queue": ("slurm", "lsf", "sge", "pbs"),
    "account": ("slurm", "pbs"),
    "project": ("lsf", "sge"),
    "resources": ("sge", "pbs"),
    "disk": ("htcondor",),
    "submit_options": ("htcondor",),
}

SCHEDULER: dict[str, Reader] = {
    "address": values.text,
    "ca": values.path,
    "cert": values.path,
    "key": values.path,
    "plain": values.flag,
}

STORAGE: dict[str, Reader] = {"name": values.name, "url": values.url}

DOWNTIME: dict[str, Reader] = {
    "what": values.what,
    "start": values.moment,
    "end": values.moment,
    "reason": values.text,
}

#: The tables that a profile may hold, and whether there may be several of one.
SECTIONS: dict[str, tuple[dict[str, Reader], bool]] = {
    "limits": (LIMITS, False),
    "scout_limits": ({name: LIMITS[name] for name in LIMITS if name != "input"}, False),
    "runner": (RUNNER, False),
    "batch": (BATCH_KEYS, False),
    "scheduler": (SCHEDULER, False),
    "storage": (STORAGE, True),
    "downtimes": (DOWNTIME, True),
}
