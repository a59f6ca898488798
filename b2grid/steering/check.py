"""Reading a steering file and saying everything that is wrong with it, without running it.

Only what is certain is reported: a name, a value or a module that cannot be known from the text alone is left
alone, so that a correct file has no findings.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from b2grid.errors import Finding, InvalidInput, Report, split_lines
from b2grid.steering import compiling
from b2grid.steering import facts as interface
from b2grid.steering.checking.text.syntax import parse
from b2grid.steering.combining.program import embedded
from b2grid.steering.findings import CODES, finding
from b2grid.steering.sandbox import collect
from b2grid.steering.source import Source

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from b2grid.steering.checking.text.syntax import Verdict
    from b2grid.steering.combining.program import Embedded
    from b2grid.steering.coverage import Coverage
    from b2grid.steering.facts import Facts

__all__ = ["check"]

_IGNORE = re.compile(r"\bb2grid:\s*ignore\s*\[([^\[\]]*)\]")
_ALWAYS = frozenset({"B2S101", "B2S102", "B2S103", "B2S104"})


def check(
    path_or_text: str | os.PathLike[str] | Source,
    *,
    release: str = "main",
    sandbox: Iterable[str | os.PathLike[str]] = (),
    args: Sequence[str] | None = None,
    covers: Coverage | None = None,
    ask: Callable[[str, str], Verdict | None] | None = compiling.verdict,
) -> Report:
    r"""Find everything that is wrong with a steering file, without executing any of it.

    Parameters
    ----------
    path_or_text : path, text or Source
        A script, a notebook, or the text itself.
    release : str
        The basf2 release whose Python and interface count, such as ``release-09-00-00``, ``light-2409-toyger``
        or ``main``.
    sandbox : iterable of path
        Files and folders that travel with it, relative to it; beside a file they are looked for.
    args : sequence of str or None
        The arguments that it is given; `None` if they are not known, and then what it needs is a note.
    covers : Coverage or None
        What the chosen runner covers; what it does not is an error. `None` is basf2 itself.
    ask : callable or None
        What the release's own Python says of a text; by default that of the release that is installed on this
        host, if one is. With `None` nothing but the text is read.

    A combined steering is checked with all steering files in it.

    Returns
    -------
    Report
        All findings at once (of syntax errors the first). A comment ``# b2grid: ignore[CODE]`` silences a code in
        its line.

    Raises
    ------
    InvalidInput
        If there is no such file, it is not text, or the release is unknown.

    Examples
    --------
    >>> for item in check("import modularAnalysis as ma\nma.fillParticleLits('pi+', '', path=None)\n"):
    ...     print(item.code, item.line, item.hint)
    B2S201 2 did you mean fillParticleLists or fillParticleList or fillParticleListsFromMC?
    B2S110 None end the script with basf2.process(path)
    """
    source = path_or_text if isinstance(path_or_text, Source) else Source.read(path_or_text)
    facts = interface.load(release)
    given = [sandbox] if isinstance(sandbox, str | os.PathLike) else list(sandbox)
    shipped = tuple(PurePosixPath(os.fspath(name)) for name in given)
    words = None if args is None else tuple(args)

    def findings(one: Source, words: tuple[str, ...] | None) -> list[Finding]:
        tree, found = parse(one.text, facts.python, release, ask)
        return _heard(found if tree is None else [*found, *_read(tree, one, facts, shipped, words, covers)], one.text)

    found = findings(source, words)
    if parts := embedded(source.text):
        inside = {line for part in parts for line in range(part.line, part.line + part.text.count("\n"))}
        found = [item for item in found if item.line not in inside]
        for part in parts:
            own = findings(Source(part.text, part.name, source.path), words if part.args is None else part.args)
            found += [_placed(item, part) for item in own]
    if source.path is not None and given:
        found += _of_sandbox(given, source.path)
    placed = tuple(source.placed(item) for item in found)
    return Report(placed, source.notebook or source.text, source.filename, source.cells)


def _placed(item: Finding, part: Embedded) -> Finding:
    """A finding about a steering file, at its place in the combined one."""
    if item.line is None:
        return replace(item, message=f"{part.name}: {item.message}")
    line = part.line + item.line - 1
    # its first line begins behind what it is assigned to
    column = item.column if item.line > 1 and part.verbatim else None
    return replace(item, line=line, column=column, message=f"{part.name}:{item.line}: {item.message}")


def _read(
    tree: ast.Module,
    source: Source,
    facts: Facts,
    sandbox: tuple[PurePosixPath, ...],
    args: tuple[str, ...] | None,
    covers: Coverage | None,
) -> list[Finding]:
    from b2grid.steering.checking.analysis import decays, events, lists, variables
    from b2grid.steering.checking.analysis.aliases import Aliases
    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.interface import added, calls, kinds, modules, names, skims
    from b2grid.steering.checking.job import arguments, files, inputs, local, outputs, process, trees
    from b2grid.steering.checking.reading.script import Script
    from b2grid.steering.checking.reading.values import Values
    from b2grid.steering.checking.reading.world import World

    script = Script(tree, facts)
    context = Context(script, Values(script), facts, covers, split_lines(source.text), sandbox, args)
    names.check_undefined(context, source.filename)
    names.check_taken(context)
    calls.check_calls(context)
    kinds.check_kinds(context)
    modules.check_modules(context)
    skims.check_skims(context)
    aliases = Aliases.of(context)
    variables.check_variables(context, aliases)
    events.check_events(context, aliases)
    decays.check_decays(context)
    lists.check_lists(context, aliases)
    world, runs, made = World(context, args), process.find_process(context), added.find_added(context)
    process.check_process(context, world, runs)
    arguments.check_arguments(context, world, runs)
    written = outputs.find_outputs(context, made)
    trees.check_trees(context, world, written)
    outputs.check_outputs(context, world, written)
    files.check_files(context, world, made, written)
    inputs.check_inputs(context, world, made, runs)
    local.check_local_modules(context, world, None if source.path is None else source.path.parent)
    return list(context.found.values())


def _of_sandbox(given: Sequence[str | os.PathLike[str]], steering: Path) -> tuple[Finding, ...]:
    """What is wrong with the files that travel."""
    try:
        collect(given, steering.parent)
    except InvalidInput as error:
        return error.findings
    return ()


def _no_code(code: str, line: int, column: int) -> Finding:
    return finding("B2S901", f"there is no code {code[:40]!r}", "docs/findings.md lists them", line, column)


def _heard(found: list[Finding], text: str) -> list[Finding]:
    """The findings that no comment silences, and comments that silence what does not exist."""
    silenced: dict[int, set[str]] = {}
    heard = []
    for number, line in enumerate(split_lines(text), 1):
        for match in _IGNORE.finditer(line, line.find("#")) if "#" in line and "b2grid" in line else ():
            named = {code.strip().upper() for code in match[1].split(",") if code.strip()}
            silenced.setdefault(number, set()).update(named)
            heard += [_no_code(code, number, match.start()) for code in sorted(named - set(CODES))]
    return heard + [
        item
        for item in found
        if item.code in _ALWAYS or item.line is None or item.code not in silenced.get(item.line, ())
    ]
