"""Faults are injected into real projects on real clusters."""

from __future__ import annotations

from tests.execution.conftest import make

__all__ = ["make"]
