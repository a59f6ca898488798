"""Particle lists in the check: held against the stand-ins, and against scripts that are really run."""

from __future__ import annotations

import re
import textwrap
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2grid.steering import check, facts, record
from b2grid.steering.checking.analysis.standard import handling, quiet, record_standard, standard
from b2grid.steering.findings import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = (
    "import basf2 as b2\nimport modularAnalysis as ma\npath = b2.create_path()\nma.inputMdst('mdst.root', path=path)\n"
)
LOAD = "ma.fillParticleLists([('pi+:in', ''), ('K+:in', ''), ('gamma:in', '')], path=path)\n"
TAIL = "b2.process(path)\n"
MINE = {"B2S314", "B2S315", "B2S316"}
EMPTY = "''"
ROLES = ("makes", "loads", "combines", "reads", "looks")


def said(text: str, *codes: str, release: str = "main") -> list[str]:
    """The messages of findings about lists."""
    return [item.message for item in check(text, release=release) if item.code in (codes or MINE)]


def missing(text: str) -> set[str]:
    """The lists of which it is said that they are not there."""
    return {re.findall(r"the list (\S+) is", message)[0] for message in said(text, "B2S314")}


# -- the table


def test_the_lists_of_standard_functions_are_those_of_the_stand_ins() -> None:
    again = "make it again: python -m b2grid.steering.checking.analysis.standard"
    assert record_standard() == standard(), again


def test_every_parameter_in_the_table_is_one_of_basf2() -> None:
    parameters: dict[str, set[str]] = {}
    for release in facts.POINTS:
        known = facts.load(release)
        for module, functions in known.functions.items():
            for name in functions:
                signature = known.signature(module, name)
                assert signature is not None
                parameters.setdefault(f"{module}.{name}", set()).update(signature.names)
    for kind, names in facts.load().modules.items():
        parameters[kind] = {name.rstrip("!") for name in names}
    for name, entry in handling().items():
        words = [word for role in ROLES for word in entry.get(role, ())] + [entry.get("standard") or "path"]
        assert set(words) - {"path"} <= parameters[name], name


def test_every_function_that_gets_a_path_is_handled_or_may_make_any_list() -> None:
    rooms = {"modularAnalysis", "vertex", "kinfit", "mdst", "udst", "stdPhotons", "stdPi0s", "stdKlongs"}
    for release in facts.POINTS:
        known = facts.load(release)
        for room in rooms & set(known.functions):
            for name in known.functions[room]:
                signature = known.signature(room, name)
                if signature is not None and "path" in signature.names:
                    assert f"{room}.{name}" in handling(), (release, room, name)
    assert quiet("generators.add_evtgen_generator")
    assert not quiet("stdHyperons.stdXi")


def sample(name: str, entry: dict[str, Any], label: str) -> str:
    """A call of a function that makes lists, whose lists have this label."""
    signature = facts.load().signature(*name.rsplit(".", 1))
    assert signature is not None
    values = {
        **dict.fromkeys(entry.get("reads", ()), "'pi+:in'"),
        **dict.fromkeys(entry.get("looks", ()), "'pi+:in'"),
        **dict.fromkeys(
            entry.get("makes", ()), f"'D0:{label} -> K-:in pi+:in'" if "reconstruct" in name else f"'D0:{label}'"
        ),
        **dict.fromkeys(entry.get("combines", ()), f"'D0:{label} -> K-:in pi+:in'"),
        **dict.fromkeys(entry.get("loads", ()), f"'gamma:{label}'"),
        "hypothesis": "13",
        "path": "path",
    }
    several = {word: f"[{text}]" for word, text in values.items() if word.endswith(("Lists", "Names", "_names"))}
    values |= several | {"decayStringsWithCuts": f"[('gamma:{label}', '')]"}
    wanted = [word for word in signature.names if word in signature.required or word == "path" or word in several]
    given = ", ".join(f"{word}={values.get(word, EMPTY)}" for word in wanted)
    return f"{name.replace('modularAnalysis', 'ma')}({given})"


