from __future__ import annotations

import threading
import time
from typing import Any

import ipywidgets as ipw
import pytest

from b2grid.errors import Finding, InvalidSteering, SiteUnavailable
from b2grid_widgets import panel


def walk(widget: Any) -> list[Any]:
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in walk(child))]


def find(shown: Any, name: str) -> Any:
    return next(widget for widget in walk(shown) if name in getattr(widget, "_dom_classes", ()))


def text(shown: Any) -> str:
    parts = [widget.value for widget in walk(shown) if isinstance(widget, ipw.HTML)]
    return "\n".join(part for part in parts if "<style>" not in part)


def test_opening_a_panel_starts_nothing(project, opened):
    shown = opened(project)
    assert project.called == []
    assert "signal: one collection" in text(shown)
    assert "plain" in text(shown)


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("check", "no such &lt;list&gt;"),
        ("trial", "12 ms per event"),
        ("trial", "lists that feed trees"),  # it was recorded for the trial
        ("plan", "Number of jobs: 40"),
    ],
)
def test_a_button_shows_what_its_verb_returns(project, opened, eventually, verb, words):
    shown = opened(project)
    find(shown, f"b2-{verb}").click()
    eventually(lambda: words in text(shown))
    assert project.called == [verb]


def test_the_notebook_is_free_and_the_buttons_are_not_while_a_verb_runs(project, opened, eventually):
    project.gate.clear()
    shown = opened(project)
    find(shown, "b2-trial").click()  # returns at once
    buttons = [find(shown, f"b2-{verb}") for verb in ("check", "trial", "plan", "submit")]
    assert all(button.disabled for button in buttons)
    eventually(lambda: "Trying one file per sample, signal (1 of 2): running 40 of 100 events" in text(shown))
    find(shown, "b2-submit").click()  # a click that was on its way already
    project.gate.set()
    eventually(lambda: not any(button.disabled for button in buttons))
    assert project.called == ["trial"]
    assert threading.get_ident() not in project.threads
    assert "Trying" not in text(shown)


def test_an_error_of_the_core_is_its_message_hint_and_findings(project, opened, eventually):
    findings = (Finding("B2S100", "error", "invalid <syntax>", line=3),)
    project.answers["submit"] = InvalidSteering("steer.py cannot run", hint="mend line 3", findings=findings)
    shown = opened(project)
    find(shown, "b2-submit").click()
    eventually(lambda: "steer.py cannot run" in text(shown))
    assert "mend line 3" in text(shown)
    assert "invalid &lt;syntax&gt;" in text(shown)
    assert "Traceback" not in text(shown)
    assert not find(shown, "b2-submit").disabled


def test_a_fault_of_our_own_is_said_without_a_traceback(project, opened, eventually):
    project.answers["plan"] = KeyError("<job>")
    shown = opened(project)
    find(shown, "b2-plan").click()
    eventually(lambda: "KeyError" in text(shown))
    assert "<job>" not in text(shown)
    assert "please report it" in text(shown)


def test_a_status_that_cannot_be_read_is_said_and_looked_for_again(watched, opened, eventually):
    shown = opened(watched)
    good = watched.status

    class Gone:
        @property
        def counts(self) -> dict[str, int]:
            return {}

        def _repr_html_(self) -> str:
            raise SiteUnavailable("the disk is away", hint="wait")

    watched.status = Gone()
    eventually(lambda: "the disk is away" in text(shown))
    watched.status = good
    watched.becomes(counts={"Waiting": 40}, phase="waiting", driver="running")
    eventually(lambda: "Waiting 40" in text(shown))
    assert "the disk is away" not in text(shown)


def test_news_arrives_by_itself(project, opened, eventually):
    shown = opened(project)
    project.becomes(counts={"Waiting": 37, "Done": 3}, driver="running", message="scouts passed")
    eventually(lambda: "3 of 40 jobs done" in text(shown))
    eventually(lambda: "3 of 40 files" in text(shown))  # completeness follows
    assert "scouts passed" in text(shown)


def test_only_what_changed_is_sent(project, opened, eventually):
    shown = opened(project)
    changes: list[Any] = []
    for widget in walk(shown):
        widget.observe(changes.append)
    time.sleep(0.3)  # a dozen beats without news
    assert changes == []


def test_restart_is_offered_only_when_nothing_drives_the_project(project, opened, eventually):
    shown = opened(project)
    button = find(shown, "b2-restart")
    room = next(widget for widget in walk(shown) if button in getattr(widget, "children", ()))
    assert room.layout.display == "none"
    project.becomes(counts={"Waiting": 40}, phase="running", driver="gone")
    eventually(lambda: room.layout.display is None)
    button.click()
    eventually(lambda: "restart" in project.called)


def test_a_closed_panel_looks_no_more(watched, opened, beating):
    shown = opened(watched)
    shown.close()
    shown.close()  # twice does no harm
    time.sleep(0.1)
    looked = watched.looked
    time.sleep(0.2)
    assert watched.looked == looked
    assert beating() == []


def test_closing_while_a_verb_runs_leaves_it_alone(project, opened, eventually):
    project.gate.clear()
    shown = opened(project)
    find(shown, "b2-submit").click()
    eventually(lambda: project.called == ["submit"])
    shown.close()
    project.gate.set()  # its result has nowhere to go, and nothing complains
    eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "b2grid submit"])


def test_a_cell_that_is_run_again_leaves_no_panel_behind(project, beating):
    first = panel(project)
    second = panel(project)
    assert len(beating()) == 1
    assert first.comm is None  # its view is gone from the notebook
    assert second.comm is not None
    second.close()
    assert beating() == []


def test_nothing_is_printed(project, opened, eventually, capsys):
    project.answers["plan"] = KeyError("x")
    shown = opened(project)
    for verb in ("check", "plan"):
        find(shown, f"b2-{verb}").click()
        eventually(lambda verb=verb: verb in project.called and not find(shown, f"b2-{verb}").disabled)
    assert capsys.readouterr() == ("", "")
