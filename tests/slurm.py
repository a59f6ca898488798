"""A real Slurm of one node for tests: started without systemd, in one folder, on loopback, and stopped by its pids."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Slurm", "slurm"]

_CONF = """\
ClusterName=ci
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
# without these, Slurm listens on every interface
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,defer_batch=0
ReturnToService=2
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
KillWait=2
# several jobs share a core, so that a small machine holds a few workers
NodeName={host} NodeAddr=127.0.0.1 NodeHostname={host} CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=ci Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8
"""


class Slurm:
    """One that runs, and how to ask it."""

    def __init__(self, folder: Path) -> None:
        self.conf = folder / "slurm.conf"

    def ask(self, *command: str) -> str:
        """What one of its commands says."""
        environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=30).stdout

    def jobs(self, states: str = "PENDING,RUNNING") -> list[str]:
        """The numbers of batch jobs in some states."""
        return self.ask("squeue", "--noheader", "--format=%i", f"--states={states}").split()


@contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """Start it, and stop what was started."""
    folder.chmod(0o755)
    programs = []
    running = Slurm(folder)
    try:
        programs.append(_munged(folder))
        _configure(folder)
        environment = {**os.environ, "SLURM_CONF": str(running.conf)}
        for name in ("slurmctld", "slurmd"):
            with (folder / f"{name}.out").open("wb") as out:
                programs.append(subprocess.Popen([_program(name), "-D"], env=environment, stdout=out, stderr=out))
        _until(lambda: any(word in running.ask("sinfo", "-h", "-o", "%T") for word in ("idle", "mixed")), folder)
        yield running
        # what runs a batch job would outlive those who started it
        running.ask("scancel", "--user", getpass.getuser())
        _until(lambda: not running.jobs("PENDING,RUNNING,COMPLETING"), folder)
    finally:
        for program in reversed(programs):
            # nothing is left to be put in order, and slurmd takes ten seconds for that
            program.kill()
            program.wait()


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found is not None, f"{name} is not installed"
    return found


def _munged(folder: Path) -> subprocess.Popen[bytes]:
    """Munge with a key and a socket of its own."""
    key = folder / "munge.key"
    key.touch(0o600)
    key.write_bytes(secrets.token_bytes(128))
    options = [
        f"--{option}={folder / name}"
        for option, name in (
            ("key-file", "munge.key"),
            ("socket", "munge.socket"),
            ("pid-file", "munged.pid"),
            ("log-file", "munged.log"),
            ("seed-file", "munged.seed"),
        )
    ]
    program = subprocess.Popen([_program("munged"), "--foreground", "--force", *options], stderr=subprocess.DEVNULL)
    _until((folder / "munge.socket").exists, folder)
    return program


def _configure(folder: Path) -> None:
    (folder / "spool").mkdir()
    (folder / "state").mkdir()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2 - 512
    (folder / "slurm.conf").write_text(
        _CONF.format(
            host=socket.gethostname().partition(".")[0],
            user="root" if os.geteuid() == 0 else getpass.getuser(),
            folder=folder,
            ports=_free_ports(2),
            cpus=os.cpu_count(),
            memory=memory,
        )
    )


def _free_ports(count: int) -> list[int]:
    with_ports = [socket.socket() for _ in range(count)]
    try:
        for one in with_ports:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in with_ports]
    finally:
        for one in with_ports:
            one.close()


def _until(true: object, folder: Path, timeout: float = 60.0) -> None:
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        try:
            if true():  # type: ignore[operator]
                return
        except subprocess.CalledProcessError:
            pass  # it does not answer yet
        time.sleep(0.1)
    logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in folder.glob("*.log"))
    raise AssertionError(f"Slurm did not start:\n{logs}")
