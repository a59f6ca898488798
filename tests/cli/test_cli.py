"""The verbs on a terminal: what they print, their exit status, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from b2grid.cli import main
from tests.project.conftest import COLLECTION, D0, SYNTAX, whole

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command line: its exit status, and what it wrote on both streams."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(list(map(str, arguments)))
        written = capsys.readouterr()
        return status, written.out, written.err

    return run


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of a user's, to be in."""
    folder = tmp_path / "place"
    folder.mkdir()
    for name, text in {
        "d0.py": D0,
        "syntax.py": SYNTAX,
        "text.root": "no\n" * 100,
        "opens.py": f"open('gone.csv')\n{D0}",
        "raises.py": D0.replace("b2.process", "1 / 0\nb2.process"),
        "protected.py": D0.replace("K-:mine", "K-:all"),
    }.items():
        (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("arguments", "words", "step"),
    [
        (["p", "syntax.py", "-i", COLLECTION], "syntax.py has 1 error", "mend it"),
        (
            ["p", "d0.py", "-i", "/belle/collection/MC/demo_etapk_v1"],
            "no collection '/belle/collection/MC/demo_etapk_v1'",
            f"did you mean {COLLECTION}",
        ),
        (["p", "d0.py", "-i", COLLECTION, "-f", "w.xml"], "sandbox file 'w.xml' does not exist", "relative to"),
        (["n" * 40, "d0.py", "-i", COLLECTION], "40 characters, limit 32", "shorten it by 8"),
        (["p", "d0.py", "-i", "text.root"], "text.root is not a ROOT file", "mend it, or leave it out"),
        (["p", "d0.py", "-i", "gone.root"], "gone.root", "check the path"),
        (["p", "gone.py", "-i", COLLECTION], "'gone.py' does not exist", "give the path"),
        (["p", "d0.py", "-i", COLLECTION, "--site", "mars"], "no site 'mars'", "known: local"),
        (["p", "d0.py", "-i", COLLECTION, "-i", "a=text.root"], "some inputs have a sample name", "SAMPLE=PATH"),
        (["p", "opens.py", "-i", COLLECTION], "opens.py has 1 error", "mend it"),
        (["p", "raises.py", "-i", COLLECTION], "raises.py:10: ZeroDivisionError", "mend the script"),
    ],
)
def test_bad_input_is_one_message_and_stores_nothing(
    place: Path, home: Path, said: Said, arguments: list[str], words: str, step: str
) -> None:
    status, _, error = said("submit", *arguments)
    assert status == 1
    lines = error.splitlines()
    assert lines[0].startswith("b2grid: ")
    assert words in lines[0]
    assert lines[1].startswith("  -> ")
    assert step in lines[1]
    assert len(lines) == 2
    assert whole(home) == {}


def test_all_that_is_wrong_comes_at_once(place: Path, home: Path, said: Said) -> None:
    status, _, error = said(
        "submit",
        "n" * 40,
        "syntax.py",
        "-i",
        "a=text.root",
        "-i",
        "b=/belle/collection/MC/demo_etapk_v1",
        "-f",
        "w.xml",
        "--site",
        "mars",
    )
    assert status == 1
    assert error.startswith("b2grid: 6 things are wrong\n")
    for words in ("40 characters", "text.root is not a ROOT file", "no collection", "'w.xml'", "'mars'", "syntax.py:2"):
        assert error.count(words) == 1
    assert whole(home) == {}


def test_a_finding_shows_its_line_with_a_marker(place: Path, said: Said) -> None:
    status, out, _ = said("check", "syntax.py")
    assert status == 1
    assert "syntax.py:2: error B2S101" in out
    assert "    path = basf2.create_path(\n" in out
    assert "^" in out
    assert said("check", "d0.py") == (0, "d0.py: no findings\n", "")


def test_steering_files_are_combined_or_told_why_not(place: Path, said: Said) -> None:
    (place / "other.py").write_text(D0.replace("d0.root", "other.root"))
    status, out, _ = said("combine", "d0.py", "other.py", "-o", "all.py")
    assert status == 0
    assert out.startswith("all.py\n  steering files d0.py, other.py\n")
    assert said("check", "all.py")[0] == 0
    assert "2 trees in 2 files" in said("record", "all.py")[1]
    status, _, error = said("combine", "d0.py", "protected.py", "raises.py", "-o", "all.py")
    assert status == 1
    assert "raises.py:10: ZeroDivisionError" in error
    status, _, error = said("combine", "d0.py", "protected.py", "-o", "all.py")
    assert "the tree 'd0' of 'd0.root' is written in d0.py:9 and protected.py:9" in error
    assert said("combine", "d0.py", "other.py", "-o", "d0.py")[0] == 1
    assert (place / "d0.py").read_text() == D0


