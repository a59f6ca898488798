"""The supervisor on real processes: limits, what it leaves behind, and what happens when somebody is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from b2grid.run.limits import Limits, Payload
from b2grid.run.proc import marked
from b2grid.run.supervisor import Supervisor


def payload(tmp_path: Path, *command: str, **limits: float) -> Payload:
    """A payload in a folder of its own, with short patience."""
    return Payload(
        command,
        str(tmp_path),
        dict(os.environ),
        Limits(**{"grace": 0.3, **limits}),  # type: ignore[arg-type]
        f"test-{tmp_path.name}-{time.monotonic_ns()}",
        str(tmp_path / "log"),
    )


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def wait_until(condition: object, seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def test_exit_codes_signals_and_output_come_back(tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        three = supervisor.run(payload(tmp_path, "/bin/sh", "-c", "echo out; echo err >&2; exit 3"))
        killed = supervisor.run(payload(tmp_path, "/bin/sh", "-c", "kill -9 $$"))
        null = supervisor.run(payload(tmp_path, "/bin/echo", "a\0b"))
        absent = supervisor.run(payload(tmp_path, "/no/such/program"))
    assert (three.exit_code, three.signal, three.ok) == (3, None, False)
    assert three.log_tail == "out\nerr\n"
    assert (killed.exit_code, killed.signal) == (None, 9)
    assert absent.cause == "not started"
    assert "/no/such/program: No such file" in absent.log_tail
    assert (null.cause, null.log_tail) == ("not started", "/bin/echo: embedded null byte")


def test_the_walltime_ends_what_ignores_term(tmp_path: Path) -> None:
    ignoring = python(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    )
    with Supervisor() as supervisor:
        outcome = supervisor.run(payload(tmp_path, *ignoring, walltime=0.5))
    assert outcome.cause == "walltime"
    assert outcome.signal == signal.SIGKILL
    assert outcome.walltime < 5


def test_what_hears_term_can_clear_up_and_ends_at_once(tmp_path: Path) -> None:
    clearing = "trap 'echo cleared; exit 0' TERM; sleep 60 & wait"
    with Supervisor() as supervisor:
        asleep = supervisor.run(payload(tmp_path, "/bin/sleep", "60", walltime=0.5, grace=30))
        cleared = supervisor.run(payload(tmp_path, "/bin/sh", "-c", clearing, walltime=0.5, grace=30))
    assert (asleep.cause, asleep.signal) == ("walltime", signal.SIGTERM)
    assert (cleared.cause, cleared.log_tail) == ("walltime", "cleared\n")
    assert asleep.walltime + cleared.walltime < 10


def test_memory_of_all_descendants_counts(tmp_path: Path) -> None:
    hungry = python(
        "import os, time\nif os.fork() == 0:\n    kept = bytearray(200_000_000); time.sleep(30)\ntime.sleep(30)"
    )
    with Supervisor() as supervisor:
        outcome = supervisor.run(payload(tmp_path, *hungry, memory=100_000_000))
    assert outcome.cause == "memory"
    assert outcome.peak_memory > 100_000_000


def test_too_many_processes_are_ended_at_once(tmp_path: Path) -> None:
    multiplying = python("import os, signal\nsignal.alarm(20)\nwhile True: os.fork() or signal.alarm(20)")
    asked = payload(tmp_path, *multiplying, processes=20, grace=20)
    with Supervisor() as supervisor:
        outcome = supervisor.run(asked)
    assert (outcome.cause, outcome.signal) == ("processes", signal.SIGKILL)
    assert outcome.walltime < 10
    assert marked(asked.nonce) == []


def test_a_scratch_that_fills_up_ends_the_payload(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    filling = python("while True: open('scratch/deep', 'ab').write(bytes(100_000))")
    sparse = python("import os; os.truncate(os.open('scratch/hole', os.O_CREAT | os.O_RDWR), 10**12)")
    with Supervisor() as supervisor:
        asked = payload(tmp_path, *filling, disk=3_000_000, walltime=20)
        full = supervisor.run(replace(asked, scratch=str(tmp_path / "scratch")))
        (tmp_path / "scratch" / "deep").unlink()
        assert supervisor.run(payload(tmp_path, *sparse, disk=3_000_000)).ok
    assert full.cause == "disk"


def test_silence_is_a_stall_but_work_is_not(tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        silent = supervisor.run(payload(tmp_path, "/bin/sleep", "30", stall=0.6))
        busy = supervisor.run(
            payload(tmp_path, *python("import time\nend = time.time() + 1.5\nwhile time.time() < end: pass"), stall=0.6)
        )
    assert silent.cause == "stalled"
    assert busy.ok


def test_no_descendant_is_left_behind(tmp_path: Path) -> None:
    forking = payload(
        tmp_path,
        *python(
            "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(60)\n"
            "    os._exit(0)\ntime.sleep(0.2)"
        ),
    )
    with Supervisor() as supervisor:
        assert supervisor.run(forking).ok
        assert marked(forking.nonce) == []


def test_a_huge_log_without_a_newline_keeps_its_head_and_tail(tmp_path: Path) -> None:
    endless = python(
        "import sys\nsys.stdout.write('HEAD')\nfor _ in range(300): sys.stdout.write('x' * 100_000)\n"
        "sys.stdout.write('TAIL')"
    )
    with Supervisor() as supervisor:
        outcome = supervisor.run(payload(tmp_path, *endless, log_bytes=100_000))
    text = (tmp_path / "log").read_text()
    assert text.startswith("HEAD")
    assert text.endswith("TAIL")
    assert "bytes left out" in text
    assert len(text) < 110_000
    assert outcome.log_tail.endswith("TAIL")


def test_progress_is_reported(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    telling = python(
        "import time\nfor n in (1, 2, 3):\n    print(f'[b2lite] events {n}0 of 30', flush=True); time.sleep(0.1)"
    )
    with Supervisor() as supervisor:
        supervisor.run(payload(tmp_path, *telling), on_progress=lambda *counts: seen.append(counts))
    # of lines that come together only the last is news
    assert seen[-1] == (30, 30)
    assert seen == sorted(set(seen))


def test_a_progress_line_counts_once_and_when_it_is_whole(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    pieces = python(
        "import os, time\nfor text in (b'[b2lite] events 12', b'00 of 50', b'00', b'\\n'):\n"
        "    os.write(2, text); time.sleep(0.1)"
    )
    with Supervisor() as supervisor:
        supervisor.run(payload(tmp_path, *pieces), on_progress=lambda *counts: seen.append(counts))
    assert seen == [(1200, 5000)]


def test_cancel_ends_the_payload(tmp_path: Path) -> None:
    asked = payload(tmp_path, "/bin/sleep", "60")
    with Supervisor() as supervisor:
        timer = threading.Timer(0.3, supervisor.cancel)
        timer.start()
        outcome = supervisor.run(asked)
        timer.join()
        assert outcome.cause == "cancelled"
        assert supervisor.run(payload(tmp_path, "/bin/true")).ok


def test_a_killed_supervisor_is_lost_and_its_payload_swept(tmp_path: Path) -> None:
    asked = payload(tmp_path, "/bin/sleep", "60")
    with Supervisor() as supervisor:
        supervisor.run(payload(tmp_path, "/bin/true"))
        assert supervisor._process is not None
        timer = threading.Timer(0.3, os.kill, (supervisor._process.pid, signal.SIGKILL))
        timer.start()
        outcome = supervisor.run(asked)
        timer.join()
    assert outcome.cause == "lost"
    assert marked(asked.nonce) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_payload_dies_with_who_asked_for_it(tmp_path: Path, how: int) -> None:
    nonce = f"dies-with-{how}-{time.monotonic_ns()}"
    code = (
        f"import os; from b2grid.run.supervisor import *\n"
        f"Supervisor().run(Payload(('/bin/sleep', '60'), {str(tmp_path)!r}, dict(os.environ), Limits(), {nonce!r}, "
        f"{str(tmp_path / 'log')!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as asking:
        wait_until(lambda: marked(nonce))
        asking.send_signal(how)
        asking.wait()
    wait_until(lambda: not marked(nonce))


SAYS = {
    "b2lite": "[b2lite] events 20 of 40",
    "module": "[INFO] Processed:   1 runs,     20 events  { module: Progress }".partition("  {")[0],
    "bar": "[=========================>                        ]  50% 3s remaining          ",
}


@pytest.mark.parametrize("line", SAYS.values(), ids=SAYS)
def test_the_progress_of_either_program_is_passed_on(tmp_path: Path, line: str) -> None:
    said: list[tuple[int, int]] = []
    asked = replace(payload(tmp_path, "/bin/echo", line), events=40)
    with Supervisor() as supervisor:
        supervisor.run(asked, lambda done, total: said.append((done, total)))
        supervisor.run(replace(asked, command=("/bin/echo", f"no {line}".rstrip() + " yet")))
    assert said == [(20, 40)]


def test_a_share_of_an_unknown_number_is_not_made_up(tmp_path: Path) -> None:
    said: list[object] = []
    with Supervisor() as supervisor:
        supervisor.run(payload(tmp_path, "/bin/echo", SAYS["bar"]), lambda *numbers: said.append(numbers))
    assert said == []


def test_talking_without_any_further_event_is_being_stalled(tmp_path: Path) -> None:
    """A payload that tries to connect again and again, and says so, gets nowhere."""
    talking = "echo '[b2lite] events 20 of 40'; while sleep 0.2; do echo 'trying to connect again'; done"
    counting = 'for n in 1 2 3 4 5 6; do sleep 0.3; echo "[b2lite] events $n of 40"; done'
    with Supervisor() as supervisor:
        stuck = supervisor.run(payload(tmp_path, "/bin/sh", "-c", talking, stall=1.0))
        slow = supervisor.run(payload(tmp_path, "/bin/sh", "-c", counting, stall=1.0))
    assert stuck.cause == "stalled"
    assert slow.ok
