"""What a steering file builds: paths of modules, each with the line that led to it.

`Path` and `Module` have basf2's own methods, so that steering files can look at them; `Module.params`,
`Module.line`, `Module.function` and `Path.elements` are what `record` prints and ``b2lite`` executes.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, ClassVar, Self

from b2grid.steering.standin.log import LogLevel
from b2grid.steering.standin.session import session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["PACKAGES", "AfterConditionPath", "Condition", "Module", "Origin", "Parameter", "Path", "origin"]

PACKAGES = str(FilePath(__file__).parent / "packages")
_OWN = str(FilePath(__file__).parent)
_CONDITION = re.compile(r"\s*(==|=|!=|<=|>=|<|>)\s*(-?\d+)\s*$")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in the steering something comes from.

    Parameters
    ----------
    file : str
        The steering file, or the first file outside the stand-ins where the steering is not on the way.
    line : int or None
        1-based line in it: of the innermost call in the steering, which is where the name is written.
    function : str
        The analysis function called there, such as ``modularAnalysis.reconstructDecay``; empty for a plain
        ``add_module``.
    """

    file: str
    line: int | None
    function: str = ""


def _function(frame: FrameType) -> str:
    name = frame.f_code.co_qualname
    package = str(frame.f_globals.get("__name__", "")).split("._")[0]
    return "" if name.startswith(("<", "_")) or package.startswith("basf2") else f"{package}.{name}"


def origin() -> Origin:
    """Walk out of the stand-ins to the line of the steering that is being executed."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to the caller's line
    function, elsewhere = "", None
    while frame is not None:
        file = frame.f_code.co_filename
        if (line := session.line_of(file, frame.f_lineno)) is not None:
            return Origin(session.script, line, function)
        if file.startswith(PACKAGES):
            function = _function(frame) or function
        elif elsewhere is None and not file.startswith((_OWN, "<")):
            elsewhere = Origin(file, frame.f_lineno, function)
        frame = frame.f_back
    return elsewhere or Origin(session.script, None, function)


class AfterConditionPath(Enum):
    """What happens after a conditional path: the event ends, or goes on behind the module."""

    END = 0
    CONTINUE = 1


@dataclass(frozen=True, slots=True)
class Condition:
    """Another path, taken when the module's return value compares as said.

    Parameters
    ----------
    operator : {"==", "!=", "<", "<=", ">", ">="}
    value : int
    path : Path
    after : AfterConditionPath
    """

    operator: str
    value: int
    path: Path
    after: AfterConditionPath = AfterConditionPath.END

    def __str__(self) -> str:
        return f"{self.operator}{self.value}"

    def get_operator(self) -> str:
        """How the return value is compared."""
        return self.operator

    def get_value(self) -> int:
        """What the return value is compared with."""
        return self.value

    def get_path(self) -> Path:
        """The path that may be taken."""
        return self.path

    def get_after_path(self) -> AfterConditionPath:
        """What happens after it."""
        return self.after


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a module, as ``available_params`` lists it."""

    name: str
    values: Any
    default: Any = None
    description: str = ""
    type: str = ""
    setInSteering: bool = True  # noqa: N815 - basf2's name
    forceInSteering: bool = False  # noqa: N815 - basf2's name


def _copied(value: Any) -> Any:
    """A value as it is now: basf2 copies what is set, and scripts go on using their lists."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if type(value) is tuple:
        return tuple(_copied(item) for item in value)
    return value


class _Name(str):
    """A module's name that remembers where the module comes from: a copy that takes it over comes from there too."""

    __slots__ = ("origin",)
    origin: tuple[int | None, str, str]

    def __new__(cls, name: str, module: Module) -> Self:
        self = super().__new__(cls, name)
        self.origin = module.line, module.file, module.function
        return self


