"""What a check of a site saw, as values that render."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from b2grid.errors import printable
from b2grid.html import Html, table, tag

__all__ = ["SiteCheck", "State", "Step"]

State = Literal["ok", "failed", "skipped", "not tried"]
# those of the notebook's theme, so that they are read on a dark page too
_COLOUR = {
    "ok": "var(--jp-success-color1, #2a8a3e)",
    "failed": "var(--jp-error-color1, #d73a49)",
    "skipped": "var(--jp-warn-color1, #b26a00)",
    "not tried": "inherit",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at.

    Parameters
    ----------
    seconds : float or None
        How long it took; `None` where it was not tried.
    said : str
        What was seen, or what is wrong.
    hint : str
        What to do, where something is wrong.
    """

    name: str
    state: State = "not tried"
    seconds: float | None = None
    said: str = ""
    hint: str = ""

    @property
    def time(self) -> str:
        """How long it took, for people."""
        return "" if self.seconds is None else f"{self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class SiteCheck:
    """The steps of a check in their order; what comes after one that failed was not tried."""

    site: str
    steps: tuple[Step, ...]

    @property
    def ok(self) -> bool:
        """Whether every step was taken, and none failed."""
        return all(step.state in {"ok", "skipped"} for step in self.steps)

    @property
    def summary(self) -> str:
        """One line."""
        failed = next((step.name for step in self.steps if step.state == "failed"), None)
        left = [step.name for step in self.steps if step.state == "skipped"]
        if failed is not None:
            return f"site '{self.site}' does not work: {failed}"
        return f"site '{self.site}' works" + (f"; not looked at: {', '.join(left)}" if left else "")

    def __str__(self) -> str:
        width = max(len(step.name) for step in self.steps)
        lines = []
        for step in self.steps:
            lines.append(f"{step.name:{width}}  {step.time:>8}  {step.state:9}  {printable(step.said)}".rstrip())
            if step.hint:
                lines.append(f"{'':{width + 23}}-> {printable(step.hint)}")
        return "\n".join([*lines, printable(self.summary)])

    def _repr_html_(self) -> str:
        rows = [
            (
                step.name,
                step.time,
                tag("span", step.state, style=f"color:{_COLOUR[step.state]};white-space:nowrap"),
                Html(tag("div", step.said) + (tag("div", f"→ {step.hint}", style="opacity:0.75") if step.hint else "")),
            )
            for step in self.steps
        ]
        return str(table(["step", "time", "", ""], rows, caption=self.summary, numeric=[1]))
