"""Scripts that hang, multiply, fill the machine or reach outside are stopped while they are recorded."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from b2grid.errors import InvalidSteering
from b2grid.run.limits import Limits
from b2grid.steering import Recipe, record
from tests.steering.test_record import LIMITS, finding

MB = 1024**2
needs_landlock = pytest.mark.skipif(
    ctypes.CDLL(None).syscall(444, None, 0, 1) < 6, reason="needs a kernel with Landlock, Linux 6.12 or later"
)


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder with a file, which no script may touch."""
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "data.root").write_text("data")
    return folder


def state(folder: Path) -> dict[str, tuple[int, int, int, str]]:
    """Everything about the files of a folder that somebody could change."""
    files = {path.name: path.lstat() for path in [folder, *folder.rglob("*")]}
    there = {name: (found.st_mode, found.st_uid, found.st_mtime_ns) for name, found in files.items()}
    return {name: (*facts, (folder / name).read_text() if name != folder.name else "") for name, facts in there.items()}


@pytest.fixture
def endless() -> str:
    """Seconds that no other program sleeps, to be found by."""
    return f"600.{time.monotonic_ns()}"


def sleeping(seconds: str) -> list[str]:
    """The processes that sleep for so long, wherever they have gone."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if seconds.encode() in command.split(b"\0"):
                found.append(process.name)
    return found


def recorded(text: str, **options: object) -> Recipe:
    head = "import ctypes, os, socket, subprocess, sys, time\nimport basf2\n"
    body = f"{head}{dedent(text)}\nbasf2.process(basf2.Path())\n"
    return record(body, **{"limits": LIMITS, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "deed",
    [
        "os.remove({file!r})",
        "shutil.rmtree({folder!r})",
        "open({file!r}, 'w')",
        "os.rename({file!r}, 'mine')",
        "os.rename('/dev/null', {file!r})",
        "pathlib.Path({file!r}).unlink()",
        "os.truncate({file!r}, 0)",
        "os.chmod({file!r}, 0)",
        "os.utime({file!r}, (0, 0))",
        "os.symlink('x', {folder!r} + '/link')",
        "os.makedirs({folder!r} + '/new/below')",
        "os.remove('data.root', dir_fd=os.open({folder!r}, os.O_RDONLY))",
        "os.kill(os.getppid(), 9)",
    ],
)
def test_what_python_would_change_outside_is_a_finding_at_its_line(precious: Path, deed: str) -> None:
    before = state(precious)
    done = deed.format(file=str(precious / "data.root"), folder=str(precious))
    code, message, line = finding(f"import os, pathlib, shutil\n{done}\n")
    assert (code, line) == ("B2S608", 2)
    assert "while it is recorded" in message
    assert state(precious) == before


@needs_landlock
def test_what_programs_and_c_code_would_change_outside_does_not_happen(precious: Path) -> None:
    before = state(precious)
    recipe = recorded(f"""
        file, folder = {str(precious / "data.root")!r}, {str(precious)!r}
        for command in ("rm -rf F", "mv F/data.root .", "chmod 000 F/data.root", "truncate -s 0 F/data.root",
                        "touch -d 2001-01-01 F/data.root", "ln -s x F/link", "echo x >> F/data.root", "mkdir F/new",
                        "kill -9 %d" % os.getppid()):
            os.system(command.replace("F", folder))
        subprocess.run([sys.executable, "-c", "import os, sys; os.remove(sys.argv[1])", file])
        libc = ctypes.CDLL(None)
        refused = [libc.unlink(file.encode()), libc.rename(file.encode(), b"mine"), libc.truncate(file.encode(), 0),
                   libc.rmdir(folder.encode()), libc.mkdir(folder.encode() + b"/new", 0o777),
                   libc.symlink(b"x", folder.encode() + b"/link"), libc.kill(os.getppid(), 9)]
        assert refused == [-1] * 7
        libc.chmod(file.encode(), 0)
        """)
    assert state(precious) == before
    assert [item.line for item in recipe.started] == [*[8] * 9, 9]
    assert recipe.started[0].command == f"rm -rf {precious}"


def test_a_local_module_is_held_as_well(precious: Path, tmp_path: Path) -> None:
    before = state(precious)
    (tmp_path / "mine.py").write_text(f"import shutil\nshutil.rmtree({str(precious)!r})\n")
    (tmp_path / "steer.py").write_text("import basf2\n\nimport mine\n")
    with pytest.raises(InvalidSteering) as raised:
        record(tmp_path / "steer.py", sandbox=["mine.py"])
    assert [(found.code, found.line) for found in raised.value.findings] == [("B2S608", 3)]
    assert state(precious) == before


@pytest.mark.parametrize(
    "deed",
    [
        "socket.create_connection(('127.0.0.1', 9), timeout=1)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.getaddrinfo('localhost', 80)",
        "urllib.request.urlopen('http://127.0.0.1:9/')",  # raises an error of its own because of it
    ],
)
def test_the_network_is_a_finding_at_its_line(deed: str) -> None:
    code, message, line = finding(f"import socket, urllib.request\n{deed}\n")
    assert (code, line) == ("B2S609", 2)
    assert "no network" in message


@needs_landlock
def test_programs_and_c_code_have_no_network_either() -> None:
    recorded("""
        assert subprocess.run([sys.executable, "-c", "import socket; socket.socket()"]).returncode == 1
        assert [ctypes.CDLL(None).socket(family, 1, 0) for family in (1, 2, 10, 16)] == [-1] * 4
        """)


@pytest.mark.parametrize(
    "text",
    [
        "time.sleep({end})",
        "subprocess.run(['sleep', '{end}'])",
        "subprocess.Popen(['sleep', '{end}'], start_new_session=True)\nwhile True: pass",
        "subprocess.run('trap \"\" TERM; sleep {end}; sleep {end}', shell=True)",
        "[signal.signal(n, signal.SIG_IGN) for n in (2, 15)] and time.sleep({end})",
    ],
)
def test_a_script_that_hangs_is_stopped_with_all_that_it_started(endless: str, text: str) -> None:
    started = time.monotonic()
    code, message, line = finding(
        f"import signal, subprocess, time\nprint('waiting', flush=True)\n{text.format(end=endless)}\n",
        limits=Limits(walltime=1, grace=1),
    )
    assert (code, "not come to an end" in message) == ("B2S605", True)
    assert line == text.count("\n") + 3
    assert time.monotonic() - started < 10
    assert sleeping(endless) == []


def test_a_daemon_does_not_outlive_the_recording(endless: str) -> None:
    recorded(f"""
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                subprocess.Popen(["sleep", "{endless}"], env={{}})
                time.sleep(600)
            os._exit(0)
        os.wait()
        """)
    assert sleeping(endless) == []


@pytest.mark.parametrize("away", ["0", "os.setsid()"])
def test_processes_that_multiply_are_ended_at_once(away: str) -> None:
    started = time.monotonic()
    # the loop is one line: where in it a process is when they are ended is a matter of moments
    code, message, line = finding(
        f"""
        import os, signal
        signal.alarm(20)
        while True: os.fork() or (signal.alarm(20), {away})
        """,
        limits=Limits(walltime=15, memory=4096 * MB, processes=32, grace=5),
    )
    assert (code, "starting processes" in message, line) == ("B2S610", True, 3)
    assert time.monotonic() - started < 10


def test_memory_of_what_it_starts_counts() -> None:
    code, message, line = finding(
        """
        import os, time
        held = [os.fork() or (bytearray(150_000_000), time.sleep(60)) for _ in range(4)] and time.sleep(60)
        """,
        limits=Limits(walltime=20, memory=400 * MB, processes=32, grace=5),
    )
    assert (code, "with what it started" in message, line) == ("B2S606", True, 2)


def test_memory_that_processes_share_counts_once() -> None:
    recorded(
        """
        held = bytearray(os.urandom(1000) * 150_000)
        for _ in range(12):
            if os.fork() == 0:
                time.sleep(1)
                os._exit(0)
        for _ in range(12):
            os.wait()
        """,
        limits=Limits(walltime=20, memory=600 * MB, processes=64, grace=5),
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("file = open('large', 'wb')\nwhile True: file.write(bytes(1_000_000))", 2),
        ("import os\nos.truncate(os.open('large', os.O_CREAT | os.O_WRONLY), 10**12)", 2),
        ("for number in range(10**6): open(f'f{number}', 'wb').write(bytes(1_000_000))", 1),
        ("for number in range(10**9): open(f'f{number % 10**6}', 'wb')", 1),
        ("import subprocess\nwhile True: subprocess.run('cat /dev/zero > $(mktemp)', shell=True)", 2),
    ],
)
def test_a_full_disk_is_a_finding(text: str, line: int) -> None:
    code, _, found = finding(
        f"{text}\n", limits=Limits(walltime=20, memory=600 * MB, processes=32, disk=20 * MB, grace=5)
    )
    assert (code, found) == ("B2S611", line)


@needs_landlock
def test_what_scripts_do_well_still_works(tmp_path: Path) -> None:
    (tmp_path / "cuts.txt").write_text("M > 5")
    repository = tmp_path / "repository"
    git = ["git", "-c", "user.name=n", "-c", "user.email=e", "-C", str(repository)]
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    recipe = recorded(f"""
        import asyncio, shutil, tempfile
        import matplotlib, numpy
        assert numpy.ones(3).sum() == 3
        assert open({str(tmp_path / "cuts.txt")!r}).read() == "M > 5"
        assert len(subprocess.check_output(["git", "-C", {str(repository)!r}, "rev-parse", "HEAD"])) == 41
        with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
            shutil.copy2(file.name, folder)
        os.makedirs("plots/deep", exist_ok=True)
        os.makedirs({str(tmp_path)!r}, exist_ok=True)
        open("plots/deep/a.txt", "w").write("x")
        os.rename("plots/deep/a.txt", "b.txt")
        os.chmod("b.txt", 0o600)
        os.symlink({str(tmp_path / "cuts.txt")!r}, "link")
        os.remove("link")
        open("/dev/null", "w").write("x")
        print("seen", file=open("/dev/stdout", "w"))
        asyncio.run(asyncio.sleep(0))
        assert subprocess.run("echo x > c.txt && cat c.txt | grep -q x", shell=True).returncode == 0
        """)
    assert {name: kind for name, kind in recipe.imported.items() if kind == "installed"} == {
        "matplotlib": "installed",
        "numpy": "installed",
    }
    assert "git -C" in recipe.started[0].command


def test_where_the_kernel_cannot_confine_programs_none_is_started(tmp_path: Path) -> None:
    text = dedent(f"""
        import os, subprocess, sys
        from pathlib import Path
        from b2grid.run.confine import filter_calls
        from b2grid.steering.standin.guard import watch
        assert filter_calls(programs=False)
        watch([Path({str(tmp_path)!r})], programs=False, trace=open({str(tmp_path / "trace")!r}, "wb"))
        for deed in (lambda: os.system("true"), lambda: subprocess.run(["true"]), lambda: os.execv("/bin/true", ["t"])):
            try:
                deed()
            except PermissionError as error:
                print(error.kind)
        import ctypes
        print(ctypes.CDLL(None).system(b"true"))
        """)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    said = done.stdout.split()
    assert said[:3] == ["program"] * 3
    assert os.waitstatus_to_exitcode(int(said[3])) == 127
