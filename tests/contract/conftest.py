"""What tests of contracts share with those of projects."""

from __future__ import annotations

from tests.project.conftest import shared_home, write

__all__ = ["shared_home", "write"]
