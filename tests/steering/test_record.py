"""A steering file is recorded without basf2, without events, and within limits."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from b2grid.errors import InvalidInput, InvalidSteering
from b2grid.run.supervisor import Limits
from b2grid.steering import Recipe, Source, collect, record
from b2grid.steering.parts import FileOutput, SubPath

LIMITS = Limits(walltime=20, memory=600 * 1024**2, stall=None, grace=0.5)

CHANNELS = dedent("""
    import argparse
    import basf2 as b2
    import modularAnalysis as ma
    import variables.collections as vc
    import variables.utils as vu
    from variables import variables as vm

    parser = argparse.ArgumentParser()
    parser.add_argument("--channels", nargs="+", default=["ch1"])
    options = parser.parse_args()

    main = b2.Path()
    b2.conditions.prepend_globaltag("analysis_tag")
    b2.set_random_seed("mine")
    ma.inputMdstList(["one.root", "two.root"], path=main)
    ma.fillParticleList("pi+:good", "pionID > 0.1", path=main)
    ma.applyCuts("pi+:good", "dr < 2", path=main)
    vm.addAlias("p_cm", "useCMSFrame(p)")
    for channel in options.channels:
        ma.reconstructDecay(f"B0:{channel} -> pi+:good pi-:good", "Mbc > 5.2", path=main)
        names = ["Mbc", "deltaE", "p_cm", "Mbc"]
        chain, prefix = f"B0:{channel} -> ^pi+:good pi-:good", f"{channel}_pi"
        names += vu.create_aliases_for_selected(["p"], chain, prefix=prefix)
        ma.variablesToNtuple(f"B0:{channel}", names, treename=channel, filename="out.root", path=main)
    ma.variablesToNtuple("", ["nTracks", "mc_truth"], treename="events", filename="out.root",
                         filenameSuffix="_e", path=main)
    ma.variablesToHistogram("B0:ch1", [("M", 10, 5, 6)], filename="h.root", path=main)
    ma.outputUdst("keep.udst.root", path=main)
    b2.process(main, 100)
    """).lstrip()


def finding(text: str, **options: object) -> tuple[str, str, int | None]:
    """The one finding about a script that cannot be recorded: code, message, line."""
    with pytest.raises(InvalidSteering) as raised:
        record(dedent(text).lstrip(), **{"limits": LIMITS, **options})  # type: ignore[arg-type]
    [found] = raised.value.findings
    assert found.hint
    assert str(raised.value).startswith("<text>")
    return found.code, found.message, found.line


def test_a_steering_with_arguments_loops_and_aliases() -> None:
    recipe = record(CHANNELS, args=["--channels", "ch1", "ch2"])
    assert recipe.inputs == ("one.root", "two.root")
    assert recipe.outputs == {
        "out.root": {
            "ch1": ("Mbc", "deltaE", "p_cm", "ch1_pi_p"),
            "ch2": ("Mbc", "deltaE", "p_cm", "ch2_pi_p"),
        },
        "out_e.root": {"events": ("nTracks", "isSignal", "mcErrors", "mcPDG")},
    }
    assert recipe.aliases == {
        "p_cm": "useCMSFrame(p)",
        "ch1_pi_p": "daughter(0,p)",
        "ch2_pi_p": "daughter(0,p)",
    }
    lists = {item.name: item for item in recipe.lists}
    assert lists["pi+:good"].cut == "[pionID > 0.1] and [dr < 2]"
    assert (lists["B0:ch2"].decay, lists["B0:ch2"].line, lists["B0:ch2"].module) == (
        "B0:ch2 -> pi+:good pi-:good",
        20,
        "modularAnalysis.reconstructDecay",
    )
    assert (recipe.global_tags, recipe.seed, recipe.max_event) == (("analysis_tag",), "mine", 100)
    assert recipe.other_outputs == (
        FileOutput("h.root", "histograms", ("B0:ch1",), 27),
        FileOutput("keep.udst.root", "udst", (), 28),
    )
    assert lists["B0:ch2"].made_from == ("pi+:good",)  # the list of its antiparticles is the same
    events = next(tree for tree in recipe.ntuples if tree.tree == "ch1")
    assert events.branches == events.columns
    assert recipe.imported == dict.fromkeys(
        ["basf2", "modularAnalysis", "variables", "variables.collections", "variables.utils"], "basf2"
    )
    assert recipe.opaque == ()


def test_a_recipe_is_the_same_after_json_and_renders() -> None:
    recipe = record(CHANNELS + "import fei\nfei.get_path(main, '<script>')\n" + "b2.process(main)\n")
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert "out.root:ch1" in str(recipe)
    assert "fei.get_path" in str(recipe)
    shown = recipe._repr_html_()
    assert "<script>" not in shown
    assert "B0:ch1" in shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 99}',
        '{"format": 1, "inputs": []}',
        '{"format": 2, "lists": [{"name": "x"}]}',
        '{"format": 2, "modules": [{"type": "x", "params": {}, "line": 1, "sub_paths": [3]}]}',
        '{"format": 2, "nonsense": 3}',
    ],
)
def test_what_is_not_a_recipe_is_said_to_be(text: str) -> None:
    with pytest.raises(InvalidInput, match="recipe"):
        Recipe.from_json(text)


def test_opaque_packages_are_listed_with_their_lines() -> None:
    recipe = record("""
