"""From search terms to SQL and its parameters, and what is to say about the answer.

The terms are gb2_ds_search's; values can be lists and have wildcards, and their case is ignored. What users type
is never part of a query: it fills the question marks.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Any, SupportsIndex

from b2grid.errors import Finding, InvalidInput, nearest, printable
from b2grid.names import Skim, skims

__all__ = ["TERMS", "Condition", "conditions", "like", "nearest_values", "select"]

#: Each term and the columns of the datasets that it is compared with.
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
_LETTER = {"exp_low": "e", "exp_high": "e", "run_low": "r", "run_high": "r"}  # e0018, r01394
_LARGEST = 10**9  # no experiment or run has more digits than a path takes
_FEW = 16  # patterns that every row is compared with
_WILD = re.compile(r"[*?]")
_BETWEEN_TAGS = r"\s*[|,]\s*"
_RESONANCE = re.compile(r"(?:y|upsilon)\((\ds)\)(.*)")


@dataclass(frozen=True, slots=True)
class Condition:
    """One term as SQL, with what fills its question marks.

    Parameters
    ----------
    values : tuple of str
        As they were given, for messages.
    parents : frozenset of str
        Codes of combined skims that are looked for because they hold a skim that was asked for.
    """

    term: str
    sql: str
    parameters: tuple[Any, ...]
    values: tuple[str, ...] = ()
    parents: frozenset[str] = frozenset()


def like(pattern: str) -> str:
    """A pattern with ``*`` and ``?`` for SQL's ``LIKE … ESCAPE '!'``.

    >>> like("mc15r?_*")
    'mc15r_!_%'
    """
    escaped = "".join("!" + character if character in "!%_" else character for character in pattern)
    return escaped.replace("*", "%").replace("?", "_")


def conditions(terms: Mapping[str, Any], own: Sequence[Skim] = ()) -> list[Condition]:
    """One condition per term that is given; terms that are `None` are left out.

    Parameters
    ----------
    terms : mapping
        Terms and their values: a text, a whole number, or a list of them.
    own : sequence of Skim
        The skims that the catalogue itself knows, beside those of basf2.

    Raises
    ------
    InvalidInput
        For every unknown term, with the nearest, every value that cannot be one, and bounds that exclude each
        other.

    Examples
    --------
    >>> conditions({"campaign": ["MC15ri_b", "proc13"]})[0].parameters
    (['mc15ri_b', 'proc13'],)
    """
    findings = [_unknown(term) for term in terms if term not in TERMS]
    made = []
    for term, value in terms.items():
        if term not in TERMS or value is None:
            continue
        try:
            made.append(_bound(term, value) if term in _BOUNDS else _matches(term, _texts(term, value), own))
        except InvalidInput as error:
            findings.append(Finding("B2C011", "error", error.message, error.hint))
    findings += _excluded({condition.term: condition.parameters[0] for condition in made if condition.term in _BOUNDS})
    if findings:
        said = "; ".join(finding.message for finding in findings)
        raise InvalidInput(said, hint=findings[0].hint, findings=tuple(findings))
    return made


def _unknown(term: str) -> Finding:
    near = nearest(term.lower(), TERMS)
    hint = f"did you mean '{near[0]}'?" if near else f"the terms are {', '.join(TERMS)}"
    return Finding("B2C010", "error", f"'{printable(term[:80])}' is not a search term", hint)


def _excluded(bounds: Mapping[str, int]) -> list[Finding]:
    return [
        Finding(
            "B2C012",
            "error",
            f"{what}_low={bounds[f'{what}_low']} is above {what}_high={bounds[f'{what}_high']}",
            "swap them",
        )
        for what in ("exp", "run")
        if {f"{what}_low", f"{what}_high"} <= bounds.keys() and bounds[f"{what}_low"] > bounds[f"{what}_high"]
    ]


def _bound(term: str, value: object) -> Condition:
    number = _number(value, _LETTER[term])
    if number is None or not 0 <= number < _LARGEST:
        letter = _LETTER[term]
        raise InvalidInput(
            f"{term} is not a whole number: '{printable(value)[:80]}'", hint=f"such as {term}=18 or {letter}0018"
        )
    columns = TERMS[term]
    column = columns[0] if len(columns) == 1 else f"coalesce({', '.join(columns)})"
    return Condition(term, f"{column} {_BOUNDS[term]} ?", (number,), (str(number),))


def _number(value: object, letter: str) -> int | None:
    if isinstance(value, str):
        found = re.fullmatch(rf"\s*{letter}?(\d{{1,12}})\s*", value, re.IGNORECASE | re.ASCII)
        return int(found[1]) if found else None
    return operator.index(value) if isinstance(value, SupportsIndex) and not isinstance(value, bool) else None


def _texts(term: str, value: object) -> list[str]:
    """The values of a term as texts."""
    given: list[object]
    given = [value] if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable) else list(value)
    if not given:
        raise InvalidInput(f"{term} is an empty list", hint="give it a value, or leave the term out")
    return [_one_text(term, item) for item in given]


def _one_text(term: str, value: object) -> str:
    text = value if isinstance(value, str) else str(number) if (number := _number(value, "")) is not None else None
    if text is None:
        kind = type(value).__name__
        raise InvalidInput(f"{term} is a text or a list of texts, not {kind}: '{printable(value)[:80]}'")
    if not text.strip():
        raise InvalidInput(f"{term} is empty", hint="give it a value, or leave the term out")
    if re.search(r"[\x00\ud800-\udfff]", text):
        raise InvalidInput(f"{term} has a character that no name has: {ascii(text)[:80]}")
    return text.strip()


def _matches(term: str, values: list[str], own: Sequence[Skim]) -> Condition:
    """The columns of a term have one of the values."""
    parents: frozenset[str] = frozenset()
    wanted = [spelling for value in values for spelling in _spellings(term, value.lower())]
    if term == "skim_decay":
        wanted, parents = _with_skims(wanted, [*skims(), *own])
    if term == "global_tag":
        return _tags(term, wanted, values)
    (column,) = TERMS[term]
    exact = [value for value in wanted if not _WILD.search(value)]
    like_one = _like_one(f"lower({column})", [like(value) for value in wanted if _WILD.search(value)])
    tests = [(f"list_contains(?::VARCHAR[], lower({column}))", [exact])] if exact else []
    return _any_of(term, [*tests, *like_one], values, parents)


def _any_of(
    term: str, tests: list[tuple[str, list[Any]]], values: list[str], parents: frozenset[str] = frozenset()
) -> Condition:
    parameters = tuple(parameter for _, filled in tests for parameter in filled)
    return Condition(term, f"({' OR '.join(sql for sql, _ in tests)})", parameters, tuple(values), parents)


def _like_one(text: str, patterns: list[str]) -> list[tuple[str, list[Any]]]:
    """Tests, with what fills them, of which one holds where a text of the datasets is like one of the patterns."""
    if len(patterns) <= _FEW:
        return [(f"{text} LIKE ? ESCAPE '!'", [pattern]) for pattern in patterns]
    # a join compares every different text once, instead of every row
    query = f"EXISTS (SELECT 1 FROM unnest(?::VARCHAR[]) AS t(pattern) WHERE like_escape({text}, pattern, '!'))"  # noqa: S608
    return [(query, [patterns])]


def _spellings(term: str, value: str) -> list[str]:
    """How the catalogue may have what a user wrote."""
    if term == "release" and re.match(r"[\d*?]", value):
        return [value, f"release-{value}"]
    if term == "beam_energy" and (found := _RESONANCE.fullmatch(value)):
        return [found[1] + found[2]]
    return [value]


def _with_skims(wanted: list[str], known: list[Skim]) -> tuple[list[str], frozenset[str]]:
    """Names and codes of the skims that are wanted by either, and the codes of what they are combined into."""
    exact = {value for value in wanted if not _WILD.search(value)}
    # brackets are no wildcards here
    wild = re.compile(
        "|".join(translate(value.replace("[", "[[]")) for value in wanted if _WILD.search(value)) or "(?!)"
    )
    codes = {skim.code for skim in known if any(word in exact or wild.fullmatch(word) for word in _words(skim))}
    asked = [skim for skim in known if skim.code in codes]  # basf2 and the catalogue may both know it
    same = {word for skim in asked for word in _words(skim)}
    parents = {skim.combined for skim in asked if skim.combined is not None} - same
    named = {skim.name.lower() for skim in known if skim.code in parents}
    return [*dict.fromkeys([*wanted, *sorted(same | parents | named)])], frozenset(parents)


def _words(skim: Skim) -> tuple[str, str]:
    return skim.name.lower(), skim.code


def _tags(term: str, wanted: list[str], values: list[str]) -> Condition:
    """One of the global tags of a dataset, or its DB number: several are separated by a comma or a bar."""
    patterns = [f"%|{like(re.sub(_BETWEEN_TAGS, '|', value))}|%" for value in wanted]
    tags, number = (f"'|' || lower(coalesce({column}, '')) || '|'" for column in TERMS[term])
    tests = _like_one(f"regexp_replace({tags}, '{_BETWEEN_TAGS}', '|', 'g')", patterns)
    return _any_of(term, [*tests, *_like_one(f"({number})", patterns)], values)


def select(chosen: Iterable[Condition], columns: str = "*", order: str = "ORDER BY dataset") -> tuple[str, list[Any]]:
    """The query for datasets that meet all conditions, and its parameters."""
    listed = list(chosen)
    where = " AND ".join(condition.sql for condition in listed) or "true"
    parameters = [parameter for condition in listed for parameter in condition.parameters]
    # all of `where` is made above; what the user gave is in the parameters
    return f"SELECT {columns} FROM datasets WHERE {where} {order}", parameters  # noqa: S608


def nearest_values(condition: Condition, known: Sequence[Any], own: Sequence[Skim] = ()) -> list[str]:
    """Of the values that a column has, in their order, those that come near to what was asked for.

    >>> nearest_values(conditions({"release": "06-00-09"})[0], ["release-05-02-19", "release-06-00-08"])
    ['release-06-00-08', 'release-05-02-19']
    """
    if condition.term in _BOUNDS:
        return [str(known[-1 if condition.term.endswith("low") else 0])] if known else []
    names = [str(value) for value in known]
    if condition.term == "global_tag":
        names = [tag for name in names for tag in re.split(_BETWEEN_TAGS, name)]
    spelt = {name.lower(): name for name in names}
    if condition.term == "skim_decay":
        spelt |= {skim.name.lower(): skim.name for skim in (*skims(), *own) if skim.code in spelt}
    found: dict[str, None] = {}
    for value in condition.values[:3]:
        for spelling in _spellings(condition.term, _WILD.sub("", value.lower())[:80]):
            found |= dict.fromkeys(spelt[name] for name in nearest(spelling, spelt))
    return list(found)[:3]
