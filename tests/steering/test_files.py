"""What works at home and fails in a job: arguments, files, outputs, modules; and that certain means certain."""

from __future__ import annotations

import builtins
import contextlib
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2grid.errors import Finding, Report
from b2grid.preparation import examine
from b2grid.steering import check
from b2grid.steering.findings import FAR_AWAY
from b2grid.steering.sandbox import LIMIT

HEAD = "import sys\nimport basf2 as b2\nimport modularAnalysis as ma\npath = b2.create_path()\n"
TAIL = "b2.process(path)\n"


def codes(report: Report) -> list[str]:
    return [item.code for item in report]


def one(report: Report) -> Finding:
    (item,) = report
    return item


# -- arguments


@pytest.mark.parametrize(
    ("read", "needed"),
    [
        ("tree = sys.argv[2]", 2),
        ("_, tree, file = sys.argv", 2),
        ("words = sys.argv[1:]\ntree, file, more = words", 3),
        ("from sys import argv as words\ntree = words[1]", 1),
        ("if len(sys.argv) <= 3:\n    raise SystemExit('usage')", 3),
        ("given = sys.argv[1:]\nif not given:\n    quit()", 1),
        ("count = len(sys.argv) - 1\nassert True\nif count != 2:\n    sys.exit()", 2),
        ("if len(sys.argv) > 1:\n    mode = sys.argv[1]\nelse:\n    exit('usage')", 1),
        ("def tree():\n    return sys.argv[1]\nprint(tree())", 1),
        ("import argparse\np = argparse.ArgumentParser()\np.add_argument('x', nargs=2)\na = p.parse_args()", 2),
        ("import argparse\np = argparse.ArgumentParser()\np.add_argument('x', nargs='+')\na = p.parse_args()", 1),
    ],
)
def test_arguments_that_are_read_have_to_be_given(read: str, needed: int) -> None:
    text = f"{HEAD}{read}\n{TAIL}"
    told = one(check(text))
    assert (told.code, told.severity) == ("B2S113", "note")
    assert f"at least {needed} argument" in told.message
    for count in range(needed):
        refused = one(check(text, args=["a"] * count))
        assert (refused.code, refused.severity) == ("B2S113", "error")
    assert codes(check(text, args=["a"] * needed)) == []


def test_an_option_that_is_required_counts_by_its_name() -> None:
    text = (
        f"{HEAD}import argparse\nparser = argparse.ArgumentParser()\n"
        f"parser.add_argument('-s', '--sample', required=True)\nargs = parser.parse_args()\n{TAIL}"
    )
    assert "--sample" in one(check(text, args=["data"])).message
    for words in (["--sample", "data"], ["--sample=data"], ["--sam", "data"], ["-sdata"]):
        assert codes(check(text, args=words)) == []


def test_what_arguments_decide_is_known_with_them() -> None:
    text = f"{HEAD}if len(sys.argv) > 1 and sys.argv[1] == 'local':\n    open('cuts.txt')\n{TAIL}"
    assert codes(check(text)) == []
    assert codes(check(text, args=["grid"])) == []
    assert codes(check(text, args=["local"])) == ["B2S503"]


@pytest.mark.parametrize(
    "read",
    [
        "sys.argv = ['x', 'y', 'z']\ntree = sys.argv[2]",
        "sys.argv.append('x')\ntree = sys.argv[1]",
        "if ma.process:\n    tree = sys.argv[1]",
        "while path.size:\n    tree = sys.argv[1]",
        "def unused():\n    return sys.argv[1]",
        "tree = (sys.argv + ['x'])[1]",
        "ok = ma.x or sys.argv[1]",
        "for x in ['a', 'b']:\n    if ma.x:\n        continue\n    tree = sys.argv[1]",
        "def tree():\n    if ma.x:\n        return ''\n    return sys.argv[1]\nprint(tree())",
        "import contextlib\nwith contextlib.suppress(IndexError):\n    tree = sys.argv[1]",
    ],
)
def test_arguments_that_may_not_be_read_are_left_alone(read: str) -> None:
    assert "B2S113" not in codes(check(f"{HEAD}{read}\n{TAIL}", args=[]))


def test_a_path_that_is_not_processed_is_an_error_and_what_has_no_path_may_be_something_else() -> None:
    assert one(check(HEAD)).severity == "error"
    assert one(check("import basf2 as b2\nb2.print_env()\n")).severity == "warning"
    for caller in ("import b2test_utils as b2tu\nb2tu.safe_process(path)", "from b2luigi import Task\nprint(Task)"):
        assert codes(check(f"{HEAD}{caller}\n")) == []


# -- a project makes errors of what fails in its jobs

