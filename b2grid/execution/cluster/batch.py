"""Workers as batch jobs, through dask-jobqueue: what the profile says, whatever the user's Dask settings are."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import tempfile
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import dask
import distributed

from b2grid.errors import InvalidInput, SiteError, SiteUnavailable, nearest, printable
from b2grid.execution.cluster.ending import Ending
from b2grid.execution.cluster.keys import security_of, temporary_keys
from b2grid.execution.cluster.local import NO_PAGES
from b2grid.execution.cluster.scaling import Scaling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from b2grid.execution.sites import Batch, Site

__all__ = ["batch_cluster", "trouble", "written"]

_CLUSTERS = {"slurm": "SLURM", "htcondor": "HTCondor", "lsf": "LSF", "sge": "SGE", "pbs": "PBS"}
_UNQUOTED = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")  # what neither a shell nor a batch system reads anything into
_DEATH = 60  # seconds after which a worker that finds no scheduler ends
_LOST = "5s"  # after which another batch job is asked for; a worker's nanny may start it again before
_IDLE = 60  # seconds after which a worker without work is given back
_STAGGER = 600.0  # seconds over which the ends of workers are spread at most


@contextmanager
def batch_cluster(site: Site, keys: Path) -> Iterator[distributed.Client]:
    """Start a scheduler here, whose workers are batch jobs that come and go with the work there is."""
    module = _jobqueue(site)
    _require_program(site, module)
    _require_interface(site.interface)
    with temporary_keys(keys) as security:
        options = _options_of(site, keys) | {"security": security, "protocol": "tls://"}
        Path(options["log_directory"]).mkdir(parents=True, exist_ok=True)
        watchful = _watchful(_cluster_class(module, site))
        with (
            watchful(config_name=_settings(module, site), **options) as started,
            distributed.Client(started) as client,
        ):
            if site.lifetime is not None:
                client.register_plugin(Ending(site.lifetime, min(_STAGGER, site.lifetime / 10)))
            # as many workers as there are jobs for: what Dask guesses about their duration is not known before
            started.adapt(
                Adaptive=Scaling,
                minimum=site.minimum,
                maximum=site.workers,
                target_duration="1ms",
                interval="1s",
                wait_count=_IDLE,
            )
            yield client


def _jobqueue(site: Site) -> Any:
    """The library, where it is installed.

    Raises
    ------
    InvalidInput
        If it is not.
    """
    try:
        with _no_runners():
            import dask_jobqueue
    except ImportError as error:
        raise InvalidInput(
            f"site '{site.name}' is a batch system, which needs dask-jobqueue",
            hint="pip install 'b2grid[jobqueue]'",
        ) from error
    return dask_jobqueue


@contextmanager
def _no_runners() -> Iterator[None]:
    """Leave out a module of dask-jobqueue that takes SIGINT when it is loaded, and loads in the main thread only."""
    name = "dask_jobqueue.runner"
    if name in sys.modules:
        yield
        return
    stand_in: Any = ModuleType(name)
    stand_in.Role, stand_in.BaseRunner = object, object
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        del sys.modules[name]


def _cluster_class(module: Any, site: Site) -> Any:
    return getattr(module, f"{_CLUSTERS[site.kind]}Cluster")


def _settings(module: Any, site: Site) -> str:
    """A name for dask-jobqueue's own defaults, without what the user has set: a profile is the whole truth."""
    defaults = next(iter(dask.config.collect_yaml([str(Path(module.__file__).with_name("jobqueue.yaml"))])))
    name = f"b2grid-{site.kind}"
    dask.config.set({f"jobqueue.{name}": defaults["jobqueue"][site.kind]})
    return name


