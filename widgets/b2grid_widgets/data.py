"""The step `data`: what goes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as ipw

from b2grid_widgets.pieces import hint, rendered

if TYPE_CHECKING:
    from b2grid_widgets.pieces import Rendered

__all__ = ["DataPanel"]


class DataPanel:
    """The inputs of each sample, and what was left out of them."""

    title = "Data"

    def __init__(self) -> None:
        self._text = ipw.HTML(value=hint("This project has no inputs yet."))
        self.view = ipw.VBox([self._text])

    def show(self, inputs: Rendered | None) -> None:
        """The inputs as the catalogue resolved them."""
        if inputs is not None:
            self._text.value = rendered(inputs)
