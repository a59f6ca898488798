"""Names, files and outputs that mean harm, or look like it: rows 34 and 44 to 48."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from b2grid import Catalogue, InvalidInput, InvalidName, Project
from b2grid.cli import main
from b2grid.execution import ProjectFolder, read_jobs, read_log, read_status
from b2grid.execution.job import Attempt, run_attempt
from b2grid.execution.publish import published
from b2grid.names import LFN
from b2grid.planning import Plan
from b2grid.run import Limits
from tests.execution.conftest import Make, planned, slot
from tests.faults.injection import Forks
from tests.faults.ntuples import RECIPE, whole, write_ntuple
from tests.faults.report import fault
from tests.project.conftest import COLLECTION, D0

__all__ = ["slot"]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("slot", "scratch")]


def attempt(folder: ProjectFolder, job: int = 1) -> dict[str, object]:
    """Run an attempt as a worker does; whatever it is given, it must not wait for long."""
    return run_attempt(Attempt(str(folder.path), 1, job, 1, Limits(walltime=60.0), "0" * 64), lambda said: None)


# -- rows 34 and 45 ---------------------------------------------------------------------------------------------------

HOSTILE = "-n 1;$(touch gone) `touch gone` '\"\n\t%s é\u202e.root"


@pytest.fixture
def demo() -> Path:
    """One real mDST file."""
    return Path(Catalogue().collection(COLLECTION).files_table()["pfn"][0].as_py())


@fault(34, "steering file and sandbox are edited after submission")
@fault(45, "an input file whose name has options, commands, a newline and a change of direction")
def test_row_34_and_45_the_snapshot_runs_over_a_file_of_any_name(demo: Path, tmp_path: Path, home: Path) -> None:
    text = D0.replace("import modularAnalysis as ma\n", "import modularAnalysis as ma\nfrom mine import CUT\n")
    steering = tmp_path / "d0.py"
    steering.write_text(text.replace('"1.7 < M < 2.0"', "CUT"))
    (tmp_path / "mine.py").write_text('print("as it was submitted")\nCUT = "1.7 < M < 2.0"\n')
    shutil.copy(demo, tmp_path / HOSTILE)
    given = {"inputs": {"signal": str(tmp_path / HOSTILE)}, "sandbox": ["mine.py"]}
    project = Project("snapshot", steering, **given)
    project.plan(scouts=False)
    folder = ProjectFolder(home / "projects" / "snapshot")
    folder.submitted()
    steering.write_text("raise SystemExit('edited')\n")
    (tmp_path / "mine.py").unlink()
    with pytest.raises(InvalidInput):
        Project("snapshot", steering, **given)
    facts = attempt(folder)
    assert facts["failure"] == "", facts
    assert "as it was submitted" in read_log(folder, 1)
    (manifest,) = whole(folder)
    assert [output.file for output in manifest.outputs] == ["d0_job1.root"]
    assert not list(tmp_path.rglob("gone"))
    assert "\u202e" not in str(project.completeness()) + str(project.inputs)


@fault(45, "LFNs with NUL, newline, ;, a leading -, more than 255 bytes, and in other spellings")
def test_row_45_a_hostile_lfn_is_refused() -> None:
    for end in (
        *("a\0b", "a\nb", "a;b", "-a", "x" * 256, "é" * 128, "a*", "a\u0085b", "\ud800"),
        *("./a", "../a", "/a", "a/"),
    ):
        with pytest.raises(InvalidName) as caught:
            LFN(f"/belle/user/{end}")
        assert str(caught.value).isprintable()


# -- row 44 -----------------------------------------------------------------------------------------------------------


def evil_tar(path: Path, mode: str) -> None:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name in ("../evil", "/tmp/b2grid-evil", "good/../../evil"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))
        for name, kind in (("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("device", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)


@fault(44, "sandbox archives with .., absolute paths, links and devices: shipped as they are, never unpacked")
def test_row_44_an_archive_in_the_sandbox_is_a_file_like_others(tmp_path: Path, home: Path) -> None:
    evil_tar(tmp_path / "evil.tar", "w")
    evil_tar(tmp_path / "evil.tgz", "w:gz")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../evil", "evil")
    names = ["evil.tar", "evil.tgz", "evil.zip"]
    (tmp_path / "d0.py").write_text(D0)
    Project("boxed", tmp_path / "d0.py", COLLECTION, sandbox=names).plan(scouts=False)
    folder = ProjectFolder(home / "projects" / "boxed")
    assert sorted(path.name for path in folder.steering.rglob("*")) == ["d0.py", *names]
    assert all((folder.steering / name).read_bytes() == (tmp_path / name).read_bytes() for name in names)
    assert not list(tmp_path.rglob("evil"))
    assert not Path("/tmp/b2grid-evil").exists()


@fault(44, "sandbox names with .., absolute paths, FIFOs and devices")
def test_row_44_a_sandbox_that_leads_elsewhere_is_refused_before_anything_is_written(
    tmp_path: Path, home: Path
) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "d0.py").write_text(D0)
    (tmp_path / "secret").write_text("x")
    os.mkfifo(tmp_path / "inside" / "fifo")
    (tmp_path / "inside" / "null").symlink_to("/dev/null")
    for name in ("../secret", "/etc/hostname", "fifo", "null", "none", "inside/../../secret"):
        with pytest.raises(InvalidInput, match="sandbox file"):
            Project("boxed", tmp_path / "inside" / "d0.py", COLLECTION, sandbox=[name])
    assert not list(home.rglob("project.json"))


# -- row 46 -----------------------------------------------------------------------------------------------------------

ACCOUNT = '{"basf2_status": {"finished": true, "success": true, "events_processed": 10}}'
OUTPUTS = {
    "is a link": "ln -s $good x.root",
    "is a FIFO": "mkfifo x.root",
    "is a directory": "mkdir x.root",
    "device": "ln -s /dev/zero x.root",
    "through a link": "mkdir deep; cp $good deep/x.root; ln -s deep/x.root x.root",
    "account, job-information.json, is missing or damaged": "cp $good x.root; rm job-information.json; "
    "mkfifo job-information.json",
    "account, job-information.json, is missing": "cp $good x.root; ln -sf /dev/zero job-information.json",
}


@fault(46, "outputs, and the account of the job, are links, FIFOs, folders and devices")
def test_row_46_an_output_that_is_no_file_is_not_followed(tmp_path: Path) -> None:
    good = write_ntuple(tmp_path / "good.root")
    before = good.read_bytes()
    start = f"good={good}; echo '{ACCOUNT}' > job-information.json; rm -f x.root; "
    what = "".join(f"{number}) {does};; " for number, does in enumerate(OUTPUTS.values(), 1))
    program = f'{start} for job; do :; done; case "$job" in {what} esac'
    args = ["{job}"]
    folder = planned(
        tmp_path / "p", len(OUTPUTS), "/bin/sh", "-c", program, "sh", args=args, recipe=RECIPE, kind="b2lite"
    )
    for job, words in enumerate(OUTPUTS, 1):
        facts = attempt(folder, job)
        assert facts["failure"] == "output", (job, facts)
        assert words in str(facts["message"]) or "is a link" in str(facts["message"])
    assert not list(published(folder.output))
    assert good.read_bytes() == before


@fault(46, "a link stands where copies of the output are made")
def test_row_46_nothing_is_written_through_a_link_that_a_payload_left(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    (precious / "x_job1").mkdir(parents=True)
    good = write_ntuple(tmp_path / "good.root")
    does = f"cp {good} x.root; ln -s {precious} .copies; ln -s {precious} copies"
    folder = planned(tmp_path / "p", 1, "/bin/sh", "-c", does, recipe=RECIPE)
    assert attempt(folder)["failure"] == ""
    assert len(whole(folder)) == 1
    assert [path.name for path in precious.rglob("*")] == ["x_job1"]


@fault(27, "the sandbox has a file of the output's name, and the payload exits with 0 without output")
def test_row_27_a_file_that_came_with_the_sandbox_is_no_result(tmp_path: Path) -> None:
    folder = planned(tmp_path / "p", 1, "/bin/true", recipe=RECIPE)
    write_ntuple(folder.steering / "x.root")
    facts = attempt(folder)
    assert facts["failure"] == "output", facts
    assert not list(published(folder.output))


# -- row 47 -----------------------------------------------------------------------------------------------------------

SAID = "Error: <script>alert(1)</script> \x1b[2J\x1b]0;title\x07 \u202e &amp;"


@pytest.mark.system("compiler")
@fault(47, "HTML, escape codes and a change of direction in a log and its message")
def test_row_47_what_payloads_say_is_shown_and_never_obeyed(
    make: Make, tmp_path: Path, forking: Forks, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "said").write_text(f"{SAID}\n")
    folder = make(1, "/bin/sh", "-c", f"cat {tmp_path / 'said'}; exit 1")
    folder.submitted()
    came = forking("drive", folder, patience=0.1)
    assert came.code == 0, came.said
    assert "<script>" in read_jobs(folder)["message"][0].as_py()
    project = Project(folder.path)
    shown = [read_status(folder), project.failures(), project.completeness()]
    html = "".join(getattr(thing, "_repr_html_", lambda: "")() for thing in shown)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    for verb in ("log", "failures", "jobs"):
        main([verb, str(folder.path), *(["1"] if verb == "log" else [])])
    printed = capsys.readouterr().out + "".join(map(str, shown))
    assert "<script>" in printed, "a terminal shows it as it is"
    for code in ("\x1b]", "\x1b[2J", "\x07", "\u202e"):
        assert code not in printed, ascii(code)


# -- row 48 -----------------------------------------------------------------------------------------------------------


class Bomb:
    """A pickle that leaves a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (str(self.path),)


