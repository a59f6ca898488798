"""Combining steering files into one that runs them in a single pass over the input."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, InvalidInput, InvalidSteering, Report, nearest
from b2grid.steering.combining.collisions import Part, collisions, in_order
from b2grid.steering.combining.program import listed, program
from b2grid.steering.findings import finding
from b2grid.steering.record import replay
from b2grid.steering.sandbox import Sandbox, collect
from b2grid.steering.source import Source
from b2grid.steering.steering import Steering

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["combine"]

Words = Sequence[str] | Mapping[str, Sequence[str]]
Files = Sequence[str | os.PathLike[str]] | Mapping[str, Sequence[str | os.PathLike[str]]]


@dataclass(frozen=True, slots=True)
class _Given:
    """A steering as it was given, read."""

    name: str
    source: Source
    args: tuple[str, ...] | None
    sandbox: Sandbox


def combine(
    steerings: Iterable[str | os.PathLike[str] | Source | Steering],
    *,
    args: Words | None = None,
    sandbox: Files = (),
    filename: str = "combined.py",
) -> Steering:
    """Make one steering that runs several in a single pass over the input.

    The input is read once. Each steering file keeps its modules, in their order, in a path of its own that works on
    its own copy of the event: lists of one name are not mixed, and a cut on events ends one path only. What they
    write is equal to what they write apart, value by value. What basf2 has once per program they must agree about:
    the meaning of aliases, conditions, the seed, the number of events, how the input is read.

    Every steering file is recorded (see `record`), with its arguments and its sandbox.

    Parameters
    ----------
    steerings : iterable of path, text, Source or Steering
        In the order in which they run on every event; one that ends events in a way of its own is put last.
    args : list of str or dict of lists, optional
        Arguments for all, or by file name. A steering that is given none has those of the combined program.
    sandbox : list of path or dict of lists
        Files that they need, relative to each: for all, where they have them, or by file name.
    filename : str
        What the combined one is called.

    Raises
    ------
    InvalidSteering
        If they cannot run together, or one of them cannot be recorded; the findings name all reasons, with the
        lines in each file.
    InvalidInput
        If a file does not exist, or nothing is given.

    Examples
    --------
    >>> each = '''
    ... import basf2
    ... import modularAnalysis as ma
    ... path = basf2.create_path()
    ... ma.inputMdst("in.root", path=path)
    ... ma.variablesToNtuple("", ["nTracks"], treename="{0}", filename="{0}.root", path=path)
    ... basf2.process(path)
    ... '''
    >>> combine([each.format("one"), each.format("two")]).steerings
    ('text1.py', 'text2.py')
    """
    given = _read(_items(steerings), args, sandbox)
    parts, found = _recorded(given)
    shipped, clashes = _joined(given, filename)
    found += clashes
    if len(parts) == len(given):  # what cannot be recorded cannot be compared either
        found += collisions(parts)
    report = Report(tuple(found), filename=listed([one.name for one in given]))
    if report.errors:
        first = report.errors[0]
        count = len(report.errors)
        raise InvalidSteering(
            first.message if count == 1 else f"{report.filename} cannot be combined: {count} things are in the way",
            hint=first.hint if count == 1 else "mend them all, and combine again",
            findings=report.errors,
        )
    ordered = in_order(parts)
    text = program(
        {part.name: part.text for part in ordered},
        {one.name: one.args for one in given if one.args is not None},
        _modules(shipped),
        parts[0].recipe.max_event,
    )
    return Steering(text, filename, shipped, report, tuple(part.name for part in ordered))


# ---- what was given


def _items(steerings: Any) -> list[Any]:
    if isinstance(steerings, str | os.PathLike | Source | Steering):
        raise InvalidInput("combine takes a list of steering files", hint="combine([a, b])")
    items = list(steerings)
    if not items:
        raise InvalidInput("there are no steering files to combine", hint="combine(['a.py', 'b.py'])")
    return items


def _read(items: list[Any], args: Words | None, sandbox: Files) -> list[_Given]:
    sources = [_source(item) for item in items]
    names = _names(sources)
    words = _by_name(args if args is not None else {}, names, "args")
    files = _by_name(sandbox, names, "sandbox")
    everywhere = not isinstance(sandbox, Mapping)
    if not isinstance(sandbox, Mapping):
        _found_somewhere(sandbox, sources)
    return [
        _Given(
            name,
            source,
            tuple(map(str, words[name])) if name in words else None,
            _sandbox(item, source, files.get(name, ()), everywhere=everywhere),
        )
        for name, source, item in zip(names, sources, items, strict=True)
    ]


def _source(item: Any) -> Source:
    if isinstance(item, Steering):
        return item.source
    return item if isinstance(item, Source) else Source.read(item)


def _names(sources: list[Source]) -> list[str]:
    """What each is called: its file name, with its folder where two are equal, and a number where there is none."""
    names = [source.filename if source.filename != "<text>" else f"text{n}.py" for n, source in enumerate(sources, 1)]
    for longer in (_with_folder, _with_number):
        twice = {name for name, count in Counter(names).items() if count > 1}
        names = [
            longer(name, source, number) if name in twice else name
            for number, (name, source) in enumerate(zip(names, sources, strict=True), 1)
        ]
    return names


def _with_folder(name: str, source: Source, _number: int) -> str:
    return name if source.path is None else "/".join(source.path.absolute().parts[-2:])


def _with_number(name: str, _source: Source, number: int) -> str:
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}_{number}{path.suffix}"))


def _by_name(given: Any, names: list[str], what: str) -> dict[str, Sequence[Any]]:
    """What is given for all, or for some by their names, by the name."""
    if isinstance(given, str | os.PathLike):
        raise InvalidInput(f"{what} is {given!r}", hint=f"give a list: {os.fspath(given).split()!r}")
    if not isinstance(given, Mapping):
        return dict.fromkeys(names, tuple(given)) if given else {}
    for name in given:
        if name not in names:
            near = nearest(str(name), names)
            hint = f"did you mean {near[0]!r}?" if near else f"they are called {listed(names)}"
            raise InvalidInput(f"{what} are given for {name!r}, which is none of the steering files", hint=hint)
    return {name: _by_name(words, [name], what).get(name, ()) for name, words in given.items()}


def _beside(source: Source) -> Path:
    return source.path.parent if source.path is not None else Path.cwd()


def _found_somewhere(files: Iterable[str | os.PathLike[str]], sources: list[Source]) -> None:
    folders = list(dict.fromkeys(_beside(source) for source in sources))
    for file in files:
        if not any((folder / file).exists() for folder in folders):
            raise InvalidInput(
                f"sandbox file {os.fspath(file)!r} is beside none of the steering files",
                hint="check the name, it is relative to them",
            )


def _sandbox(item: Any, source: Source, files: Sequence[str | os.PathLike[str]], *, everywhere: bool) -> Sandbox:
    """The files of one steering; of those that are given for all, what is beside it."""
    beside = _beside(source)
    wanted = [file for file in files if not everywhere or (beside / file).exists()]
    own = item.sandbox.files if isinstance(item, Steering) else {}
    return Sandbox({**own, **collect(wanted, beside).files})


# ---- what they are together


def _recorded(given: list[_Given]) -> tuple[list[Part], list[Finding]]:
    parts, found = [], []
    for one in given:
        try:
            recipe, shared = replay(one.source, one.args or (), one.sandbox)
        except InvalidInput as error:
            found += [_placed(one.name, item) for item in error.findings] or [
                finding("B2S601", f"{one.name}: {error.message}", error.hint)
            ]
            continue
        parts.append(Part(one.name, one.source.text, recipe, shared))
    return parts, found


def _placed(name: str, item: Finding) -> Finding:
    where = name if item.line is None else f"{name}:{item.line}"
    return Finding(item.code, item.severity, f"{where}: {item.message}", item.hint)


def _joined(given: list[_Given], filename: str) -> tuple[Sandbox, list[Finding]]:
    """All sandboxes as one; a name stands for one content."""
    files: dict[str, Path] = {}
    owner: dict[str, str] = {}
    found = []
    for one in given:
        for name, path in one.sandbox.files.items():
            if name in files and files[name].read_bytes() != path.read_bytes():
                said = f"the file {name!r} of {owner[name]} and that of {one.name} are not the same"
                found.append(finding("B2S815", said, "all of them travel in one sandbox: rename one of the files"))
            files.setdefault(name, path)
            owner.setdefault(name, one.name)
    taken = dict.fromkeys(files, "in the sandbox") | {one.name: "one of the steering files" for one in given}
    if filename in taken:
        said = f"the combined steering is to be called {filename!r}, and that is {taken[filename]}"
        found.append(finding("B2S815", said, "give it another filename"))
    shipped = Sandbox(files)
    return shipped, [*found, *shipped.too_large()]


def _modules(sandbox: Sandbox) -> set[str]:
    """The Python modules of a sandbox, by the names under which they can be imported."""
    paths = [PurePosixPath(name) for name in sandbox if name.endswith(".py")]
    return {part for path in paths for part in (*path.parts[:-1], path.stem)}
