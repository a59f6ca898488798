"""What a steering file builds: paths of modules.

`Path` has basf2's own methods, so that steering files can look at it; `Path.elements` is what `record` prints and
``b2lite`` executes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2grid.steering.standin.module import Module

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Path"]


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
