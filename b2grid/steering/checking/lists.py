"""Particle lists: used before they are made, made and never used, made twice."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.errors import nearest, printable
from b2grid.steering.checking.aliases import foreign
from b2grid.steering.checking.effects import effect, faces, split
from b2grid.steering.checking.flow import Flow
from b2grid.steering.checking.paths import exclude, implies
from b2grid.steering.checking.standard import handling, standard

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.effects import Effect

__all__ = ["check_lists"]

# what events themselves have: lists of these do not come with the input
_TRACKS = {"e-", "mu-", "pi+", "K+", "p+", "deuteron", "gamma"}
_FINAL = {name for track in _TRACKS for name in faces(track)}
_UDST = re.compile(r"udst|skim|b2bii", re.IGNORECASE)  # an input that has lists is somewhere called so
_BELLE = {"mdst", "v0mdst"}  # labels of lists that come with converted Belle data


def check_lists(context: Context) -> None:
    """Report lists that are used before they are made, made and never used, or made twice."""
    flow = Flow(context)
    if flow.lost:
        return
    sequences = [[effect(context, step) for step in path.steps()] for path in flow.paths]
    checked = _Lists(context, sequences, [effect(context, step) for step in flow.steps])
    if not checked.unfollowed(flow.reached):
        for sequence in sequences:
            checked.order(sequence)
    checked.unused()


@dataclass
class _Lists:
    context: Context
    sequences: list[list[Effect]]
    everything: list[Effect]
    elsewhere: set[str] = field(default_factory=set)
    wanted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for one in self.everything:
            self.wanted |= one.seen | {name for name, _ in one.needed}

    def unfollowed(self, reached: set[ast.Call]) -> bool:
        """Keep the lists that calls make which were not followed; whether there may be others."""
        values = self.context.values
        if any(
            getattr(node.func, "attr", "") == "add_module" for node in self.context.script.calls if node not in reached
        ):
            return True
        for call in self.context.calls:
            entry: Any = handling().get(call.name, {})
            words = [word for kind in ("makes", "loads", "combines") for word in entry.get(kind, ())]
            if call.node in reached or not (words or "standard" in entry):
                continue
            texts = [text for word in words if word in call.arguments for text in values.all(call.arguments[word])]
            if "standard" in entry or not texts or not all(isinstance(text, str) for text in texts):
                return True
            self.elsewhere |= {face for text in texts for face in faces(str(text).partition(" ")[0])}
        return False

    # -- the order

    def order(self, sequence: Sequence[Effect]) -> None:
        """Check that lists are made before they are used, and once."""
        made: dict[str, list[int]] = {}
        for number, one in enumerate(sequence):
            for name in one.made:
                made.setdefault(name, []).append(number)
        loops = {one.step.loop for one in sequence if one.vague} - {0}
        for number, one in enumerate(sequence):
            if one.step.loop in loops:
                break
            if one.combines:
                self._again(sequence, made, number)
            for name, node in one.needed:
                makers = made.get(name, []) + (made.get(_alike(name), []) if _alike(name) != name else [])
                if not any(self._before(sequence, maker, number) for maker in makers) and name not in self.elsewhere:
                    self._missing(sequence, makers, number, name, node)
            if one.vague:  # lists of any name may be there from here on
                break

    @staticmethod
    def _before(sequence: Sequence[Effect], maker: int, number: int) -> bool:
        one, other = sequence[maker].step, sequence[number].step
        if exclude(one.branch, other.branch):
            return False
        return maker < number or (one.loop == other.loop != 0 and maker != number)

    def _again(self, sequence: Sequence[Effect], made: dict[str, list[int]], number: int) -> None:
        step = sequence[number].step
        for name in dict.fromkeys(filter(None, sequence[number].made.values())):
            for earlier in made.get(name, []):
                if earlier < number and implies(step.branch, sequence[earlier].step.branch):
                    line = sequence[earlier].step.node.lineno
                    where = "in another round" if line == step.node.lineno else f"in line {line}"
                    self.context.add(
                        "B2S316",
                        f"the list {printable(name)} is made twice: {where} too",
                        "reconstruct into lists with other labels, and copy them into one with copyLists",
                        step.node,
                    )
                    return

    def _missing(self, sequence: Sequence[Effect], makers: list[int], number: int, name: str, node: ast.expr) -> None:
        step = sequence[number].step
        later = [maker for maker in makers if maker > number and not exclude(sequence[maker].step.branch, step.branch)]
        if later:
            if not any(arm.again for arm in step.branch):
                line = sequence[later[0]].step.node.lineno
                said = f"the list {printable(name)} is used before it is made in line {line}"
                self.context.add("B2S314", said, "make it first", node)
            return
        others = [one for one in self.everything if name in one.made]
        if others and not makers:
            line = others[0].step.node.lineno
            said = f"the list {printable(name)} is not on this path: it is made in line {line} on another"
            self.context.add("B2S314", said, "give both the same path, or join the paths", node)
        elif not others and (hint := self._never(name)):
            self.context.add("B2S314", f"the list {printable(name)} is never made", hint, node)

    # -- lists that are made nowhere

    def _never(self, name: str) -> str:
        """What to do about a list that is made nowhere; empty if it may come with the input."""
        particle, label = split(name)
        copies = {given for one in self.everything if name in dict(one.needed) for given in one.made.values()}
        made = {given for one in self.everything for given in one.made.values() if given} - copies
        kin = sorted(
            other for other in made if set(faces(other)) & {f"{face}:{split(other)[1]}" for face in faces(particle)}
        )
        if slips := [other for other in kin if _slip(label, split(other)[1])]:
            return f"did you mean {' or '.join(printable(other) for other in slips[:2])}?"
        if not any(one.loads for one in self.everything) or label in _BELLE:
            return ""
        near = nearest(name, kin) or kin
        meant = f"did you mean {' or '.join(printable(other) for other in near[:2])}?" if near else ""
        spare = [other for other in kin if not self._used(other)]
        if spare and not self._open:
            return meant
        if any(_UDST.search(line) for line in self.context.lines):
            return ""
        if maker := _standard_maker(name):
            return f"{maker} makes it"
        if particle in _FINAL or not label:
            return meant or "fill or reconstruct it before it is used"
        return (meant or "reconstruct it before it is used") if self._from_mdst() else ""

    def _from_mdst(self) -> bool:
        """Whether the events are certainly without lists: generated, or from a file that is called mDST."""
        names = [
            text
            for call in self.context.calls
            for word in ("filename", "filelist")
            if call.function in {"inputMdst", "inputMdstList"} and word in call.arguments
            for found in self.context.values.all(call.arguments[word])
            for text in (found if isinstance(found, list) else [found])
        ]
        generated = any(call.module == "generators" for call in self.context.calls)
        return generated or (bool(names) and all(isinstance(text, str) and "mdst" in text.lower() for text in names))

    # -- lists that nothing uses

    @property
    def _open(self) -> bool:
        """Whether lists may be used under names that are not seen."""
        return foreign(self.context) or any(one.blind for one in self.everything) or self._reads_files()

    def _reads_files(self) -> bool:
        return any(
            isinstance(node.func, ast.Name)
            and node.func.id in {"open", "exec", "eval"}
            and not self.context.script.bound(node.func)
            for node in self.context.script.calls
        )

    def unused(self) -> None:
        """Report lists that are made on a path that is processed, and that nothing uses."""
        effects = [one for sequence in self.sequences for one in sequence]
        if not any(one.writes for one in effects) or self._open:
            return
        for one in effects:
            for name in dict.fromkeys(filter(None, one.made.values())):
                kept = one.step.arguments.get("writeOut")
                if (kept is None or getattr(kept, "value", True) is False) and not self._used(name):
                    self.context.add(
                        "B2S315",
                        f"the list {printable(name)} is made and never used",
                        "remove it, or use it",
                        one.step.node,
                    )

    def _used(self, name: str) -> bool:
        names = set(faces(name)) | {_alike(face) for face in faces(name)}
        if names & self.wanted:
            return True
        own = {id(node) for one in self.everything if name in one.made.values() for node in ast.walk(one.step.node)}
        label = split(name)[1]
        return any(
            id(node) not in own and (any(face in text for face in names) or (piece and label in text))
            for node, text, piece in self._strings()
        )

    def _strings(self) -> Iterable[tuple[ast.Constant, str, bool]]:
        """The strings of the script, and whether they are put together with others."""
        parents = self.context.script.parents
        for node in parents:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node, node.value, isinstance(parents[node], ast.JoinedStr | ast.BinOp | ast.Attribute)


def _alike(name: str) -> str:
    """The other name of the list of all tracks or clusters: without a label, it may be either."""
    particle, label = split(name)
    if particle not in _FINAL:
        return name
    return f"{particle}:all" if not label else particle if label == "all" else name


def _slip(one: str, other: str) -> bool:
    """Whether two labels differ by upper and lower case, or in one letter."""
    if (
        min(len(one), len(other)) < 3
        or abs(len(one) - len(other)) > 1
        or re.sub(r"\d", "", one) == re.sub(r"\d", "", other)
    ):
        return False
    if one.lower() == other.lower():
        return True
    short, long = sorted((one, other), key=len)
    if len(short) < len(long):
        return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))
    return sum(a != b for a, b in zip(one, other, strict=True)) == 1


def _standard_maker(name: str) -> str:
    """The function that makes a list of this name."""
    for function, choices in standard().items():
        for choice, lists in choices.items():
            if function.startswith("std") and lists[-1] in faces(name):
                return f"{function}({choice!r})" if choice else function
    return ""
