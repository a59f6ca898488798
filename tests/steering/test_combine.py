"""Steering files in one pass over the input: they write what they write apart, or are refused with both lines."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from b2grid import InvalidInput, InvalidSteering, check, combine, record
from b2grid.lite import coverage
from b2grid.lite.engine import RunOptions, run
from b2grid.steering import Steering
from b2grid.steering.combining.program import embedded, original, program, spans
from b2grid.steering.standin import Log, LogLevel, run_script

DEMO = sorted((Path(str(files("b2grid.catalogue"))) / "demo" / "data").glob("mixed_prod00090201_0[12].root"))

# two cuts on events, one of them behind an ntuple; ranks that are kept with particles under a name that others use too
CUTS = '''
"""Channels of mine."""
import basf2 as b2
import modularAnalysis as ma
import variables.collections as vc
from variables import variables as vm

b2.conditions.prepend_globaltag("analysis_one")
path = b2.create_path()
ma.inputMdst("cuts.root", path=path)
ma.applyEventCuts("nTracks >= 6", path=path)
ma.fillParticleList("pi+:good", "pionID > 0.1", path=path)
ma.rankByHighest("pi+:good", "p", numBest=5, outputVariable="rank", path=path)
ma.reconstructDecay("K_S0:a -> pi+:good pi-:good", "0.4 < M < 0.6", path=path)
vm.addAlias("pCMS", "useCMSFrame(p)")
ma.variablesToNtuple("K_S0:a", vc.kinematics + ["pCMS", "M"], treename="ks", filename="cuts.root", path=path)
ma.applyEventCuts("nTracks >= 9", path=path)
ma.variablesToNtuple("pi+:good", ["p", "extraInfo(rank)"], treename="pi", filename="both.root", path=path)
b2.process(path)
print(b2.statistics)
'''
STARS = """
from basf2 import *
from modularAnalysis import *
from stdCharged import stdK, stdPi
from variables import variables

def build(main):
    r'''Raw: \\d'''
    stdPi("good", path=main)
    stdK("good", path=main)
    variables.addAlias("pCMS", "useCMSFrame(p)")
    rankByLowest("pi+:good", "p", outputVariable="rank", path=main)
    reconstructDecay("D0:kpi -> K-:good pi+:good", "1.7 < M < 2.0", path=main)
    matchMCTruth("D0:kpi", path=main)
    columns = ["M", "isSignal", "pCMS", "daughter(1, extraInfo(rank))"]
    variablesToNtuple("D0:kpi", columns, treename="d0", filename="both.root", path=main)
    return main

if __name__ == "__main__":
    conditions.prepend_globaltag("analysis_one")
    main = create_path()
    inputMdst("stars.root", main)
    process(build(main))
"""
LOOP = """
import sys
import basf2
import modularAnalysis as ma
from variables import variables as vm

basf2.conditions.globaltags = ["analysis_one"]
path = basf2.Path()
ma.inputMdstList(["loop.root"], path)
for species in ("pi+", "K+"):
    ma.fillParticleList(f"{species}:loop", f"dr < {sys.argv[1]}", path=path)
    ma.variablesToNtuple(f"{species}:loop", ["p", "pt"], treename=species[:-1], filename="loop.root", path=path)
vm.addAlias("nGood", "nCleanedTracks(dr < 1)")
names = ["nTracks", "nGood", "nParticlesInList(pi+:loop)"]
ma.variablesToNtuple("", names, treename="events", filename="loop.root", path=path)
basf2.process(path=path)
"""
PLAIN = """
import basf2 as b2
import modularAnalysis as ma
from variables import variables as vm
path = b2.create_path()
ma.inputMdst("in.root", path=path)
{body}
b2.process(path)
"""

Write = Callable[..., list[Path]]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write steering files into the folder that the test is in, and return their paths."""
    monkeypatch.chdir(tmp_path)

    def written(**texts: str) -> list[Path]:
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(dedent(text).lstrip())
        return [tmp_path / f"{name}.py" for name in texts]

    return written


def plain(body: str) -> str:
    """A whole steering file around some lines, which begin in line 6."""
    return PLAIN.format(body=dedent(body).strip())