import basf2
import flavorTagger as ft
main = basf2.Path()
ft.flavorTagger(particleLists=["B0:sig"], path=main)
basf2.process(main)
""")
    assert [(module.type, module.line, module.kind) for module in recipe.modules] == [
        ("flavorTagger.flavorTagger", 5, "opaque")
    ]
    assert recipe.imported == {"basf2": "basf2", "flavorTagger": "opaque"}


def test_paths_below_a_module_are_named_with_their_condition() -> None:
    recipe = record("""
import basf2 as b2, modularAnalysis as ma
main, loop, chosen = b2.Path(), b2.Path(), b2.Path()
ma.inputMdst("a.root", path=main)
ma.applyEventCuts("nTracks > 3", path=main)
choice = main.add_module("VariableToReturnValue", variable="evtNum")
choice.if_value(">=2", chosen, b2.AfterConditionPath.CONTINUE)
ma.printDataStore(path=chosen)
choice.if_false(chosen)
loop.add_module("ParticleSelector", decayString="pi+:a", cut="M > 1")
main.for_each("RestOfEvent", "RestOfEvents", loop)
chosen.add_independent_path(loop, "skim")
b2.process(main)
""")
    nested = [(depth, inner.when if inner else module.type, module.line) for depth, module, inner in recipe.nested()]
    assert nested == [
        (0, "RootInput", 4),
        (0, "ProgressBar", 4),
        (0, "VariableToReturnValue", 5),
        (1, "if <1", 5),
        (0, "VariableToReturnValue", 6),
        (1, "if >=2", 6),
        (2, "PrintCollections", 8),
        (2, "SubEvent", 12),
        (3, "independent: skim", 12),
        (4, "ParticleSelector", 10),
        (1, "if <1", 6),
        (0, "SubEvent", 11),
        (1, "for each RestOfEvent in RestOfEvents", 11),
    ]
    assert recipe.modules[3].sub_paths == (SubPath(2, "if >=2", "continue"), SubPath(2, "if <1", "end"))
    assert [module.type for module in recipe.modules if module.path == 2] == ["PrintCollections", "SubEvent"]
    assert "path    if <1 (VariableToReturnValue, line 5), then the event ends: nothing" in str(recipe)
    assert "for each RestOfEvent in RestOfEvents" in recipe._repr_html_()


def test_paths_that_lead_to_each_other_end() -> None:
    recipe = record("""
import basf2 as b2
one, two = b2.Path(), b2.Path()
one.add_module("A").if_true(two)
two.add_module("B").if_true(one)
b2.process(one)
b2.process(one)
""")
    assert [(module.type, module.path) for module in recipe.modules] == [("A", 0), ("B", 1)]
    assert [depth for depth, _, _ in recipe.nested()] == [0, 1, 2, 3]


def test_files_of_events_are_outputs_with_their_lists() -> None:
    recipe = record("""
