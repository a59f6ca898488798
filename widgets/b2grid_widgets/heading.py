"""What stands above a panel's tabs: the project's name and phase, and the outcome of each step in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2grid.html import Html, tag

if TYPE_CHECKING:
    from b2grid.execution import Status

__all__ = ["caption", "head", "mark"]


def caption(name: str, result: Any) -> str:
    """The outcome of a verb in a few words, below its button."""
    if name == "check":
        return mark(bool(result.ok), result.summary().rsplit(": ", 1)[-1])
    if name == "trial":
        return mark(bool(result.ok), "works" if result.ok else "failed")
    if name == "plan":
        count = len(result.jobs)
        return mark(True, f"{count} job{'s' if count != 1 else ''}")
    return mark(True, "sent" if name == "submit" else "started")


def mark(ok: bool, text: str) -> Html:
    """A word with a tick, or with a cross."""
    sign = tag("b", "✓ " if ok else "✗ ", class_="b2-good" if ok else "b2-bad")
    return tag("span", sign, text)


_TONES = {
    "scouting": "busy",
    "running": "busy",
    "done": "good",
    "finished": "good",
    "held": "bad",
    "failed": "bad",
    "cancelled": "bad",
}


def head(name: str, status: Status | None) -> Html:
    """The project's name, where it is, and how much is done."""
    parts = [tag("span", name, class_="b2-name")]
    if status is not None:
        parts.append(tag("span", status.phase, class_=f"b2-phase b2-{_TONES.get(status.phase, '')}"))
        if status.total:
            parts.append(tag("span", f"{status.done} of {status.total} jobs done", class_="b2-share"))
    title = tag("div", *parts, class_="b2-head")
    said = tag("div", status.message, class_="b2-hint") if status is not None and status.message else Html()
    return Html(title + said)
