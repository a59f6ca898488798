"""How far a trial is, where somebody is looking: on a terminal, in a notebook, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import nbformat
import pytest
from nbclient import NotebookClient

from b2grid.steering.trying import Step
from b2grid.steering.trying.live import _html, in_words, shown

CODE = """
from b2grid.steering.trying import Step
from b2grid.steering.trying.live import shown
with shown() as tell:
    tell(Step("signal", 1, 2, "fetching", 30 * 1024**2, 60 * 1024**2))
    tell(Step("signal", 1, 2, "running", 40, 100))
"""


def test_steps_are_said_in_words() -> None:
    assert in_words(Step("signal", 1, 2, "fetching", 3 * 1024**2, 2048 * 1024**2)) == (
        "signal (1 of 2): fetching 3 of 2,048 MB"
    )
    assert in_words(Step("s", 1, 1, "fetching", 3 * 1024**2)) == "s (1 of 1): fetching 3 MB"
    assert in_words(Step("s", 2, 2, "running", 40, 100)) == "s (2 of 2): running 40 of 100 events"
    assert in_words(Step("s", 2, 2, "measuring the set-up")) == "s (2 of 2): measuring the set-up"
    assert "<b>" not in _html(Step("<b>", 1, 1, "running", 1, 2), 3.0)


def test_a_terminal_has_a_bar() -> None:
    leader, follower = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen([sys.executable, "-c", CODE], stdout=follower, env=environment) as process:
        os.close(follower)
        seen = b""
        try:
            while part := os.read(leader, 4096):
                seen += part
        except OSError:  # the other end was closed
            pass
        os.close(leader)
    assert process.returncode == 0
    assert b"signal (1 of 2): running 40 of 100 events" in seen


def test_where_nobody_looks_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def tell() -> None:
        with shown() as show:
            show(Step("s", 1, 1, "running", 1, 2))

    tell()
    thread = threading.Thread(target=tell)
    thread.start()
    thread.join()
    assert capsys.readouterr() == ("", "")


def test_a_notebook_keeps_nothing_of_it() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    NotebookClient(notebook, timeout=120).execute()
    outputs = notebook.cells[0].outputs
    assert [output["data"]["text/html"] for output in outputs] == [""]
