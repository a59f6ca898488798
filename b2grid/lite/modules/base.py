"""From a module of the path to a step that can run: parameters are read once, strictly, before any event.

`MODULES` is the table of what is covered. A `Kind` lists the parameters that it takes; any other parameter, and
any value that is not covered, is refused with its name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from b2grid.errors import InvalidInput, InvalidName, InvalidSteering, NotInLite, nearest, printable
from b2grid.grammar import Decay, GrammarError, Particle, parse_list
from b2grid.lite.lists import ListName
from b2grid.lite.restofevent import ALL
from b2grid.physics import particle
from b2grid.steering.standin.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from b2grid.lite.context import Context, Logger
    from b2grid.lite.expression import Compiled, Cut, Scope
    from b2grid.lite.fitting.tree import Shape
    from b2grid.lite.truth.mcerrors import DecayRules
    from b2grid.lite.writing.output import Outputs

__all__ = ["MODULES", "Arguments", "Blueprint", "Kind", "Step", "module"]

_ABSENT = object()
_WITH_BASF2 = "run this steering with a basf2 release"
_IN_WORDS: dict[type, str] = {
    str: "a text", bool: "True or False", int: "a whole number", float: "a number", list: "a list", tuple: "a tuple",
    dict: "a dictionary",
}  # fmt: skip


class Step(Protocol):
    """A module that is ready to run."""

    def run(self, context: Context) -> None:
        """Process the living events of a chunk."""


@dataclass
class Blueprint:
    """What the modules of a path share while they are made ready.

    Parameters
    ----------
    scope : Scope
        Aliases and variables.
    outputs : Outputs
        Ntuple files.
    log : Logger
    expand : callable
        Replaces collections in a list of variables by their members.
    masks : set of str
        Masks of rests of the event that exist for some list.
    loop : bool
        Whether the modules run once per rest of the event.
    outer : frozenset
        In such a loop: the lists that are made before it.
    stored : callable
        The lists that the input files hold, and the branches that each of them is read from.
    statistics : Statistics
        Shared by all paths of a run.
    """

    scope: Scope
    outputs: Outputs
    log: Logger
    expand: Callable[[Iterable[str]], Sequence[str]]
    lists: set[tuple[int, str]] = field(default_factory=set)
    faceless: set[tuple[int, str]] = field(default_factory=set)  # (code, label) of faces that are not made
    contents: dict[tuple[int, str], frozenset[Shape]] = field(default_factory=dict)  # where it is known
    decays: list[DecayRules] = field(default_factory=list)
    loaded: dict[tuple[int, str], Any] = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)
    masks: set[str] = field(default_factory=set)
    loop: bool = False
    outer: frozenset[tuple[int, str]] = frozenset()
    stored: Callable[[], Mapping[tuple[int, str], tuple[str, ...]]] = dict
    wanted: set[tuple[int, str]] = field(default_factory=set)  # lists of the files that are used
    statistics: Statistics = field(default_factory=Statistics)

    def copy(self) -> Blueprint:
        """The same, for a path whose lists are its own."""
        return replace(
            self,
            lists=set(self.lists),
            faceless=set(self.faceless),
            contents=dict(self.contents),
            loaded=dict(self.loaded),
            masks=set(self.masks),
        )

    def inside_loop(self) -> Blueprint:
        """The same, for a path that runs once per rest of the event."""
        return replace(self.copy(), masks=self.masks, loop=True, outer=frozenset(self.lists))

    def number_of(self, rules: DecayRules) -> int:
        """Remember the rules of a decay string; their number."""
        self.decays.append(rules)
        return len(self.decays) - 1

    def cut(self, text: str) -> Cut:
        """Compile a cut, and note what it needs."""
        cut = self.scope.cut(text)
        self._note(cut.needs)
        return cut

    def variable(self, text: str) -> Compiled:
        """Compile a variable, and note what it needs."""
        variable = self.scope.variable(text)
        self._note(variable.needs)
        return variable

    def variables(self, texts: Iterable[str]) -> list[Compiled]:
        """Compile several variables; errors of several of them are raised as a group."""
        made: list[Compiled] = []
        wrong: list[InvalidInput] = []
        for text in texts:
            try:
                made.append(self.variable(text))
            except InvalidInput as error:
                if all(error.message != other.message for other in wrong):
                    wrong.append(error)
        if len(wrong) == 1:
            raise wrong[0]
        if wrong:
            raise ExceptionGroup("several variables", wrong)
        return made

    def _note(self, needs: frozenset[str]) -> None:
        self.needs |= needs
        for need in needs:
            kind, _, name = need.partition(":")
            if kind == "list":
                self.known(name)
            elif kind == "mask":
                self.known_mask(name)
            elif kind == "loop" and not self.loop:
                raise NotInLite(
                    f"{printable(name)} outside a loop over rests of the event is not covered by b2lite",
                    hint="use it in the path that for_each('RestOfEvent', 'RestOfEvents', path) runs",
                )

    def known_mask(self, name: str) -> str:
        """A mask that an earlier module has made, or that of everything."""
        if name == "":
            raise InvalidSteering(
                "the name of a mask of rests of the event is empty", hint=f"write {ALL!r} for all that is in them"
            )
        if name != ALL and name not in self.masks:
            raise InvalidSteering(
                f"there is no mask {printable(name)!r} of rests of the event at this point of the path",
                hint=f"masks: {', '.join(sorted(self.masks))}" if self.masks else "append it by appendROEMasks",
            )
        return name

    def exists(self, name: ListName) -> bool:
        """Whether a module makes the list, or the files hold it."""
        return name.key in self.lists or name.key in self.stored()

    def note(self, name: ListName, shapes: Iterable[Shape] | None = None) -> None:
        """Note a list that is made, with what its candidates can be made of, if that is known."""
        known = name.key in self.contents or not self.exists(name)
        if shapes is not None and known:
            self.contents[name.key] = self.contents.get(name.key, frozenset()) | frozenset(shapes)
        else:
            self.contents.pop(name.key, None)
        self.add(name)

    def add(self, name: ListName) -> None:
        """Note a list that modules behind this one know; what the files hold of it is read."""
        self.lists.add(name.key)
        if (branches := self.stored().get(name.key)) is not None:
            self.wanted.add(name.key)
            self.needs.update(f"object:{branch}" for branch in branches)

    def declare(self, text: str, shapes: Iterable[Shape] | None = None) -> ListName:
        """A list that a module makes, or adds to; with what its candidates can be made of, if that is known."""
        name = list_name(text)
        if name.key in self.outer or (self.loop and name.key in self.stored()):
            raise NotInLite(
                f"the list {printable(name.text)} of the outer path is filled in a loop: b2lite does not cover that",
                hint="give the list of the loop another label",
            )
        self.note(name, shapes)
        return name

    def known(self, text: str) -> ListName:
        """A list that an earlier module has made, or that the files hold."""
        name = list_name(text)
        if not self.exists(name) or (name.pdg, name.label) in self.faceless:
            known = self.lists | set(self.stored())
            near = [f"{particle(code).name}:{label}" for code, label in sorted(known) if code == name.key[0]]
            raise InvalidSteering(
                f"there is no particle list {printable(text)!r} at this point of the path",
                hint=f"lists of this particle: {', '.join(near)}" if near else "fill or reconstruct it first",
            )
        self.add(name)
        return name


def list_name(text: str) -> ListName:
    """The list that a decay string begins with; its particle must be known."""
    try:
        read = parse_list(text)
        return ListName.of((read.mother if isinstance(read, Decay) else read).list_name)
    except GrammarError as error:
        raise InvalidSteering(f"{printable(text)!r} is no list: {error.message}", hint=error.hint) from error
    except InvalidName as error:
        raise InvalidSteering(error.message, hint=error.hint) from error


def decay_of(text: str) -> Decay | Particle:
    """A parsed decay string."""
    try:
        return parse_list(text)
    except GrammarError as error:
        raise InvalidSteering(f"{printable(text)!r} is no decay string: {error.message}", hint=error.hint) from error


class Arguments:
    """The parameters of one module, read by name and type.

    Parameters
    ----------
    kind : str
        C++ type.
    values : dict
    function : str
        The analysis function that added the module, for messages.
    """

    def __init__(self, kind: str, values: dict[str, Any], function: str = "") -> None:
        self.kind = kind
        self.function = function.rpartition(".")[2]
        self._values = values

    def refuse(self, name: str, reason: str = "", *, hint: str = "") -> NotInLite:
        """The error for a value that is not covered."""
        who = f"{self.function}() ({self.kind})" if self.function else self.kind
        what = f"parameter {name}={self._values.get(name)!r} of {who} is not covered by b2lite"
        return NotInLite(what + (f": {reason}" if reason else ""), hint=hint or _WITH_BASF2)

    def check(self, covered: Iterable[str]) -> None:
        """Refuse parameters that the runtime does not look at."""
        for name in self._values:
            if name not in covered:
                near = nearest(name, [known for known in covered if known not in self._values], count=1)
                raise self.refuse(name, hint=f"did you mean {near[0]}?" if near else "")

    def only(self, name: str, *covered: Any) -> None:
        """Refuse any value but these; the first is the default."""
        if self._values.get(name, covered[0]) not in covered:
            raise self.refuse(name)

    def _get(self, name: str, default: Any, kinds: tuple[type, ...]) -> Any:
        value = self._values.get(name, default)
        if value is _ABSENT:
            raise InvalidSteering(f"{self.kind} needs the parameter {name}", hint="give it a value")
        # a bool is an int in Python, and not in basf2
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise InvalidSteering(
                f"parameter {name} of {self.kind} has the wrong type: {printable(repr(value))}",
                hint=f"give {' or '.join(_IN_WORDS[kind] for kind in kinds)}",
            )
        return value

    def text(self, name: str, default: Any = _ABSENT) -> str:
        """A string."""
        return str(self._get(name, default, (str,)))

    def flag(self, name: str, default: Any = _ABSENT) -> bool:
        """A truth value."""
        return bool(self._get(name, default, (bool,)))

    def integer(self, name: str, default: Any = _ABSENT) -> int:
        """A whole number."""
        return int(self._get(name, default, (int,)))

    def number(self, name: str, default: Any = _ABSENT) -> float:
        """A number."""
        return float(self._get(name, default, (int, float)))

    def numbers(self, name: str, default: Any = _ABSENT) -> list[float]:
        """A list of numbers."""
        values = self._get(name, default, (list, tuple))
        if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            raise InvalidSteering(
                f"parameter {name} of {self.kind} has to be a list of numbers", hint="give numbers only"
            )
        return [float(value) for value in values]

    def texts(self, name: str, default: Any = _ABSENT) -> list[str]:
        """A list of strings; one string is a list of one, as basf2 takes it."""
        values = self._get(name, default, (list, tuple, str))
        values = [values] if isinstance(values, str) else values
        if not all(isinstance(value, str) for value in values):
            raise InvalidSteering(
                f"parameter {name} of {self.kind} has to be a list of strings", hint="give strings only"
            )
        return list(values)

    def sequence(self, name: str) -> list[Any]:
        """A list of anything, empty where it is not given."""
        return list(self._get(name, [], (list, tuple)))

    def tuples(self, name: str, size: int) -> list[tuple[str, ...]]:
        """A list of tuples of so many strings."""
        values = self._get(name, _ABSENT, (list, tuple))
        for value in values:
            if not isinstance(value, (list, tuple)) or len(value) != size or not all(isinstance(t, str) for t in value):
                raise InvalidSteering(
                    f"parameter {name} of {self.kind} has to be a list of tuples of {size} strings, "
                    f"not {printable(repr(value))}",
                    hint="give strings only, empty ones for no selection",
                )
        return [tuple(value) for value in values]

    def path(self, name: str) -> Any:
        """Another path."""
        path = self._values.get(name)
        if not callable(getattr(path, "modules", None)):
            raise InvalidSteering(
                f"parameter {name} of {self.kind} is no path", hint="add the path by a method of Path"
            )
        return path

    def anything(self, name: str, default: Any) -> Any:
        """A value that the module itself looks at."""
        return self._values.get(name, default)

    def mapping(self, name: str, default: Any = _ABSENT) -> dict[str, str]:
        """A dictionary of strings."""
        values = self._get(name, default, (dict,))
        return {str(key): str(value) for key, value in values.items()}


@dataclass(frozen=True, slots=True)
class Kind:
    """A covered C++ type.

    Parameters
    ----------
    name : str
    parameters : frozenset of str
        Those that are looked at, or make no difference here.
    build : callable
        (arguments, blueprint) -> step.
    loops : bool
        Whether it can run in a loop over rests of the event.
    """

    name: str
    parameters: frozenset[str]
    build: Callable[[Arguments, Blueprint], Step]
    loops: bool = True


MODULES: dict[str, Kind] = {}
"""Every module that the runtime covers, by C++ type."""


def module(
    name: str, parameters: str, *, loops: bool = True
) -> Callable[[Callable[[Arguments, Blueprint], Step]], Any]:
    """Enter a function (arguments, blueprint) -> step, or a class with such a constructor, into the table."""

    def decorate(build: Callable[[Arguments, Blueprint], Step]) -> Any:
        MODULES[name] = Kind(name, frozenset(parameters.split()), build, loops)
        return build

    return decorate


def _misspelt(kind: str) -> str | None:
    """What a name that no C++ module has may stand for; `None` for one that a module has."""
    from b2grid.steering.facts import load

    known = load("main").modules
    if kind in known:
        return None
    near = nearest(kind, {*known, *MODULES})
    return f"did you mean {' or '.join(near)}?" if near else "see the list of modules that basf2 -m prints"


def make(kind: str, values: dict[str, Any], blueprint: Blueprint, function: str = "") -> Step:
    """Make one module ready.

    Raises
    ------
    NotInLite
        If the type, a parameter or a value is not covered.
    InvalidInput
        If basf2 would refuse it too.
    """
    if kind not in MODULES:
        said = f"{function.rpartition('.')[2]}() (module {kind})" if function else f"module {kind}"
        if not function and kind.isidentifier() and (near := _misspelt(kind)) is not None:
            raise InvalidSteering(f"basf2's main has no module {printable(kind)!r}", hint=near)
        raise NotInLite(f"{said} is not covered by b2lite", hint=_WITH_BASF2)
    if blueprint.loop and not MODULES[kind].loops:
        raise NotInLite(
            f"module {kind} in a loop over rests of the event is not covered by b2lite",
            hint="use it outside the loop, or run this steering with a basf2 release",
        )
    arguments = Arguments(kind, values, function)
    arguments.check(MODULES[kind].parameters)
    try:
        return MODULES[kind].build(arguments, blueprint)
    except InvalidName as error:
        raise InvalidInput(error.message, hint=error.hint) from error