def test_a_recipe_needs_what_travels_with_the_script(place: Path, said: Said) -> None:
    (place / "mine.py").write_text("LIST = 'K_S0:merged'\n")
    (place / "uses.py").write_text(f"import mine\n{D0}")
    assert "No module named 'mine'" in said("record", "uses.py")[2]
    assert "1 tree in 1 file," in said("record", "uses.py", "-f", "mine.py")[1]


def test_a_trial_that_fails_is_shown_and_ends_it(place: Path, said: Said) -> None:
    status, out, error = said("submit", "p", "protected.py", "-i", COLLECTION)
    assert status == 1
    assert "[FATAL] protected.py:6" in out
    assert "b2grid: the trial failed for sample" in error
    assert "--force" in error
    assert "draft" in said("status", "p")[1]


def test_a_dry_run_sends_nothing(place: Path, said: Said) -> None:
    status, out, _ = said("submit", "p", "d0.py", "-i", COLLECTION, "-n", 2, "--dry")
    assert status == 0
    assert "dry run: nothing was sent" in out
    assert "Number of jobs" in out
    assert "planned" in said("status", "p")[1]
    assert "Planned" in said("jobs", "p")[1]
    assert said("command", "p", 1)[1].rstrip().endswith("d0.py")
    assert "planned" in said("projects")[1]


def test_a_recording_is_shown_and_drawn(said: Said, place: Path) -> None:
    status, shown, _ = said("record", "d0.py", "--svg", "path.svg")
    assert status == 0
    assert "particle lists" in shown
    assert ET.parse(place / "path.svg").getroot().tag.endswith("svg")
    status, text, _ = said("record", "d0.py", "--json")
    assert json.loads(text)["ntuples"][0]["branches"] == ["M", "p"]
    assert said("record", "raises.py")[0] == 1


@pytest.mark.parametrize(
    "verb",
    [
        "status",
        "jobs",
        "failures",
        "wait",
        "completeness",
        "provenance",
        "restart",
        "drive",
        "cancel",
        "hold",
        "resume",
        "finish",
        "reschedule",
        "luminosity",
        "bookkeeping",
    ],
)
def test_an_unknown_project_is_said_by_every_verb(home: Path, said: Said, verb: str) -> None:
    status, out, error = said(verb, "nobody")
    assert (status, out) == (1, "")
    assert error.startswith("b2grid: there is no project 'nobody'")
    assert error.count("\n") == 2


def test_the_catalogue_is_shown_in_a_table_that_fits(said: Said) -> None:
    status, out, _ = said("collections")
    assert status == 0
    assert COLLECTION in out
    assert max(map(len, out.splitlines())) < 150
    assert "no collection matches" in said("collections", "nothing*")[1]
    assert "demo_etapks" in said("collections", "--csv")[1]


def test_nothing_yet_says_how_to_begin(home: Path, said: Said) -> None:
    assert "b2grid submit NAME STEERING" in said("projects")[1]


