"""What an attempt reported, kept small: there may be a hundred thousand."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["NOTHING", "Facts"]

_names: dict[tuple[str, ...], tuple[str, ...]] = {}


class Facts(Mapping[str, Any]):
    """A mapping that cannot be changed, and takes a third of the memory of a dict: its names are shared.

    >>> facts = Facts({"host": "node1", "events": 10})
    >>> facts["events"], facts.get("cpu_time"), dict(facts)
    (10, None, {'host': 'node1', 'events': 10})
    """

    __slots__ = ("_keys", "_values")

    def __init__(self, facts: Mapping[str, Any]) -> None:
        keys = tuple(facts)
        self._keys = _names.setdefault(keys, keys)
        self._values = tuple([sys.intern(value) if type(value) is str else value for value in facts.values()])

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[self._keys.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def get(self, name: str, default: Any = None) -> Any:
        """A value, or what stands for none; without an exception on the way, for most of what is asked is not there."""
        return self._values[self._keys.index(name)] if name in self._keys else default

    def __contains__(self, name: object) -> bool:
        return name in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"Facts({dict(self)})"


NOTHING = Facts({})
"""What many share that have nothing to say."""