class Module:
    """One step of a path; in a steering file also the base class of Python modules.

    Attributes
    ----------
    params : dict
        The parameters that were set, by basf2's names.
    conditions : list of Condition
    line, file, function
        See `Origin`.
    python : bool
        Whether it is a Python module (a subclass in the steering), which only basf2 can run.
    opaque : bool
        Whether it stands for something the stand-ins know by name only.
    log_level : LogLevel
        Its own; `DEFAULT` for that of the steering.
    """

    stands_for: ClassVar[str] = ""  # what a subclass of basf2's own Python packages is called by the runtime

    params: dict[str, Any]
    conditions: list[Condition]
    log_level: LogLevel
    line: int | None
    file: str
    function: str
    opaque: bool
    _kind: str
    _name: str

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Remember the line, also for subclasses that forget to call ``super().__init__``."""
        self = super().__new__(cls)
        place = origin()
        self.params, self.conditions, self.opaque = {}, [], False
        self.log_level = LogLevel.DEFAULT
        self.line, self.file, self.function = place.line, place.file, place.function
        self._kind, self._name = vars(cls).get("stands_for") or cls.__name__, cls.__name__
        return self

    def __init__(self) -> None:
        """Make a Python module; C++ modules come from `Module.make`."""

    @classmethod
    def make(cls, kind: str, *, opaque: bool = False, **params: Any) -> Module:
        """Make a module of a C++ type."""
        module = Module()
        module._kind = module._name = str(kind)
        module.opaque = opaque
        module.params.update(_copied(params))
        return module

    @property
    def python(self) -> bool:
        """Whether it is a subclass in the steering; those that the stand-ins have do not count."""
        return "stands_for" not in vars(type(self))

    def __repr__(self) -> str:
        return f"Module({self._kind!r}, line={self.line})"

    # what basf2's modules offer
    def type(self) -> str:
        """The C++ type, or the name of the Python class."""
        return self._kind

    def name(self) -> str:
        """The name that shows in logs and statistics."""
        return _Name(self._name, self)

    def set_name(self, name: str) -> None:
        """Name the module for logs and statistics."""
        self._name = str(name)
        if isinstance(name, _Name):
            self.line, self.file, self.function = name.origin

    def param(self, *args: Any) -> None:
        """Set one parameter by name and value, or several by a dictionary."""
        if len(args) == 1 and isinstance(args[0], dict):
            self.params.update(_copied(args[0]))
        elif len(args) == 2:
            self.params[str(args[0])] = _copied(args[1])
        else:
            raise TypeError("param() takes a name and a value, or a dictionary of them")

    def available_params(self) -> list[Parameter]:
        """The parameters of the module: those that are set, then the others, whose defaults are basf2's own affair."""
        from b2grid.steering.facts import load

        others = [name.rstrip("!") for name in load().modules.get(self._kind, ())]
        return [
            *(Parameter(name, value) for name, value in self.params.items()),
            *(Parameter(name, None, setInSteering=False) for name in others if name not in self.params),
        ]

    def if_value(self, expression: str, path: Path, after: AfterConditionPath = AfterConditionPath.END) -> None:
        """Take `path` when the return value compares as in `expression`, such as ``<1``."""
        if (match := _CONDITION.match(expression)) is None:
            raise ValueError(f"{expression!r} is not a condition such as '<1' or '==0'")
        operator = "==" if match[1] == "=" else match[1]
        self.conditions.append(Condition(operator, int(match[2]), path, after))

    def if_true(self, path: Path, after: AfterConditionPath = AfterConditionPath.END) -> None:
        """Take `path` when the return value is at least 1."""
        self.if_value(">=1", path, after)

    def if_false(self, path: Path, after: AfterConditionPath = AfterConditionPath.END) -> None:
        """Take `path` when the return value is below 1."""
        self.if_value("<1", path, after)

    def has_condition(self) -> bool:
        """Whether another path may be taken."""
        return bool(self.conditions)

    def get_all_condition_paths(self) -> list[Path]:
        """The paths that may be taken."""
        return [condition.path for condition in self.conditions]

    def get_all_conditions(self) -> list[Condition]:
        """The conditions, in the order in which they were set."""
        return list(self.conditions)

    def package(self) -> str:
        """The basf2 package; unknown here."""
        return ""

    def description(self) -> str:
        """The module's description; unknown here."""
        return ""

    def set_description(self, text: str) -> None:
        """Describe a Python module."""

    def has_properties(self, _flags: Any) -> bool:
        """Whether the module has a property flag."""
        return False

    def set_property_flags(self, _flags: Any) -> None:
        """Set property flags of a Python module."""

    def set_log_level(self, level: Any) -> None:
        """Show only messages of this module that are at least as serious."""
        self.log_level = level if isinstance(level, LogLevel) else LogLevel(int(level))

    def set_debug_level(self, _level: int) -> None:
        """Set the debug level of this module."""

    def set_abort_level(self, _level: Any) -> None:
        """Set the abort level of this module."""

    def set_log_info(self, _level: Any, _info: int) -> None:
        """Set what is shown with messages of this module."""

    def return_value(self, _value: Any) -> None:
        """Set the value that conditions compare; Python modules only."""

    def initialize(self) -> None:
        """Prepare; Python modules override it."""

    def begin_run(self) -> None:
        """Begin a run; Python modules override it."""

    def event(self) -> None:
        """Handle an event; Python modules override it."""

    def end_run(self) -> None:
        """End a run; Python modules override it."""

    def terminate(self) -> None:
        """End; Python modules override it."""


