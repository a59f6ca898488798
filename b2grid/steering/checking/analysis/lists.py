"""Particle lists: used before they are made, made and never used, made twice."""

from __future__ import annotations

import ast
import itertools
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from b2grid.errors import nearest, printable
from b2grid.steering.checking.analysis.standard import handling, standard
from b2grid.steering.checking.reading.effects import effect, faces, split
from b2grid.steering.checking.reading.flow import Flow
from b2grid.steering.checking.reading.paths import exclude, implies

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from b2grid.steering.checking.analysis.aliases import Aliases
    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.reading.effects import Effect
    from b2grid.steering.checking.reading.paths import Step

__all__ = ["check_lists"]

# what is loaded from the tracks and clusters of an event does not come with its lists
_FINAL = {face for track in ("e-", "mu-", "pi+", "K+", "p+", "deuteron", "gamma") for face in faces(track)}
_UDST = re.compile(r"udst|skim|fei|b2bii", re.IGNORECASE)  # an input that has lists is somewhere called so
_BELLE = {"mdst", "v0mdst"}  # labels of lists that come with converted Belle data
_ASKED = 40  # lists that nothing makes, of which it is asked what was meant
_READERS = {"open", "exec", "eval"}
_PUT_TOGETHER = ast.JoinedStr | ast.BinOp | ast.Attribute


Made = dict[str, list["Step"]]


def check_lists(context: Context, aliases: Aliases) -> None:
    """Report lists that are used before they are made, made and never used, or made twice."""
    flow = Flow(context)
    if flow.lost:
        return
    ways = [list(path.steps()) for path in flow.paths]
    effects = {step: effect(context, step) for step in (*flow.steps, *itertools.chain(*ways))}
    sequences = [[effects[step] for step in way] for way in ways]
    lists = _Lists(context, aliases, list(effects.values()))
    if lists.read_unsettled(flow.settled):
        for sequence in sequences:
            lists.check_order(sequence)
    lists.check_use([one for sequence in sequences for one in sequence])


