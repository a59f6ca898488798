"""What batch systems get for each worker."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import dask
import pytest

from b2grid.errors import InvalidInput, SiteError, SiteUnavailable
from b2grid.execution import Site, job_script, site, sites
from b2grid.execution.cluster import cluster
from b2grid.execution.sites import Batch

GB = 1024**3
BATCH = Batch(
    memory=4 * GB,
    cores=2,
    walltime=86400.0 + 61.0,
    disk=10 * GB,
    queue="long",
    account="belle2",
    project="physics",
    resources="h_vmem=4G",
    prologue=("module load python",),
    variables=(("FLAVOUR", "it's; here"),),
    python="/opt/python3",
    log_folder="/logs",
)


def farm(kind: str, **options: object) -> Site:
    return Site("farm", 10, kind=kind, options=replace(BATCH, **options), interface="ib0", worker_interface="ib1")  # type: ignore[arg-type]


def script(kind: str, **options: object) -> str:
    return str(job_script(farm(kind, **options), "/home/me/p1"))


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        (
            "slurm",
            [
                "#SBATCH -J b2grid-p1",
                "#SBATCH -p long",
                "#SBATCH -A belle2",
                "#SBATCH --cpus-per-task=2",
                "#SBATCH --mem=4G",
                "#SBATCH -t 24:01:01",
                "#SBATCH --exclusive=user",
            ],
        ),
        ("lsf", ["#BSUB -q long", '#BSUB -P "physics"', "#BSUB -n 2", "#BSUB -W 24:01", "#BSUB --exclusive=user"]),
        ("sge", ["#$ -q long", "#$ -P physics", "#$ -l h_vmem=4G", "#$ -l h_rt=24:01:01", "#$ --exclusive=user"]),
        ("pbs", ["#PBS -q long", "#PBS -A belle2", "#PBS -l h_vmem=4G", "#PBS -l walltime=24:01:01"]),
    ],
)
def test_a_header_asks_for_what_the_profile_says(kind: str, lines: list[str]) -> None:
    written = script(kind, directives=("--exclusive=user",)).splitlines()
    assert [line for line in lines if line not in written] == []
    assert "module load python" in written
    (export,) = [line for line in written if line.startswith("export FLAVOUR=")]
    assert shlex.split(export) == ["export", "FLAVOUR=it's; here"]


@pytest.mark.parametrize("kind", ["slurm", "lsf", "sge", "pbs", "htcondor"])
def test_a_worker_speaks_tls_serves_no_pages_and_names_its_keys_only(kind: str) -> None:
    written = script(kind)
    assert "/opt/python3 -m distributed.cli.dask_worker tls://ADDRESS" in written
    for words in (
        "--nthreads 1",
        "--nworkers 2",
        "--no-dashboard",
        "--interface ib1",
        "--protocol tls://",
        "--tls-key /home/me/p1/keys/cluster-…-key.pem",
        "export DASK_DISTRIBUTED__WORKER__HTTP__ROUTES=",
    ):
        assert words in written
    assert "PRIVATE" not in written


@pytest.mark.parametrize("kind", ["slurm", "lsf", "sge", "pbs"])
def test_without_a_walltime_none_is_asked_for(kind: str) -> None:
    written = script(kind, walltime=None)
    assert not [word for word in ("-t ", "-W ", "h_rt", "walltime=") if word in written]


def test_htcondor_itself_reads_the_submit_description() -> None:
    htcondor = pytest.importorskip("htcondor2")
    written = script("htcondor", directives=("+RequestRuntime = 86400", 'Requirements = (OpSysAndVer == "AlmaLinux9")'))
    read = htcondor.Submit("\n".join(line for line in written.splitlines() if not line.startswith("#!")))
    assert read["MY.RequestRuntime"] == "86400"
    assert read["Requirements"] == '(OpSysAndVer == "AlmaLinux9")'
    assert (read["MY.DaskWorkerCores"], read["MY.DaskWorkerMemory"]) == ("2", str(4 * GB))
    assert read["MY.DaskWorkerDisk"] == str(10 * GB)
    assert read["Executable"] == "/bin/sh"
    assert read.expand("Output").startswith("/logs/worker-")
    # what the shell of the job is given, once HTCondor has taken its own quotes away
    (dash_c, command) = condor_words(read["Arguments"])
    assert dash_c == "-c"
    export = "export FLAVOUR='it'\"'\"'s; here'; module load python; /opt/python3 -m distributed.cli.dask_worker tls://"
    assert export in command


def condor_words(arguments: str) -> list[str]:
    """The words of HTCondor's new syntax for arguments."""
    text = arguments.strip()
    assert text[0] == text[-1] == '"'
    text = text[1:-1].replace('""', '"')
    words, word, quoted, at = [], "", False, 0
    while at < len(text):
        if text[at] == "'" and quoted and text[at : at + 2] == "''":
            word, at = word + "'", at + 1
        elif text[at] == "'":
            quoted = not quoted
        elif text[at] == " " and not quoted:
            words.append(word)
            word = ""
        else:
            word += text[at]
        at += 1
    return [*words, word]


def test_the_examples_have_scripts_and_other_sites_say_why_there_is_none() -> None:
    known = sites()
    assert "#BSUB -q l" in str(job_script(known["kekcc"]))
    assert "+RequestRuntime = 43200" in str(job_script(known["naf"]))
    assert str(job_script(known["local"])) == "site 'local' runs jobs on this host: there is no job script"
    assert "is a scheduler that runs already" in str(job_script(known["dask"]))


def test_a_script_shows_in_a_notebook_as_it_is() -> None:
    shown = job_script(farm("slurm", prologue=("echo '<b>'",)), "/home/me/p1")._repr_html_()
    assert "<pre" in shown
    assert "&lt;b&gt;" in shown


def test_the_users_own_settings_of_dask_change_nothing() -> None:
    plain = script("slurm", queue=None, account=None)
    with dask.config.set({"jobqueue.slurm.queue": "mine", "jobqueue.slurm.worker-extra-args": ["--no-nanny"]}):
        assert script("slurm", queue=None, account=None) == plain


def test_a_folder_that_a_batch_system_would_misread_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"the folder of keys is '/home/me/\$\(id\)/keys', and batch"):
        job_script(farm("slurm"), "/home/me/$(id)")


def test_a_site_whose_commands_are_not_here_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(SiteUnavailable, match="needs the command 'bsub', which is not on this host"),
        cluster(farm("lsf"), tmp_path / "keys"),
    ):
        pass


def test_a_network_interface_that_this_host_has_not_is_named_with_those_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bsub"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(SiteError, match=r"this host has no network interface 'ib0' - interface: "),
        cluster(farm("lsf"), tmp_path / "keys"),
    ):
        pass


def test_the_library_of_batch_systems_can_be_loaded_by_any_thread_and_takes_no_signal() -> None:
    code = (
        "import signal, threading; from b2grid.execution import job_script, sites; "
        "before = signal.getsignal(signal.SIGINT); said = []; "
        "thread = threading.Thread(target=lambda: said.append(str(job_script(sites()['slurm'])))); "
        "thread.start(); thread.join(); "
        "assert '#SBATCH' in said[0] and signal.getsignal(signal.SIGINT) is before"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_local_needs_no_keys_in_files(tmp_path: Path) -> None:
    with cluster(replace(site("local"), workers=1), tmp_path / "keys") as client:
        assert client.scheduler.address.startswith("tls://127.0.0.1:")
        assert not (tmp_path / "keys").exists()
