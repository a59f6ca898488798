"""What the kernel holds for a process that has confined itself, and for all that it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.steering.test_confinement import needs_landlock


def said(text: str, *arguments: str) -> list[str]:
    """Run a program, and what it prints."""
    command = [sys.executable, "-c", dedent(text), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@needs_landlock
def test_files_are_written_in_the_folders_only(tmp_path: Path) -> None:
    for name in ("one", "two", "other"):
        (tmp_path / name).mkdir()
    lines = said(
        """
        import os, sys
        from b2grid.run.confine import confine
        print(tuple(confine(sys.argv[1:3])))
        for folder in sys.argv[1:]:
            print(os.system(f"echo x > {folder}/new 2> /dev/null && mv {folder}/new {sys.argv[2]}/moved"))
        print(open(sys.argv[2] + "/moved").read().strip())
        print(tuple(confine(sys.argv[1:2])), os.system(f"echo x 2> /dev/null > {sys.argv[2]}/new"))
        """,
        *(str(tmp_path / name) for name in ("one", "two", "other")),
    )
    assert lines[:4] == ["(True, True)", "0", "0", lines[3]]
    assert lines[3] != "0"
    assert lines[4] == "x"
    assert lines[5].startswith("(True, True) ")
    assert not lines[5].endswith(" 0")  # what was given up does not come back, and less can be left
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize(("programs", "status"), [(True, 0), (False, 127)])
def test_a_filter_refuses_sockets_and_on_demand_programs(programs: bool, status: int) -> None:
    lines = said(f"""
        import ctypes, os, socket
        from b2grid.run.confine import filter_calls
        print(filter_calls(programs={programs}))
        for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
            try:
                socket.socket(family)
            except OSError as error:
                print(error.errno)
        print(len(socket.socketpair()), os.waitstatus_to_exitcode(ctypes.CDLL(None).system(b"true")))
        print(os.setsid(), os.getsid(0) == os.getpid())
        """)
    assert lines == ["True", *["13"] * 4, f"2 {status}", "None False"]


def test_a_folder_that_is_not_there_cannot_be_confined_to() -> None:
    [line] = said("""
        from b2grid.run.confine import keep_writes
        try:
            print(keep_writes(["/no/such/folder"]))
        except FileNotFoundError:
            print("not there")
        """)
    assert line in ("not there", "False")
