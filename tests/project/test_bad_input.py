"""Bad input gets one clear message, all of it at once, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from b2grid import B2GridError, InvalidInput, InvalidName, InvalidSteering, Project, SiteError, projects
from b2grid.catalogue import Catalogue
from tests.project.conftest import COLLECTION, D0, SYNTAX, Write, whole


@pytest.fixture
def a_file() -> Path:
    """A good ROOT file."""
    return Path(Catalogue().collection(COLLECTION).files_table()["pfn"][0].as_py())


def refused(home: Path, make: Callable[[], object], kind: type[B2GridError] = InvalidInput) -> B2GridError:
    """The error of a call that stores nothing."""
    before = whole(home)
    with pytest.raises(kind) as caught:
        make()
    assert whole(home) == before
    error = caught.value
    assert error.message
    assert error.hint
    assert "\n" not in error.message
    return error


def test_a_syntax_error_is_said_with_its_line_and_nothing_is_stored(home: Path, write: Write) -> None:
    project = Project("syntax", write(SYNTAX), COLLECTION)
    report = project.check()
    assert not report.ok
    assert report.errors[0].line == 2
    for verb in (project.submit, project.trial, project.plan):
        error = refused(home, verb, InvalidSteering)
        assert error.findings[0].line == 2  # type: ignore[attr-defined]
        assert "d0.py" in error.message
    assert projects().empty


def test_a_missing_collection_has_near_ones(home: Path, write: Write) -> None:
    error = refused(home, lambda: Project("p", write(), "/belle/collection/MC/demo_etapk_v1"))
    assert "'/belle/collection/MC/demo_etapk_v1'" in error.message
    assert f"did you mean {COLLECTION}" in error.hint


def test_a_missing_sandbox_file_is_named_with_where_it_was_looked_for(home: Path, write: Write, tmp_path: Path) -> None:
    error = refused(home, lambda: Project("p", write(), COLLECTION, sandbox=["weights.xml"]))
    assert "'weights.xml' does not exist" in error.message
    assert str(tmp_path) in error.message


def test_a_file_that_jobs_would_miss_stops_the_submission(home: Path, write: Write) -> None:
    project = Project("p", write(f"open('table.csv')\n{D0}"), COLLECTION)
    assert [finding.severity for finding in project.check()] == ["error"]
    error = refused(home, project.submit, InvalidSteering)
    assert "sandbox=['table.csv']" in str(error.findings[0])  # type: ignore[attr-defined]


def test_arguments_that_jobs_lack_stop_the_submission(home: Path, write: Write) -> None:
    steering = write(f"import sys\nmode = sys.argv[1]\n{D0}")
    project = Project("p", steering, COLLECTION)
    assert "without arguments, sys.argv[1] is not there" in str(project.check())
    assert "args=[" in refused(home, project.submit, InvalidSteering).findings[0].hint  # type: ignore[attr-defined]
    assert Project("p", steering, COLLECTION, args=["data"]).check().ok


def test_a_long_name_says_by_how_much(home: Path, write: Write) -> None:
    error = refused(home, lambda: Project("n" * 40, write(), COLLECTION), InvalidName)
    assert "40 characters, limit 32" in error.message
    assert error.hint == "shorten it by 8"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"event,mass\n1,5.28\n" * 50, "is not a ROOT file"),
        (b"", "is empty"),
        (None, "is truncated"),
    ],
)
def test_a_file_that_is_no_root_file_says_what_it_is(
    home: Path, write: Write, a_file: Path, content: bytes | None, words: str
) -> None:
    good = a_file.read_bytes()
    bad = write(good[: len(good) // 2] if content is None else content, "mdst.root")
    error = refused(home, lambda: Project("p", write(), bad))
    assert str(bad) in error.message
    assert words in error.message


def test_a_missing_steering_file_or_input_is_named(home: Path, write: Write, tmp_path: Path) -> None:
    assert "'gone.py' does not exist" in refused(home, lambda: Project("p", "gone.py", COLLECTION)).message
    assert "gone.root" in refused(home, lambda: Project("p", write(), tmp_path / "gone.root")).message


def test_an_unknown_site_and_a_release_without_basf2(home: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("B2GRID_BASF2_SETUP", raising=False)
    assert "known: local" in refused(home, lambda: Project("p", write(), COLLECTION, site="mars")).hint
    if not Path("/cvmfs/belle.cern.ch/tools/b2setup").exists():
        error = refused(home, lambda: Project("p", write(), COLLECTION, release="release-09-00-00"))
        assert "has no basf2" in error.message
        assert "B2GRID_BASF2_SETUP" in error.hint


def test_all_that_is_wrong_is_said_together(home: Path, write: Write) -> None:
    error = refused(
        home,
        lambda: Project(
            "n" * 40,
            write(SYNTAX),
            {"a": write(b"no", "a.root"), "b": "/belle/collection/MC/demo_etapk_v1"},
            sandbox=["w.xml", "v.xml"],
            site="mars",
            args={"c": ["--x"]},
            runs="goood",
        ),
    )
    assert error.message.startswith("9 things are wrong")
    said = [finding.message for finding in error.findings]  # type: ignore[attr-defined]
    for words in (
        "40 characters",
        "'w.xml'",
        "'v.xml'",
        "a.root is not a ROOT file",
        "no collection",
        "no site 'mars'",
        "sample 'c'",
        "d0.py:2: SyntaxError",
    ):
        assert any(words in message for message in said), (words, said)
        assert words in str(error)


def test_a_name_that_was_submitted_is_not_used_for_other_work(home: Path, write: Write) -> None:
    Project("used", write(), COLLECTION, args=["x"]).plan()
    place = home / "projects" / "used" / "project.json"
    place.write_text(place.read_text().replace('"draft"', '"submitted"'))
    error = refused(home, lambda: Project("used", write(D0 + "# other\n", "other.py"), f"{COLLECTION[:-9]}mixed_v1"))
    assert "with another steering file and other inputs and args" in error.message
    assert "choose another name" in error.hint
    assert Project("used", write(), COLLECTION, args=["x"]).status.total > 0


def test_two_projects_of_one_name_in_two_places(home: Path, write: Write, tmp_path: Path) -> None:
    Project("twice", write(), COLLECTION, folder=tmp_path / "here").recipe  # noqa: B018
    error = refused(home, lambda: Project("twice", write(), COLLECTION, folder=tmp_path / "there"))
    assert str(tmp_path / "here") in error.message
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": None}, "not a text"),
        ({"name": "/tmp/x/name"}, "folder='/tmp/x'"),
        ({"steering": None}, "no steering file was given"),
        ({"inputs": None}, "no inputs were given"),
        ({"inputs": 7}, "an input cannot be 7"),
        ({"inputs": {}}, "there are no inputs"),
        ({"args": "--x 3"}, "give a list: ['--x', '3']"),
        ({"args": {"sample": "--x"}}, "give a list: ['--x']"),
        ({"steering": None, "inputs": None, "args": ["x"], "name": "p"}, "args without a steering file"),
    ],
)
def test_what_makes_no_sense_is_said(home: Path, write: Write, given: dict[str, object], words: str) -> None:
    whole_call = {"name": "p", "steering": write(), "inputs": COLLECTION, **given}
    assert words in str(refused(home, lambda: Project(**whole_call)))  # type: ignore[arg-type]


def test_a_script_that_raises_is_not_submitted(home: Path, write: Write) -> None:
    raises = D0.replace("b2.process", "print({}['no calibration'])\nb2.process")
    project = Project("p", write(raises), COLLECTION)
    error = refused(home, project.submit, InvalidSteering)
    assert "d0.py:10" in error.message
    assert "no calibration" in error.message


def test_a_trial_that_fails_says_the_line_of_its_log_and_leaves_a_draft(home: Path, write: Write) -> None:
    project = Project("p", write(D0.replace("K-:mine", "K-:all")), COLLECTION)
    with pytest.raises(InvalidSteering, match="protected") as caught:
        project.submit()
    assert "[FATAL] d0.py:6" in caught.value.message
    assert "force=True" in caught.value.hint
    assert Project("p").status.phase == "draft"
    assert "[FATAL]" in str(Project("p").trial())


def test_a_home_that_cannot_be_written(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("B2GRID_HOME", str(tmp_path / "file" / "home"))
    assert projects().empty
    with pytest.raises(InvalidInput, match="cannot be read"):
        Project("p")
    project = Project("p", write(), COLLECTION)
    with pytest.raises(SiteError, match="cannot be stored") as caught:
        project.plan()
    assert "B2GRID_HOME" in caught.value.hint


def test_an_unknown_project_has_near_names(home: Path, write: Write, tmp_path: Path) -> None:
    Project("etapks", write(), COLLECTION).recipe  # noqa: B018
    assert "did you mean etapks?" in refused(home, lambda: Project("etapk")).hint
    assert "projects()" in refused(home, lambda: Project("something")).hint
    assert str(tmp_path) in refused(home, lambda: Project(tmp_path / "gone")).message


@pytest.mark.parametrize("text", ["", "{", '{"format": 99}', '{"format": 1}', "[]"])
def test_a_damaged_project_is_named_and_does_not_hide_the_others(home: Path, write: Write, text: str) -> None:
    for name in ("whole", "damaged"):
        Project(name, write(), COLLECTION).recipe  # noqa: B018
    (home / "projects" / "damaged" / "project.json").write_text(text)
    assert "damaged" in refused(home, lambda: Project("damaged")).message
    shown = projects().set_index("name")
    assert shown.loc["whole", "phase"] == "draft"
    assert shown.loc["damaged", "phase"] == "unreadable"
    assert shown.loc["damaged", "message"]


def test_questions_to_a_draft_say_what_comes_first(home: Path, write: Write) -> None:
    project = Project("p", write(), COLLECTION)
    for verb in (
        lambda: project.jobs,
        project.wait,
        project.cancel,
        project.failures,
        lambda: project.log(1),
        project.restart,
    ):
        assert refused(home, verb).hint
    assert "0 to 10" in str(refused(home, lambda: project.submit(priority=11)))
