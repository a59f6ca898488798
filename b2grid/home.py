"""Where b2grid keeps what is a user's own: projects, and facts of releases that were added."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["home"]


def home() -> Path:
    """The folder of b2grid's own data: `B2GRID_HOME`, else the user's data directory."""
    if named := os.environ.get("B2GRID_HOME"):
        return Path(named).expanduser().absolute()
    import platformdirs

    return platformdirs.user_data_path("b2grid")
