"""The step `steering`: what runs; what the check says about it, and what the trial measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as ipw

from b2grid_widgets.pieces import headline, hint, rendered

if TYPE_CHECKING:
    from b2grid_widgets.pieces import Rendered

__all__ = ["SteeringPanel"]


class SteeringPanel:
    """Findings, the trial's measurements, and the steering file itself, folded away."""

    title = "Steering"

    def __init__(self) -> None:
        self._report = ipw.HTML(value=hint("Not checked yet: Check lists all findings at once."))
        self._report.add_class("b2-findings")
        self._trial = ipw.HTML(value=hint("Not tried yet: Try runs a few events of each sample, here."))
        self._trial.add_class("b2-measurements")
        self._source = ipw.HTML()
        self.view = ipw.VBox([ipw.HTML(value=headline("Findings")), self._report,
                            ipw.HTML(value=headline("Trial")), self._trial, self._source])

    def show_source(self, steering: Rendered | None) -> None:
        """The steering file."""
        if steering is not None:
            self._source.value = rendered(steering)

    def show_report(self, report: Rendered) -> None:
        """What the check found."""
        self._report.value = rendered(report)

    def show_trial(self, trial: Rendered) -> None:
        """What the trial measured."""
        self._trial.value = rendered(trial)