import basf2 as b2, mdst, modularAnalysis as ma, udst
from reconstruction import add_mdst_output
from skim.WGs.fei import feiHadronicB0
from skim.WGs.tdcpv import TDCPV_qqs
main = b2.Path()
ma.inputMdst("a.root", path=main)
udst.add_udst_output(main, "all.udst.root", ["B0:a", "B-:b"])
udst.add_skimmed_udst_output(main, "12345678", ["B0:a"], outputParticleLists=["pi+:x"])
ma.outputMdst("m.root", path=main)
ma.outputIndex("i.root", path=main)
mdst.add_mdst_output(main, filename="n.root")
add_mdst_output(path=main, filename="o.root")
main.add_module("RootOutput", outputFileName="p.root")
feiHadronicB0()(path=main)
TDCPV_qqs(OutputFileName="mine", mc=False)(main)
feiHadronicB0(udstOutput=False)(main)
b2.process(main)
""")
    assert [(output.file, output.kind, output.particle_lists) for output in recipe.other_outputs] == [
        ("all.udst.root", "udst", ("B0:a", "B-:b")),
        ("m.root", "mdst", ()),
        ("i.root", "index", ()),
        ("n.root", "mdst", ()),
        ("o.root", "mdst", ()),
        ("p.root", "events", ()),
        ("11180100.udst.root", "udst", ()),
        ("mine.udst.root", "udst", ()),
        ("12345678.udst.root", "udst", ("B0:a", "pi+:x")),
    ]
    assert recipe.written["all.udst.root"] == ("tree",)


def test_programs_are_listed_and_columns_beside_opaque_ones_are_known() -> None:
    recipe = record("""
import basf2 as b2, modularAnalysis as ma, subprocess
from grafei import graFEI
main = b2.Path()
names = graFEI("pi+:a", path=main) + ["useCMSFrame(p)"]
subprocess.run(["echo", "two words"], check=True)
ma.variablesToNtuple("pi+:a", sorted(names), filename="a.root", path=main)
b2.process(main)
""")
    assert [(item.command, item.line) for item in recipe.started] == [("echo 'two words'", 6)]
    assert recipe.ntuples[0].branches == ("useCMSFrame__bop__bc",)
    assert json.loads(recipe.to_json())["ntuples"][0]["branches"] == ["useCMSFrame__bop__bc"]


def test_sandbox_and_opened_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "cuts.py").write_text("import json\nlimit = json.load(open('limits.json'))['limit']\n")
    (tmp_path / "weights.txt").write_text("1")
    (tmp_path / "limits.json").write_text('{"limit": 5.2}')
    (tmp_path / "steer.py").write_text(
        dedent("""
        import basf2, modularAnalysis as ma
        from lib.cuts import limit
        main = basf2.Path()
        basf2.find_file("payload.root", "examples")
        open(WEIGHTS)
        ma.reconstructDecay("B0:x -> K_S0:a pi0:b", f"Mbc > {limit}", path=main)
        basf2.process(main)
        """).replace("WEIGHTS", repr(str(tmp_path / "weights.txt")))
    )
    recipe = record(tmp_path / "steer.py", sandbox=["lib", "limits.json"])
    assert recipe.lists[0].cut == "Mbc > 5.2"
    assert recipe.opened == {
        "lib/cuts.py": True,
        "limits.json": True,
        "payload.root": False,
        str(tmp_path / "weights.txt"): True,
    }
    assert recipe.imported == {"basf2": "basf2", "lib": "local", "lib.cuts": "local", "modularAnalysis": "basf2"}
    with pytest.raises(InvalidSteering, match=r"steer.py:3: ModuleNotFoundError: No module named 'lib'"):
        record(tmp_path / "steer.py")


@pytest.mark.parametrize(
    ("text", "code", "message", "line"),
    [
        ("import basf2\nx = (1,\n", "B2S601", "was never closed", 2),
        ("import basf2\n\nraise ValueError('not so')\n", "B2S601", "ValueError: not so", 3),
        ("import modularAnalysis as ma\nma.inputMdst('a.root')\n", "B2S601", "path", 2),
        ("import basf2\nbasf2.B2FATAL('cannot ', 'go on')\n", "B2S601", "FATAL: cannot go on", 2),
        (
            "import sys\nif len(sys.argv) < 2:\n    sys.exit('which channel?')\n",
            "B2S602",
            "which channel?",
            3,
        ),
        ("import sys\nsys.exit()\n", "B2S602", "exits without an error", 2),
        ("import basf2\nmain = basf2.Path()\n", "B2S603", "without calling process()", None),
        (
            "import basf2\nbasf2.B2ERROR('bad list')\nbasf2.process(basf2.Path())\n",
            "B2S604",
            "bad list",
            None,
        ),
        (
            "from variables import variables as vm\nvm.addAlias('a b', 'p')\n",
            "B2S601",
            "FATAL: Invalid alias name 'a b'",
            2,
        ),
        ("x = bytearray(10**10)\n", "B2S606", "memory", 1),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "B2S607", "signal 9", 2),
        ("import ctypes\nctypes.string_at(0)\n", "B2S607", "signal 11", 2),
        ("import os\nos._exit(0)\n", "B2S607", "exit code 0", None),
        (
            "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('mode')\nparser.parse_args()\n",
            "B2S602",
            "exits with 2 before processing: the following arguments are required: mode",
            4,
        ),
    ],
)
def test_a_script_that_fails_is_a_finding_at_its_line(text: str, code: str, message: str, line: int | None) -> None:
    found = finding(text)
    assert (found[0], found[2]) == (code, line)
    assert message in found[1]


def test_arguments_are_a_list() -> None:
    with pytest.raises(InvalidInput, match="args is the text 'loose 3'") as raised:
        record("import basf2\n", args="loose 3")
    assert raised.value.hint == "give a list: ['loose', '3']"


@pytest.mark.parametrize("word", ["a\0b", "x" * 200_000])
def test_arguments_that_no_program_can_have_are_a_finding(word: str) -> None:
    assert finding("import basf2\n", args=[word])[:2] in [
        ("B2S607", "the script could not be started: embedded null byte"),
        ("B2S607", "the script could not be started: Argument list too long"),
    ]


def test_nothing_outside_the_scratch_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "precious.root").write_text("data")
    record("""
