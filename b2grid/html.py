"""A small escaping HTML builder beneath every ``_repr_html_``.

Whatever comes from outside (names, log lines, messages) is text, and text is escaped; only `Html` is not.

>>> str(tag("b", "x < y", class_="note"))
'<b class="note">x &lt; y</b>'
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Html", "bar", "definitions", "details", "table", "tag"]

_CONTROL = {code: "\N{REPLACEMENT CHARACTER}" for code in range(32) if chr(code) not in "\n\t"}
_VOID = frozenset({"br", "hr", "img", "rect", "line", "path"})


class Html(str):
    """Text that is HTML already: made by this module, never from outside."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return self


def _text(value: object) -> Html:
    if isinstance(value, Html):
        return value
    return Html(escape(str(value).translate(_CONTROL)))


def tag(name: str, *children: object, **attributes: object) -> Html:
    """One element; children are escaped unless they are `Html`.

    A trailing underscore of an attribute is dropped (``class_``), other underscores become hyphens, and
    attributes that are `None` are left out.

    >>> str(tag("a", "docs", href="x.html", title=None))
    '<a href="x.html">docs</a>'
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{shown}/>")
    return Html(f"<{name}{shown}>{''.join(_text(child) for child in children)}</{name}>")


def table(
    headers: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    caption: str = "",
    numeric: Iterable[int] = (),
) -> Html:
    """Rows under headers; the columns in `numeric` are aligned to the right.

    >>> "<td" in table(["job"], [[1]])
    True
    """
    right = frozenset(numeric)
    align = {True: "text-align:right", False: "text-align:left"}
    head = tag("tr", *(tag("th", header, style=align[i in right]) for i, header in enumerate(headers)))
    body = [tag("tr", *(tag("td", cell, style=align[i in right]) for i, cell in enumerate(row))) for row in rows]
    title = [tag("caption", caption, style="caption-side:top;text-align:left;font-weight:bold")] if caption else []
    return tag("table", *title, tag("thead", head), tag("tbody", *body), class_="b2grid")


def definitions(items: Mapping[str, object], *, caption: str = "") -> Html:
    """A table of two columns: what, and its value."""
    rows = [
        tag("tr", tag("th", key, style="text-align:left"), tag("td", value, style="text-align:left"))
        for key, value in items.items()
    ]
    title = [tag("caption", caption, style="caption-side:top;text-align:left;font-weight:bold")] if caption else []
    return tag("table", *title, tag("tbody", *rows), class_="b2grid")


def bar(parts: Sequence[tuple[str, int, str]]) -> Html:
    """A bar of coloured parts, each (label, count, CSS colour), as wide as its share."""
    total = sum(count for _, count, _ in parts) or 1
    cells = [
        tag(
            "span",
            title=f"{label}: {count}",
            style=f"display:inline-block;height:14px;width:{100 * count / total:.3f}%;background:{colour}",
        )
        for label, count, colour in parts
        if count
    ]
    return tag(
        "div",
        *cells,
        style="width:100%;background:#eee;line-height:0",
        role="img",
        aria_label=", ".join(f"{label} {count}" for label, count, _ in parts),
    )


def details(summary: object, *children: object, opened: bool = False) -> Html:
    """A part that can be folded away."""
    return tag("details", tag("summary", summary), *children, open="open" if opened else None)
