"""What a steering file shares with others that run in the same program: settings, input, the end of an event.

basf2 keeps aliases, global tags and the seed once per program, so steerings that are to run together have to agree
about them. The words of the facts are compared by `b2grid.steering.combining`.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from b2grid.steering.standin.describe import input_files, plain
from b2grid.steering.standin.module import AfterConditionPath
from b2grid.steering.standin.session import session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from b2grid.steering.standin.module import Module
    from b2grid.steering.standin.path import Path

__all__ = ["outermost_line", "sharing"]

_BELLE = "modularAnalysis.inputMdstList(environmentType='Belle')"
# modules that configure the program: one of a kind, and the same for all
_SINGLE = ("AnalysisConfiguration", "Gearbox", "Geometry", "HistoManager")
_FILES = ("inputFileName", "inputFileNames")
# what RootInput does unless it is told otherwise
_INPUT = {
    "skipNEvents": 0,
    "parentLevel": 0,
    "entrySequences": [],
    "ignoreCommandLineOverride": False,
    "discardErrorEvents": True,
}


def outermost_line() -> int | None:
    """The line of the steering's own level, outside of its functions, that is being executed."""
    frame, line = sys._getframe(1), None  # noqa: SLF001 - the only way to the caller's line
    while frame is not None:
        if (found := session.line_of(frame.f_code.co_filename, frame.f_lineno)) is not None:
            line = found
        frame = frame.f_back  # type: ignore[assignment]
    return line


def sharing(paths: Sequence[tuple[Path, int]], lines: Sequence[tuple[int | None, int | None]]) -> dict[str, Any]:
    """What the steering that was just executed shares with others in one program.

    Parameters
    ----------
    paths : sequence
        Every path that was processed, with its limit on events.
    lines : sequence
        Of each ``process``: its line, and that of the steering's own level.

    Returns
    -------
    dict
        As JSON has it: ``settings``, each a kind, a name, a value and a line; ``processes``, the pairs of lines;
        ``inputs``, the line of every RootInput; ``cleared``, the line where all aliases are forgotten;
        ``endings``, a line and a reason for each place where an event is ended so that only the last of several
        steerings may do it.
    """
    path, limit = paths[0]
    modules = path.modules()
    return {
        "settings": [*_program(limit, lines[0][0]), *_names(), *_modules(modules)],
        "processes": [list(pair) for pair in lines],
        "inputs": [module.line for module in modules if module.type() == "RootInput"],
        "cleared": [line for kind, line in session.places.items() if kind == ("cleared", "")],
        "endings": [[line, reason] for line, reason in _endings(path)],
    }


def _setting(kind: str, name: str, value: Any, line: int | None) -> dict[str, Any]:
    return {"kind": kind, "name": name, "value": value if isinstance(value, str) else json.dumps(value), "line": line}


def _program(limit: int, line: int | None) -> Iterator[dict[str, Any]]:
    yield _setting("events", "", str(limit), line)
    if session.seed is not None:
        yield _setting("seed", "", session.seed, session.places.get(("seed", "")))
    asked = {
        name: value
        for name, value in sorted(vars(session.conditions).items() if session.conditions is not None else ())
        if value
    }
    state = {"globaltags": list(session.global_tags), **asked}
    told = ", ".join(f"{name} {json.dumps(plain(value))}" for name, value in state.items() if value)
    yield _setting("conditions", "", told, session.places.get(("conditions", "")))


def _names() -> Iterator[dict[str, Any]]:
    for alias, definition in session.aliases.items():
        yield _setting("alias", alias, definition, session.places.get(("alias", alias)))
    for collection, members in session.collections.items():
        yield _setting("collection", collection, ", ".join(members), session.places.get(("collection", collection)))


def _modules(modules: Sequence[Module]) -> Iterator[dict[str, Any]]:
    for module in modules:
        if module.type() in _SINGLE:
            yield _setting("module", module.type(), _params(module), module.line)
        elif module.type() == "RootInput":
            options = {name: value for name, value in _params(module).items() if name not in _FILES}
            told = {name: value for name, value in options.items() if name not in _INPUT or value != _INPUT[name]}
            yield _setting("input", "", told, module.line)
            yield _setting("files", "", ", ".join(input_files(module)), module.line)
    if not any(module.type() == "AnalysisConfiguration" for module in modules):
        yield _setting("module", "AnalysisConfiguration", {}, None)
    belle = [module.line for module in modules if module.type() == _BELLE]
    yield _setting("environment", "", "Belle" if belle else "default", belle[0] if belle else None)


def _params(module: Module) -> dict[str, Any]:
    return {name: plain(value) for name, value in sorted(module.params.items())}


# ---- the end of an event


def _ends(path: Path, above: tuple[Path, ...] = ()) -> bool:
    """Whether a module of a path may end the event; paths may lead back to those above them."""
    return path not in above and any(
        condition.after is AfterConditionPath.END or _ends(condition.path, (*above, path))
        for module in path.modules()
        for condition in module.conditions
    )


def _endings(path: Path, above: tuple[Path, ...] = ()) -> Iterator[tuple[int | None, str]]:
    for module in () if path in above else path.modules():
        if module.type() == "SubEvent" and str(module.params.get("mode", "")).startswith("independent"):
            yield module.line, "adds an independent path, and basf2 has no such path within another"
        yield from _module_endings(module, (*above, path))


def _module_endings(module: Module, above: tuple[Path, ...]) -> Iterable[tuple[int | None, str]]:
    conditions = module.conditions
    if not any(condition.after is AfterConditionPath.END or _ends(condition.path) for condition in conditions):
        for condition in conditions:
            yield from _endings(condition.path, above)
    elif len(conditions) > 1 or conditions[0].after is not AfterConditionPath.END:
        yield module.line, "ends the event in one of several conditional paths, or from within one that continues"
    elif module.python or module.opaque:
        yield module.line, f"ends the event by {module.type()}, which is no module of basf2 that can be made again"
    else:
        yield from _endings(conditions[0].path, above)