def test_what_the_stand_ins_make_is_there_for_the_check() -> None:
    makers = {
        name: entry
        for name, entry in handling().items()
        if name.startswith("modularAnalysis.")
        and set(entry) & {"makes", "loads", "combines"}
        and facts.load().signature(*name.rsplit(".", 1))
    }
    calls = [sample(name, dict(entry), f"made{number}") for number, (name, entry) in enumerate(makers.items())]
    recipe = record(HEAD + LOAD + "\n".join(calls) + "\n" + TAIL)
    first = (HEAD + LOAD).count("\n") + 1
    recorded = {item.line - first: item.name for item in recipe.lists if item.line and item.line >= first}
    assert len(recorded) > 20
    for number, name in recorded.items():
        text = HEAD + LOAD + calls[number] + f"\nma.applyCuts('{name}', '', path=path)\n" + TAIL
        assert missing(text) == set(), calls[number]
        assert missing(text.replace(calls[number], "")) == {name}, calls[number]


# -- scripts that are run

NAMES = ("pi+:a", "pi+:b", "pi-:a", "K+:c", "K-:c")


class Path:
    """A path that keeps what is added to it."""

    def __init__(self) -> None:
        self.parts: list[Any] = []

    def add_path(self, other: Path) -> None:
        self.parts.append(other)

    def steps(self) -> Iterator[tuple[str, str]]:
        for part in self.parts:
            if isinstance(part, Path):
                yield from part.steps()
            else:
                yield part


class Basf2:
    """What a script needs of basf2 and modularAnalysis to be run."""

    def __init__(self, answers: list[bool]) -> None:
        self.answers = answers
        self.processed = Path()

    create_path = Path

    def ask(self) -> bool:
        return self.answers.pop() if self.answers else False

    def process(self, path: Path) -> None:
        self.processed = path

    def fillParticleList(self, name: str, _cut: str, path: Path) -> None:
        path.parts.append(("make", name))

    def applyCuts(self, name: str, _cut: str, path: Path) -> None:
        path.parts.append(("use", name))


def run(body: str, answers: list[bool]) -> set[str]:
    """Run a script; the lists that are used before they are made."""
    fake = Basf2(list(answers))
    exec(f"path, side = b2.create_path(), b2.create_path()\n{body}{TAIL}", {"b2": fake, "ma": fake})
    made: set[str] = set()
    lost: set[str] = set()
    for what, name in fake.processed.steps():
        faces = set(both(name))
        if what == "make":
            made |= faces
        elif not made & faces:
            lost.add(name)
    return lost


def both(name: str) -> tuple[str, str]:
    particle, label = name.split(":")
    return name, f"{facts.antiparticles()[particle]}:{label}"


names = st.sampled_from(NAMES)
plain = st.builds(
    lambda function, name, where: f"ma.{function}('{name}', '', path={where})",
    st.sampled_from(["fillParticleList", "applyCuts"]),
    names,
    st.sampled_from(["path", "path", "path", "side"]),
)
looped = st.builds(
    lambda particles, label, function, other: (
        f"for name in {particles}:\n    ma.{function}(f'{{name}}:{label}', '', path=path)\n    {other}"
    ),
    st.lists(st.sampled_from(["pi+", "K-"]), max_size=2),
    st.sampled_from("abc"),
    st.sampled_from(["fillParticleList", "applyCuts"]),
    plain,
)
called = st.builds(
    lambda label, where, text: f"def step(where, label='b'):\n    {text}\nstep({where}, {label!r})\nstep(where=path)",
    st.sampled_from("abc"),
    st.sampled_from(["path", "side"]),
    st.sampled_from(
        [
            "ma.fillParticleList('pi+:' + label, '', path=where)",
            "ma.applyCuts('pi+:%s' % label, '', path=where)",
            "if label == 'a':\n        ma.fillParticleList(f'K+:{label}', '', where)",
            "return\n    ma.fillParticleList('K+:c', '', where)",
        ]
    ),
)
joined = st.just("path.add_path(side)")
known = st.builds(lambda test, one: f"if {test}:\n    {one}", st.sampled_from(["False", "'a' in ['a']", "1"]), plain)
asked = st.builds(
    lambda one, other: f"if b2.ask():\n    {indented(one)}\nelse:\n    {indented(other)}",
    st.one_of(plain, looped),
    plain,
)


