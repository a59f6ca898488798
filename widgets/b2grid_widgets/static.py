"""What stays of a panel when nothing drives it: in a reopened notebook, on GitHub, in a converted page.

JupyterLab does not save the state of widgets, and shows an error in the place of a dead one. The summary
is therefore an output of its own beside the widget, hidden as long as the widget lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.html import Html, details, tag

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HIDE", "summary"]

# part of the live panel, so that its summary is hidden wherever the panel itself can be seen
HIDE = "<style>.b2-static-{model} {{ display: none; }}</style>"

# JupyterLab: the error in the place of a dead widget goes, and so does the empty room of a hidden summary
_ROOM = """<style>
.jp-OutputArea-child:has(+ .jp-OutputArea-child .b2-static):not(:has(.b2-panel)) { display: none; }
.jp-OutputArea-child:has(.b2-panel) + .jp-OutputArea-child:has(.b2-static) { display: none; }
</style>"""


def summary(name: str, model: str, parts: Mapping[str, Html]) -> Html:
    """The parts that were shown last, each under its title; what is long is folded away."""
    opened = [part for title, part in parts.items() if title == "status"]
    folded = [details(title, part) for title, part in parts.items() if title != "status"]
    live = tag("code", f"Project({name!r}).panel()")
    said = tag(
        "div",
        "As it was when the notebook was saved; ",
        live,
        " shows it live.",
        style="color:#57606a;font-size:12px;margin-top:6px",
    )
    box = tag(
        "div",
        *opened,
        *folded,
        said,
        class_=f"b2-static b2-static-{model}",
        style="border:1px solid #d0d7de;border-radius:8px;padding:10px 14px",
    )
    return Html(_ROOM + box)
