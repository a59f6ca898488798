"""ParticleStats: how many events have candidates, and how many candidates they have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.modules.base import Arguments, Blueprint, module

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context, Logger
    from b2grid.lite.lists import ListName

    Counts = NDArray[np.int64]

_RULE = "=" * 70
_FACES = ("All Particles", "Particles", "Anti-particles", "Self-conjugates")


@dataclass(frozen=True, slots=True)
class Summary:
    """What is counted over all events, to be said at the end of the run.

    Parameters
    ----------
    names : tuple of ListName
    matrix : bool
        Whether to say which events have candidates in two lists.
    both : array of int, shape (lists, lists)
        Events with candidates in both lists.
    alone : array of int, shape (lists,)
        Events with candidates in this list only.
    candidates : array of int, shape (lists, 4)
        All, of the list's own face, of the other face, of both.
    passed : array of int, shape (1,)
        Events with candidates in any of the lists.
    """

    names: tuple[ListName, ...]
    matrix: bool
    both: Counts
    alone: Counts
    candidates: Counts
    passed: Counts = field(default_factory=lambda: np.zeros(1, dtype=np.int64))

    def run(self, context: Context) -> None:
        """Count."""
        filled = np.zeros((len(self.names), context.chunk.size), dtype=np.int64)
        for row, name in enumerate(self.names):
            entries = context.lists.make(name)
            other = entries.face(name.anti) if name.anti != name.pdg else entries.shared[:0]
            faces = [context.living(ids) for ids in (entries.face(name.pdg), other, entries.shared)]
            filled[row] = np.bincount(context.particles.event[np.concatenate(faces)], minlength=context.chunk.size) > 0
            self.candidates[row] += [sum(map(len, faces)), *map(len, faces)]
        number = filled.sum(axis=0)
        self.both[:] += filled @ filled.T
        self.alone[:] += filled[:, number == 1].sum(axis=1)
        self.passed[:] += np.count_nonzero(number)

    def finish(self, log: Logger, events: int) -> None:
        """Print the tables; `events` is the number that was asked for."""
        log.info("ParticleStats Summary:")
        if self.matrix and len(self.names) > 1:
            log.info("\n".join(self._pass_matrix()))
        log.info("\n".join(("", *self._multiplicities(events))))
        passed = int(self.passed[0])
        log.info(
            f"\n{_RULE}\nTotal Retention: {passed} events passing / {events} events processed = "
            f"{_ratio(passed, events):6.4f}\n{_RULE}"
        )

    def _pass_matrix(self) -> list[str]:
        lines = [_RULE, " Pass matrix (for i, j: fraction passing selection i also passes selection j)", ""]
        lines.append(" " * 18 + "".join(f"|  {number:5d}" for number in range(len(self.names))) + "| Unique|")
        for row, name in enumerate(self.names):
            own = int(self.both[row, row])
            shares = [_ratio(int(count), own) if own else 0.0 for count in (*self.both[row], self.alone[row])]
            shares[row] = 1.0
            lines.append(f"{name.text:>14}({row:2d})|" + "".join(f" {share:6.4f}|" for share in shares))
        return lines

    def _multiplicities(self, events: int) -> list[str]:
        lines = [_RULE, " Average Candidate Multiplicity (ACM) and ACM for Passed Events (ACMPE)", ""]
        lines.append(" " * 29 + "|" + "".join(f"{face:^19}|" for face in _FACES))
        lines.append(" " * 18 + "| Retention|" + "      ACM|    ACMPE|" * len(_FACES))
        for row, name in enumerate(self.names):
            own = int(self.both[row, row])
            means = [_ratio(int(count), total) for count in self.candidates[row] for total in (events, own)]
            lines.append(
                f"{name.text:>14}({row:2d})|    {_ratio(own, events):6.4f}|" + "".join(f" {one:8.4f}|" for one in means)
            )
        return lines


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


@module("ParticleStats", "particleLists printPassMatrix", loops=False)
def _summary(given: Arguments, blueprint: Blueprint) -> Summary:
    names = tuple(blueprint.known(text) for text in given.texts("particleLists", []))
    size = len(names)
    return Summary(
        names,
        given.flag("printPassMatrix", True),
        np.zeros((size, size), dtype=np.int64),
        np.zeros(size, dtype=np.int64),
        np.zeros((size, 4), dtype=np.int64),
    )
