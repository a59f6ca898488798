"""What the stand-ins know by name only.

Packages of basf2 that have no stand-in can be imported, and what they offer can be called, subclassed and
asked for attributes: it is all one `Opaque`, which remembers its dotted name. A call is noted with its
steering line, and a path among the arguments gets an opaque module; ``b2lite`` refuses both, `record` lists
them.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
from functools import cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Self

from b2grid.steering.standin.module import Module
from b2grid.steering.standin.origin import origin
from b2grid.steering.standin.path import Path
from b2grid.steering.standin.session import Refusal, session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

__all__ = ["OPAQUE_PACKAGES", "Opaque", "OpaqueFinder", "opaque_step"]

# basf2's importable packages that have no stand-in, and ROOT; what else is missing is a real mistake
OPAQUE_PACKAGES = frozenset(
    {
        "B2Tools",
        "L1trigger",
        "LambdaSelector",
        "ROOT",
        "alignment",
        "b2biiConversion",
        "b2biiMonitors",
        "b2parser",
        "b2test_utils",
        "b2test_utils_analysis",
        "background",
        "basf2_mva",
        "basf2_mva_evaluation",
        "basf2_mva_extensions",
        "basf2_mva_util",
        "beamparameters",
        "caf",
        "charmFlavorTagger",
        "conditions_db",
        "cdc",
        "cdst",
        "daqdqm",
        "decayHash",
        "ecl",
        "fei",
        "flavorTagger",
        "generators",
        "grafei",
        "hep_ipython_tools",
        "hlt",
        "iov_conditional",
        "klm",
        "ksSelector",
        "monopoles",
        "pdg",
        "photonFunctions",
        "pidDataUtils",
        "prompt",
        "pxd",
        "rawdata",
        "rundb",
        "reconstruction",
        "simulation",
        "skim",
        "skimExpertFunctions",
        "softwaretrigger",
        "stdHyperons",
        "stdKinks",
        "svd",
        "sysvar",
        "terminal_utils",
        "tflat",
        "tracking",
        "udst_purge_list",
        "validation",
        "validation_tools",
    }
)


@cache
def _known_names() -> dict[str, list[str]]:
    """The functions and classes of opaque packages, from basf2's interface facts."""
    known: dict[str, list[str]] = json.loads(FilePath(__file__).with_name("opaque.json").read_text("utf-8"))
    return known


def _described(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    return str(value)


def opaque_step(name: str, paths: Sequence[Path], params: dict[str, Any]) -> None:
    """Note a call of something opaque, and add a module that stands for it to each path."""
    place = origin()
    session.opaque_calls.append(Refusal(name, place.line, place.file))
    for path in paths:
        path.add_module(Module.make(name, opaque=True, **params))


class Opaque:
    """Anything that an opaque package offers; its attributes and results are opaque too."""

    __b2grid_opaque__ = True

    def __init__(self, name: str, made_with: dict[str, Any] | None = None) -> None:
        self.__dict__["_name"] = name
        self.__dict__["_made_with"] = made_with or {}

    def __getattr__(self, name: str) -> Opaque:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Opaque(f"{self._name}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __call__(self, *args: Any, **kwargs: Any) -> Opaque:
        """Note the call, and stand for what it returns."""
        given = {f"arg{i}": arg for i, arg in enumerate(args)} | kwargs
        params = {name: _described(value) for name, value in given.items() if not isinstance(value, Path)}
        paths = [value for value in given.values() if isinstance(value, Path)]
        # what an object was made with is part of what it does when it is called
        opaque_step(str(self), paths, self.__dict__["_made_with"] | params)
        return Opaque(f"{self}()", params)

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[type, ...]:
        return (_OpaqueBase,)

    def __getitem__(self, key: Any) -> Opaque:
        return Opaque(f"{self._name}[{key!r}]")

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __contains__(self, _item: Any) -> bool:
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def __float__(self) -> float:
        return 0.0

    def __int__(self) -> int:
        return 0

    def __index__(self) -> int:
        return 0

    def __fspath__(self) -> str:
        return str(self)

    def _arithmetic(self, *_other: Any) -> Opaque:
        return self

    def __add__(self, other: Any) -> Any:
        # lists of variables are put together: what is known of them stays known
        return list(other) if isinstance(other, list | tuple) else self

    __radd__ = __add__
    __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _arithmetic
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _arithmetic
    __neg__ = __pos__ = __abs__ = __invert__ = __round__ = _arithmetic
    __or__ = __ror__ = __and__ = __rand__ = __xor__ = __rxor__ = __lshift__ = __rshift__ = _arithmetic

    def _compare(self, _other: Any) -> bool:
        return False

    __lt__ = __gt__ = __le__ = __ge__ = _compare

    def __format__(self, _spec: str) -> str:
        return str(self)

    def __str__(self) -> str:
        return str(self.__dict__["_name"])

    def __repr__(self) -> str:
        return f"<{self} (known by name only)>"


class _OpaqueBase:
    """What stands below classes that a steering derives from opaque ones."""

    __b2grid_opaque__ = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self(*args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Opaque:
        """Note the call, as for anything else that is opaque."""
        return Opaque(type(self).__name__)(*args, **kwargs)

    def __getattr__(self, name: str) -> Opaque:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Opaque(f"{type(self).__name__}.{name}")

    def __str__(self) -> str:
        return type(self).__name__


class OpaqueFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the packages that have no stand-in, after all real ones have been looked for."""

    def find_spec(self, fullname: str, _path: Any = None, _target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Claim a module of an opaque package."""
        if fullname.partition(".")[0] not in OPAQUE_PACKAGES:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Leave making the module to the machinery."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with nothing but opaque names."""
        name = module.__name__

        def missing(attribute: str) -> Any:
            if attribute.startswith("__") and attribute.endswith("__"):
                raise AttributeError(attribute)
            full = f"{name}.{attribute}"
            return sys.modules.get(full) or Opaque(full)

        module.__dict__["__getattr__"] = missing
        # what a star import brings; packages that are not in the facts bring nothing
        module.__dict__["__all__"] = _known_names().get(name, [])