READERS = """
import sys
from pathlib import Path
loaded = []
sys.addaudithook(lambda event, arguments: loaded.append(arguments) if event == "pickle.find_class" else None)
from b2grid import B2GridError, Project, projects
from b2grid.execution import ProjectFolder, read_jobs, read_log, read_status
from b2grid.execution.journal import read_journals
from b2grid.execution.owner import liveness
from b2grid.execution.publish import complete, published, settle
from b2grid.execution.requests import waiting_requests
from b2grid.outputs import arrays, completeness
from b2grid.planning import Plan
folder = ProjectFolder(Path(sys.argv[1]))
plan = Plan.read(sys.argv[2])
steps = [
    lambda: Project(folder.path).status, lambda: Project(folder.path).jobs, lambda: Project(folder.path).plan(),
    lambda: Plan.read(folder.plan(1)), lambda: read_status(folder), lambda: read_jobs(folder),
    lambda: read_log(folder, 1), lambda: read_journals(folder), lambda: liveness(folder),
    lambda: list(published(folder.output)), lambda: settle(folder.output, 1), lambda: complete(folder.output),
    lambda: waiting_requests(folder), lambda: completeness(folder, plan, verify=True),
    lambda: arrays(folder, plan, "B0", allow_partial=True), projects,
]
for step in steps:
    try:
        step()
    except (B2GridError, OSError):
        pass
print("loaded", loaded)
"""


