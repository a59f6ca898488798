"""The step `plan`: how the inputs become jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as ipw

from b2grid_widgets.pieces import hint, rendered

if TYPE_CHECKING:
    from b2grid.planning import Plan

__all__ = ["PlanPanel"]


class PlanPanel:
    """The project summary, line by line."""

    title = "Plan"

    def __init__(self) -> None:
        self._summary = ipw.HTML(value=hint("Plan divides the inputs into jobs, and sends nothing."))
        self._summary.add_class("b2-summary")
        self.view = ipw.VBox([self._summary])

    def show(self, plan: Plan) -> None:
        """The summary of a plan."""
        self._summary.value = rendered(plan.summary())
