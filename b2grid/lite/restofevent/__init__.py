"""The rest of the event of every candidate: what it holds, its masks, and what is computed from it."""

from __future__ import annotations

from b2grid.lite.restofevent.build import refuse_generated, remaining
from b2grid.lite.restofevent.rests import ALL, Rests
from b2grid.lite.restofevent.suppression import Suppression

__all__ = ["ALL", "Rests", "Suppression", "refuse_generated", "remaining"]
