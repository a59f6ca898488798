"""Every code that a finding can have: what it means, with a bad and a good example.

Codes about steering files are in this file, those of other rooms in ``findings.toml`` beside it;
``docs/findings.md`` is made from both by `page`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from b2grid.errors import Finding, InvalidInput, Severity, nearest, printable

__all__ = ["CODES", "FAR_AWAY", "Code", "explain", "finding", "page"]

FAR_AWAY = frozenset({"B2S503", "B2S504"})
"""What works here and fails in a job; `Project.check` makes errors of these."""


@dataclass(frozen=True, slots=True)
class Code:
    """One code.

    Parameters
    ----------
    code : str
        Never reused for another thing.
    title : str
        What is wrong, in a few words.
    severity : {"error", "warning", "note"}
        What it is unless its finding says otherwise.
    explanation : str
        Why it matters, and what to do.
    bad, good : str
        Lines of a steering file with and without it; empty where it does not come from reading the file.
    """

    code: str
    title: str
    severity: Severity
    explanation: str
    bad: str = ""
    good: str = ""

    def __str__(self) -> str:
        parts = [f"{self.code} ({self.severity}): {self.title}", "", self.explanation]
        for word, example in (("bad", self.bad), ("good", self.good)):
            if example:
                parts += ["", f"{word}:", *(f"    {line}" for line in example.splitlines())]
        if self.bad and self.code.startswith("B2S") and self.code not in _NOT_SILENCED:
            parts += ["", f"Silence it on its line with:  # b2grid: ignore[{self.code}]"]
        return "\n".join(parts)


def explain(code: str) -> str:
    """What a code means, with a bad and a good example.

    Raises
    ------
    InvalidInput
        If there is no such code; the nearest are named.

    Examples
    --------
    >>> print(explain("B2S111"))
    B2S111 (warning): process is called more than once
    ...
    """
    found = CODES.get(code.strip().upper())
    if found is None:
        near = nearest(code.strip().upper(), CODES)
        raise InvalidInput(
            f"there is no code {printable(code[:40])!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else f"codes are {', '.join(CODES)}",
        )
    return str(found)


def finding(
    code: str,
    message: str,
    hint: str = "",
    line: int | None = None,
    column: int | None = None,
    *,
    severity: Severity | None = None,
) -> Finding:
    """Make a finding, with the severity that the table gives it unless it has one of its own."""
    return Finding(code, severity or CODES[code].severity, message, hint, line, column)


def page() -> str:
    """The page of the documentation that lists every code, as Markdown."""
    parts = [
        "# Findings",
        "",
        "What b2grid says about steering files, inputs and plans. Every code is stable; on a line of a steering",
        "file it is silenced by a comment `# b2grid: ignore[CODE]`, several codes with commas between them. On a",
        "terminal, `b2grid check --explain CODE` prints an entry.",
        "",
        "This page is made from the table of the program: `python -m b2grid.steering.findings > docs/findings.md`.",
    ]
    for room, title in _ROOMS.items():
        parts += ["", f"## {title}"]
        for entry in CODES.values():
            parts += _section(entry) if entry.code.startswith(room) else []
    return "\n".join(parts) + "\n"


def _section(entry: Code) -> list[str]:
    parts = ["", f"### {entry.code}: {entry.title}", "", f"*{entry.severity.capitalize()}.* {entry.explanation}"]
    for word, example in (("Bad", entry.bad), ("Good", entry.good)):
        if example:
            parts += ["", f"{word}:", "", "```python", example.rstrip(), "```"]
    return parts


_ROOMS = {
    "B2S": "Steering files",
    "B2C": "Catalogue and inputs",
    "B2P": "Planning",
    "B2M": "Manifests and outputs",
    "B2N": "Batch notebooks",
}


_HEAD = "import basf2 as b2\nimport modularAnalysis as ma\n\npath = b2.create_path()\n"
_TAIL = "b2.process(path)\n"


def _script(*lines: str, imports: str = "") -> str:
    return imports + _HEAD + "".join(f"{line}\n" for line in lines) + _TAIL


_ALL = (
    Code(
        "B2S101",
        "syntax error",
        "error",
        "The release's Python cannot read the file, and every job would fail at once. The message is Python's own; "
        "the mistake is often a line above, in a quote or bracket that is not closed.",
        _script("ma.reconstructDecay(D0 -> K-:good pi+:good', '1.8 < M < 1.9', path=path)"),
        _script("ma.reconstructDecay('D0 -> K-:good pi+:good', '1.8 < M < 1.9', path=path)"),
    ),
    Code(
        "B2S102",
        "written for Python 2",
        "error",
        "basf2 runs Python 3. Print is a function, and an exception is named with 'as'. 2to3 converts such files.",
        _script("print 'starting'"),
        _script("print('starting')"),
    ),
    Code(
        "B2S103",
        "newer syntax than this Python knows",
        "warning",
        "The release's Python is newer than the one that runs b2grid, so what looks like a mistake may be none.",
    ),
    Code(
        "B2S104",
        "cannot be read",
        "error",
        "The text nests so deeply, or is so damaged, that Python gives up on it.",
    ),
    Code(
        "B2S110",
        "process is never called",
        "error",
        "Building a path does nothing by itself: without basf2.process(path) a job reads no event.",
        _HEAD + "ma.inputMdst('mdst.root', path=path)\n",
        _HEAD + "ma.inputMdst('mdst.root', path=path)\nb2.process(path)\n",
    ),
    Code(
        "B2S111",
        "process is called more than once",
        "warning",
        "basf2 supports one process() per program run; the second may read nothing or overwrite the outputs.",
        _script("b2.process(path)"),
        _script(),
    ),
    Code(
        "B2S201",
        "unknown function",
        "error",
        "The Python module has no such function in this release: it is misspelt, was renamed or was removed.",
        _script("ma.fillParticleLits('pi+:all', '', path=path)"),
        _script("ma.fillParticleList('pi+:all', '', path=path)"),
    ),
    Code(
        "B2S202",
        "unknown parameter",
        "error",
        "The function has no parameter of this name in this release.",
        _script("ma.applyCuts('pi+:all', 'p > 1', pth=path)"),
        _script("ma.applyCuts('pi+:all', 'p > 1', path=path)"),
    ),
    Code(
        "B2S203",
        "missing parameter",
        "error",
        "The function has a parameter without a default that is not given.",
        _script("ma.applyCuts('pi+:all', path=path)"),
        _script("ma.applyCuts('pi+:all', 'p > 1', path=path)"),
    ),
    Code(
        "B2S204",
        "path is forgotten",
        "error",
        "Analysis functions add modules to a path. Many have path=None as a default for historical reasons, and "
        "fail or do nothing without one.",
        _script("ma.fillParticleList('pi+:all', '')"),
        _script("ma.fillParticleList('pi+:all', '', path=path)"),
    ),
    Code(
        "B2S205",
        "too many arguments",
        "error",
        "More positional arguments than the function has parameters, or one parameter given twice.",
        _script("ma.matchMCTruth('pi+:all', path, 'p > 1', 3)"),
        _script("ma.matchMCTruth('pi+:all', path=path)"),
    ),
    Code(
        "B2S206",
        "the old form of inputMdst",
        "error",
        "Until release-05 the environment type came first. Newer releases read it as the file name.",
        _script("ma.inputMdst('default', 'mdst.root', path=path)"),
        _script("ma.inputMdst('mdst.root', path=path)"),
    ),
    Code(
        "B2S207",
        "undefined name",
        "error",
        "The name is not defined anywhere in the file, and is neither imported nor built in.",
        _script("ma.inputMdst(file_name, path=path)"),
        _script("file_name = 'mdst.root'", "ma.inputMdst(file_name, path=path)"),
    ),
    Code(
        "B2S208",
        "unknown name of basf2",
        "error",
        "The Python module basf2 has no such name.",
        _script("b2.set_log_levl(b2.LogLevel.INFO)"),
        _script("b2.set_log_level(b2.LogLevel.INFO)"),
    ),
    Code(
        "B2S209",
        "unknown C++ module",
        "error",
        "add_module and register_module take the names of basf2's C++ modules.",
        _script("path.add_module('VariableToNtuple')"),
        _script("path.add_module('VariablesToNtuple', variables=['p'], particleList='pi+:all')"),
    ),
    Code(
        "B2S210",
        "unknown parameter of a C++ module",
        "error",
        "The module has no parameter of this name.",
        _script("path.add_module('RootInput', inputFiles='mdst.root')"),
        _script("path.add_module('RootInput', inputFileName='mdst.root')"),
    ),
    Code(
        "B2S301",
        "unknown variable",
        "error",
        "It is neither a variable of this release nor an alias or collection made in the file. basf2 stops before "
        "the first event.",
        _script("ma.variablesToNtuple('pi+:all', ['pp'], filename='a.root', path=path)"),
        _script("ma.variablesToNtuple('pi+:all', ['p'], filename='a.root', path=path)"),
    ),
    Code(
        "B2S302",
        "a cut that cannot be read",
        "error",
        "Cuts have a grammar of their own: 'and', 'or' and 'not', at most two comparisons in a chain, [ ] around "
        "conditions and ( ) around arithmetic, no quotes.",
        _script("ma.applyCuts('pi+:all', '(p > 1) && (dr < 1)', path=path)"),
        _script("ma.applyCuts('pi+:all', '[p > 1] and [dr < 1]', path=path)"),
    ),
    Code(
        "B2S303",
        "a variable that cannot be read",
        "error",
        "A variable is a name, a name with arguments in parentheses, a number, or arithmetic with these.",
        _script("ma.variablesToNtuple('D0', ['daughter(0, p'], filename='a.root', path=path)"),
        _script("ma.variablesToNtuple('D0', ['daughter(0, p)'], filename='a.root', path=path)"),
    ),
    Code(
        "B2S304",
        "wrong arguments of a variable",
        "error",
        "The variable takes arguments that are not given, or none where some are given, or another number.",
        _script("ma.applyCuts('D0', 'daughter(p) > 1', path=path)"),
        _script("ma.applyCuts('D0', 'daughter(0, p) > 1', path=path)"),
    ),
    Code(
        "B2S305",
        "unknown collection of variables",
        "error",
        "variables.collections has no list of this name.",
        "import variables.collections as vc\n"
        + _script("ma.variablesToNtuple('D0', vc.kinematic, filename='a.root', path=path)"),
        "import variables.collections as vc\n"
        + _script("ma.variablesToNtuple('D0', vc.kinematics, filename='a.root', path=path)"),
    ),
    Code(
        "B2S311",
        "a decay string or list name that cannot be read",
        "error",
        "mother -> daughters, with a blank before the arrow; a label follows its particle after a colon.",
        _script("ma.reconstructDecay('D0:kpi->K-:good pi+:good', '', path=path)"),
        _script("ma.reconstructDecay('D0:kpi -> K-:good pi+:good', '', path=path)"),
    ),
    Code(
        "B2S312",
        "unknown particle",
        "error",
        "basf2's particle table has no such name. Mind K_S0, anti-D0, D*+, anti-p- and Lambda0.",
        _script("ma.fillParticleList('Ks:all', '', path=path)"),
        _script("ma.fillParticleList('K_S0:all', '', path=path)"),
    ),
    Code(
        "B2S313",
        "charge is not conserved",
        "error",
        "basf2 stops unless the daughters have the mother's charge, the string ends in '...', or "
        "allowChargeViolation=True is given.",
        _script("ma.reconstructDecay('D0 -> K-:good pi-:good', '', path=path)"),
        _script("ma.reconstructDecay('D0 -> K-:good pi+:good', '', path=path)"),
    ),
    Code(
        "B2S401",
        "a tree called persistent",
        "error",
        "basf2 keeps the metadata of a file in the tree 'persistent', and stops when an ntuple uses that name.",
        _script("ma.variablesToNtuple('D0', ['M'], treename='persistent', filename='a.root', path=path)"),
        _script("ma.variablesToNtuple('D0', ['M'], treename='D0', filename='a.root', path=path)"),
    ),
    Code(
        "B2S402",
        "the same tree twice in one file",
        "error",
        "Every tree of a file needs a name of its own; the default is 'variables' in 'ntuple.root'.",
        _script(
            "ma.variablesToNtuple('D0', ['M'], filename='a.root', path=path)",
            "ma.variablesToNtuple('D+', ['M'], filename='a.root', path=path)",
        ),
        _script(
            "ma.variablesToNtuple('D0', ['M'], 'D0', filename='a.root', path=path)",
            "ma.variablesToNtuple('D+', ['M'], 'Dplus', filename='a.root', path=path)",
        ),
    ),
    Code(
        "B2S500",
        "the sandbox cannot be collected",
        "error",
        "The files that travel with the steering file cannot be read.",
    ),
    Code(
        "B2S501",
        "a sandbox file is missing or out of place",
        "error",
        "Sandbox files are named relative to the steering file, and lie in or below its folder.",
    ),
    Code(
        "B2S502",
        "the sandbox is too large",
        "error",
        "It travels with every job. Put large files where jobs can read them, and name them by their full path.",
    ),
    Code(
        "B2S503",
        "a file that jobs will not have",
        "warning",
        "The file is opened by a relative name, and is not in the sandbox: a job starts in an empty folder. "
        "A warning here, an error in a project.",
        _script("cuts = open('cuts.txt').read()"),
        _script("cuts = open('/cvmfs/belle.cern.ch/cuts.txt').read()"),
    ),
    Code(
        "B2S504",
        "a Python module that jobs will not have",
        "warning",
        "The module belongs neither to Python nor to basf2, and is not in the sandbox. A warning here, an error in "
        "a project.",
        "import my_selection\n" + _script("my_selection.add(path)"),
        "import math\n" + _script("print(math.pi)"),
    ),
    *(
        Code(
            code, title, "error", "Found when the steering file was recorded: executed with stand-ins, without events."
        )
        for code, title in (
            ("B2S601", "the script stops with an exception"),
            ("B2S602", "the script exits before process"),
            ("B2S603", "the script ends without calling process"),
            ("B2S604", "errors were logged before process"),
            ("B2S605", "building the path takes too long"),
            ("B2S606", "building the path takes too much memory"),
            ("B2S607", "the script's process was killed"),
        )
    ),
    Code(
        "B2S701",
        "the runner does not cover this",
        "error",
        "The chosen runner does not cover this function, parameter, variable or module, and would refuse it. b2lite "
        "is right, or refuses: give the project a release to run it with basf2.",
    ),
    Code(
        "B2S702",
        "the runner refuses this",
        "error",
        "b2lite found a value, list or decay string that it cannot work with, as basf2 would before the first event.",
    ),
    Code("B2S900", "the trial failed", "error", "The steering file did not run on one file of a sample."),
    Code(
        "B2S901",
        "ignore of an unknown code",
        "note",
        "A comment silences a code that does not exist.",
        _script("# b2grid: ignore[B2S999]"),
        _script("# b2grid: nothing to ignore"),
    ),
)


def _others() -> list[Code]:
    read = tomllib.loads(files("b2grid.steering").joinpath("findings.toml").read_text("utf-8"))
    return [Code(code, **{name: text.strip() for name, text in entry.items()}) for code, entry in read.items()]


CODES: dict[str, Code] = {code.code: code for code in (*_ALL, *_others())}
"""Code -> what it means."""

_NOT_SILENCED = frozenset({"B2S101", "B2S102", "B2S103", "B2S104", "B2S901"})

if __name__ == "__main__":
    print(page(), end="")