class Path:
    """Modules in the order in which every event visits them.

    Attributes
    ----------
    elements : list of Module or Path
        What was added, before paths in it are flattened by `modules`.
    """

    def __init__(self) -> None:
        self.elements: list[Module | Path] = []

    def modules(self) -> list[Module]:
        """All modules, those of added paths included, in order."""
        found: list[Module] = []
        for element in self.elements:
            found.extend(element.modules() if isinstance(element, Path) else [element])
        return found

    def walk(self) -> Iterator[Module]:
        """All modules, those of conditional paths and loops included, each once."""
        seen: set[int] = set()
        waiting: list[Path] = [self]
        while waiting:
            path = waiting.pop(0)
            for module in path.modules():
                if id(module) in seen:
                    continue
                seen.add(id(module))
                yield module
                inner = module.params.get("path")
                waiting += [*module.get_all_condition_paths(), *([inner] if isinstance(inner, Path) else [])]

    def add_module(
        self,
        module: Any,
        logLevel: Any = None,  # noqa: N803 - basf2's names
        debugLevel: int | None = None,  # noqa: N803, ARG002
        **kwargs: Any,
    ) -> Module:
        """Add a module by its C++ type or as an object, with parameters; returns it."""
        added = self._module(module)
        if logLevel is not None:
            added.set_log_level(logLevel)
        if kwargs:
            added.param(kwargs)
        self.elements.append(added)
        return added

    def _module(self, module: Any) -> Module:
        if isinstance(module, str):
            return Module.make(module)
        if hasattr(module, "__b2grid_opaque__"):
            return Module.make(str(module), opaque=True)
        if isinstance(module, Module):
            return module
        raise TypeError(f"add_module() takes a module or its name, not {type(module).__name__}")

    def add_path(self, path: Any) -> None:
        """Add all modules of another path, also those that it gets later."""
        if hasattr(path, "__b2grid_opaque__"):
            self.add_module(path)
            return
        if not isinstance(path, Path):
            raise TypeError(f"add_path() takes a path, not {type(path).__name__}")
        if path is self:
            raise ValueError("Cannot add a path to itself")
        self.elements.append(path)

    def for_each(self, loop_object_name: str, array_name: str, path: Path) -> None:
        """Run `path` once for every object in an array of the event."""
        self._loop(path, mode="for_each", objectName=loop_object_name, loopOver=array_name)

    def do_while(self, path: Path, condition: str = "<1", max_iterations: int = 10000) -> None:
        """Run `path` again while its last module's return value compares as said."""
        self._loop(path, mode="do_while", loopCondition=condition, maxIterations=max_iterations)

    def add_independent_path(self, skim_path: Path, ds_ID: str = "", merge_back_event: Any = ()) -> None:  # noqa: N803
        """Run `skim_path` on a copy of the event, without effect on this one."""
        self._loop(skim_path, mode="independent", objectName=ds_ID, mergeBack=list(merge_back_event))

    def add_independent_merge_path(self, skim_path: Path, ds_ID: str = "", **options: Any) -> None:  # noqa: N803
        """Run `skim_path` on other events, merged into these."""
        self._loop(skim_path, mode="independent_merge", objectName=ds_ID, **options)

    def _loop(self, path: Any, **params: Any) -> None:
        if hasattr(path, "__b2grid_opaque__"):
            self.add_module(path)
            return
        self.add_module(Module.make("SubEvent"), path=path, **params)

    def __contains__(self, name: object) -> bool:
        """Whether there is a module of this type."""
        return any(module.type() == name for module in self.modules())

    def __iter__(self) -> Iterator[Module]:
        return iter(self.modules())

    def __len__(self) -> int:
        return len(self.modules())

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"[{' -> '.join(map(_shown, self.elements))}]"


def _shown(element: Module | Path) -> str:
    """A module by its name and the paths that may be taken behind it, and a path that was added in brackets."""
    if isinstance(element, Path):
        return str(element)
    return element.name() + "".join(f" ({condition}: {condition.path})" for condition in element.conditions)
