"""What a text that does not parse raises, with the place."""

from __future__ import annotations

from typing import Any, ClassVar

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
