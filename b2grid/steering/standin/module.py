"""One step of a path: a module of basf2's, or a Python module of the steering, with the line that led to it.

`Module` has basf2's own methods, so that steering files can look at it; `Module.params`, `Module.line` and
`Module.function` are what `record` prints and ``b2lite`` executes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Self

from b2grid.steering.standin.log import LogLevel
from b2grid.steering.standin.origin import origin

if TYPE_CHECKING:
    from b2grid.steering.standin.path import Path

__all__ = ["AfterConditionPath", "Condition", "Module", "Parameter"]

_CONDITION = re.compile(r"\s*(==|=|!=|<=|>=|<|>)\s*(-?\d+)\s*$")


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