def lite(script: Path, inputs: Sequence[Path], folder: Path, args: Sequence[str] = ()) -> dict[tuple[str, str], Any]:
    """Run a steering on b2lite in a folder; every column of every tree that it wrote."""
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        log = Log(LogLevel.ERROR)
        options = RunOptions(inputs=tuple(map(str, inputs)))
        run_script(script, args, on_process=lambda path, _: run(path, options, log), log=log)
        return {
            (file.name, tree): {branch.name: branch.array(library="np") for branch in opened[tree].branches}
            for file in sorted(folder.glob("*.root"))
            for opened in [uproot.open(file)]
            for tree in set(opened.keys(cycle=False)) - {"persistent"}
        }


def same(one: dict[tuple[str, str], Any], other: dict[tuple[str, str], Any]) -> None:
    assert one.keys() == other.keys()
    for tree, columns in one.items():
        assert list(columns) == list(other[tree])
        for column, values in columns.items():
            np.testing.assert_array_equal(values, other[tree][column], err_msg=f"{tree} {column}")


def refused(*steerings: Path | str, **options: Any) -> dict[str, str]:
    """Code -> message of everything that is in the way of combining these."""
    with pytest.raises(InvalidSteering) as raised:
        combine(steerings, **options)
    assert all(found.hint for found in raised.value.findings)
    return {found.code: found.message for found in raised.value.findings}


# ---- what they write


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Steering]:
    """Three steering files, and what they are together."""
    steerings = [tmp_path_factory.mktemp(name) / f"{name}.py" for name in ("cuts", "stars", "loop")]
    for path, text in zip(steerings, (CUTS, STARS, LOOP), strict=True):
        path.write_text(text.lstrip())
    return steerings, combine(steerings, args={"loop.py": ["0.5"]})


