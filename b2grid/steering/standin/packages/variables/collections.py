"""Stand-in for ``variables.collections``: basf2's collections as lists."""

from b2grid.steering.standin.session import builtin_collections as _collections

globals().update({name: list(members) for name, members in _collections().items()})
__all__ = [name for name in globals() if not name.startswith("_")]