AT_HOME = f"""{HEAD}
import my_cuts
import os
os.makedirs("out")
print(open("cuts.txt").read(), open("/home/me/cuts.txt").read(), my_cuts)
ma.variablesToNtuple("", ["nTracks"], "a", "out/a.root", path=path)
ma.variablesToNtuple("", ["nTracks"], "b", "a.root", path=path)
ma.variablesToNtuple("", ["nTracks"], "c", "/home/me/c.root", path=path)
tree = sys.argv[1]
{TAIL}"""


def test_what_jobs_would_miss_is_a_warning_of_a_script_and_an_error_of_a_project(tmp_path: Path) -> None:
    steering = tmp_path / "steer.py"
    steering.write_text(AT_HOME)
    alone = {item.code: item.severity for item in check(steering)}
    far = FAR_AWAY - {"B2S110"}  # it does call process
    assert alone == dict.fromkeys([*far, "B2S505"], "warning") | {"B2S113": "note"}
    report = examine(steering, "main", (), [("a",), ("a",), ()])
    assert {item.code: item.severity for item in report} == {
        **dict.fromkeys([*far, "B2S113"], "error"),
        "B2S505": "warning",  # jobs of this host, or of a farm with the same folders, have it
    }
    assert len(report.findings) == len(far) + 2
    (tmp_path / "my_cuts.py").touch()
    (tmp_path / "cuts.txt").touch()
    kept = examine(steering, "main", ("my_cuts.py", "cuts.txt"), [("a",)])
    assert set(codes(kept)) == {"B2S505", "B2S507", "B2S509"}


def test_a_line_that_is_silenced_stays_silent_in_a_project(tmp_path: Path) -> None:
    steering = tmp_path / "steer.py"
    steering.write_text(f"{HEAD}open('/group/belle2/cuts.txt')  # b2grid: ignore[B2S505]\n{TAIL}")
    assert examine(steering, "main", (), [()]).ok


def test_the_sandbox_of_a_script_is_looked_at(tmp_path: Path) -> None:
    steering = tmp_path / "steer.py"
    steering.write_text(HEAD + TAIL)
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(LIMIT + 1)
    report = check(steering, sandbox=["gone.txt", "/home/me/x.txt"])
    assert codes(report) == ["B2S501", "B2S501"]
    assert "gone.txt" in str(report)
    assert "large.bin" in one(check(steering, sandbox=["large.bin"])).message
    assert codes(check(steering, sandbox=["large.bin"])) == ["B2S502"]
    assert codes(check(HEAD + TAIL, sandbox=["gone.txt"])) == []  # a text is nowhere


def test_a_folder_for_outputs_may_come_with_the_sandbox() -> None:
    text = f"{HEAD}ma.variablesToNtuple('', ['nTracks'], filename='out/a.root', path=path)\n{TAIL}"
    assert codes(check(text)) == ["B2S507"]
    assert codes(check(text, sandbox=["out/readme.txt"])) == []


# -- modules of one's own


def test_modules_are_followed_into_what_they_import(tmp_path: Path) -> None:
    package = tmp_path / "selections"
    package.mkdir()
    (package / "__init__.py").write_text("from . import charm\n")
    (package / "charm.py").write_text(
        "import numpy\nfrom .tools import cut\nimport constants\n\ndef late():\n    import never\n"
    )
    (package / "tools.py").write_text("try:\n    import plots\nexcept ImportError:\n    plots = None\ncut = ''\n")
    for name in ("constants", "never", "plots"):
        (tmp_path / f"{name}.py").write_text("x = (\n")  # what cannot be read imports nothing
    steering = tmp_path / "steer.py"
    steering.write_text(f"from selections import charm\n{HEAD}print(charm)\n{TAIL}")
    assert ["selections" in item.message for item in check(steering)] == [True, True]
    report = check(steering, sandbox=["selections"])
    assert one(report).hint == "add sandbox=['constants.py']"
    assert "'selections.charm' imports 'constants'" in one(report).message
    assert codes(check(steering, sandbox=["selections", "constants.py"])) == []
    part = check(steering, sandbox=["selections/__init__.py", "selections/charm.py", "constants.py"])
    assert "'selections.tools'" in str(part)


def test_a_folder_that_python_is_told_to_look_in_counts(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "lists.py").touch()
    steering = tmp_path / "steer.py"
    for told, found in (
        ("sys.path.append('tools')", []),
        ("sys.path.insert(0, '/cvmfs/belle.cern.ch/group/python')", []),
        ("sys.path.append('/home/me/tools')", ["B2S504"]),
        ("", ["B2S504"]),
    ):
        steering.write_text(f"{HEAD}{told}\nimport lists\nprint(lists)\n{TAIL}")
        assert codes(check(steering, sandbox=["tools/lists.py"])) == found
        assert codes(check(steering)) == (found if "/cvmfs" in told else ["B2S504"])


# -- certain means certain

