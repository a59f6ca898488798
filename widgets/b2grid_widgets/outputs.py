"""The step `outputs`: what came back, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as ipw

from b2grid_widgets.pieces import hint, rendered

if TYPE_CHECKING:
    from b2grid_widgets.pieces import Rendered

__all__ = ["OutputsPanel"]


class OutputsPanel:
    """How complete the outputs are."""

    title = "Outputs"

    def __init__(self) -> None:
        self._text = ipw.HTML(value=hint("Nothing has come back yet."))
        self._text.add_class("b2-completeness")
        self.view = ipw.VBox([self._text])

    def show(self, completeness: Rendered) -> None:
        """Events and rows in against events and rows expected."""
        self._text.value = rendered(completeness)