def indented(text: str) -> str:
    return textwrap.indent(text, "    ").strip()


def script(pieces: list[str]) -> str:
    steps = [f"{piece}\n".replace("step(", f"step{number}(") for number, piece in enumerate(pieces)]
    return "ma.fillParticleList('e+:load', '', path=path)\n" + "".join(steps)


@given(st.lists(st.one_of(plain, plain, looped, called, known), max_size=8), st.booleans())
@settings(max_examples=80)
def test_the_check_finds_what_running_the_script_shows(pieces: list[str], join: bool) -> None:
    body = script(pieces + ["path.add_path(side)"] * join)
    found, lost = missing(f"{HEAD}side = b2.create_path()\n{body}{TAIL}"), run(body, [])
    assert found <= {face for name in lost for face in both(name)}
    # a list and that of the antiparticles are said to be missing once
    assert {min(both(name)) for name in found} == {min(both(name)) for name in lost}


@given(st.lists(st.one_of(plain, looped, called, asked, joined), max_size=8))
@settings(max_examples=80)
def test_what_goes_well_on_every_way_is_not_reported(pieces: list[str]) -> None:
    body = script(pieces)
    ways = body.count("b2.ask()")
    if body.count("add_path") > 1 or ways > 4:
        return
    lost = set().union(*(run(body, [bool(number >> bit & 1) for bit in range(ways)]) for number in range(2**ways)))
    found = missing(f"{HEAD}side = b2.create_path()\n{body}{TAIL}".replace("b2.ask()", "b2.find_file('x')"))
    assert found <= {face for name in lost for face in both(name)}


# -- what is said


@pytest.mark.parametrize("code", sorted(MINE | {"B2S306"}))
@pytest.mark.parametrize("release", facts.POINTS)
def test_the_examples_hold_for_every_release(code: str, release: str) -> None:
    assert [item.code for item in check(CODES[code].bad + "\n", release=release)] == [code]
    assert [item.code for item in check(CODES[code].good + "\n", release=release)] == []


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        ("ma.applyCuts('K_S0:merged', '', path=path)", "stdV0s.stdKshorts makes it"),
        ("ma.applyCuts('K-:good', '', path=path)", "stdCharged.stdK('good') makes it"),
        ("ma.applyCuts('K+:im', '', path=path)", "did you mean K+:in?"),
        ("ma.copyLists('pi+:x', ['pi-:inn'], path=path)", "did you mean pi+:in?"),
        ("ma.applyCuts('mu+:tight', '', path=path)", "fill or reconstruct it before it is used"),
    ],
)
def test_the_hint_says_what_may_have_been_meant(call: str, hint: str) -> None:
    assert [item.hint for item in check(HEAD + LOAD + call + "\n" + TAIL) if item.code == "B2S314"] == [hint]


@pytest.mark.parametrize(
    "line",
    [
        "# the input is a uDST",
        "from skim.WGs.systematics import SystematicsDstar",
        "# tagged by the FEI",
        "INPUT = 'SkimB'",
    ],
)
def test_lists_may_come_with_the_input(line: str) -> None:
    text = HEAD + LOAD + "ma.applyCuts('B+:generic', 'Mbc > 5.2', path=path)\nma.applyCuts('mu+:x', '', path=path)\n"
    assert missing(text + TAIL) == {"B+:generic", "mu+:x"}
    assert missing(text.replace("mdst.root", "a.root") + TAIL) == {"mu+:x"}
    assert missing(f"{text}{line}\n{TAIL}") == set()


