"""Reading a steering file and saying everything that is wrong with it, without running it.

Only what is certain is reported: a name, a value or a module that cannot be known from the text alone is left
alone, so that a correct file has no findings.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from b2grid.errors import Finding, Report
from b2grid.steering import facts as interface
from b2grid.steering.checking.syntax import parse
from b2grid.steering.findings import CODES, finding
from b2grid.steering.source import Source

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable
    from pathlib import Path

    from b2grid.steering.coverage import Coverage
    from b2grid.steering.facts import Facts

__all__ = ["check"]

_IGNORE = re.compile(r"#[^\n]*?\bb2grid:\s*ignore\s*\[([^\]\n]*)\]")
_ALWAYS = frozenset({"B2S101", "B2S102", "B2S103", "B2S104"})


def check(
    path_or_text: str | os.PathLike[str] | Source,
    *,
    release: str = "main",
    sandbox: Iterable[str | os.PathLike[str]] = (),
    covers: Coverage | None = None,
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
        Files and folders that travel with it, relative to it.
    covers : Coverage or None
        What the chosen runner covers; what it does not is an error. `None` is basf2 itself.

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
    B2S110 None end the script with basf2.process(path)
    B2S201 2 did you mean fillParticleLists or fillParticleList or fillParticleListsFromMC?
    """
    source = path_or_text if isinstance(path_or_text, Source) else Source.read(path_or_text)
    facts = interface.load(release)
    tree, found = parse(source.text, facts.python, release)
    if tree is not None:
        names = [sandbox] if isinstance(sandbox, str | os.PathLike) else sandbox
        found = _read(tree, source, facts, [os.fspath(name) for name in names], covers)
    return Report(tuple(_heard(found, source.text)), source.text, source.filename)


def _read(tree: ast.Module, source: Source, facts: Facts, sandbox: list[str], covers: Coverage | None) -> list[Finding]:
    from b2grid.steering.checking import calls, decays, events, files, lists, process, trees, variables
    from b2grid.steering.checking.aliases import Aliases
    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.script import Script
    from b2grid.steering.checking.values import Values

    script = Script(tree, facts)
    context = Context(script, Values(script), facts, covers, source.text.splitlines())
    calls.check_undefined(context, source.filename)
    calls.check_imports(context)
    calls.check_calls(context)
    calls.check_modules(context)
    aliases = Aliases.of(context)
    variables.check_variables(context, aliases)
    events.check_events(context, aliases)
    decays.check_decays(context)
    lists.check_lists(context, aliases)
    process.check_process(context)
    trees.check_trees(context)
    files.check_files(context, sandbox)
    files.check_local_modules(context, sandbox, _beside(source))
    return list(context.found.values())


def _beside(source: Source) -> Path | None:
    return None if source.path is None else source.path.parent


def _no_code(code: str, line: int, column: int) -> Finding:
    return finding("B2S901", f"there is no code {code[:40]!r}", "docs/findings.md lists them", line, column)


def _heard(found: list[Finding], text: str) -> list[Finding]:
    """The findings that no comment silences, and comments that silence what does not exist."""
    silenced: dict[int, set[str]] = {}
    heard = []
    for number, line in enumerate(text.splitlines(), 1):
        for match in _IGNORE.finditer(line) if "b2grid" in line else ():
            named = {code.strip().upper() for code in match[1].split(",") if code.strip()}
            silenced.setdefault(number, set()).update(named)
            heard += [_no_code(code, number, match.start()) for code in sorted(named - set(CODES))]
    return heard + [
        item
        for item in found
        if item.code in _ALWAYS or item.line is None or item.code not in silenced.get(item.line, ())
    ]