import basf2, os
for name in os.listdir("."):
    os.remove(name)
open("new.txt", "w").write("x")
basf2.process(basf2.Path())
""")
    assert [path.name for path in tmp_path.iterdir()] == ["precious.root"]


def test_results_that_a_script_wants_after_process_are_a_note() -> None:
    recipe = record("import basf2\nbasf2.process(basf2.Path())\nopen('ntuple.root')\n")
    assert recipe.notes == (
        "after process(), line 3: FileNotFoundError: [Errno 2] No such file or directory: 'ntuple.root'",
    )


def test_a_missing_steering_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing.py' does not exist"):
        record(tmp_path / "nothing.py")


class TestSandbox:
    def test_all_that_is_wrong_comes_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "good.txt").write_text("x")
        with pytest.raises(InvalidInput) as raised:
            collect(["good.txt", "missing.txt", "/etc/passwd", "../up.txt"], tmp_path)
        assert [item.message.split("'")[1] for item in raised.value.findings] == [
            "missing.txt",
            "/etc/passwd",
            "../up.txt",
        ]

    def test_folders_come_whole_without_caches(self, tmp_path: Path) -> None:
        for name in ("lib/a.py", "lib/deep/b.py", "lib/__pycache__/a.pyc"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x")
        found = collect(["lib"], tmp_path)
        assert list(found) == ["lib/a.py", "lib/deep/b.py"]
        found.unpack(tmp_path / "job")
        assert (tmp_path / "job/lib/deep/b.py").read_text() == "x"

    def test_too_much_is_refused_with_the_largest_file(self, tmp_path: Path) -> None:
        (tmp_path / "big.root").write_bytes(bytes(2000))
        with pytest.raises(InvalidInput, match=r"largest file is 'big.root'"):
            collect(["big.root"], tmp_path, limit=1000)


class TestSource:
    def test_text_and_files_are_told_apart(self, tmp_path: Path) -> None:
        file = tmp_path / "steer.py"
        file.write_text("import basf2\n")
        assert Source.read("import basf2\n") == Source("import basf2\n")
        assert Source.read(file).text == Source.read(str(file)).text == "import basf2\n"
        assert Source.read(file).sha256 == Source.read("import basf2\n").sha256

    @pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"import basf2 # \xe9\n"])
    def test_what_is_not_text_is_said(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "steer.py").write_bytes(content)
        with pytest.raises(InvalidInput, match="not UTF-8 text"):
            Source.read(tmp_path / "steer.py")

    def test_a_notebook_is_its_code_cells_line_by_line(self, tmp_path: Path) -> None:
        file = tmp_path / "n.ipynb"
        file.write_text(
            '{"cells": [{"cell_type": "code", "source": ["a = 1\\n", "!ls"]},{"cell_type": "code", "source": "b = 2"}]}'
        )
        assert Source.read(file).text.splitlines() == ["a = 1", "#!ls", "", "b = 2"]
        file.write_text("{}")
        with pytest.raises(InvalidInput, match="no readable cells"):
            Source.read(file)