def test_a_misspelt_command_line_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["submitt"])
    assert ended.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_the_program_itself_prints_no_traceback(place: Path, home: Path) -> None:
    command = [sys.executable, "-c", "import sys; from b2grid.cli import main; sys.exit(main())"]
    bad = subprocess.run(
        [*command, "submit", "p", "syntax.py", "-i", "text.root"], capture_output=True, text=True, check=False
    )
    assert bad.returncode == 1
    assert "Traceback" not in bad.stderr
    with subprocess.Popen([*command, "coverage"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as piped:
        assert piped.stdout is not None
        assert piped.stderr is not None
        piped.stdout.readline()
        piped.stdout.close()
        assert piped.stderr.read() == ""


@pytest.fixture(scope="module")
def ran(shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a steering file whose project ran, with everything that was printed on the way."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "d0.py").write_text(D0)
    command = [
        sys.executable,
        "-c",
        "import sys; from b2grid.cli import main; sys.exit(main())",
        "submit",
        "kpi",
        str(folder / "d0.py"),
        "-i",
        f"signal={COLLECTION}",
        "-n",
        "3",
        "--wait",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "said").write_text(done.stdout)
    return folder


@pytest.mark.slow
class TestOfAProjectThatRan:
    @pytest.fixture(autouse=True)
    def home(self, shared_home: Path) -> Path:
        return shared_home

    def test_every_step_was_shown_in_plain_lines(self, ran: Path) -> None:
        said = (ran / "said").read_text()
        steps = [
            "global tags: ",
            "d0.py: no findings",
            "s/event",
            "Number of jobs",
            "submitted kpi",
            "Done 3",
            "kpi: done, 3 of 3 jobs",
        ]
        assert [said.find(step) for step in steps] == sorted(said.find(step) for step in steps)
        assert -1 not in [said.find(step) for step in steps]
        assert "\x1b" not in said

    def test_each_verb_has_its_answer(self, ran: Path, said: Said, tmp_path: Path) -> None:
        for arguments, words in {
            ("status", "kpi"): "kpi: done, 3 of 3",
            ("wait", "kpi"): "3 of 3",
            ("jobs", "kpi"): "Execution Complete",
            ("jobs", "kpi", "--csv"): "peak_memory",
            ("failures", "kpi"): "no failures",
            ("diagnosis", "kpi"): "no failures; 3 of 3 jobs done",
            ("diagnosis", "kpi", "--by", "host"): "no failures",
            ("diagnosis", "kpi", "--csv"): "advice",
            ("hosts", "kpi"): "1 host",
            ("hosts", "kpi", "--csv"): "events_per_s",
            ("scouting", "kpi"): "there are no scouts",
            ("job-script", "kpi"): "there is no job script",
            ("help-report", "kpi", "1"): "Failure class: none",
            ("completeness", "kpi"): "is complete",
            ("provenance", "kpi"): COLLECTION,
            ("bookkeeping", "kpi"): "d0_job2.root",
            ("luminosity", "kpi"): COLLECTION,
            ("news", "kpi"): "nothing has changed",
            ("log", "kpi", "1"): "[INFO]",
            ("command", "kpi", "1"): "d0.py",
            ("fetch", "kpi", str(tmp_path / "mine")): "3 files copied",
            ("restart", "kpi"): "3 of 3",
            ("projects",): "done",
        }.items():
            status, out, error = said(*arguments)
            assert (status, error) == (0, ""), arguments
            assert words in out

    def test_the_same_command_again_shows_what_is_there(self, ran: Path, said: Said) -> None:
        status, out, _ = said("submit", "kpi", ran / "d0.py", "-i", f"signal={COLLECTION}", "--wait")
        assert status == 0
        assert "was submitted before, with the same content" in out

    def test_other_work_under_this_name_is_refused(self, ran: Path, said: Said) -> None:
        status, _, error = said("submit", "kpi", ran / "d0.py", "-i", f"other={COLLECTION}")
        assert status == 1
        assert "submitted before, with other inputs" in error

    def test_what_is_not_there_is_said(self, ran: Path, said: Said) -> None:
        for arguments, words in {
            ("log", "kpi", "9"): "job 9 has no log",
            ("command", "kpi", "9"): "no job 9",
            ("status", "kpy"): "did you mean kpi?",
            ("cancel", "kpi", "9"): "no job 9",
            ("reschedule", "kpi", "--cause", "memmory"): "did you mean 'memory'?",
            ("reschedule", "kpi", "--memory", "6"): "write it as 6 GB",
            ("reschedule", "kpi", "--walltime", "12"): "which is 12 s",
            ("reschedule", "kpi", "--smaller", "2", "9"): "no job 9",
            ("move", "kpi", "locl"): "no site 'locl'",
            ("restore", "kpi", "nowhere"): "no host 'nowhere'",
            ("priority", "kpi", "11"): "0 to 10",
        }.items():
            status, _, error = said(*arguments)
            assert status == 1
            assert words in error


def test_several_files_are_checked_in_one_call(said: Said, place: Path) -> None:
    status, out, err = said("check", "d0.py", "syntax.py", "gone.py", "opens.py")
    assert status == 1
    summaries = [line for line in out.splitlines() if not line.startswith(" ") and line.count(":") == 1]
    assert summaries == ["d0.py: no findings", "syntax.py: 1 error", "opens.py: 1 warning"]
    assert err.startswith("b2grid: steering file 'gone.py' does not exist")
    assert said("check", "d0.py", "opens.py")[0] == 0


def test_the_json_of_one_file_is_its_report_and_of_several_a_list(said: Said, place: Path) -> None:
    status, out, _ = said("check", "--json", "opens.py")
    one = json.loads(out)
    assert (status, one["file"], one["ok"]) == (0, "opens.py", True)
    status, out, _ = said("check", "--json", "opens.py", "syntax.py", "gone.py")
    assert (status, [item["file"] for item in json.loads(out)]) == (1, ["opens.py", "syntax.py"])
    assert json.loads(out)[0] == one
    status, out, err = said("check", "--json", "gone.py")
    assert (status, out) == (1, "")
    assert "does not exist" in err


def test_a_terminal_has_colours_and_a_pipe_has_none(place: Path) -> None:
    program = "import sys; from b2grid.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "check", "syntax.py"]
    plain = subprocess.run(command, capture_output=True, text=True, check=False)
    coloured = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "FORCE_COLOR": "1", "TERM": "xterm"}
    )
    assert plain.returncode == coloured.returncode == 1
    assert "\x1b[" not in plain.stdout
    assert "\x1b[1;31msyntax.py:" in coloured.stdout
    assert "\x1b[1;32m" in coloured.stdout
