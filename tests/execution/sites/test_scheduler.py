"""A project on a Dask scheduler and workers that somebody else started, with TLS files; and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import Security

from b2grid.errors import InvalidInput, SiteError, SiteUnavailable
from b2grid.execution import Site, ask, read_status, site, submit, wait
from b2grid.execution.cluster import cluster
from b2grid.execution.cluster.keys import write_private
from b2grid.execution.sites import Endpoint
from tests.execution.conftest import Make
from tests.faults.report import fault

pytestmark = pytest.mark.slow

Start = Callable[..., subprocess.Popen[bytes]]


class Foreign:
    """A scheduler of another owner: its address, its TLS files, and a way to give it workers."""

    def __init__(self, folder: Path, ends: ExitStack) -> None:
        made = Security.temporary()
        self.ca = write_private(folder / "ca.pem", made.tls_ca_file)
        self.key = write_private(folder / "key.pem", made.tls_client_key)
        self.folder = folder
        self._ends = ends
        written = folder / "scheduler.json"
        self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(written))
        self.address = str(_until(lambda: json.loads(written.read_text())["address"]))

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.address, str(self.ca), str(self.ca), str(self.key))

    @property
    def site(self) -> Site:
        return Site("theirs", 2, kind="scheduler", scheduler=self.endpoint)

    @contextmanager
    def worker(self, *preload: str) -> Iterator[None]:
        """One worker more, for a while."""
        options = ["--no-dashboard", "--nthreads", "1", "--no-nanny", "--local-directory", str(self.folder)]
        for code in preload:
            (self.folder / "preload.py").write_text(code)
            options += ["--preload", str(self.folder / "preload.py")]
        with ExitStack() as ends:
            self._start("worker", self.address, *options, ends=ends)
            yield

    def _start(self, what: str, *options: str, ends: ExitStack | None = None) -> None:
        tls = ["--tls-ca-file", str(self.ca), "--tls-cert", str(self.ca), "--tls-key", str(self.key)]
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options, *tls]
        with (self.folder / f"{what}.log").open("ab") as log:
            program = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--protocol", "tls"], cwd=self.folder, stdout=log, stderr=log
            )
        (ends or self._ends).callback(_ended, program)


def _ended(program: subprocess.Popen[bytes]) -> None:
    program.kill()
    program.wait()


def _until(value: Callable[[], object], timeout: float = 90.0) -> object:
    end = time.monotonic() + timeout
    while True:
        try:
            if found := value():
                return found
        except (OSError, ValueError):
            pass
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    with ExitStack() as ends:
        yield Foreign(tmp_path_factory.mktemp("theirs"), ends)


def profile(theirs: Foreign, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "sites.toml").write_text(
        f'[theirs]\nkind = "scheduler"\nworkers = 2\n[theirs.scheduler]\naddress = "{theirs.address}"\n'
        f'ca = "{theirs.ca}"\ncert = "{theirs.ca}"\nkey = "{theirs.key}"\n'
    )


def test_a_project_runs_there_and_the_scheduler_goes_on(
    make: Make, theirs: Foreign, home: Path, tmp_path: Path
) -> None:
    profile(theirs, home)
    folder = make(3, "/bin/true")
    folder.write_definition(replace(folder.read_definition(), site="theirs"))
    with theirs.worker():
        submit(folder)
        done = wait(folder, timeout=120)
        assert (done.counts.get("Done"), done.total) == (3, 3)
        with cluster(site("theirs"), tmp_path / "keys") as client:
            assert len(client.scheduler_info()["workers"]) == 1
            assert client.submit(os.getpid).result(timeout=30) != os.getpid()


def with_workers(theirs: Foreign, tmp_path: Path) -> None:
    """Connect when there is a worker."""

    def there() -> bool:
        with theirs_client(theirs) as client:
            return bool(client.scheduler_info()["workers"])

    _until(there)
    with cluster(theirs.site, tmp_path):
        pass


@contextmanager
def theirs_client(theirs: Foreign) -> Iterator[object]:
    from distributed import Client

    security = Security(
        require_encryption=True,
        tls_ca_file=str(theirs.ca),
        tls_client_cert=str(theirs.ca),
        tls_client_key=str(theirs.key),
    )
    with Client(theirs.address, security=security, timeout=30, set_as_default=False) as client:
        yield client


@fault(20, "workers of another version")
@pytest.mark.parametrize(
    ("preload", "said"),
    [
        ("import sys; sys.modules['b2grid'] = None", "cannot import b2grid"),
        ("import b2grid; b2grid.__version__ = '0.0.1'", r"it has b2grid 0\.0\.1, and here it is "),
    ],
    ids=["without b2grid", "another version"],
)
def test_workers_of_another_make_are_refused_with_the_versions(
    theirs: Foreign, tmp_path: Path, preload: str, said: str
) -> None:
    with theirs.worker(preload), pytest.raises(SiteError, match=said) as raised:
        with_workers(theirs, tmp_path)
    assert "the same b2grid, Python and distributed" in raised.value.hint


def test_a_key_that_others_can_read_is_refused(theirs: Foreign, tmp_path: Path) -> None:
    loose = write_private(tmp_path / "key.pem", theirs.key.read_text())
    loose.chmod(0o644)
    elsewhere = replace(theirs.site, scheduler=replace(theirs.endpoint, key=str(loose)))
    with pytest.raises(SiteError, match="can be read by others - chmod 600"), cluster(elsewhere, tmp_path):
        pass


def test_the_files_of_another_cluster_do_not_open_this_one(theirs: Foreign, tmp_path: Path) -> None:
    other = Security.temporary()
    ca = write_private(tmp_path / "ca.pem", other.tls_ca_file)
    key = write_private(tmp_path / "key.pem", other.tls_client_key)
    endpoint = Endpoint(theirs.address, str(ca), str(ca), str(key))
    with (
        pytest.raises(SiteUnavailable, match="cannot be reached"),
        cluster(replace(theirs.site, scheduler=endpoint), tmp_path),
    ):
        pass


@pytest.mark.parametrize("address", ["tcp://192.0.2.1:8786", "inproc://192.0.2.1/1/1"])
def test_a_scheduler_that_is_not_safe_is_not_even_called(address: str, tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        pytest.raises(SiteError, match=r"has no TLS|inside one process"),
        cluster(Site("x", 1, kind="scheduler", scheduler=Endpoint(address)), tmp_path),
    ):
        pass
    assert time.monotonic() - began < 10


def test_a_client_that_somebody_has_is_taken_as_the_address_and_keys_it_is(
    make: Make, theirs: Foreign, home: Path, tmp_path: Path
) -> None:
    from b2grid.execution.cluster import adopt

    folder = make(2, "/usr/bin/test", "-e", str(tmp_path / "go"))
    with theirs.worker():
        with theirs_client(theirs) as client:
            name = adopt(client, folder.keys, workers=2)
        assert {path.stat().st_mode & 0o777 for path in folder.keys.iterdir()} == {0o600}
        folder.write_definition(replace(folder.read_definition(), site=name))
        submit(folder)
        assert wait(folder, timeout=120).counts.get("Failed") == 2
        assert _until(lambda: read_status(folder).driver == "ended")
        (tmp_path / "go").touch()
        ask(folder, "reschedule")  # by a driver that needs the same keys
        done = wait(folder, timeout=120)
    assert (done.counts.get("Done"), done.total) == (2, 2)
    assert _until(lambda: not list(folder.keys.iterdir()))
    with pytest.raises(InvalidInput, match="give the Client again"):
        site(name, folder.keys)
