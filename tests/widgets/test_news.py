from __future__ import annotations

import time

import pytest

from b2grid import Project
from b2grid.errors import IncompleteOutput
from b2grid_widgets.news import Watch


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "folder",
        "status",
        "jobs",
        "inputs",
        "steering",
        "check",
        "trial",
        "plan",
        "submit",
        "restart",
        "log",
        "completeness",
    ],
)
def test_a_project_has_what_the_plain_one_plays(project, name):
    assert hasattr(project, name)
    assert hasattr(Project, name)


def test_a_draft_has_a_status_and_nothing_else(project):
    news = Watch(project).look()
    assert news.status is project.status
    assert (news.jobs, news.plan, news.completeness, news.trouble) == (None, None, None, None)


def test_nothing_new_is_nothing(project):
    project.becomes(counts={"Waiting": 40}, phase="planned")
    watch = Watch(project, jobs_every=100)
    assert watch.look().jobs is project.jobs
    again = watch.look()
    assert (again.status, again.jobs, again.phase_changed) == (None, None, False)


def test_a_running_project_is_read_at_its_own_pace(project):
    watch = Watch(project, jobs_every=0.1, completeness_every=100)
    project.becomes(counts={"Waiting": 39, "Done": 1}, phase="running", driver="running")
    first = watch.look()
    assert first.phase_changed
    assert first.plan is not None
    assert first.jobs is not None
    assert first.completeness is not None
    project.becomes(counts={"Waiting": 38, "Done": 2})
    second = watch.look()
    assert second.status is project.status  # the status at once
    assert second.jobs is None  # the table in its time
    assert second.completeness is None
    time.sleep(0.1)
    third = watch.look()
    assert third.status is None
    assert third.jobs is not None


def test_the_end_is_read_at_once_and_once_more_for_what_is_published_last(project):
    watch = Watch(project, jobs_every=0.1, completeness_every=0.1)
    project.becomes(counts={"Waiting": 39, "Done": 1}, phase="running", driver="running")
    watch.look()
    project.becomes(counts={"Done": 40}, phase="done", driver="ended")
    last = watch.look()
    assert last.jobs is not None
    assert last.completeness is not None
    assert watch.look().jobs is None
    time.sleep(0.1)
    once_more = watch.look()
    assert once_more.jobs is not None
    assert once_more.completeness is not None
    time.sleep(0.1)
    assert watch.look().jobs is None


def test_what_cannot_be_read_does_not_hide_the_rest_and_is_read_again(project):
    watch = Watch(project, completeness_every=0)
    trouble = IncompleteOutput("a manifest is damaged")

    def completeness():
        raise trouble

    project.becomes(counts={"Done": 40}, phase="done", driver="ended")
    project.completeness, good = completeness, project.completeness
    news = watch.look()
    assert news.trouble is trouble
    assert news.status is project.status
    assert news.jobs is not None
    project.completeness = good
    assert watch.look().completeness is not None