@fault(48, "every file of a project is a pickle")
def test_row_48_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    folder = planned(
        tmp_path / "project", 1, "/bin/cp", args=[str(write_ntuple(tmp_path / "x")), "x.root"], recipe=RECIPE
    )
    assert attempt(folder)["failure"] == ""
    folder.submitted()
    shutil.copy(folder.plan(1), tmp_path / "plan-001.arrow")
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"))
    for path in (folder.status, folder.jobs, folder.owner, folder.inputs, folder.left_out, folder.recipe, folder.trial):
        path.write_bytes(bomb)
    (folder.path / "journal-1.jsonl").write_bytes(bomb + b"\n" + bomb)
    folder.requests.mkdir(exist_ok=True)
    (folder.requests / "1-a.json").write_bytes(bomb)
    for name in ("manifests/.index.arrow", "sub00/x_job1.B0.parquet", ".staging/n/manifest.json"):
        (folder.output / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.output / name).write_bytes(bomb)
    (folder.output / "manifests/sub00/1.json").write_bytes(bomb)
    for more in ((), (folder.plan(1), folder.path / "project.json")):
        for path in more:
            path.write_bytes(bomb)
        ran = subprocess.run(
            [sys.executable, "-c", READERS, str(folder.path), str(tmp_path / "plan-001.arrow")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.stdout == "loaded []\n", ran.stderr
    assert not (tmp_path / "exploded").exists()


@fault(48, "a table of jobs with a column of a type that is stored as a pickle")
def test_row_48_a_pickled_type_in_a_table_is_never_loaded(tmp_path: Path) -> None:
    folder = planned(tmp_path / "project", 1, "/bin/true")
    facts = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Bomb(tmp_path / "x")),
    }
    schema = pa.schema([pa.field("job", pa.int64(), metadata=facts)])
    for path, read in ((folder.jobs, read_jobs), (folder.plan(1), lambda folder: Plan.read(folder.plan(1)))):
        with pa.ipc.new_file(path, schema) as writer:
            writer.write_table(pa.table([[1]], schema=schema))
        with contextlib.suppress(InvalidInput):
            read(folder)
    assert not (tmp_path / "x").exists()