@pytest.mark.parametrize("which", ["demo", "real"])
def test_one_pass_writes_what_each_writes_apart_value_by_value(
    three: tuple[list[Path], Steering], which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    inputs = DEMO if which == "demo" else [request.getfixturevalue("real_data") / "mdst.root"]
    steerings, made = three
    apart = {}
    for steering in steerings:
        args = ["0.5"] if steering.name == "loop.py" else []
        apart |= lite(steering, inputs, tmp_path / steering.stem, args)
    together = lite(made.save(tmp_path / "all.py"), inputs, tmp_path / "together")
    same(apart, together)
    rows = {tree: len(columns["__event__"]) for (_, tree), columns in apart.items()}
    # the cuts on events do something, and end neither the other steerings nor the event
    assert 0 < len(np.unique(apart["cuts.root", "ks"]["__event__"])) < rows["events"]
    assert apart["both.root", "pi"]["__event__"].size < apart["loop.root", "pi"]["__event__"].size
    assert all(rows.values())
    # one ranks by the highest momentum and keeps five, the other by the lowest and keeps all
    assert apart["both.root", "pi"]["extraInfo__borank__bc"].max() == 5
    assert apart["both.root", "d0"]["daughter__bo1__cm__spextraInfo__borank__bc__bc"].max() > 5


def test_the_program_itself_runs_it_and_says_lines_of_the_steering_files(write: Write, tmp_path: Path) -> None:
    good, bad = (
        plain("ma.variablesToNtuple('', ['nTracks'], filename='a.root', path=path)"),
        plain("""
        ma.applyEventCuts("nTraks > 3", path=path)
        ma.variablesToNtuple("pi+:none", ["p"], filename="b.root", path=path)
    """),
    )
    made = combine(write(bad=bad, good=good))
    all_of_them = made.save(tmp_path / "all.py")
    command = [sys.executable, "-m", "b2grid.lite", "-i", str(DEMO[0]), str(all_of_them)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    # the cut is evaluated by a module that the combined program makes again: it is known by the line all the same
    assert "[FATAL] bad.py:6: basf2 has no variable 'nTraks'" in done.stdout
    assert "[FATAL] bad.py:7: there is no particle list 'pi+:none'" in done.stdout
    report = check(all_of_them, covers=coverage())
    assert [(found.code, found.message.split(":")[:2]) for found in report.errors] == [("B2S301", ["bad.py", "6"])]
    assert 'ma.applyEventCuts("nTraks > 3", path=path)\n                      ^' in str(report)


def test_tracebacks_show_the_line_of_the_steering_file(write: Write, tmp_path: Path) -> None:
    told = "import sys\nif 'stop' in sys.argv:\n    raise ValueError('as told')"
    all_of_them = combine(write(a=plain(told), b=plain(""))).save(tmp_path / "all.py")
    with pytest.raises(InvalidSteering, match=r"a\.py:8: ValueError: as told"):
        record(all_of_them, args=["stop"])
    command = [sys.executable, "-m", "b2grid.lite", str(all_of_them), "--", "stop"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "File \"a.py\", line 8, in <module>\n    raise ValueError('as told')" in done.stderr


# ---- how it is made


def test_what_is_recorded_of_it_points_to_the_steering_files(three: tuple[list[Path], Steering]) -> None:
    recipe = record(three[1].source)
    assert recipe.outputs.keys() == {"cuts.root", "both.root", "loop.root"}
    assert [span.name for span in recipe.steerings] == list(three[1].steerings) == ["cuts.py", "stars.py", "loop.py"]
    assert recipe.place(next(tree.line for tree in recipe.ntuples if tree.tree == "d0")) == "stars.py:15"
    lists = {(item.name, recipe.place(item.line)): item.cut for item in recipe.lists}
    assert lists["pi+:good", "cuts.py:11"] == "pionID > 0.1"
    assert lists["pi+:good", "stars.py:8"].startswith("pionID > 0.5")
    assert "both.root:d0  D0:kpi  4 columns  stars.py:15" in str(recipe)
    assert type(recipe).from_json(recipe.to_json()) == recipe
    assert [module.type for module in recipe.modules[:2]] == ["RootInput", "ProgressBar"]
    assert sum(module.type == "RootInput" for module in recipe.modules) == 1


def test_lists_of_one_name_that_differ_are_told_with_both_lines(three: tuple[list[Path], Steering]) -> None:
    [found, *others] = [item for item in three[1].findings if item.severity == "note"]
    assert (found.code, others) == ("B2S814", [])
    assert "the list 'pi+:good' is 'pi+:good', pionID > 0.1 in cuts.py:11 and 'pi+:good', pionID > 0.5" in found.message
    assert found.message.endswith("in stars.py:8")


def test_it_renders_and_is_saved_where_nothing_is_lost(three: tuple[list[Path], Steering], tmp_path: Path) -> None:
    steerings, made = three
    assert "cuts.py, stars.py, loop.py" in str(made)
    assert "&lt;text" not in made._repr_html_()
    assert "stars.py" in made._repr_html_()
    with pytest.raises(InvalidInput, match=r"cuts\.py' would be overwritten"):
        made.save(steerings[0])
    assert steerings[0].read_text() == CUTS.lstrip()
    assert made.save(tmp_path / "all.py") == made.save(tmp_path / "all.py")
    for release in ("main", "release-06-00-00", "release-09-00-00"):
        assert check(tmp_path / "all.py", release=release, covers=coverage()).findings == ()


# what the frame of a combined steering may use of basf2: see docs/decisions/0009-one-pass.md
BASF2 = {"AfterConditionPath", "B2FATAL", "conditions", "create_path", "process", "register_module", "statistics"}
METHODS = {
    "add_independent_path", "add_module", "add_path", "modules",  # Path
    "available_params", "get_all_conditions", "if_value", "name", "param", "set_name", "type",  # Module
    "get_after_path", "get_operator", "get_path", "get_value",  # ModuleCondition
    "setInSteering", "values", "CONTINUE", "END", "globaltags",
}  # fmt: skip
PYTHON = {"append", "abspath", "argv", "basename", "cache", "dirname", "get", "join", "path", "split", "splitlines"}


def test_the_frame_uses_nothing_of_basf2_but_what_is_written_down() -> None:
    tree = ast.parse(program({"a.py": ""}, {}, (), 0))
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    of_basf2 = {node.attr for node in used if isinstance(node.value, ast.Name) and node.value.id == "basf2"}
    others = {node.attr for node in used if not (isinstance(node.value, ast.Name) and node.value.id == "basf2")}
    assert of_basf2 == BASF2
    assert others - PYTHON - {"modules"} == METHODS - {"modules"}
    ast.parse(program({"a.py": ""}, {}, (), 0), feature_version=(3, 7))


@settings(max_examples=40)
@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"])), min_size=1, max_size=4))
def test_texts_are_found_again_whatever_is_in_them(texts: list[str]) -> None:
    given_texts = {f"{number}'\".py": text for number, text in enumerate(texts)}
    made = program(given_texts, {}, (), 0)
    found = embedded(made)
    for (name, text), part in zip(given_texts.items(), found, strict=True):
        # what Python takes for the end of a line is one
        lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
        assert (part.name, part.text) == (name, f"{lines}\n")
        if part.verbatim:
            assert made.split("\n")[part.line :][: lines.count("\n")] == lines.split("\n")[1:]
    for span, part in zip(spans(made), found, strict=True):
        assert original(spans(made), span.last) == (part.name, part.text.count("\n"))
    assert original(spans(made), made.count("\n")) is None


@pytest.mark.parametrize("text", ["", "STEERINGS['a'] = 1", "# made by b2grid combine\nSTEERINGS[", "x = 1\n"])
def test_other_texts_have_no_steerings_in_them(text: str) -> None:
    assert embedded(text) == ()


def test_each_imports_its_modules_anew_and_finds_its_files(write: Write, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "cut.txt").write_text("0.5")
    write(mine="made = []\n")
    body = """
        import mine
        from pathlib import Path
        cut = (Path(__file__).parent / "tables" / "cut.txt").read_text()
        assert not mine.made
        mine.made.append(__file__)
        ma.fillParticleList("pi+:x", f"dr < {{cut}}", path=path)
        ma.variablesToNtuple("pi+:x", ["p"], filename="{0}.root", path=path)
    """
    steerings = write(a=plain(body.format("a")), b=plain(body.format("b")))
    made = combine(steerings, sandbox=["mine.py", "tables"])
    assert sorted(made.sandbox) == ["mine.py", "tables/cut.txt"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    trees = lite(made.save(elsewhere / "all.py"), DEMO[:1], tmp_path / "together")
    assert len(trees["a.root", "variables"]["p"]) == len(trees["b.root", "variables"]["p"]) > 0
    with pytest.raises(InvalidInput, match="beside none of the steering files"):
        combine(steerings, sandbox=["mime.py"])


def test_one_that_ends_events_in_its_own_way_runs_as_the_last(write: Write, tmp_path: Path) -> None:
    ends = plain("""
        inner = b2.create_path()
        ma.applyEventCuts("nTracks > 8", path=inner)
        test = path.add_module("VariableToReturnValue", variable="nTracks")
        test.if_value(">5", inner, b2.AfterConditionPath.CONTINUE)
        ma.variablesToNtuple("", ["nTracks"], treename="ends", filename="x.root", path=path)
    """)
    goes_on = plain("ma.variablesToNtuple('', ['nTracks'], treename='all', filename='x.root', path=path)")
    steerings = write(ends=ends, goes_on=goes_on)
    made = combine(steerings)
    assert made.steerings == ("goes_on.py", "ends.py")
    trees = lite(made.save(tmp_path / "all.py"), DEMO, tmp_path / "together")
    tracks = trees["x.root", "all"]["nTracks"]
    assert trees["x.root", "ends"]["nTracks"].tolist() == tracks[(tracks <= 5) | (tracks > 8)].tolist()
    found = refused(*steerings, *write(other=ends.replace("x.root", "y.root")))
    assert "ends.py:8 ends the event in one of several conditional paths" in found["B2S813"]
    assert "other.py:8" in found["B2S813"]


def test_a_path_behind_a_cut_on_events_runs_for_those_that_fail(write: Write, tmp_path: Path) -> None:
    fails = plain("""
        others = b2.create_path()
        ma.variablesToNtuple("", ["nTracks"], treename="fail", filename="x.root", path=others)
        test = path.add_module("VariableToReturnValue", variable="passesEventCut(nTracks > 8)")
        test.if_false(others)
        ma.variablesToNtuple("", ["nTracks"], treename="pass", filename="x.root", path=path)
    """)
    goes_on = plain("ma.variablesToNtuple('', ['nTracks'], treename='all', filename='x.root', path=path)")
    made = combine(write(fails=fails, goes_on=goes_on))
    trees = lite(made.save(tmp_path / "all.py"), DEMO, tmp_path / "together")
    tracks = trees["x.root", "all"]["nTracks"]
    assert trees["x.root", "fail"]["nTracks"].tolist() == tracks[tracks <= 8].tolist()
    assert trees["x.root", "pass"]["nTracks"].tolist() == tracks[tracks > 8].tolist()


# ---- what is refused


def test_everything_in_the_way_is_said_at_once_with_both_lines(write: Write) -> None:
    one = plain("""
        b2.set_random_seed("one")
        vm.addAlias("pCMS", "useCMSFrame(p)")
        vm.addCollection("mine", ["p", "pt"])
        b2.conditions.prepend_globaltag("analysis_one")
        ma.variablesToNtuple("", ["nTracks"], treename="t", filename="out.root", path=path)
        ma.variablesToHistogram("", [("nTracks", 10, 0, 10)], filename="h.root", path=path)
        ma.setAnalysisConfigParams({"mcMatchingVersion": "Belle"}, path)
    """)
    two = (
        plain("""
        b2.set_random_seed("two")

        vm.addAlias("pCMS", "useCMSFrame(pt)")
        ma.fillParticleList("pi+:x", "", path=path)
        ma.variablesToNtuple("pi+:x", ["mine"], treename="u", filename="./h.root", path=path)
        ma.variablesToNtuple("", ["nTracks"], treename="t", filename="./out.root", path=path)
        vm.clearAliases()
    """)
        .replace("b2.process(path)", "b2.process(path, 10)")
        .replace('"in.root"', '"in.root", skipNEvents=3')
    )
    assert refused(*write(one=one, two=two)) == {
        "B2S801": "the tree 't' of 'out.root' is written in one.py:10 and two.py:11",
        "B2S802": "two.py:12 clears all aliases, also those of one.py",
        "B2S803": 'what is asked of the conditions database is globaltags ["analysis_one"] in one.py:9 and nothing in '
        "two.py",
        "B2S804": "the random seed is one in one.py:6 and two in two.py:6",
        "B2S805": "the number of events given to process() is 0 in one.py:13 and 10 in two.py:13",
        "B2S806": 'how the input is read is {} in one.py:5 and {"skipNEvents": 3} in two.py:5',
        "B2S808": 'the configuration by AnalysisConfiguration is {"mcMatchingVersion": "Belle"} in one.py:12 and {} in '
        "two.py",
        "B2S809": "the file 'h.root' is written in one.py:11 and in two.py:10",
    }
    alias = 'vm.addAlias("pCMS", "useCMSFrame({})")'
    both = {"one": plain(alias.format("p")), "two": plain(alias.format("pt"))}
    assert refused(*write(**both)) == {
        "B2S802": "the alias 'pCMS' is useCMSFrame(p) in one.py:6 and useCMSFrame(pt) in two.py:6"
    }


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (plain("b2.process(path)"), "B2S810", "process() is called in a.py:6 and a.py:7"),
        (plain("").replace("ma.input", "# ma.input"), "B2S811", "a.py has no RootInput"),
        (plain("ma.inputMdst('b.root', path=path)"), "B2S811", "a.py has several RootInputs: a.py:5 and a.py:6"),
        (plain("1 / 0"), "B2S601", "a.py:6: ZeroDivisionError"),
        (plain("").replace("b2.process", "print"), "B2S603", "a.py: the script ends without calling process()"),
    ],
)
def test_a_steering_that_has_no_place_in_one_pass_is_named(write: Write, text: str, code: str, words: str) -> None:
    assert words in refused(*write(a=text, b=plain("")))[code]


def test_what_follows_process_is_told_unless_it_only_prints(write: Write) -> None:
    after = plain("") + "import uproot\nprint(b2.statistics)\nwith uproot.open('x.root') as file:\n    file.keys()\n"
    made = combine(write(a=after, b=plain("") + "print(b2.statistics)\n"))
    assert [(found.code, found.severity, found.message) for found in made.findings] == [
        ("B2S812", "warning", "a.py:10 and what follows is left out: it comes after process()")
    ]


def test_sandboxes_with_two_files_of_one_name_are_refused(write: Write, tmp_path: Path) -> None:
    folders = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "cuts.py").write_text(f"CUT = 'dr < {len(folders)}'\n")
        (folder / "steer.py").write_text(plain("import cuts"))
        folders.append(folder / "steer.py")
    found = refused(*folders, sandbox=["cuts.py"], filename="one/steer.py")
    assert found["B2S815"].endswith("that is one of the steering files")
    assert "'cuts.py' of one/steer.py and that of two/steer.py" in refused(*folders, sandbox=["cuts.py"])["B2S815"]


@pytest.mark.parametrize(
    ("steerings", "options", "words"),
    [
        ([], {}, "no steering files"),
        ("a.py", {}, "takes a list"),
        (["gone.py"], {}, "does not exist"),
        ([plain("")], {"args": {"b.py": ["x"]}}, "none of the steering files"),
        ([plain("")], {"args": "x y"}, "args is 'x y'"),
        ([plain("")], {"sandbox": Path("x.xml")}, "sandbox is"),
        ([plain("")], {"sandbox": {"text1.py": ["gone.xml"]}}, "'gone.xml' does not exist"),
    ],
)
def test_bad_input_is_said_to_be(steerings: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        combine(steerings, **options)
