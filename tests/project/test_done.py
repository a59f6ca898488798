"""One project that ran, looked at from all sides."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from b2grid import IncompleteOutput, InvalidInput, Project, projects
from b2grid.progress import follow
from tests.project.conftest import COLLECTION, D0, TOLD

pytestmark = pytest.mark.slow

MIXED = "/belle/collection/MC/demo_mixed_v1"
DATA = "/belle/collection/Data/demo_4S_v1"  # with a file that has a good run and a bad one


@pytest.fixture(scope="module", autouse=True)
def home(shared_home: Path) -> Path:
    """All tests here look at the same projects."""
    return shared_home


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steering")
    (folder / "tables").mkdir()
    (folder / "tables" / "words.txt").write_text("of mine")
    (folder / "cuts.py").write_text("SLOW = 'p < 1'\n")
    (folder / "told.py").write_text(TOLD)
    (folder / "d0.py").write_text(D0)
    return folder


def made(place: Path, **other: object) -> Project:
    given = {
        "steering": place / "told.py",
        "inputs": {"a": COLLECTION, "b": MIXED, "data": DATA},
        "args": ["{sample}", "{job}"],
        "sandbox": ["cuts.py", "tables"],
    } | other
    return Project("told", **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def done(home: Path, place: Path) -> Project:
    project = made(place)
    project.plan(files_per_job=3, across="collection")  # a job costs a second before its first event
    assert project.submit(wait=True, scouts=1, priority=7).phase == "done"
    return project


def test_arguments_and_sandbox_reach_every_job(done: Project) -> None:
    jobs = done.jobs
    assert set(jobs["sample"]) == {"a", "b", "data"}
    for job, sample in zip(jobs["job"], jobs["sample"], strict=True):
        assert f"I am {sample} {job} of mine" in done.log(job)


def test_every_event_is_accounted_for(done: Project) -> None:
    completeness = done.completeness()
    assert completeness.complete
    mains = done.jobs.query("kind == 'main'")
    assert mains["events_processed"].tolist() == mains["events_expected"].tolist()
    assert mains["events_processed"].sum() == done.inputs.dataframe()["events"].sum()
    assert (mains["started"] <= mains["ended"]).all()
    assert done.failures().empty
    books = done.bookkeeping()
    assert sorted(books["lfn"]) == sorted(done.inputs.dataframe()["lfn"])


def test_arrays_carry_sample_and_completeness(done: Project) -> None:
    both, a = done.arrays("pi"), done.arrays("pi", ["p"], "p > 0.5", sample="a")
    assert set(both["__sample__"].to_list()) == {"a", "b", "data"}
    assert "__sample__" not in a.fields
    assert 0.5 < min(a["p"]) <= max(a["p"]) < 1
    pairs = zip(both["p"], both["__sample__"], strict=True)
    assert len(a) == sum(1 for p, sample in pairs if sample == "a" and p > 0.5)
    assert both.attrs["completeness"].complete
    assert len(done.dataframe("pi")) == len(both) == sum(map(len, done.iterate("pi")))
    with pytest.raises(IncompleteOutput, match=r"'pie'.*pi"):
        done.arrays("pie")


def test_a_new_interpreter_finds_it_by_name_and_by_path(done: Project, tmp_path: Path) -> None:
    code = (
        "import sys; from b2grid import Project\n"
        "for given in sys.argv[1:]:\n"
        "    p = Project(given)\n"
        "    print(p.status.phase, p.status.done, len(p.arrays('pi')), p.failures().empty, p.check().ok)"
    )
    command = [sys.executable, "-c", code, "told", str(done.folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.splitlines()
    assert said == [f"done {done.status.total} {len(done.arrays('pi'))} True True"] * 2


def test_the_same_cell_again_re_attaches_and_sends_nothing(done: Project, place: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in done.folder.rglob("*")}
    again = made(place)
    assert again.status.phase == "done"
    assert again.submit(wait=True).done == done.status.total
    assert again.plan(files_per_job=3).project_id == done.plan().project_id
    assert {path: path.stat().st_mtime_ns for path in done.folder.rglob("*")} == before
    with pytest.raises(InvalidInput, match="cannot be tried again"):
        again.trial()


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"steering": "d0.py"}, "another steering file"),
        ({"args": ["x", "y"]}, "args"),
        ({"inputs": {"a": COLLECTION}, "args": {"a": ["{sample}", "{job}"]}}, "other inputs"),
        ({"sandbox": ["cuts.py", "tables", "d0.py"]}, "other files in the sandbox"),
        ({"runs": "all"}, "runs='good'"),
    ],
)
def test_other_content_is_refused_and_says_what_differs(
    done: Project, place: Path, other: dict[str, object], words: str
) -> None:
    if "steering" in other:
        other = {"steering": place / "d0.py"}
    with pytest.raises(InvalidInput, match="submitted before") as caught:
        made(place, **other)
    assert words in caught.value.message
    assert Project("told").status.phase == "done"


def test_the_plan_is_held_against_what_happened(done: Project, place: Path) -> None:
    outcome = done.outcome()
    assert outcome.complete
    rows = outcome.dataframe().query("what == 'rows'").set_index("sample")
    for sample in ("a", "b"):
        assert rows.loc[sample, "so_far"] == len(done.arrays("pi", sample=sample))
    # one file of each sample was tried: the samples of pions are alike in all of their files
    assert rows["ratio"].between(0.7, 1.4).all()
    sizes = outcome.dataframe().query("what == 'output'")
    assert sizes["so_far"].sum() == sum(path.stat().st_size for path in done.folder.glob("output/sub*/*.root"))
    assert sizes["ratio"].between(0.8, 1.25).all()
    assert "Over on" in str(done.plan())
    with pytest.raises(InvalidInput, match="has not been submitted"):
        Project("not_yet", steering=place / "d0.py", inputs=COLLECTION).outcome()


def test_a_bad_run_inside_a_file_is_in_no_array_and_every_count_follows(done: Project, tmp_path: Path) -> None:
    array = done.arrays("pi", ["__run__"], sample="data")
    assert set(array["__run__"].to_list()) == {101, 102, 103, 105, 106}
    copies = [pq.read_table(path, columns=["__run__"]) for path in done.folder.rglob("*.pi.parquet")]
    assert 104 not in {run for copy in copies for run in copy["__run__"].to_pylist()}
    left = done.inputs.left_out.to_pylist()
    assert [(row["run"], row["files"], row["whole_files"], row["events"]) for row in left] == [(104, 2, 1, 160)]
    complete = done.completeness()
    assert complete.complete
    assert complete.events_left_out == 60  # of the file that is not left out whole
    assert complete.rows["pi"] == len(done.arrays("pi"))
    books = done.bookkeeping().query("sample == 'data'")
    assert books["events_expected"].sum() - books["events_used"].sum() == 60
    assert books["rows_left_out"].sum() > 0
    row = done.luminosity().set_index("sample").loc["data"]
    assert row["luminosity"] == pytest.approx(row["selected"], rel=1e-5)
    assert row["selected"] == row["processed"] > 0
    assert row["processed_error"] == pytest.approx(0.01 * row["processed"])
    assert f"{left[0]['luminosity']:.4g} /pb" in str(done.provenance())
    assert done.provenance().left_out[0]["reason"] == "drift chamber high voltage off"
    assert "1 ROOT file has events of runs that are left out" in str(done.fetch(tmp_path / "mixed"))


def test_nothing_new_has_come_since(done: Project) -> None:
    assert str(done.news()) == "nothing has changed"
    assert [finding.code for finding in done.advice()] == ["B2C050"]
    assert "2 notes: see .inputs" in str(done)


def test_provenance_names_what_must_be_cited(done: Project) -> None:
    said = str(done.provenance())
    for words in (COLLECTION, MIXED, "told.py", "b2lite", str(done.completeness().jobs_done)):
        assert words in said


def test_outputs_are_fetched_once(done: Project, tmp_path: Path) -> None:
    first, second = done.fetch(tmp_path / "mine"), done.fetch(tmp_path / "mine")
    roots = list((tmp_path / "mine").rglob("*.root"))
    assert len(roots) == done.status.total
    assert f"{len(roots)} files copied" in str(first)
    assert "0 files copied" in str(second)


def test_it_shows_on_a_terminal_and_in_a_notebook(done: Project) -> None:
    for shown in (
        done,
        done.status,
        done.plan(),
        done.plan().summary(),
        done.completeness(),
        done.outcome(),
        done.plan().to_gbasf2(release="light-2409-toyger"),
        done.provenance(),
        done.check(),
    ):
        assert str(shown)
        assert "<" in shown._repr_html_()
    assert "scouts: Done 1" in str(done)
    assert repr(done) == "<Project told: done>"
    listed = projects().set_index("name").loc["told"]
    assert (listed["phase"], listed["jobs"], listed["done"]) == ("done", done.status.total, done.status.total)


def test_a_terminal_gets_a_bar_for_every_state_and_a_file_plain_lines(done: Project) -> None:
    for terminal in (True, False):
        written = io.StringIO()
        status = follow(done, console=Console(file=written, force_terminal=terminal, width=100))
        assert status.done == status.total
        shown = written.getvalue()
        assert ("\x1b" in shown) is terminal
        for words in ("Waiting", f"{status.total}/{status.total}") if terminal else (f"Done {status.total}",):
            assert words in shown


def test_a_log_that_is_not_there_is_said(done: Project) -> None:
    with pytest.raises(InvalidInput, match="attempt 2 of job 1 has no log"):
        done.log(1, 2)
    with pytest.raises(InvalidInput, match="job 99 has no log"):
        done.log(99)


def test_requests_to_a_finished_project_are_answered_one_after_the_other(done: Project) -> None:
    assert done.cancel() == "all of these jobs had ended"
    assert "0 jobs that waited" in done.hold([1])  # the driver of the first request is about to leave
    assert done.status.phase == "done"
    assert done.completeness().complete
