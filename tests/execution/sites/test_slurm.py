"""A project on a real Slurm of one node, encrypted, whose batch job is cancelled on the way."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from b2grid.execution import ProjectFolder, job_script, read_status, site, submit, wait
from tests.execution.conftest import Make
from tests.slurm import Slurm, slurm

pytestmark = [pytest.mark.system("slurm"), pytest.mark.slow]

PROFILE = """
[ci]
kind = "slurm"
workers = 1
start_limit = "3 min"
[ci.limits]
memory = "200 MB"
walltime = "5 min"
[ci.batch]
queue = "ci"
memory = "800 MB"
walltime = "30 min"
directives = ["--comment=tested"]
variables = {FLAVOUR = "it's; here"}
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    with slurm(tmp_path_factory.mktemp("slurm")) as running:
        yield running


def until(true: Callable[[], object], timeout: float = 90.0) -> None:
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.2)


def commands(keys: Path) -> list[str]:
    """The command lines of workers of a project, as everybody on the host can read them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if "dask_worker" in words and str(keys) in words:
            found.append(words)
    return found


def test_a_project_runs_on_slurm_and_a_worker_that_is_cancelled_comes_back(
    make: Make, home: Path, farm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", str(farm.conf))
    home.mkdir()
    (home / "sites.toml").write_text(PROFILE)
    folder: ProjectFolder = make(3, "/bin/sleep", args=["3"])
    folder.write_definition(replace(folder.read_definition(), site="ci"))
    submit(folder)

    until(lambda: read_status(folder).counts.get("Running"))
    (first,) = farm.jobs("RUNNING")
    # keys are files of their owner, and what others can see names them only
    assert stat.S_IMODE(folder.keys.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.keys.iterdir()] == [0o600, 0o600]
    seen = " ".join(commands(folder.keys))
    assert "tls://127.0.0.1:" in seen
    assert "--tls-key" in seen
    assert "PRIVATE KEY" not in seen
    script = farm.ask("scontrol", "write", "batch_script", first, "-")
    assert_same_script(script, str(job_script(site("ci"), folder.path)))

    farm.ask("scancel", first)
    done = wait(folder, timeout=240)
    assert (done.counts.get("Done"), done.total) == (3, 3)
    assert len(list((folder.output / "manifests").rglob("*.json"))) == 3
    until(lambda: not farm.jobs("PENDING,RUNNING,COMPLETING"))
    later = farm.ask("squeue", "--noheader", "--format=%i", "--states=all").split()
    assert len(later) > 1, "another batch job took its place"
    assert list(folder.keys.iterdir()) == []
    until(lambda: not commands(folder.keys))
    logs = "".join(path.read_text() for path in (folder.path / "logs" / "workers").iterdir())
    assert "PRIVATE KEY" not in logs


def assert_same_script(sent: str, shown: str) -> None:
    """The script that was shown is the one that was sent, but for what is known only then."""
    alike = dict(zip(shown.split(), sent.split(), strict=True))
    differ = {said: real for said, real in alike.items() if said != real}
    assert differ.pop("tls://ADDRESS").startswith("tls://127.0.0.1:")
    assert differ.pop("NUMBER")
    assert all("/keys/cluster-…" in said and "/keys/cluster-" in real for said, real in differ.items())
    assert "export FLAVOUR='it'\"'\"'s; here'" in shown
    assert "#SBATCH --comment=tested" in shown
    assert os.fspath("/logs/workers") in shown


def test_what_the_batch_system_refuses_is_said_in_its_words(
    home: Path, farm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    from b2grid.execution.sitecheck import check_site

    monkeypatch.setenv("SLURM_CONF", str(farm.conf))
    home.mkdir()
    (home / "sites.toml").write_text(PROFILE.replace('queue = "ci"', 'queue = "nowhere"'))
    checked = check_site("ci", timeout=60)
    assert not checked.ok
    failed = checked.steps[1]
    assert (failed.name, failed.state) == ("worker", "failed")
    assert "Invalid partition name specified" in failed.said
    assert failed.hint == "mend [ci.batch], or what this shell lacks to talk to it"
    assert {step.state for step in checked.steps[2:]} == {"not tried"}
    assert [path.name for path in home.iterdir()] == ["sites.toml"]
