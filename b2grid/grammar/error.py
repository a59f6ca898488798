"""What a text that does not parse raises, with the place."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from b2grid.errors import InvalidInput

__all__ = ["GrammarError"]


class GrammarError(InvalidInput):
    """A decay string, cut or variable string that basf2 would not take.

    Parameters
    ----------
    position : int
        0-based place in `text` where reading stopped.
    text : str
        What was read.
    """

    position: int
    text: str
    _defaults: ClassVar[dict[str, Any]] = {"findings": (), "position": 0, "text": ""}

    @classmethod
    def at(cls, text: str, position: int, message: str, hint: str = "") -> Self:
        """Say what is wrong, where, and of a long text only what stands around the place."""
        first, last = max(0, position - _AROUND), position + _AROUND
        shown = f"{'…' if first else ''}{text[first:last]}{'…' if last < len(text) else ''}"
        return cls(f"{message}, at position {position + 1} of '{shown}'", hint=hint, position=position, text=text)


_AROUND = 60
