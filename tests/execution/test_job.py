"""One attempt on a worker, from its inputs to its report, with real payloads."""

from __future__ import annotations

import gzip
import os
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from b2grid.execution import ProjectFolder
from b2grid.execution.decide import decide
from b2grid.execution.events import Began, Ended, Slots
from b2grid.execution.inputs import Chosen
from b2grid.execution.job import Attempt, run_attempt
from b2grid.execution.publish import published
from b2grid.execution.running import UPLOADING, classified
from b2grid.execution.state import State
from b2grid.run import Limits, Outcome
from tests.execution.conftest import Make
from tests.faults.ntuples import RECIPE, write_ntuple

pytestmark = pytest.mark.usefixtures("slot")

COUNTS = "import shutil, sys; open(sys.argv[2], 'a').write('ran '); shutil.copy(sys.argv[1], 'x.root')"

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run an attempt in this process, with scratch of its own; what it tells is kept in `run.told`."""

    def ran(folder: ProjectFolder, attempt: int = 1, **options: Any) -> dict[str, Any]:
        limits = options.pop("limits", Limits(grace=0.5))
        sent = Attempt(str(folder.path), 1, 1, attempt, limits, "0" * 64, scratch=str(tmp_path), **options)
        ran.told = []  # type: ignore[attr-defined]
        return run_attempt(pickle.loads(pickle.dumps(sent)), ran.told.append)  # type: ignore[attr-defined]

    return ran


def log_of(folder: ProjectFolder, attempt: int = 1) -> str:
    return gzip.decompress(folder.log(1, attempt).read_bytes()).decode()


def rooms(tmp_path: Path, room: str) -> list[Path]:
    return sorted((tmp_path / f"b2grid-{os.getuid()}" / room).glob("*"))


def test_outputs_that_cannot_be_published_are_published_by_the_next_attempt_without_its_payload(
    make: Make, run: Run, tmp_path: Path
) -> None:
    counter = tmp_path / "ran"
    good = str(write_ntuple(tmp_path / "good.root"))
    folder = make(1, sys.executable, "-c", COUNTS, recipe=RECIPE, args=[good, str(counter)])
    folder.output.write_text("in the way")
    failed = run(folder, patience=0.3)
    assert failed["failure"] == "stage-out"
    assert "the outputs are kept on" in failed["message"]
    assert Path(failed["kept"]).is_dir()
    assert run.told[-1]["minor"] == UPLOADING  # type: ignore[attr-defined]
    folder.output.unlink()
    done = run(folder, attempt=2)
    assert (done["failure"], done["again"]) == ("", False)
    assert counter.read_text() == "ran "
    (manifest,) = published(folder.output)
    assert manifest.attempt == 1
    assert rooms(tmp_path, "kept") == rooms(tmp_path, "work") == []


def test_a_log_says_when_and_where_and_what_came_of_it(make: Make, run: Run, tmp_path: Path) -> None:
    folder = make(1, sys.executable, "-c", "print('words'); raise SystemExit(3)")
    facts = run(folder)
    assert facts["failure"] == "application"
    first, words, last = log_of(folder).splitlines()
    assert first.startswith(f"[b2grid] {time.strftime('%Y-')}")
    assert "attempt 1 of job 1 began on" in first
    assert words == "words"
    assert last.endswith("failed: application: words")
    quiet = make(1, sys.executable, "-c", "raise SystemExit(3)", name="quiet")
    assert run(quiet)["message"] == "exit code 3"
    assert "failed: application: exit code 3" in log_of(quiet)


def test_a_log_that_the_project_has_no_room_for_stays_on_the_host(make: Make, run: Run, tmp_path: Path) -> None:
    folder = make(1, sys.executable, "-c", "print('words'); raise SystemExit(3)")
    (folder.path / "logs").write_text("no room")
    facts = run(folder)
    assert facts["failure"] == "application"
    assert b"words" in gzip.decompress(Path(facts["log_kept"]).read_bytes())


def test_the_log_of_a_good_attempt_is_limited_and_of_a_failed_one_kept(make: Make, run: Run) -> None:
    code = "for n in range(20_000): print('line', n, 'of many that nobody reads'); "
    good = make(1, sys.executable, "-c", f"exec({code!r})")
    assert run(good)["failure"] == ""
    text = log_of(good)
    assert len(text) < 300_000
    assert "bytes left out" in text
    assert "line 19999" in text
    bad = make(1, sys.executable, "-c", f"exec({code!r}); raise SystemExit(1)", name="bad")
    assert run(bad)["failure"] == "application"
    assert "line 10000 of" in log_of(bad)


def test_a_secret_that_a_payload_prints_is_nowhere(
    make: Make, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "glpat-abcdefghijkl"
    monkeypatch.setenv("DATA_TOKEN", secret)
    folder = make(1, sys.executable, "-c", "import os; raise KeyError(os.environ['DATA_TOKEN'])")
    facts = run(folder, environment=("DATA_TOKEN",))
    assert facts["message"] == "KeyError: '***'"
    assert secret not in repr(facts) + log_of(folder)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert secret.encode() not in stored


def test_credentials_that_do_not_hold_are_no_attempt_at_all(
    make: Make, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = tmp_path / "proxy"
    proxy.write_text("not for others")
    proxy.chmod(0o644)
    monkeypatch.setenv("X509_USER_PROXY", str(proxy))
    folder = make(1, sys.executable, "-c", COUNTS, args=["-", str(tmp_path / "ran")])
    facts = run(folder, environment=("X509_USER_PROXY",))
    assert facts["failure"] == "credentials"
    assert "has mode 0644: others could use it - chmod 600" in facts["message"]
    assert not (tmp_path / "ran").exists()


def test_reports_of_progress_are_few_however_much_a_payload_says(make: Make, run: Run) -> None:
    code = "import time\nfor n in range(200):\n print(f'[b2lite] events {n} of 200', flush=True); time.sleep(0.005)"
    folder = make(1, sys.executable, "-c", code)
    assert run(folder)["failure"] == ""
    reports = [said["events"] for said in run.told if "events" in said]  # type: ignore[attr-defined]
    assert 1 <= len(reports) <= 2
    assert reports[0][1] == 200


def test_scratch_that_cannot_be_made_is_of_the_host_and_not_of_the_destination(make: Make, tmp_path: Path) -> None:
    folder = make(1, "/bin/true")
    (tmp_path / "file").write_text("")
    sent = Attempt(str(folder.path), 1, 1, 1, Limits(), "0" * 64, scratch=str(tmp_path / "file"))
    facts = run_attempt(sent, lambda _said: None)
    assert facts["failure"] == "environment"
    full = make(1, sys.executable, "-c", "raise OSError(28, 'No space left on device', 'x.root')", name="full")
    facts = run_attempt(Attempt(str(full.path), 1, 1, 1, Limits(), "0" * 64, scratch=str(tmp_path)), lambda _said: None)
    assert facts["failure"] == "environment"
    assert "No space left on device" in facts["message"]


def test_a_reason_that_cannot_be_told_is_unknown_and_never_done() -> None:
    nothing: Any = None
    failure = classified(Outcome(exit_code=1, log_tail="[FATAL] Couldn't open input file x"), Chosen(nothing), nothing)
    assert failure is not None
    assert failure.kind == "unknown"


def test_a_job_whose_outputs_cannot_be_published_yet_is_completing() -> None:
    state = State.new([1], [])
    state, _ = decide(state, Slots(1, {"h": 1}))
    state, _ = decide(state, Began(1, 1, {"host": "h", "started": 1.0}))
    state, _ = decide(state, Began(1, 1, {"host": "h", "started": 1.0, "minor": UPLOADING}))
    assert (state.jobs[1].status, state.jobs[1].minor) == ("Completing", "Uploading Output Data")
    state, _ = decide(state, Ended(1, 1, facts={"host": "h"}))
    assert (state.jobs[1].status, state.running) == ("Done", 0)
