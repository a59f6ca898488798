"""One panel per step: a panel observes, calls the core, and shows HTML; it has no logic of its own."""

from __future__ import annotations

from b2grid_widgets.panel import Panel, panel

__all__ = ["Panel", "panel"]
