"""The step `steering`: what runs; what the check says about it, what it makes of events, what the trial measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as ipw

from b2grid.html import details, tag
from b2grid_widgets.pieces import hint, rendered

if TYPE_CHECKING:
    from b2grid_widgets.pieces import Rendered

__all__ = ["SteeringPanel"]


class SteeringPanel:
    """Findings, the path as it was recorded, the trial's measurements, and the steering file itself, folded away."""

    title = "Steering"

    def __init__(self) -> None:
        self._report = ipw.HTML(value=hint("Check reads the steering file and lists all findings at once."))
        self._report.add_class("b2-findings")
        self._trial = ipw.HTML(value=hint("Try runs a few events of one file per sample, here."))
        self._trial.add_class("b2-measurements")
        self._recipe = ipw.HTML()
        self._recipe.add_class("b2-recipe")
        self._source = ipw.HTML()
        self.view = ipw.VBox([self._report, self._trial, self._recipe, self._source])

    def show_source(self, name: str, text: str) -> None:
        """The steering file, folded away."""
        self._source.value = details(name, tag("pre", text))

    def show_report(self, report: Rendered) -> None:
        """What the check found."""
        self._report.value = rendered(report)

    def show_recipe(self, recipe: Rendered) -> None:
        """What the steering file makes of every event, drawn."""
        self._recipe.value = rendered(recipe)

    def show_trial(self, trial: Rendered) -> None:
        """What the trial measured."""
        self._trial.value = rendered(trial)
