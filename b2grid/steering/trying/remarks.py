"""What is worth knowing of a trial: pure, from its measurements.

A column is spoken of here when it says nothing in any sample that was tried; of one sample its own table tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.steering.findings import finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from b2grid.errors import Finding
    from b2grid.ntuple.profiling import Constant, TreeProfile
    from b2grid.steering.trying.values import Measurement

__all__ = ["plain", "remarks"]

_FEW = 10  # rows, below which it says little that a column is the same in all of them
_SHOWN = 6


def plain(value: Constant) -> str:
    """A constant as it is shown: seven digits of a number, a text in quotes.

    >>> plain(1.0), plain(0.1234567890123), plain("x")
    ('1', '0.1234568', "'x'")
    """
    return f"{value:.7g}" if isinstance(value, float) else repr(value)


def remarks(measurements: Sequence[Measurement]) -> tuple[Finding, ...]:
    """The findings of a trial, the errors first."""
    good = [item for item in measurements if item.ok]
    return (*_failures(measurements), *_logged(good), *_of_trees(good), *_short(good))


def _failures(measurements: Sequence[Measurement]) -> Iterator[Finding]:
    for item in measurements:
        if not item.ok:
            yield finding("B2S900" if item.input_ok else "B2S910", f"sample {item.sample}: {item.problem}", item.hint)


def _logged(good: Sequence[Measurement]) -> Iterator[Finding]:
    for item in good:
        if item.log.errors or item.log.fatals:
            first = item.log.messages[0].text if item.log.messages else ""
            yield finding(
                "B2S913",
                f"sample {item.sample}: it ended well, but logged {item.log}" + (f": {first}" if first else ""),
                "basf2 goes on after an error in an event: see the log for what is missing",
            )


def _short(good: Sequence[Measurement]) -> Iterator[Finding]:
    for item in good:
        if 0 < item.events < item.asked:
            whole = " (the whole file)" if item.events == item.file_events else ""
            yield finding("B2S914", f"sample {item.sample}: {item.events} events{whole}, fewer than {item.asked}")


def _of_trees(good: Sequence[Measurement]) -> Iterator[Finding]:
    by_tree: dict[str, list[TreeProfile]] = {}
    for item in good:
        for tree in item.trees:
            by_tree.setdefault(f"{tree.file}:{tree.tree}", []).append(tree)
    events = sum(item.events for item in good)
    for name, trees in by_tree.items():
        filled = [tree for tree in trees if tree.rows]
        rows = sum(tree.rows for tree in filled)
        if not filled:
            yield finding(
                "B2S915",
                f"tree {name} has no row in {events} events of {_count(trees)}",
                "try more events; if it stays empty, look at the cuts of its list",
            )
        if rows < _FEW:
            continue
        if hollow := _common(tree.nan for tree in filled):
            yield finding(
                "B2S911",
                f"tree {name}: NaN in all {rows} rows of {_count(filled)}: {_named(hollow)}",
                "a variable that cannot be had for this list, a daughter that is not there, or, in data, the truth",
            )
        if same := _common(_items(tree) for tree in filled):
            yield finding("B2S912", f"tree {name}: one value in all {rows} rows of {_count(filled)}: {_named(same)}")


def _count(trees: Sequence[TreeProfile]) -> str:
    return f"{len(trees)} sample{'s' * (len(trees) != 1)}"


def _items(tree: TreeProfile) -> list[str]:
    return [f"{name} = {plain(value)}" for name, value in tree.constant.items()]


def _common(lists: Iterable[Sequence[str]]) -> list[str]:
    """What is in every list, in the order of the first."""
    first, *others = lists
    return [name for name in first if all(name in other for other in others)]


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
