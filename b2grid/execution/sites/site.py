"""A site profile as a value: where jobs run, and how b2grid reaches it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from b2grid.errors import InvalidInput, printable
from b2grid.run import Limits, Runner

__all__ = ["ADOPTED", "BATCH", "BATCH_VARIABLES", "Batch", "Endpoint", "Kind", "Outage", "Site", "StorageElement"]

Kind = Literal["local", "slurm", "htcondor", "lsf", "sge", "pbs", "scheduler"]

#: The name of the site of a project that was given a Client.
ADOPTED = "client"

#: The kinds that are batch systems.
BATCH = frozenset(get_args(Kind)) - {"local", "scheduler"}

#: What the commands of batch systems need to find their servers, and a user's ticket for the file system.
BATCH_VARIABLES = frozenset(
    {
        "CONDOR_CONFIG",
        "EGO_CONFDIR",
        "KRB5CCNAME",
        "LSB_CONFDIR",
        "LSF_BINDIR",
        "LSF_CONFDIR",
        "LSF_ENVDIR",
        "LSF_LIBDIR",
        "LSF_SERVERDIR",
        "PBS_CONF_FILE",
        "PBS_DEFAULT",
        "PBS_SERVER",
        "SGE_CELL",
        "SGE_CLUSTER_NAME",
        "SGE_EXECD_PORT",
        "SGE_QMASTER_PORT",
        "SGE_ROOT",
        "SLURM_CONF",
    }
)


@dataclass(frozen=True, slots=True)
class StorageElement:
    """A place that holds files.

    Parameters
    ----------
    url : str
        A folder, or ``root://…``, beneath which LFNs lie.
    """

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch job asks for; it holds one Dask worker for each of its cores.

    Parameters
    ----------
    memory : int
        Bytes.
    walltime : float or None
        Seconds after which the batch system ends it; `None` is never.
    disk : int or None
        Bytes; HTCondor wants to know.
    queue, account, project, resources : str or None
        As the batch system calls them; which of them there are depends on its kind.
    directives : tuple of str
        Further lines of its header, without the prefix; with HTCondor ``key = value``.
    prologue : tuple of str
        Lines of shell before the worker starts.
    variables : tuple of (name, value)
        Set for the worker.
    python : str or None
        The interpreter, if it is not the one that runs b2grid here.
    log_folder : str or None
        Where the batch system writes what workers say; beside the keys by default.
    submit_options : tuple of str
        Words for HTCondor's ``condor_submit``.
    """

    memory: int
    cores: int = 1
    walltime: float | None = None
    disk: int | None = None
    queue: str | None = None
    account: str | None = None
    project: str | None = None
    resources: str | None = None
    directives: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    python: str | None = None
    log_folder: str | None = None
    submit_options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Dask scheduler that somebody else runs.

    Parameters
    ----------
    address : str
        Such as ``tls://host:8786``.
    ca, cert, key : str or None
        Files in PEM: the authority, the client's certificate and its key.
    plain : bool
        Whether it may be reached without TLS though it is not on loopback.
    """

    address: str
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Outage:
    """When something is down, as it was announced.

    Parameters
    ----------
    what : str
        ``site``, ``host:NAME`` or ``storage:NAME``.
    start, end : float
        Seconds since the epoch.
    """

    what: str
    start: float
    end: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A site profile.

    Parameters
    ----------
    workers : int
        Dask workers at most; each runs one job at a time.
    limits : Limits
        What one job may use.
    input_bytes : int
        The largest total input of a job.
    setup : str or None
        The script that sets a basf2 release up; `None` where there is no basf2.
    environment : tuple of str
        Names of variables let through to the payload.
    source : str
        The file that it was read from; empty for what is built in.
    example : bool
        Whether it has to be copied and completed before it can be used.
    minimum : int
        Workers that are kept even when there is nothing to do.
    start_limit : float
        Seconds within which the first worker must be there.
    lifetime : float or None
        Seconds after which a worker takes no other job; batch jobs only.
    scout_limits : Limits or None
        What a scout may use; as any job by default.
    scratch : str or None
        Where folders of jobs are made; the system's place for temporary files by default.
    storage : tuple of StorageElement
        In order of preference.
    checksums : bool
        Whether every input is read and held against the catalogue's checksum before a job reads it.
    interface, worker_interface : str
        The network interfaces on which the scheduler and batch workers listen; loopback by default.
    options : Batch or None
        What a batch job asks for, where there is a batch system.
    scheduler : Endpoint or None
        Somebody else's scheduler, for the kind of that name.
    downtimes : tuple of Outage
        Those that the profile announces.
    """

    name: str
    workers: int
    limits: Limits = field(default_factory=Limits)
    input_bytes: int = 5 * 1024**3
    setup: str | None = None
    environment: tuple[str, ...] = ()
    kind: Kind = "local"
    description: str = ""
    source: str = ""
    example: bool = False
    minimum: int = 0
    start_limit: float = 1800.0
    lifetime: float | None = None
    scout_limits: Limits | None = None
    scratch: str | None = None
    storage: tuple[StorageElement, ...] = ()
    checksums: bool = False
    interface: str = "lo"
    worker_interface: str = "lo"
    options: Batch | None = None
    scheduler: Endpoint | None = None
    downtimes: tuple[Outage, ...] = ()

    def __str__(self) -> str:
        from b2grid.execution.sites.showing import facts

        return "\n".join([self.name, *(f"  {what}: {printable(said)}" for what, said in facts(self).items())])

    def _repr_html_(self) -> str:
        from b2grid.execution.sites.showing import html_of

        return html_of(self)

    def runner(self, release: str | None) -> Runner:
        """What runs a steering file here: b2lite, or a release of basf2.

        Raises
        ------
        InvalidInput
            If a release is wanted where there is no basf2.
        """
        if release is None:
            return Runner.lite()
        if self.setup is None:
            raise InvalidInput(
                f"site '{self.name}' has no basf2: '{release}' cannot run there",
                hint="leave release out to run b2lite, or set B2GRID_BASF2_SETUP to the path of b2setup",
            )
        return Runner("basf2", ("basf2",), release, self.setup)