def _options_of(site: Site, keys: Path) -> dict[str, Any]:
    """What dask-jobqueue is told about a batch job."""
    batch = _asked(site)
    options: dict[str, Any] = {
        "cores": batch.cores,
        "processes": batch.cores,
        "memory": batch.memory,
        "python": _unquoted("the interpreter", batch.python or sys.executable),
        "interface": site.worker_interface,
        "scheduler_options": {"interface": site.interface, **NO_PAGES},
        "shared_temp_directory": _unquoted("the folder of keys", str(keys)),
        "log_directory": _unquoted("the folder of logs", batch.log_folder or str(keys.parent / "logs" / "workers")),
        "local_directory": _unquoted("the scratch", site.scratch or tempfile.gettempdir()),
        "death_timeout": _DEATH,
        "job_name": _job_name(keys),
        "job_script_prologue": [*_exports(dict(batch.variables)), *batch.prologue],
        # the memory of jobs is limited by their supervisor; that of the worker itself is small
        "worker_extra_args": ["--memory-limit", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"],
        "silence_logs": "error",
    }
    return options | _of_kind(site, batch)


def written(site: Site, keys: Path) -> str:
    """The script of a batch job, with words in the place of what is known only when a cluster runs."""
    module = _jobqueue(site)
    options = _options_of(site, keys)
    for only_the_cluster in ("scheduler_options", "shared_temp_directory", "silence_logs"):
        del options[only_the_cluster]
    security = security_of(keys / "cluster-….pem", keys / "cluster-…-key.pem")
    job = _cluster_class(module, site).job_cls(
        "tls://ADDRESS",
        name="NUMBER",
        config_name=_settings(module, site),
        security=security,
        protocol="tls://",
        **options,
    )
    return str(job.job_script())


def _asked(site: Site) -> Batch:
    assert site.options is not None, "the profile of a batch system has them"
    return site.options


def _unquoted(what: str, text: str) -> str:
    if not _UNQUOTED.fullmatch(text):
        raise InvalidInput(
            f"{what} is '{printable(text)}', and batch systems read it unquoted",
            hint="use a path of letters, digits and _ . - / only",
        )
    return text


def _job_name(keys: Path) -> str:
    return f"b2grid-{re.sub(r'[^A-Za-z0-9_-]', '', keys.parent.name)[:32]}"


def _exports(variables: Mapping[str, str]) -> list[str]:
    """Lines that set variables; a worker serves no pages either."""
    every = {"DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]", **variables}
    return [f"export {name}={shlex.quote(value)}" for name, value in every.items()]


def _of_kind(site: Site, batch: Batch) -> dict[str, Any]:
    """What each batch system calls differently."""
    given: dict[str, Any] = {"job_extra_directives": list(batch.directives)}
    if site.kind == "htcondor":
        pairs = (line.partition("=") for line in batch.directives)
        given["job_extra_directives"] = {key.strip(): value.strip() for key, _, value in pairs}
        return given | {"disk": str(batch.disk or 0), "submit_command_extra": list(batch.submit_options)}
    # a walltime of the library's own would end workers: without one in the profile there is none in the header
    given["walltime"] = _clock(batch.walltime, to_minutes=site.kind == "lsf") if batch.walltime is not None else ""
    if batch.walltime is None:
        given["job_directives_skip"] = [{"slurm": "-t ", "lsf": "-W ", "sge": "h_rt=", "pbs": "walltime="}[site.kind]]
    given["queue"] = batch.queue
    owner = "account" if site.kind in {"slurm", "pbs"} else "project"
    given[owner] = getattr(batch, owner)
    if site.kind in {"sge", "pbs"}:
        given["resource_spec"] = batch.resources
    return given


def _clock(seconds: float, *, to_minutes: bool) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole % 3600 // 60:02d}" + ("" if to_minutes else f":{whole % 60:02d}")


def _require_program(site: Site, module: Any) -> None:
    program = shlex.split(_cluster_class(module, site).job_cls.submit_command)[0]
    if shutil.which(program) is None:
        raise SiteUnavailable(
            f"site '{site.name}' needs the command '{program}', which is not on this host",
            hint="go on where batch jobs are submitted",
        )


def _require_interface(name: str) -> None:
    import psutil

    known = psutil.net_if_addrs()
    if name not in known:
        near = nearest(name, known) or sorted(known)
        raise SiteError(f"this host has no network interface '{printable(name)}'", hint=f"interface: {', '.join(near)}")


def _watchful(of: Any) -> Any:
    """The same kind of cluster, which remembers what the batch system refused, and soon misses a worker."""

    class Job(of.job_cls):  # type: ignore[misc]
        said: ClassVar[deque[str]] = deque(maxlen=1)
        refused = False

        async def start(self) -> None:
            try:
                await super().start()
            except (RuntimeError, OSError, ValueError) as error:
                # raised, it would end others that are asked for at the same time; `Scaling` asks again
                self.said.append(_refusal(str(error)))
                self.refused, self.status = True, distributed.Status.running
            else:
                self.said.clear()

    class Cluster(of):  # type: ignore[misc]
        job_cls = Job

        def _update_worker_status(self, op: str, msg: Any) -> None:
            with dask.config.set({"distributed.deploy.lost-worker-timeout": _LOST}):
                super()._update_worker_status(op, msg)

    return Cluster


def _refusal(text: str) -> str:
    """The last line of what a command said, out of what dask-jobqueue makes of it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return printable(lines[-1] if lines else "no word")


def trouble(client: distributed.Client) -> str:
    """What the batch system said when it last refused a worker; empty when it takes them."""
    said = getattr(getattr(client.cluster, "job_cls", None), "said", ())
    return said[-1] if said else ""
