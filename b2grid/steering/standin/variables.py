"""basf2's variable manager, as far as names go: aliases and collections."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from b2grid.steering.standin.log import Fatal
from b2grid.steering.standin.opaque import Opaque
from b2grid.steering.standin.origin import origin
from b2grid.steering.standin.session import builtin_collections, session

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["VariableManager", "manager"]


class VariableManager:
    """Keeps aliases and collections in `session`, under basf2's own method names."""

    def __init__(self) -> None:
        """Share the one session of this process."""

    def addAlias(self, alias: str, variable: str) -> bool:  # noqa: N802 - basf2's name
        """Name an expression; the last definition wins, also for what was added before."""
        alias, variable = str(alias), str(variable)
        if re.fullmatch("[A-Za-z0-9_]+", alias) is None:
            said = f"Invalid alias name '{alias}': letters, digits and underscores are allowed"
            session.log.fatal(said)
            raise Fatal(said, origin())
        before = session.aliases.get(alias)
        if before is not None and before != variable:
            session.log.warning(
                f"An alias with the name '{alias}' exists and is set to '{before}', setting it to '{variable}'."
            )
        session.aliases[alias] = variable
        session.places["alias", alias] = origin().line
        return before is None

    def printAliases(self) -> None:  # noqa: N802 - basf2's name
        """Print the aliases."""
        width = max(map(len, session.aliases), default=0)
        lines = [f"{name:<{width}} --> {text}" for name, text in sorted(session.aliases.items())]
        for line in ["=" * 21, "The following aliases are registered:", *lines, "=" * 21]:
            session.log.info(line)

    def clearAliases(self) -> None:  # noqa: N802 - basf2's name
        """Forget all aliases."""
        session.places["cleared", ""] = origin().line
        session.aliases.clear()

    def getAliasNames(self) -> list[str]:  # noqa: N802 - basf2's name
        """The names of the aliases."""
        return sorted(session.aliases)

    def resolveAlias(self, alias: str) -> str:  # noqa: N802 - basf2's name
        """What an alias stands for, aliases in between followed."""
        seen: set[str] = set()
        while alias in session.aliases and alias not in seen:
            seen.add(alias)
            alias = session.aliases[alias]
        return alias

    def addCollection(self, collection: str, variables: Iterable[str]) -> bool:  # noqa: N802 - basf2's name
        """Name a list of variables."""
        session.collections[str(collection)] = [str(variable) for variable in variables]
        session.places["collection", str(collection)] = origin().line
        return True

    def getCollection(self, collection: str) -> list[str]:  # noqa: N802 - basf2's name
        """The members of a collection."""
        return list(session.collections.get(collection) or builtin_collections().get(collection, []))

    def resolveCollections(self, variables: Iterable[str]) -> list[str]:  # noqa: N802 - basf2's name
        """Variables with collections replaced by their members."""
        return list(session.expand(variables))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return Opaque(f"variables.variables.{name}")


manager = VariableManager()
