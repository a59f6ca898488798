"""What tests of the terminal share with those of projects."""

from __future__ import annotations

from tests.project.conftest import shared_home

__all__ = ["shared_home"]
