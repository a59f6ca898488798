"""Where b2grid keeps what is a user's own: projects, site profiles, facts of releases, and copies from elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache", "configuration", "home"]


def home() -> Path:
    """The folder of b2grid's own data: `B2GRID_HOME`, else the user's data directory."""
    if named := os.environ.get("B2GRID_HOME"):
        return Path(named).expanduser().absolute()
    import platformdirs

    return platformdirs.user_data_path("b2grid")


def cache() -> Path:
    """The folder of what can be fetched again: below `B2GRID_HOME`, else the user's cache directory."""
    if os.environ.get("B2GRID_HOME"):
        return home() / "cache"
    import platformdirs

    return platformdirs.user_cache_path("b2grid")


def configuration() -> Path:
    """The folder of what a user has written for b2grid: `B2GRID_HOME`, else the user's configuration directory."""
    if os.environ.get("B2GRID_HOME"):
        return home()
    import platformdirs

    return platformdirs.user_config_path("b2grid")