class _Lists:
    def __init__(self, context: Context, aliases: Aliases, effects: list[Effect]) -> None:
        self.context = context
        self.aliases = aliases
        self.effects = effects
        self.loads = any(one.loads for one in effects)
        self.wanted = {name for one in effects for name in (*one.seen, *(name for name, _ in one.needed))}
        self.made: dict[str, list[Effect]] = {}
        self._given: dict[str, set[str]] = {}  # particle -> lists that the script names
        for one in effects:
            for name, given in one.made.items():
                self.made.setdefault(name, []).append(one)
                if given:
                    self._given.setdefault(split(given)[0], set()).add(given)
        self.elsewhere: set[str] = set()
        self._hints: dict[str, str] = {}
        self._said: set[str] = set()

    def read_unsettled(self, settled: set[ast.Call]) -> bool:
        """Take in what calls make that were not followed; whether that is known.

        They are in functions that nothing in the script calls, and in methods.
        """
        script, values = self.context.script, self.context.values
        if any(getattr(node.func, "attr", "") == "add_module" for node in script.calls if node not in settled):
            return False
        for call in self.context.calls:
            entry: Any = handling().get(call.name, {})
            makers = [word for kind in ("makes", "loads", "combines") for word in entry.get(kind, ())]
            if call.node in settled or not (makers or "standard" in entry):
                continue
            texts = [text for word in makers if word in call.arguments for text in values.all(call.arguments[word])]
            if not texts or not all(isinstance(text, str) for text in texts):
                return False
            self.elsewhere |= {face for text in texts for face in faces(str(text).partition(" ")[0])}
        return True

    # -- the order

    def check_order(self, sequence: Sequence[Effect]) -> None:
        """Report what is used before it is made, or made twice, as far as all that is made is known."""
        made: Made = {}
        for one in sequence:
            for name in one.made:
                made.setdefault(name, []).append(one.step)
        before: Made = {}
        vague = {one.step.loop for one in sequence if one.vague} - {0}
        for one in sequence:
            if one.step.loop in vague:
                return
            if one.combines:
                self._check_again(one, before)
            for name, node in one.needed:
                if name not in self._said and not self._is_there(one.step, name, made, before):
                    self._missing(made.get(name, []), len(before.get(name, [])), one.step, name, node)
            if one.vague:  # from here on, lists of any name may be there
                return
            for name in one.made:
                before.setdefault(name, []).append(one.step)

    def _is_there(self, step: Step, name: str, made: Made, before: Made) -> bool:
        makers = [maker for other in {name, _alike(name)} for maker in before.get(other, ())]
        if step.loop:  # what a later line of the loop makes is there in its next round
            makers += [maker for maker in made.get(name, ()) if maker.loop == step.loop and maker is not step]
        return name in self.elsewhere or any(not exclude(maker.branch, step.branch) for maker in makers)

    def _check_again(self, one: Effect, before: Made) -> None:
        for name in dict.fromkeys(filter(None, one.made.values())):
            makers = before.get(name, ())
            if first := next((maker for maker in makers if implies(one.step.branch, maker.branch)), None):
                where = "in another round" if first.node is one.step.node else f"in line {first.node.lineno}"
                self.context.add(
                    "B2S316",
                    f"the list {printable(name)} is made twice: {where} too",
                    "reconstruct into lists with other labels, and copy them into one with copyLists",
                    one.step.node,
                )

    def _missing(self, here: Sequence[Step], gone: int, step: Step, name: str, node: ast.expr) -> None:
        """Report a list that is not there, if that is certain; `gone` of those that make it come before."""
        later = [maker for maker in here[gone : gone + 1] if not exclude(maker.branch, step.branch)]
        said = hint = ""
        if later and not any(arm.again for arm in step.branch):
            said, hint = f"used before it is made in line {later[0].node.lineno}", "make it first"
        elif not here and (makers := self.made.get(name)):
            said = f"not on this path: it is made in line {makers[0].step.node.lineno} on another"
            hint = "give both the same path, or join the paths"
        elif not here and (hint := self._never(name)):
            said = "never made"
        if said:
            self._said |= set(faces(name))
            self.context.add("B2S314", f"the list {printable(name)} is {said}", hint, node)

    # -- lists that are made nowhere

    def _never(self, name: str) -> str:
        """What to do about a list that is made nowhere; empty if it may come with the input."""
        if name not in self._hints and len(self._hints) < _ASKED:
            self._hints[name] = self._slip(name) or (self._certain(name) if self.loads else "")
        return self._hints.get(name, "")

    def _kin(self, name: str) -> list[str]:
        """The lists of the same particle that the script makes, without those that are made of this one."""
        given = {other for particle in faces(split(name)[0]) for other in self._given.get(particle, ())}
        made = [other for other in given if all(name not in dict(one.needed) for one in self.made[other])]
        return sorted(made)

    def _slip(self, name: str) -> str:
        return _meant([other for other in self._kin(name) if _is_slip(split(name)[1], split(other)[1])])

    def _certain(self, name: str) -> str:
        particle, label = split(name)
        if label in _BELLE or self._may_have_lists:
            return ""
        if maker := _standard_maker(name):
            return f"{maker} makes it"
        kin = self._kin(name)
        spare = particle not in _FINAL and not self.open and any(not self._used(other) for other in kin)
        if particle in _FINAL or spare or self._from_mdst:
            return _meant(nearest(name, kin) or kin) or "fill or reconstruct it before it is used"
        return ""

    @cached_property
    def _may_have_lists(self) -> bool:
        return any(_UDST.search(line) for line in self.context.lines)

    @cached_property
    def _from_mdst(self) -> bool:
        """Whether the events have no lists: they are generated, or from a file that is called mDST."""
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

    def check_use(self, effects: Sequence[Effect]) -> None:
        """Report lists that are made on a path that is processed, and that nothing uses."""
        if not any(one.writes for one in effects) or self.open:
            return
        for one in effects:
            kept = one.step.arguments.get("writeOut")
            if kept is not None and getattr(kept, "value", True) is not False:
                continue
            for name in dict.fromkeys(filter(None, one.made.values())):
                if not self._used(name):
                    said = f"the list {printable(name)} is made and never used"
                    self.context.add("B2S315", said, "use it, or do not make it", one.step.node)

    @cached_property
    def open(self) -> bool:
        """Whether lists may be used under names that are not seen."""
        calls = (node.func for node in self.context.script.calls)
        reads = any(isinstance(name, ast.Name) and name.id in _READERS for name in calls)
        return reads or self.aliases.open or any(one.blind for one in self.effects)

    @cached_property
    def _strings(self) -> list[ast.Constant]:
        return [node for node in self.context.script.of(ast.Constant) if isinstance(node.value, str)]

    @cached_property
    def _texts(self) -> tuple[str, str]:
        return self._joined(self._strings), self._joined(self._strings, pieces=True)

    def _joined(self, strings: Iterable[ast.AST], *, pieces: bool = False) -> str:
        """The text of strings; of `pieces`, only of those that are put together with others."""
        parents = self.context.script.parents
        found = (node for node in strings if not pieces or isinstance(parents[node], _PUT_TOGETHER))
        return "\n".join(str(getattr(node, "value", "")) for node in found)

    def _used(self, name: str) -> bool:
        """Whether a list is needed, or its name is in any string but those of the calls that make it."""
        names = {other for face in faces(name) for other in (face, _alike(face))}
        if names & self.wanted:
            return True
        calls = {one.step.node for one in self.made.get(name, ())}
        own = [node for call in calls for node in ast.walk(call) if isinstance(node, ast.Constant)]
        (text, pieces), label = self._texts, split(name)[1]
        if label and pieces.count(label) > self._joined(own, pieces=True).count(label):
            return True
        return any(text.count(face) > self._joined(own).count(face) for face in names)


def _alike(name: str) -> str:
    """The other name of the list of all tracks or clusters: without a label, it may be either."""
    particle, label = split(name)
    if particle not in _FINAL:
        return name
    return f"{particle}:all" if not label else particle if label == "all" else name


def _meant(names: Sequence[str]) -> str:
    return f"did you mean {' or '.join(printable(name) for name in names[:2])}?" if names else ""


def _is_slip(one: str, other: str) -> bool:
    """Whether two labels differ by upper and lower case, or by one letter that is no digit.

    >>> _is_slip("good", "godo"), _is_slip("Kpi", "kpi"), _is_slip("good", "god"), _is_slip("sig1", "sig2")
    (False, True, True, False)
    """
    if min(len(one), len(other)) < 3 or re.sub(r"\d", "", one) == re.sub(r"\d", "", other):
        return False
    short, long = sorted((one.lower(), other.lower()), key=len)
    if len(short) == len(long):
        return sum(a != b for a, b in zip(short, long, strict=True)) <= 1
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


def _standard_maker(name: str) -> str:
    """The function that makes a list of this name."""
    for function, choices in standard().items():
        for choice, lists in choices.items():
            if function.startswith("std") and lists[-1] in faces(name):
                return f"{function}({choice!r})" if choice else function
    return ""
