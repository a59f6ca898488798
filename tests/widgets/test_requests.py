from __future__ import annotations

import pytest

from b2grid.errors import InvalidInput
from b2grid.execution.reports import Cause, Diagnosis, Host, Hosts
from tests.widgets.test_panel import find, text

FAILED = Diagnosis(
    "plain", 40, 30, (Cause("memory", "Held", (3, 7), (("over <4> GB", 2),), {"n1": 2}, {"local": 2}, "more memory"),)
)


@pytest.fixture
def sent(project):
    project.becomes(counts={"Done": 30, "Held": 10}, phase="held", driver="running")
    project.answers |= {"diagnosis": FAILED, "hosts": Hosts("plain", (Host("n1", "local", out="3 jobs failed"),))}
    return project


def test_requests_are_offered_while_a_project_is_on_its_way(project, opened, eventually):
    shown = opened(project)
    row = find(shown, "b2-requests")
    view = next(widget for widget in shown.children if row in getattr(widget, "children", ()))
    assert view.layout.display == "none"
    for phase, offered in (("running", None), ("held", None), ("failed", None), ("done", "none"), ("finished", "none")):
        project.becomes(counts={"Running": 40}, phase=phase, driver="running")
        eventually(lambda offered=offered: view.layout.display == offered)


def test_what_can_be_undone_is_asked_at_once_and_the_answer_is_shown(sent, opened, eventually):
    sent.answers["hold"] = "no more jobs are sent; <those> that run go on"
    shown = opened(sent)
    find(shown, "b2-hold").click()
    eventually(lambda: "&lt;those&gt; that run go on" in text(shown))
    assert sent.asked == [("hold",)]


@pytest.mark.parametrize(("verb", "words"), [("cancel", "End the whole project?"), ("finish", "end all other jobs")])
def test_what_cannot_be_undone_is_asked_about_first(sent, opened, eventually, verb, words):
    shown = opened(sent)
    asking = find(shown, "b2-asking")
    find(shown, f"b2-{verb}").click()
    assert asking.layout.display is None
    assert words in text(asking)
    find(shown, "b2-no").click()
    assert asking.layout.display == "none"
    assert sent.asked == []
    find(shown, f"b2-{verb}").click()
    find(shown, "b2-yes").click()
    eventually(lambda: sent.asked == [(verb,)])
    assert asking.layout.display == "none"


def test_requests_are_about_the_jobs_of_one_failure(sent, opened, eventually):
    shown = opened(sent)
    about = find(shown, "b2-about")
    eventually(lambda: ("2 jobs: memory", (3, 7)) in about.options)
    about.value = (3, 7)
    find(shown, "b2-reschedule").click()
    eventually(lambda: sent.asked == [("reschedule", (3, 7))])
    find(shown, "b2-cancel").click()
    assert "End 2 jobs: memory?" in text(find(shown, "b2-asking"))


def test_another_site_is_a_choice_that_is_asked_about(sent, opened, eventually):
    shown = opened(sent)
    choice = find(shown, "b2-site")
    assert ("local", "local") in choice.options
    choice.value = "local"
    assert "Send what is waiting to site local?" in text(find(shown, "b2-asking"))
    find(shown, "b2-yes").click()
    eventually(lambda: sent.asked == [("move", "local")])
    assert choice.value == ""


def test_a_request_that_is_refused_says_why(sent, opened, eventually):
    sent.answers["resume"] = InvalidInput("nothing is held", hint="look at the status")
    shown = opened(sent)
    find(shown, "b2-resume").click()
    eventually(lambda: "nothing is held" in text(shown) and "look at the status" in text(shown))
    assert not find(shown, "b2-resume").disabled


def test_failures_and_hosts_are_shown_and_kept_with_the_notebook(sent, opened, eventually):
    shown = opened(sent)
    eventually(lambda: "over &lt;4&gt; GB" in text(find(shown, "b2-failures")))
    assert "3 jobs failed" in text(find(shown, "b2-hosts"))
    assert text(find(shown, "b2-scouts")) == ""
    assert "more memory" in shown._summary()
