"""Arguments of variable strings that are numbers or names, not variables."""

from __future__ import annotations

import re

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.lists import ListName

__all__ = ["integers", "list_name", "numbers"]


def integers(name: str, arguments: tuple[str, ...]) -> tuple[int, ...]:
    """Every argument as an integer."""
    for text in arguments:
        if not re.fullmatch(r"[+-]?\d+", text.strip()):
            raise InvalidSteering(f"{name}() takes whole numbers, not {printable(text)!r}", hint="mend the variable")
    return tuple(int(text) for text in arguments)


def numbers(name: str, arguments: tuple[str, ...]) -> tuple[float, ...]:
    """Every argument as a number."""
    try:
        return tuple(float(text) for text in arguments)
    except ValueError as error:
        raise InvalidSteering(
            f"{name}() takes numbers, not {', '.join(arguments)}", hint="mend the variable"
        ) from error


def list_name(text: str) -> ListName:
    """An argument that names a particle list."""
    return ListName.of(text)
