"""What there is to say about the answer to a search."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from b2grid.errors import Finding, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from b2grid.catalogue.searching.search import Condition

__all__ = ["remarks", "unmatched"]

_SIGNAL = re.compile(r"[\d*?]{4,}|.*signal.*")  # event types of signal are codes of ten digits


def remarks(
    chosen: Sequence[Condition], found: pa.Table, blocking: Mapping[str, list[str]], unknown_forms: int = 0
) -> list[Finding]:
    """What has to be said about a search.

    Parameters
    ----------
    chosen : sequence of Condition
        What was asked for.
    found : pyarrow.Table
        The datasets that matched.
    blocking : mapping of str to list of str
        For an empty result: the terms that match nothing even alone, and the values nearest to each.
    unknown_forms : int
        For an empty result: how many datasets have paths that do not say what they are.
    """
    if len(found):
        return [*_wide(chosen), *_of_combined_skims(chosen, found)]
    said = [_nothing(chosen, blocking)]
    if unknown_forms:
        said.append(
            Finding(
                "B2C022",
                "note",
                f"{unknown_forms:,} datasets have paths of a form that is not known: no term but data_type finds them",
                "look through search(data_type='other')",
            )
        )
    return said


def unmatched(lost: Sequence[tuple[Condition, list[str]]]) -> list[Finding]:
    """Values of lists that match nothing, beside others that do; each with the values nearest to it."""
    return [
        Finding(
            "B2C024",
            "warning",
            printable(f"{condition.term}='{condition.values[0]}' of the list matches no dataset"),
            f"did you mean {' or '.join(map(printable, near))}?" if near else "leave it out, or look how it is spelt",
        )
        for condition, near in lost
    ]


def _wide(chosen: Sequence[Condition]) -> list[Finding]:
    if {"campaign", "release"} & {condition.term for condition in chosen}:
        return []
    missing = "neither campaign nor release is given" if chosen else "no term is given"
    message = f"{missing}: older campaigns are included"
    return [Finding("B2C020", "warning", message, "add campaign=… for the one that you want")]


def _of_combined_skims(chosen: Sequence[Condition], found: pa.Table) -> list[Finding]:
    parents = {code for condition in chosen for code in condition.parents}
    if not parents:
        return []
    held = sorted(parents & set(pc.unique(found["skim_decay"]).to_pylist()))
    if not held:
        return []
    message = f"datasets of the combined skim {', '.join(held)} are among them, which holds this skim and others"
    return [Finding("B2C023", "note", message, "select the events of the skim, or leave those datasets out")]


def _nothing(chosen: Sequence[Condition], blocking: Mapping[str, list[str]]) -> Finding:
    if not chosen:
        return Finding("B2C021", "warning", "the catalogue has no datasets", "add some: b2grid catalogue add")
    given = {condition.term: ",".join(condition.values) for condition in chosen}
    message = "no dataset matches"
    if blocking:
        message += ": " + ", ".join(f"{term}={given[term][:60]} alone matches none" for term in blocking)
        near = [f"{term}={' or '.join(values)}" for term, values in blocking.items() if values]
        hint = f"nearest: {', '.join(near)}" if near else "leave that term out to see which values there are"
    else:
        hint = "each term alone matches something: leave one out"
    if _wants_signal(chosen, blocking):
        hint += "; signal MC exists only where a working group asked for it"
    return Finding("B2C021", "warning", printable(message), printable(hint))


def _wants_signal(chosen: Sequence[Condition], blocking: Mapping[str, list[str]]) -> bool:
    """Whether the event type is what is missing, and is not just a misspelt one."""
    values = [value for condition in chosen if condition.term == "mc_event" for value in condition.values]
    if any(_SIGNAL.fullmatch(value) for value in values):
        return True
    return bool(values) and blocking.get("mc_event", ["near"]) == []