tests = st.recursive(
    st.sampled_from(
        ["random.random() < 0.5", "True", "False", "len(sys.argv) > 1", "len(sys.argv) == 3", "sys.argv[1:]",
         "sys.argv[2] == 'b'", "__name__ == '__main__'", "mode", "'a' in sys.argv"]
    ),
    lambda inner: st.one_of(
        inner.map(lambda test: f"(not {test})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: f"({' '.join(parts)})"),
    ),
    max_leaves=3,
)  # fmt: skip


def indented(block: list[str]) -> str:
    return "\n".join(f"    {line}" for statement in block for line in statement.split("\n"))


simple = st.sampled_from(
    ["open('f{}')", "open('f{}')", "x = sys.argv[1]", "x = sys.argv[2]", "_, x = sys.argv", "sys.exit()",
     "raise ValueError", "pass", "x = random.random() < 0.5 and open('f{}')", "[open('f{}') for x in []]",
     "[open('f{}') for x in 'ab']"]
)  # fmt: skip
loops = st.sampled_from(["for x in ['p', 'q']", "for x in []", "for x in sys.argv[1:]", "while random.random() < 0.5"])


def nested(leaves: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Statements in branches, loops and what catches exceptions."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(lambda test, then, other: f"if {test}:\n{indented(then)}\nelse:\n{indented(other)}",
                      tests, st.lists(inner, min_size=1, max_size=3), st.lists(inner, min_size=1, max_size=2)),
            st.builds(lambda loop, body, end: f"{loop}:\n{indented([*body, end])}",
                      loops, st.lists(inner, min_size=1, max_size=2), st.sampled_from(["pass", "break", "continue"])),
            st.builds(lambda body: f"try:\n{indented(body)}\nexcept BaseException:\n    pass",
                      st.lists(inner, min_size=1, max_size=2)),
            st.builds(lambda body: f"with contextlib.suppress(BaseException):\n{indented(body)}",
                      st.lists(inner, min_size=1, max_size=2)),
        ),
        max_leaves=6,
    )  # fmt: skip


bodies = st.lists(
    st.one_of(nested(simple), st.sampled_from(["return", "if random.random() < 0.5:\n    return"])), max_size=3
)
scripts = st.builds(
    lambda f, g, main: (
        "import contextlib\nimport random\nimport sys\n\nimport basf2\n\nmode = 0\n"
        f"def f():\n{indented([*f, 'pass'])}\ndef g():\n{indented([*g, 'f()'])}\n"
        + "\n".join([*main, "basf2.process(0)"])
    ),
    bodies, bodies, st.lists(nested(st.one_of(simple, st.sampled_from(["f()", "g()"]))), max_size=4),
)  # fmt: skip


class _Ran:
    """What a run of a script did: the files that it opened, and whether it came to process."""

    def __init__(self, text: str, args: list[str], seed: int) -> None:
        self.opened: set[str] = set()
        self.processed = False
        self.failed = False
        basf2: Any = type(sys)("basf2")
        basf2.process = lambda _path: setattr(self, "processed", True)
        made = {"__name__": "__main__", "__builtins__": {**vars(builtins), "open": self.opened.add}}
        random.seed(seed)
        with _replaced(sys.modules, "basf2", basf2), _argv(["steer.py", *args]):
            try:
                exec(compile(text, "steer.py", "exec"), made)
            except (SystemExit, Exception):
                self.failed = True


@contextlib.contextmanager
def _replaced(where: dict[str, Any], name: str, value: Any):  # type: ignore[no-untyped-def]
    where[name] = value
    try:
        yield
    finally:
        del where[name]


@contextlib.contextmanager
def _argv(words: list[str]):  # type: ignore[no-untyped-def]
    kept = sys.argv[:]
    sys.argv[:] = words
    try:
        yield
    finally:
        sys.argv[:] = kept


def numbered(text: str) -> str:
    """Every file by a name of its own."""
    parts = text.split("f{}")
    return "".join(f"{part}f{number}" for number, part in enumerate(parts[:-1])) + parts[-1]


@settings(max_examples=100)
@given(scripts.map(numbered), st.lists(st.sampled_from(["a", "b"]), max_size=3))
def test_what_is_said_to_happen_happens_whatever_chance_does(text: str, args: list[str]) -> None:
    report = check(text, args=args)
    runs = [_Ran(text, args, seed) for seed in range(5)]
    said: dict[str, Callable[[_Ran], bool]] = {
        "B2S112": lambda run: run.failed and not run.processed,
        "B2S113": lambda run: run.failed,
    }
    for item in report:
        if item.code in said:
            assert all(said[item.code](run) for run in runs), f"{item}\n{text}"
        elif item.code == "B2S503":
            name = item.message.split("'")[1]
            assert all(run.failed or name in run.opened for run in runs), f"{item}\n{text}"
