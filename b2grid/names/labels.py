"""Names of one word: projects and global tags."""

from __future__ import annotations

import re
from typing import Self

from b2grid.errors import InvalidName, printable
from b2grid.names.parts import MAX_COMPONENT, shortened

__all__ = ["MAX_PROJECT_NAME", "GlobalTag", "ProjectName"]

MAX_PROJECT_NAME = 32  # gbasf2's limit

_PROJECT = re.compile(r"[A-Za-z0-9_-]+")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+:-]*")


class ProjectName(str):
    """The name of a project: at most 32 letters, digits, underscores and hyphens.

    >>> ProjectName("B2EtapKs")
    'B2EtapKs'
    >>> ProjectName("a project")
    Traceback (most recent call last):
    b2grid.errors.InvalidName: project name 'a project' has characters that are not allowed: ' '
    - use letters, digits, '_' and '-', such as 'a_project'
    """

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        """Check the name, and say all that is wrong with it."""
        _check_project_name(str(name))
        return super().__new__(cls, name)


def _check_project_name(name: str) -> None:
    if not name:
        raise InvalidName("project name is empty", hint="give it 1 to 32 letters, digits, '_' or '-'")
    wrong = sorted({character for character in name if not _PROJECT.fullmatch(character)})
    over = len(name) - MAX_PROJECT_NAME
    if over > 0:
        message = f"project name is {len(name)} characters, limit {MAX_PROJECT_NAME}: '{printable(name[:5])}…'"
        hint = f"shorten it by {over}"
        if wrong:
            message += f", and has characters that are not allowed: {_listed(wrong)}"
            hint += ", and use letters, digits, '_' and '-'"
        raise InvalidName(message, hint=hint)
    if wrong:
        better = re.sub(r"[^A-Za-z0-9_-]+", "_", name)
        raise InvalidName(
            f"project name '{printable(name)}' has characters that are not allowed: {_listed(wrong)}",
            hint=f"use letters, digits, '_' and '-', such as '{better}'",
        )


def _listed(characters: list[str]) -> str:
    return " ".join(f"'{printable(character)}'" for character in characters[:8])


class GlobalTag(str):
    """The name of one global tag of the conditions database.

    >>> GlobalTag.several("main_2022-06-10,online")
    ('main_2022-06-10', 'online')
    """

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        """Check the name."""
        if len(name) > MAX_COMPONENT or not _TAG.fullmatch(name):
            raise InvalidName(
                f"global tag '{shortened(name)}' is not a name of letters, digits and '_.+:-'",
                hint="several global tags are separated by commas",
            )
        return super().__new__(cls, name)

    @classmethod
    def several(cls, text: str) -> tuple[Self, ...]:
        """The tags of a comma separated set, in their order, which is their priority."""
        return tuple(cls(part.strip()) for part in text.split(",") if part.strip())
