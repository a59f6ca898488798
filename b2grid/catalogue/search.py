"""From search terms to SQL and its parameters.

The terms are gb2_ds_search's; values can be lists and have wildcards, and their case is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from b2grid.errors import Finding, InvalidInput, nearest, printable

__all__ = ["TERMS", "Condition", "conditions", "like", "remarks", "select"]

#: Each term and the columns of the datasets that it is compared with; one of them has to match.
TERMS: dict[str, tuple[str, ...]] = {
    "data_type": ("data_type",),
    "campaign": ("campaign",),
    "data_level": ("data_level",),
    "mc_event": ("mc_event",),
    "bkg_level": ("bkg_level",),
    "beam_energy": ("beam_energy",),
    "exp_low": ("experiment",),
    "exp_high": ("experiment",),
    "run_low": ("run_high", "run"),
    "run_high": ("run",),
    "general_skim": ("general_skim",),
    "skim_decay": ("skim_decay",),
    "release": ("release",),
    "global_tag": ("global_tag", "global_tag_id"),
}
_BOUNDS = {"exp_low": ">=", "exp_high": "<=", "run_low": ">=", "run_high": "<="}


@dataclass(frozen=True, slots=True)
class Condition:
    """One term as SQL, with the values that fill its question marks."""

    term: str
    sql: str
    parameters: tuple[str | int, ...]


def like(pattern: str) -> str:
    """A pattern with ``*`` and ``?`` for SQL's ``ILIKE … ESCAPE '!'``.

    >>> like("MC15r?_*")
    'MC15r_!_%'
    """
    escaped = "".join("!" + character if character in "!%_" else character for character in pattern)
    return escaped.replace("*", "%").replace("?", "_")


def conditions(terms: Mapping[str, Any]) -> list[Condition]:
    """One condition per term that is given; terms that are `None` are left out.

    >>> conditions({"campaign": ["MC15ri", "MC15rd*"]})[0].sql
    "(campaign ILIKE ? ESCAPE '!' OR campaign ILIKE ? ESCAPE '!')"

    Raises
    ------
    InvalidInput
        For every unknown term, with the nearest, and every value that cannot be one.
    """
    findings = [_unknown(term) for term in terms if term not in TERMS]
    made = []
    for term, value in terms.items():
        if term not in TERMS or value is None:
            continue
        try:
            made.append(_bound(term, value) if term in _BOUNDS else _matches(term, value))
        except InvalidInput as error:
            findings.append(Finding("B2C011", "error", error.message, error.hint))
    if findings:
        raise InvalidInput(
            "; ".join(finding.message for finding in findings),
            hint=findings[0].hint,
            findings=tuple(findings),
        )
    return made


def _unknown(term: str) -> Finding:
    near = nearest(term, TERMS)
    hint = f"did you mean '{near[0]}'?" if near else f"the terms are {', '.join(TERMS)}"
    return Finding("B2C010", "error", f"'{printable(term)}' is not a search term", hint)


def _bound(term: str, value: object) -> Condition:
    try:
        number = int(str(value))
    except ValueError:
        raise InvalidInput(f"{term} is not a number: '{printable(value)}'", hint=f"such as {term}=18") from None
    columns = TERMS[term]
    column = columns[0] if len(columns) == 1 else f"coalesce({', '.join(columns)})"
    return Condition(term, f"{column} {_BOUNDS[term]} ?", (number,))


def _matches(term: str, value: object) -> Condition:
    values = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    if not values:
        raise InvalidInput(f"{term} is an empty list", hint="give it a value, or leave the term out")
    patterns = [like(str(one)) for one in values]
    columns = TERMS[term]
    tests = [f"{column} ILIKE ? ESCAPE '!'" for _ in patterns for column in columns]
    parameters = tuple(pattern for pattern in patterns for _ in columns)
    return Condition(term, f"({' OR '.join(tests)})", parameters)


def select(chosen: Iterable[Condition], columns: str = "*") -> tuple[str, list[str | int]]:
    """The query for datasets that meet all conditions, and its parameters."""
    listed = list(chosen)
    where = " AND ".join(condition.sql for condition in listed) or "true"
    parameters = [parameter for condition in listed for parameter in condition.parameters]
    # all of `where` is made above; what the user gave is in the parameters
    return f"SELECT {columns} FROM datasets WHERE {where} ORDER BY ALL", parameters  # noqa: S608


def remarks(terms: Mapping[str, Any], found: int, blocking: Mapping[str, list[str]]) -> list[Finding]:
    """What has to be said about a search.

    Parameters
    ----------
    terms : mapping
        As given.
    found : int
        How many datasets matched.
    blocking : mapping of str to list of str
        For an empty result: the terms that match nothing even alone, and the values nearest to each.
    """
    said = []
    if found == 0:
        said.append(_nothing(terms, blocking))
    elif terms.get("campaign") is None and terms.get("release") is None:
        said.append(
            Finding(
                "B2C020",
                "warning",
                "neither campaign nor release is given: older campaigns are included",
                "add campaign=… for the one that you want",
            )
        )
    return said


def _nothing(terms: Mapping[str, Any], blocking: Mapping[str, list[str]]) -> Finding:
    message = "no dataset matches"
    if blocking:
        message += ": " + ", ".join(f"{term}={terms[term]!r} alone matches none" for term in blocking)
        near = [f"{term}='{values[0]}'" for term, values in blocking.items() if values]
        hint = f"nearest: {', '.join(near)}" if near else "leave that term out to see which values there are"
    else:
        hint = "each term alone matches something: leave one out"
    if "mc_event" in terms and (not blocking or "mc_event" in blocking):
        hint += "; signal MC exists only where a working group asked for it"
    return Finding("B2C021", "warning", printable(message), hint)