@pytest.mark.parametrize(
    "unseen",
    [
        "ma.fillParticleList(b2.find_file('x'), '', path=path)",
        "ma.fillParticleList(*mine, path=path)",
        "path.add_module('ParticleLoader')",
        "exec('mine')",
        "# %run mine.py",
        "mine(path)",
        "mine.load(path=path)",
        "[path]",
        "mine.path = path",
        "(mine or path).add_module('ParticleLoader')",
        "path.add_module(mine())",
        "path.add_module('ParticleLoader', decayStrings=mine)",
        "path.add_path(mine())",
        "add = path.add_module",
        "path = mine()",
        "for path in mine: pass",
        "loader = b2.register_module('ParticleLoader')\nloader.param(mine)\npath.add_module(loader)",
        "import stdHyperons\nstdHyperons.stdXi(path=path)",
        "from stdCharged import stdPi\nstdPi('of_old_times', path=path)",
        "def g(*a, **k):\n    ma.fillParticleList(*a, **k)\ng('pi+:x', '', path=path)",
        "def g(name):\n    ma.fillParticleList(name, '', path=path)\nlist(map(g, ['pi+:x']))",
        "class M(b2.Module):\n    def initialize(self):\n        mine.registerInDataStore()\npath.add_module(M())",
        "ma.writePi0EtaVeto('pi+:in', 'pi+', path=path)",
    ],
)
def test_nothing_is_said_about_lists_that_something_unseen_may_make(unseen: str) -> None:
    text = "import mine\n" + HEAD + LOAD + "{}\nma.applyCuts('pi+:x', '', path=path)\n" + TAIL
    assert missing(text.format("")) == {"pi+:x"}
    assert missing(text.format(unseen)) == set()


@pytest.mark.parametrize(
    "user",
    [
        "ma.variablesToNtuple('pi+:in', ['p', 'countInList(D0:x, M > 1)'], path=path)",
        "vm.addAlias('n', 'nParticlesInList(anti-D0:x)')",
        "ma.outputUdst('a.root', ['D0:x'], path=path)",
        "name = 'D0:' + 'x'",
        "open('cuts.txt')",
        "ma.applyCuts(mine, '', path=path)",
        "import mine_too",
        "other(path)",
    ],
)
def test_a_list_that_may_be_used_is_not_called_unused(user: str) -> None:
    made = "ma.reconstructDecay('D0:x -> K-:in pi+:in', '', path=path)\n"
    ntuple = "ma.variablesToNtuple('gamma:in', ['E'], path=path)\n"
    text = f"from variables import variables as vm\n{HEAD}{LOAD}{made}{{}}\n{ntuple}{TAIL}"
    assert said(text.format(""), "B2S315") == ["the list D0:x is made and never used"]
    assert said(text.format(user), "B2S315") == []


def test_a_script_that_writes_nothing_may_make_what_it_likes() -> None:
    assert said(HEAD + LOAD + TAIL) == []


@pytest.mark.parametrize(
    "body",
    [
        "".join(f"p{i} = b2.create_path()\np{i}.add_path(p{i - 1})\np{i}.add_path(p{i - 1})\n" for i in range(1, 60)),
        "def f(p):\n    f(p)\n    f(p)\nf(path)\n",
        "path.add_path(path)\n",
        "".join(f"def f{i}(p):\n    f{i - 1}(p)\n    f{i - 1}(p)\n" for i in range(1, 30)) + "f29(path)\n",
        "".join("    " * i + f"for x{i} in range(99):\n" for i in range(8))
        + "    " * 8
        + "ma.printList('a', 1, path)\n",
        "".join(
            f"ma.fillParticleList('pi+:a{i}', '', path=path)\nma.printList('pi+:b{i}', 1, path)\n" for i in range(800)
        ),
    ],
)
def test_odd_scripts_take_no_time(body: str) -> None:
    started = time.process_time()
    check(f"{HEAD}p0 = b2.create_path()\ndef f0(p):\n    ma.printDataStore(path=p)\n{body}{TAIL}")
    assert time.process_time() - started < 5
