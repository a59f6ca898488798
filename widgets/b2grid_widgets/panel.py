"""The panel: one project, its steps, and a button for each verb.

It observes, calls the core, and shows what comes back; it decides nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
from IPython.display import DisplayHandle, display

from b2grid.execution import sites
from b2grid.html import Html, tag
from b2grid.steering.trying.live import in_words
from b2grid_widgets.data import DataPanel
from b2grid_widgets.diagnosis import DiagnosisPanel
from b2grid_widgets.heading import caption, head, mark
from b2grid_widgets.monitor import MonitorPanel
from b2grid_widgets.news import Watch, sent
from b2grid_widgets.outputs import OutputsPanel
from b2grid_widgets.pieces import error_html, note, rendered
from b2grid_widgets.plan import PlanPanel
from b2grid_widgets.requests import REQUESTS, RequestsPanel
from b2grid_widgets.static import HIDE, summary
from b2grid_widgets.steering import SteeringPanel
from b2grid_widgets.style import STYLE
from b2grid_widgets.working import Action, Pulse

if TYPE_CHECKING:
    from collections.abc import Callable

    from b2grid.execution import Status
    from b2grid.execution.reports import Diagnosis, Hosts, Scouting
    from b2grid.project import Project
    from b2grid.steering.trying import Step

__all__ = ["Panel", "panel"]


@dataclass(frozen=True, slots=True)
class Verb:
    """A button: what it says, what it is called in messages, and which step shows the result."""

    name: str
    label: str
    icon: str
    tooltip: str
    running: str
    step: int


VERBS = (
    Verb("check", "Check", "check", "read the steering file and list all findings", "Checking", 1),
    Verb("trial", "Try", "flask", "run a few events of each sample, here", "Trying one file per sample", 1),
    Verb("plan", "Plan", "th-list", "divide the inputs into jobs; nothing is sent", "Planning the jobs", 2),
    Verb("submit", "Submit", "paper-plane", "send the jobs, scouts first", "Submitting", 3),
    Verb("restart", "Restart", "refresh", "start the project's driver again", "Restarting the driver", 3),
)
_VERB = {verb.name: verb for verb in VERBS}
_RUNNING = {verb.name: verb.running for verb in VERBS} | {request.verb: request.running for request in REQUESTS}
_LABEL = {verb.name: verb.label for verb in VERBS} | {request.verb: request.label for request in REQUESTS}


class Panel(ipw.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A project's panel; `close` ends it, and nothing of it goes on.

    Parameters
    ----------
    project : Project
        What to show and drive.
    interval : float
        Seconds between two looks at the project's state.
    """

    def __init__(self, project: Project, *, interval: float = 1.0) -> None:
        self._project = project
        self._lock = threading.RLock()
        self._closed = False
        self._parts: dict[str, Html] = {}
        self._watch = Watch(project)
        self._status: Status | None = None
        self._step = ""
        self._handle: DisplayHandle | None = None
        self._action = Action(self._on_result, self._on_error)
        self._pulse = Pulse(self._beat, interval)
        self._make()
        parts = [self._style, self._head, self._steps, self._requests.view, self._message, self._trouble, self._tabs]
        super().__init__(parts)
        self.add_class("b2-panel")
        self._style.value = STYLE + HIDE.format(model=self.model_id)
        self._open()
        self._pulse.start()

    def _make(self) -> None:
        self._style = ipw.HTML(layout=ipw.Layout(display="none"))
        self._head = ipw.HTML()
        self._message, self._trouble = ipw.HTML(), ipw.HTML()
        self._message.add_class("b2-messages")
        self._buttons = {verb.name: _button(verb, self.press) for verb in VERBS}
        self._captions = {verb.name: ipw.HTML() for verb in VERBS}
        steps = [
            ipw.VBox([self._buttons[name], self._captions[name]], layout=ipw.Layout(flex="1 1 0"))
            for name in self._buttons
        ]
        for step in steps:
            step.add_class("b2-step")
        self._steps = ipw.HBox(steps)
        self._steps.add_class("b2-steps")
        self._restart = steps[-1]
        self._restart.layout.display = "none"
        self._data, self._steering, self._plan = DataPanel(), SteeringPanel(), PlanPanel()
        self._monitor, self._outputs = MonitorPanel(self._read_log, self._lock), OutputsPanel()
        self._diagnosis, self._requests = DiagnosisPanel(), RequestsPanel(self.ask, self._lock)
        rooms = (self._data, self._steering, self._plan, self._monitor, self._diagnosis, self._outputs)
        self._tabs = ipw.Tab([room.view for room in rooms], titles=[room.title for room in rooms])

    # --- what the user does

    def press(self, name: str) -> None:
        """Do what the button of this name does, in the background."""
        verb: Callable[..., object] = getattr(self._project, name)
        call = partial(verb, on_progress=self._on_step) if name == "trial" else verb
        self._step = ""
        with self._lock:
            if self._closed or not self._action.start(name, call):
                return
            self._enable()
            self._say_running()
            self._tabs.selected_index = _VERB[name].step

    def ask(self, verb: str, *given: object) -> None:
        """Ask the project's driver for something, in the background; its answer is shown."""
        with self._lock:
            if self._closed or not self._action.start(verb, partial(getattr(self._project, verb), *given)):
                return
            self._enable()
            self._say_running()

    def close(self) -> None:
        """Take the panel out of the notebook and stop looking; jobs go on."""
        self._pulse.stop()
        self._pulse.join(1.0)
        with self._lock:
            if self._closed:
                return
            self._closed = True
            _close_all(self.children)
            super().close()

    # --- what the project answers

    def _on_step(self, step: Step) -> None:
        """Remember how far a trial is; the next beat says it."""
        self._step = f", {in_words(step)}"

    def _on_result(self, name: str, result: object) -> None:
        with self._lock:
            if self._closed:
                return
            self._message.value = "" if name in _VERB else note(str(result), tone="good")
            if name in _VERB:
                self._show(name, result)
            self._enable()
        self._look()
        self._keep()

    def _on_error(self, name: str, error: Exception) -> None:
        with self._lock:
            if self._closed:
                return
            self._message.value = error_html(_LABEL[name], error)
            if name in _VERB:
                self._captions[name].value = tag("span", "✗ did not work", class_="b2-bad")
            self._enable()
        self._look()
        self._keep()

    def _show(self, name: str, result: Any) -> None:
        """Show what a verb returned in its step."""
        if name == "check":
            self._steering.show_report(result)
            self._parts["findings"] = rendered(result)
        elif name == "trial":
            self._steering.show_trial(result)
            self._steering.show_recipe(self._project.recipe)  # the trial has recorded it
            self._parts["trial"] = rendered(result)
        elif name == "plan":
            self._plan.show(result)
            self._parts["plan"] = rendered(result.summary())
        self._captions[name].value = caption(name, result)

    def _enable(self) -> None:
        """Offer what can be done now: one thing at a time, and nothing is tried or sent twice."""
        busy = bool(self._action.verb)
        over = self._status is not None and sent(self._status)
        for name, button in self._buttons.items():
            button.disabled = busy or (over and name in ("trial", "submit"))
        self._requests.enable(self._status, busy=busy)

    def _say_running(self) -> None:
        verb, seconds = self._action.verb, self._action.seconds
        if verb:
            self._message.value = note(f"{_RUNNING[verb]}{self._step}: {seconds:.0f} s", tone="busy")

    # --- what is new

    def _open(self) -> None:
        """Show what there is already; opening a project never starts anything."""
        with self._lock:
            self._head.value = head(self._project.name, None)
        try:
            inputs, steering = self._project.inputs, self._project.steering
            text, known = steering.read_text(), sites()
        except Exception as error:
            self._message.value = error_html("Open", error)
        else:
            with self._lock:
                self._data.show(inputs)
                self._steering.show_source(steering.name, text)
                self._requests.offer(sites=known)
        self._look()

    def _beat(self) -> None:
        """Once per interval: say that something still runs, and look for news."""
        with self._lock:
            if self._closed:
                return
            self._say_running()
        if self._look():
            self._keep()

    def _look(self) -> bool:
        """Look for news and show them; say whether the project has come to another phase."""
        news = self._watch.look()
        with self._lock:
            if self._closed:
                return False
            self._trouble.value = "" if news.trouble is None else error_html("Status", news.trouble)
            if news.status is not None and news.said is not None:
                self._show_status(news.status, news.said)
            if news.plan is not None:
                self._show("plan", news.plan)
            if news.jobs is not None:
                self._monitor.show_jobs(news.jobs)
            if news.reports is not None:
                self._show_reports(*news.reports)
            if news.completeness is not None:
                self._outputs.show(news.completeness)
                self._parts["completeness"] = rendered(news.completeness)
        if news.status is not None and (job := self._monitor.job):
            self._read_log(job)
        return news.phase_changed or news.completeness is not None

    def _show_status(self, status: Status, said: Html) -> None:
        self._parts["status"], self._status = said, status
        self._head.value = head(self._project.name, status)
        self._monitor.show_status(status)
        self._restart.layout.display = None if status.driver == "gone" and not status.settled else "none"
        if sent(status):
            self._captions["submit"].value = mark(True, "sent")
        self._enable()

    def _show_reports(self, diagnosis: Diagnosis, hosts: Hosts, scouting: Scouting) -> None:
        self._diagnosis.show(diagnosis, hosts, scouting)
        self._requests.offer(diagnosis=diagnosis)
        self._parts |= {"failures": rendered(diagnosis), "hosts": rendered(hosts)}
        if scouting.samples:
            self._parts["scouts"] = rendered(scouting)

    def _read_log(self, job: int) -> None:
        try:
            text = self._project.log(job)
        except Exception as error:
            text = str(error)
        with self._lock:
            if not self._closed:
                self._monitor.show_log(job, text)

    # --- how it shows itself

    def _summary(self) -> Html:
        with self._lock:
            return summary(self._project.name, self.model_id, dict(self._parts))

    def _keep(self) -> None:
        """Bring the summary that is saved with the notebook up to date."""
        with self._lock:
            if self._handle is not None and not self._closed:
                self._handle.update({"text/html": self._summary()}, raw=True)  # type: ignore[no-untyped-call]

    def _ipython_display_(self) -> None:
        """Show the widget, and beside it the summary that outlives it."""
        bundle = {
            "text/plain": repr(self),
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.model_id,
            },
        }
        display(bundle, raw=True)  # type: ignore[no-untyped-call]
        kept = {"text/plain": repr(self), "text/html": self._summary()}
        self._handle = display(kept, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"<panel of project {self._project.name!r}>"


def _button(verb: Verb, press: Callable[[str], None]) -> ipw.Button:
    button = ipw.Button(description=verb.label, icon=verb.icon, tooltip=verb.tooltip)
    if verb.name == "submit":
        button.button_style = "primary"
    if verb.name == "restart":
        button.button_style = "warning"
    button.add_class(f"b2-{verb.name}")
    button.on_click(lambda _: press(verb.name))
    return button


def _close_all(widgets: tuple[ipw.Widget, ...]) -> None:
    for widget in widgets:
        _close_all(getattr(widget, "children", ()))
        widget.close()


_OPEN: dict[str, Panel] = {}
_OPENING = threading.Lock()


def panel(project: Project) -> Panel:
    """A panel for a project: data, steering, plan, monitor, outputs.

    Opening one never starts anything. It looks at the project's state once a second until it is closed, or
    another panel of the project is opened: a cell that is run again does not leave panels behind.
    """
    with _OPENING:
        where = str(project.folder)
        if (before := _OPEN.pop(where, None)) is not None:
            before.close()
        _OPEN[where] = made = Panel(project)
    return made
