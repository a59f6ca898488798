"""What an owner asks of a project that runs: a row of buttons, and a question before what cannot be undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from b2grid.html import tag

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence

    from b2grid.execution import Status
    from b2grid.execution.reports import Diagnosis

__all__ = ["REQUESTS", "RequestsPanel"]

_WHOLE = ("the whole project", ())
_STAY = ("move to …", "")


@dataclass(frozen=True, slots=True)
class Request:
    """A button: the verb of the project, what it says, and the question it asks first; none where it needs none."""

    verb: str
    label: str
    icon: str
    tooltip: str
    running: str
    question: str = ""


REQUESTS = (
    Request("hold", "Hold", "pause", "send no more; what runs goes on", "Holding"),
    Request("resume", "Resume", "play", "send again what is held", "Resuming"),
    Request("reschedule", "Reschedule", "repeat", "try held and failed jobs again", "Rescheduling"),
    Request(
        "finish",
        "Finish",
        "flag-checkered",
        "take what is done as the result",
        "Finishing",
        "Take what is done as the result, and end all other jobs of this project?",
    ),
    Request(
        "cancel", "Cancel", "stop", "end jobs; what is done stays", "Cancelling", "End {what}? What is done stays."
    ),
    Request(
        "move",
        "Move",
        "share",
        "send what is waiting to another site",
        "Moving",
        "Send what is waiting to {what}? What runs ends where it is.",
    ),
)


class RequestsPanel:
    """Buttons for requests, what they are about, and the question before what cannot be undone.

    Parameters
    ----------
    ask : callable
        Called with a verb and its arguments when the user wants it.
    lock : threading.RLock
        The panel's own.
    """

    def __init__(self, ask: Callable[..., None], lock: threading.RLock) -> None:
        self._ask = ask
        self._lock = lock
        self._wanted: tuple[str, tuple[Any, ...]] | None = None
        self._about = ipw.Dropdown(options=[_WHOLE], tooltip="what hold, resume, reschedule and cancel are about")
        self._about.add_class("b2-about")
        self._site = ipw.Dropdown(options=[_STAY], tooltip="send what is waiting to another site")
        self._site.add_class("b2-site")
        self._site.observe(lambda change: self._move(change["new"]), "value")
        for choice, width in ((self._about, "230px"), (self._site, "130px")):
            choice.layout.width = width
        self._buttons = {request.verb: _button(request) for request in REQUESTS if request.verb != "move"}
        for verb, button in self._buttons.items():
            button.on_click(lambda _, verb=verb: self.press(verb))
        self._question = ipw.HTML()
        self._yes, self._no = ipw.Button(description="Yes", button_style="danger"), ipw.Button(description="No")
        self._yes.on_click(lambda _: self.answer(yes=True))
        self._no.on_click(lambda _: self.answer(yes=False))
        for button, name in ((self._yes, "b2-yes"), (self._no, "b2-no")):
            button.add_class(name)
            button.layout.width = "70px"
        self._asking = ipw.HBox([self._question, self._yes, self._no], layout=ipw.Layout(display="none"))
        self._asking.add_class("b2-asking")
        self._row = ipw.HBox([self._about, *self._buttons.values(), self._site])
        self._row.add_class("b2-requests")
        self.view = ipw.VBox([self._row, self._asking], layout=ipw.Layout(display="none"))

    def press(self, verb: str) -> None:
        """Do what the button of this verb does, or ask first."""
        jobs = self._about.value
        self._want(verb, (jobs,) if jobs and verb != "finish" else (), self._about.label if jobs else _WHOLE[0])

    def answer(self, *, yes: bool) -> None:
        """Answer the question that is open."""
        with self._lock:
            wanted, self._wanted = self._wanted, None
            self._asking.layout.display = "none"
            self._site.value = ""
        if wanted is not None and yes:
            self._ask(wanted[0], *wanted[1])

    def offer(self, *, sites: Iterable[str] = (), diagnosis: Diagnosis | None = None) -> None:
        """Offer other sites, or the jobs of other failures."""
        with self._lock:
            if sites:
                self._site.options = [_STAY, *((name, name) for name in sites)]
            if diagnosis is not None:
                self._offer_jobs(diagnosis)

    def _offer_jobs(self, diagnosis: Diagnosis) -> None:
        """The whole project, and each cause of failures; the choice stays where it is still there."""
        causes = [cause for cause in diagnosis.causes if cause.status in {"Held", "Failed"}]
        options = [_WHOLE, *((f"{len(cause.jobs)} jobs: {cause.failure}", cause.jobs) for cause in causes)]
        if list(self._about.options) != options:
            kept = self._about.value
            self._about.options = options
            self._about.value = kept if kept in [jobs for _, jobs in options] else ()

    def enable(self, status: Status | None, *, busy: bool) -> None:
        """Offer what can be done now; nothing before the project is sent, and when all of it is over."""
        shown = status is not None and status.phase not in {"draft", "planned", "done", "finished"}
        self.view.layout.display = None if shown else "none"
        for control in (*self._buttons.values(), self._site, self._yes):
            control.disabled = busy

    def _move(self, site: str) -> None:
        if site:
            self._want("move", (site,), f"site {site}")

    def _want(self, verb: str, given: Sequence[Any], what: str) -> None:
        """Ask first where the request asks a question, else do it."""
        question = next(request.question for request in REQUESTS if request.verb == verb)
        if not question:
            self._ask(verb, *given)
            return
        with self._lock:
            self._wanted = verb, tuple(given)
            self._question.value = tag("b", question.replace("{what}", what))
            self._asking.layout.display = None


def _button(request: Request) -> ipw.Button:
    button = ipw.Button(description=request.label, icon=request.icon, tooltip=request.tooltip)
    button.layout.width = "auto"
    button.add_class(f"b2-{request.verb}")
    return button
