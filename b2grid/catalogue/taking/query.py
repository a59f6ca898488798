"""A search as an input: what grows while a campaign is in production."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.catalogue.found import Found
from b2grid.errors import InvalidInput, printable
from b2grid.names import is_grid_path

if TYPE_CHECKING:
    from b2grid.catalogue.store import Catalogue

__all__ = ["Query", "as_given", "held"]

Term = str | int | tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """The terms of a search, as a value that can be stored and asked again.

    >>> query = Query.of({"mc_event": "mixed", "campaign": ["MC16ri", "MC16rd"]})
    >>> print(query)
    search campaign=MC16ri,MC16rd mc_event=mixed
    >>> Query.of(query.plain()) == query
    True
    """

    terms: tuple[tuple[str, Term], ...] = ()

    @classmethod
    def of(cls, terms: Mapping[str, Any]) -> Query:
        """Terms and their values; what is `None` is left out.

        Raises
        ------
        InvalidInput
            If a value is neither a text, nor a number, nor a list of these.
        """
        return cls(
            tuple(
                (str(term), _value(str(term), terms[term]))
                for term in sorted(terms, key=str)
                if terms[term] is not None
            )
        )

    def plain(self) -> dict[str, Any]:
        """The terms as JSON has them."""
        return {term: list(value) if isinstance(value, tuple) else value for term, value in self.terms}

    def found(self, catalogue: Catalogue) -> Found:
        """What the search finds now.

        Raises
        ------
        InvalidInput
            For an unknown term, with the nearest, or if there are no terms.
        """
        if not self.terms:
            raise InvalidInput("a search without terms is all there is", hint='such as {"campaign": "MC16*"}')
        return catalogue.search(**self.plain())

    def __str__(self) -> str:
        said = (f"{term}={_text(value)}" for term, value in self.terms)
        return printable(" ".join(["search", *said]))


def _value(term: str, value: object) -> Term:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return value
    if isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping)):
        listed = tuple(value)
        if listed and all(isinstance(one, (str, int)) for one in listed):
            return listed
    raise InvalidInput(
        f"{printable(term)} cannot be {printable(repr(value))[:80]}", hint="give a text or a list of texts"
    )


def _text(value: Term) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def held(inputs: Any) -> Any:
    """The same inputs with a list in the place of what can be gone through only once, as a folder's ``glob`` gives."""
    if isinstance(inputs, Mapping) and not isinstance(inputs, Found):
        return {sample: held(what) for sample, what in inputs.items()}
    return list(inputs) if isinstance(inputs, Iterator) else inputs


def as_given(inputs: object) -> dict[str, list[Any]]:
    """Inputs as plain values, for people to read and to be asked again: texts, and the terms of searches.

    Paths on this machine are absolute: they mean the same from another folder.
    """
    given = inputs if isinstance(inputs, Mapping) else {"": inputs}
    return {str(sample): list(_plain(what)) for sample, what in given.items()}


def _plain(what: object) -> Iterable[Any]:
    if isinstance(what, Mapping):
        yield Query.of(what).plain()
    elif isinstance(what, Found) and not what.terms:  # a part of what was found: these datasets
        yield from what.datasets
    elif isinstance(what, (Query, Found)):
        yield (what if isinstance(what, Query) else Query.of(what.terms)).plain()
    elif isinstance(what, Path) or (isinstance(what, str) and not is_grid_path(what) and "://" not in what):
        yield str(Path(what).expanduser().absolute())
    elif isinstance(what, Iterable) and not isinstance(what, str):
        for item in what:
            yield from _plain(item)
    else:
        yield str(getattr(what, "path", what))
