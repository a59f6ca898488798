"""Small pieces of escaped HTML."""

from __future__ import annotations

from typing import Protocol

from b2grid.errors import B2GridError, Finding
from b2grid.html import Html, table, tag

__all__ = ["Rendered", "error_html", "headline", "hint", "note", "rendered"]


class Rendered(Protocol):
    """A value that shows itself in a notebook, escaped."""

    def _repr_html_(self) -> str: ...


def rendered(value: Rendered) -> Html:
    """What a value of the core says about itself; it has escaped it."""
    return Html(value._repr_html_())


def note(*children: object, tone: str = "") -> Html:
    """A line that says what is going on; the tone is good, bad, busy or nothing."""
    return tag(
        "div",
        *children,
        class_=f"b2-message b2-{tone}" if tone else "b2-message",
        role="alert" if tone == "bad" else "status",
    )


def hint(text: str) -> Html:
    """What to do, where there is nothing to see yet."""
    return tag("div", text, class_="b2-empty")


def headline(text: str) -> Html:
    """The title of a part."""
    return tag("h4", text)


def error_html(verb: str, error: Exception) -> Html:
    """An error as its message and the next step, never as a traceback."""
    if isinstance(error, B2GridError):
        message, step = error.message, error.hint
    else:
        message, step = f"{type(error).__name__}: {error}", "A fault of b2grid, not yours: please report it."
    findings: tuple[Finding, ...] = getattr(error, "findings", ())
    return note(
        tag("b", f"{verb}: "),
        message,
        tag("div", step, class_="b2-hint") if step else "",
        table(["line", "", ""], [(f.line or "", f.message, f.hint) for f in findings]) if findings else "",
        tone="bad",
    )
