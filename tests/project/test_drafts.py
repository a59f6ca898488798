"""A project before its submission: what is stored when, and what replaces what."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from b2grid import Catalogue, InvalidInput, InvalidPlan, Project, projects
from tests.project.conftest import COLLECTION, D0, TOLD, Write, whole


def test_making_and_checking_stores_nothing(home: Path, write: Write) -> None:
    project = Project("p", write(), COLLECTION)
    assert project.check().ok
    assert project.status.phase == "draft"
    assert "draft" in repr(project)
    assert whole(home) == {}


def test_the_trial_and_the_plan_outlive_the_notebook(home: Path, write: Write) -> None:
    project = Project("p", write(), {"signal": COLLECTION})
    assert project.trial(events=5).ok
    made = project.plan(files_per_job=2)
    code = "from b2grid import Project; p = Project('p'); print(p.status.phase, p.plan(2).project_id, len(p.jobs))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["planned", made.project_id, str(len(made.jobs))]
    assert projects()[["name", "phase", "jobs"]].to_numpy().tolist() == [["p", "planned", len(made.jobs)]]


def test_the_same_content_again_keeps_what_was_done(write: Write) -> None:
    first = Project("p", write(), COLLECTION)
    first.plan()
    again = Project("p", str(write()), [COLLECTION])
    assert again.status.phase == "planned"
    assert again.plan().project_id == first.plan().project_id


@pytest.mark.parametrize(
    "other",
    [{"args": ["x"]}, {"sandbox": ["d0.py"]}, {"runs": "all"}, {"inputs": "/belle/collection/MC/demo_mixed_v1"}],
)
def test_a_draft_is_replaced_by_new_content(write: Write, other: dict[str, object]) -> None:
    old = Project("p", write(), inputs=COLLECTION)
    old.plan()
    new = Project("p", write(), **{"inputs": COLLECTION, **other})  # type: ignore[arg-type]
    assert new.status.phase == "draft"
    assert old.status.phase == "planned"  # until something of the new one is stored
    made = new.plan()
    assert Project("p").plan().project_id == made.project_id
    with pytest.raises(InvalidInput, match="was replaced by a draft with other content"):
        old.plan()


def test_a_changed_steering_file_is_new_content(write: Write) -> None:
    path = write()
    Project("p", path, COLLECTION).plan()
    path.write_text(D0.replace("2.0", "2.1"))
    project = Project("p", path, COLLECTION)
    assert project.status.phase == "draft"
    assert "1.7 < M < 2.1" in str(project.recipe)


def test_what_is_stored_is_what_was_given(write: Write) -> None:
    path = write()
    project = Project("p", path, COLLECTION)
    project.recipe  # noqa: B018
    path.write_text("changed after")
    assert project.check().ok
    assert project.steering.read_text() == D0


def test_a_project_lives_where_it_is_told_and_is_found_by_name_and_path(write: Write, tmp_path: Path) -> None:
    place = tmp_path / "scratch"
    Project("p", write(), COLLECTION, folder=place).plan()
    assert (place / "p" / "project.json").is_file()
    for opened in (
        Project("p"),
        Project(place / "p"),
        Project(f"{place}/p"),
        Project("p", folder=place),
        Project("p", write(), COLLECTION),
        Project("p", write(), COLLECTION, folder=place),
    ):
        assert opened.folder == place / "p"
        assert opened.status.phase == "planned"


def test_a_project_that_was_taken_away_leaves_its_name_free(home: Path, write: Write, tmp_path: Path) -> None:
    Project("p", write(), COLLECTION, folder=tmp_path / "scratch").recipe  # noqa: B018
    (tmp_path / "scratch").rename(tmp_path / "elsewhere")
    assert projects().empty
    with pytest.raises(InvalidInput, match="there is no project 'p'"):
        Project("p")
    new = Project("p", write(), COLLECTION)
    new.recipe  # noqa: B018
    assert new.folder == home / "projects" / "p"
    assert Project("p").folder == new.folder


def test_the_argument_lists_reach_the_recipe_and_the_plan(write: Write) -> None:
    steering = write(TOLD, "told.py")
    write("SLOW = 'p < 1'\n", "cuts.py")
    write("of mine", "tables/words.txt")
    project = Project(
        "p",
        steering,
        {"a": COLLECTION, "b": "/belle/collection/MC/demo_mixed_v1"},
        args=["{sample}", "{job}"],
        sandbox=["cuts.py", "tables"],
    )
    assert [made.cut for made in project.recipe.lists] == ["p < 1"]
    plan = project.plan(files_per_job=1)
    last = len(plan.jobs)
    assert plan.command(1).endswith("told.py -- a 1")
    assert plan.command(last).endswith(f"told.py -- b {last}")


def test_arguments_that_make_samples_write_different_trees_are_refused(write: Write) -> None:
    steering = write("import sys\n" + D0.replace('treename="d0"', "treename=sys.argv[1]"))
    inputs = {"a": COLLECTION, "b": "/belle/collection/MC/demo_mixed_v1"}
    with pytest.raises(InvalidPlan, match="samples 'a' and 'b' write different trees"):
        Project("p", steering, inputs, args=["{sample}"]).plan()
    assert Project("p", steering, inputs, args=["same"]).recipe.outputs == {"d0.root": {"same": ("M", "p")}}


def test_only_good_runs_are_taken_unless_all_are_asked_for(write: Write) -> None:
    data = "/belle/collection/Data/demo_4S_v1"
    good, whole_set = Project("good", write(), data), Project("all", write(), data, runs="all")
    assert len(good.inputs.left_out) > 0
    assert len(whole_set.inputs.left_out) == 0
    assert len(good.inputs) < len(whole_set.inputs)
    assert good.plan().project_id != whole_set.plan().project_id
    again = Project("good").inputs
    assert again.findings == good.inputs.findings != ()
    assert str(again) == str(good.inputs)
    allowing = Project("allow", write(), data, runs={"allow": ["drift chamber*"]})
    assert allowing.inputs.table.equals(whole_set.inputs.table)
    allowing.plan()
    named = iter([(10, 101), (10, 104)])
    assert set(Project("named", write(), data, runs=named).inputs.left_out["run"].to_pylist()) == {102, 103, 105, 106}
    assert Project("allow", write(), data, runs="allow=drift chamber*").status.phase == "planned"


def test_a_search_is_frozen_and_what_came_since_is_news(write: Write) -> None:
    catalogue = Catalogue()
    found = catalogue.search(campaign="demo1", mc_event="mixed")
    here = iter(catalogue.collection(COLLECTION).files["pfn"][:2])
    project = Project("p", write(), {"mixed": found, "here": here})
    assert len(project.inputs) == 9
    project.plan()
    stored = Project("p")
    assert stored._definition.inputs["mixed"] == [{"campaign": "demo1", "mc_event": "mixed"}]
    assert str(stored.news()) == "nothing has changed"
    assert "B2C054" in str(stored.inputs)


def test_a_trial_of_some_samples_is_completed_by_the_next(write: Write) -> None:
    project = Project("p", write(), {"a": COLLECTION, "b": "/belle/collection/MC/demo_mixed_v1"})
    project.trial(events=2, samples=["b"])
    assert len(project.trial(events=2, samples=["a"]).measurements) == 1
    table = project.plan().summary()
    assert "a " in str(table)
    assert {item.sample for item in (project._trial() or project.trial()).measurements} == {"a", "b"}
    with pytest.raises(InvalidInput, match="there is no sample 'c'"):
        project.trial(samples=["c"])


def test_luminosity_is_the_collections_own(write: Write) -> None:
    project = Project("p", write(), {"signal": COLLECTION, "data": "/belle/collection/Data/demo_4S_v1"})
    rows = {row["sample"]: row for row in project.luminosity().to_dict("records")}
    assert rows["data"]["collection"] == "/belle/collection/Data/demo_4S_v1"
    assert rows["data"]["luminosity"] == pytest.approx(rows["data"]["selected"], rel=1e-5)
    assert rows["data"]["processed"] == 0
    assert pd.isna(rows["signal"]["selected"])
