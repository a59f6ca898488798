"""Schedulers without encryption, tokens that could be kept, proxies that others could use: rows 49 to 51."""

from __future__ import annotations

import gzip
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from b2grid import InvalidInput, Project, SiteError
from b2grid.execution import read_log, site, submit, wait
from b2grid.execution.job import Attempt, run_attempt
from b2grid.execution.policy import POLICIES
from b2grid.run import Limits
from tests.execution.conftest import Make, slot
from tests.execution.test_credentials import NOW, proxy_text, token_text
from tests.faults.invariant import sound
from tests.faults.report import fault
from tests.project.conftest import COLLECTION, D0

__all__ = ["slot"]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("slot", "scratch")]

PLAIN = """
[farm]
kind = "scheduler"
workers = 1
[farm.scheduler]
address = "tcp://{address}:8786"
"""


@fault(49, "a site whose scheduler has no TLS and is not on loopback")
def test_row_49_a_plain_scheduler_off_loopback_is_refused_before_anything_is_sent(
    make: Make, home: Path, tmp_path: Path
) -> None:
    home.mkdir(exist_ok=True)
    profiles = home / "sites.toml"
    for address in ("10.1.2.3", "farm.example.org"):
        profiles.write_text(PLAIN.format(address=address))
        profiles.chmod(0o600)
        with pytest.raises((InvalidInput, SiteError), match="is not on loopback, and has no TLS"):
            site("farm")
        (tmp_path / "d0.py").write_text(D0)
        with pytest.raises(InvalidInput, match="is not on loopback, and has no TLS"):
            Project("plain", tmp_path / "d0.py", COLLECTION, site="farm")
    assert not list(home.rglob("project.json"))
    profiles.write_text(PLAIN.format(address="127.0.0.1"))
    assert site("farm").kind == "scheduler"


# -- row 50 -----------------------------------------------------------------------------------------------------------

TELLS = """
import os, sys
job = sys.argv[1]
if job == '1':
    print(dict(os.environ), flush=True)
    for number in (os.getppid(), os.getpid()):
        print(open(f'/proc/{number}/environ').read(), flush=True)
    open('environ', 'w').write(str(dict(os.environ)))
raise RuntimeError('Authorization: Bearer ' + os.environ.get('MY_TOKEN', 'nothing'))
"""


def everything(folder: Path) -> bytes:
    """All bytes of all files of a project, logs unpacked."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return b"".join(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files)


@fault(50, "a token in the environment of the notebook: payloads print theirs, their parent's, and raise")
def test_row_50_a_token_of_the_notebook_is_nowhere_in_a_project(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = token_text(time.time() - NOW + 3600)
    monkeypatch.setenv("MY_TOKEN", secret)
    monkeypatch.setenv("X_PASSWORD", "opensesame-1")
    folder = make(2, sys.executable, "-S", "-c", TELLS, args=["{job}"])
    submit(folder)
    assert wait(folder, 120).counts == {"Failed": 2}
    assert sound(folder) == {"Failed": 2}
    kept = everything(folder.path)
    assert b"Authorization: Bearer nothing" in kept, "the payload said what it has"
    assert secret.encode() not in kept
    assert b"opensesame-1" not in kept


@fault(50, "a token that the site lets through, in the payload's output, traceback and outputs")
def test_row_50_a_token_that_is_let_through_is_masked_wherever_it_is_kept(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = token_text(time.time() - NOW + 3600)
    monkeypatch.setenv("MY_TOKEN", secret)
    folder = make(1, sys.executable, "-S", "-c", TELLS, args=["{job}"])
    told: list[dict[str, Any]] = []
    asked = Attempt(str(folder.path), 1, 1, 1, Limits(walltime=60.0), "0" * 64, ("MY_TOKEN",))
    facts = run_attempt(asked, told.append)
    assert facts["failure"] == "application"
    assert facts["message"] == "RuntimeError: Authorization: Bearer ***"
    assert "Bearer ***" in read_log(folder, 1)
    for kept in (repr(asked), repr(facts), repr(told), everything(folder.path).decode(errors="replace")):
        assert secret not in kept


@fault(50, "a token among the arguments of a steering file")
def test_row_50_a_token_among_the_arguments_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_PASSWORD", "opensesame-1")
    (tmp_path / "d0.py").write_text(D0)
    for word in (token_text(3600), f"--token={token_text(3600)}", "--password=opensesame-1"):
        with pytest.raises(InvalidInput, match="argument 2 has a token") as caught:
            Project("args", tmp_path / "d0.py", COLLECTION, args=["--fast", word])
        assert word not in str(caught.value)
    assert not list(home.rglob("project.json"))


# -- row 51 -----------------------------------------------------------------------------------------------------------


@fault(51, "a proxy with mode 0644, expired, and expiring before a job can be done")
def test_row_51_a_proxy_that_must_not_be_used_holds_the_project_and_costs_no_attempt(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    folder = make(1, "/bin/sh", "-c", f"echo ran >> {ran}")
    proxy = tmp_path / "proxy"
    monkeypatch.setenv("X509_USER_PROXY", str(proxy))
    asked = Attempt(str(folder.path), 1, 1, 1, Limits(walltime=3600.0), "0" * 64, ("X509_USER_PROXY",))
    now = time.time() - NOW
    for valid_for, mode, words in (
        (7200.0, 0o644, "has mode 0644: others could use it"),
        (-60.0, 0o600, "expired"),
        (1800.0, 0o600, "expires in 30 min, and a job may take 1 h"),
    ):
        proxy.write_bytes(proxy_text(now + valid_for))
        proxy.chmod(mode)
        facts = run_attempt(asked, lambda said: None)
        assert (facts["failure"], ran.exists()) == ("credentials", False)
        assert words in facts["message"].replace("29.9 min", "30 min")
        assert "PRIVATE" not in repr(facts)
    rule = POLICIES["credentials"]
    assert (rule.then, rule.charged, rule.retries) == ("hold project", False, 0)
    proxy.write_bytes(proxy_text(now + 7200.0))
    proxy.chmod(0o600)
    assert run_attempt(asked, lambda said: None)["failure"] == ""


@fault(51, "a proxy expires while its job runs")
def test_row_51_a_payload_that_fails_after_its_proxy_has_expired_is_not_charged(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(1, "/bin/sh", "-c", "sleep 3; echo 'Error: no such service'; exit 1")
    proxy = tmp_path / "proxy"
    proxy.write_bytes(proxy_text(time.time() - NOW + 2.5))
    proxy.chmod(0o600)
    monkeypatch.setenv("X509_USER_PROXY", str(proxy))
    asked = Attempt(str(folder.path), 1, 1, 1, Limits(), "0" * 64, ("X509_USER_PROXY",))
    facts = run_attempt(asked, lambda said: None)
    assert facts["failure"] == "credentials", facts
    assert "expired" in facts["message"]
