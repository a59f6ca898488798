"""The stand-ins build the paths that basf2's own packages build, and remember the steering lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from b2grid.errors import InvalidInput
from b2grid.steering.standin import Module, run_script, session


def built(tmp_path: Path, text: str, *args: str, recording: bool = False) -> list[Module]:
    """The modules of all paths that a steering processes."""
    script = tmp_path / "steer.py"
    script.write_text(dedent(text).lstrip())
    modules: list[Module] = []
    run_script(script, args, on_process=lambda path, _: modules.extend(path.walk()), recording=recording)
    return modules


def types(modules: list[Module]) -> list[str]:
    return [module.type() for module in modules]


def test_script_runs_as_main_with_its_arguments(tmp_path: Path) -> None:
    modules = built(
        tmp_path,
        """
        import sys
        import basf2 as b2

        main = b2.Path()
        if __name__ == "__main__":
            main.add_module("Progress", maxN=len(sys.argv))
        main.add_module(sys.argv[1])
        b2.process(main)
        """,
        "EventInfoPrinter",
        "x",
    )
    assert types(modules) == ["Progress", "EventInfoPrinter"]
    assert modules[0].params == {"maxN": 3}


def test_everything_is_put_back_after_the_script(tmp_path: Path) -> None:
    before = (sys.argv, list(sys.path), list(sys.meta_path), sys.modules["__main__"])
    (tmp_path / "channels.py").write_text("names = ['one']\n")
    built(
        tmp_path,
        """
        import basf2
        import channels
        import fei

        basf2.process(basf2.Path())
        """,
    )
    assert (sys.argv, sys.path, sys.meta_path, sys.modules["__main__"]) == before
    assert not {"basf2", "fei", "channels"} & set(sys.modules)


def test_each_step_knows_the_line_and_the_function_in_the_steering(tmp_path: Path) -> None:
    modules = built(
        tmp_path,
        """
        import basf2 as b2
        import modularAnalysis as ma
        from stdCharged import stdPi

        def channel(name, path):
            ma.reconstructDecay(
                f"D0:{name} -> K-:all pi+:good",
                "1.8 < M < 1.9",
                path=path)

        main = b2.create_path()
        stdPi("good", path=main)
        for name in ("one", "two"):
            channel(name, main)
        main.add_module("Progress")
        b2.process(main)
        """,
    )
    places = [(module.type(), module.line, module.function) for module in modules]
    assert places == [
        ("ParticleLoader", 12, "stdCharged.stdPi"),
        ("ParticleListManipulator", 12, "stdCharged.stdPi"),
        ("ParticleSelector", 12, "stdCharged.stdPi"),
        ("ParticleCombiner", 6, "modularAnalysis.reconstructDecay"),
        ("ParticleCombiner", 6, "modularAnalysis.reconstructDecay"),
        ("Progress", 15, ""),
    ]
    assert [module.params["decayString"] for module in modules[3:5]] == [
        "D0:one -> K-:all pi+:good",
        "D0:two -> K-:all pi+:good",
    ]
    assert all(module.file == str(tmp_path / "steer.py") for module in modules)


def test_fill_particle_list_loads_copies_and_cuts_as_basf2_does(tmp_path: Path) -> None:
    modules = built(
        tmp_path,
        """
        import basf2, modularAnalysis as ma
        main = basf2.Path()
        ma.fillParticleList("pi+:all", "", path=main)
        ma.fillParticleList("K-:mine", "kaonID > 0.1", path=main)
        ma.fillParticleList("gamma:g", "E > 0.1", path=main)
        ma.fillParticleList("K_S0:ks -> pi+ pi-", "", path=main)
        ma.fillParticleList("n0:n", "", path=main)
        ma.fillParticleListFromMC("B0:gen", "mcPrimary", path=main)
        basf2.process(main)
        """,
    )
    steps = [
        (
            module.type(),
            module.params.get("outputListName") or module.params.get("decayStrings") or module.params["decayString"],
            module.params.get("inputListNames") or module.params.get("cut"),
        )
        for module in modules
    ]
    assert steps == [
        ("ParticleLoader", ["pi+:all"], None),
        ("ParticleLoader", ["K-:mine"], None),
        ("ParticleListManipulator", "K-:mine", ["K-:all"]),
        ("ParticleSelector", "K-:mine", "kaonID > 0.1"),
        ("ParticleLoader", ["gamma:g"], None),
        ("ParticleListManipulator", "gamma:g", ["gamma:all"]),
        ("ParticleSelector", "gamma:g", "E > 0.1"),
        ("ParticleSelector", "gamma:g", "isFromECL"),
        ("ParticleLoader", ["K_S0:ks -> pi+ pi-"], None),
        ("ParticleListManipulator", "K_S0:ks", ["K_S0:V0"]),
        ("ParticleLoader", ["n0:n"], None),
        ("ParticleLoader", ["B0:gen"], None),
        ("ParticleListManipulator", "B0:gen", ["B0:MC"]),
        ("ParticleSelector", "B0:gen", "mcPrimary"),
    ]


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("good", "pionID > 0.5 and thetaInCDCAcceptance and dr < 0.5 and abs(dz) < 2"),
        ("loosepid", "pionID > 0.1"),
        ("95eff", "pionID > 0.001 and thetaInCDCAcceptance and dr < 0.5 and abs(dz) < 2"),
    ],
)
def test_standard_lists_have_the_published_cuts(tmp_path: Path, name: str, cut: str) -> None:
    modules = built(
        tmp_path,
        f"""
        import basf2, stdCharged
        main = basf2.Path()
        stdCharged.stdPi({name!r}, path=main)
        basf2.process(main)
        """,
    )
    assert modules[-1].params == {"decayString": f"pi+:{name}", "cut": cut}


def test_unknown_standard_list_is_an_error_of_the_script(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="eff95"):
        built(tmp_path, "import basf2, stdCharged\nstdCharged.stdPi('eff95', path=basf2.Path())\n")


def test_bad_decay_string_is_said_with_its_position(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        built(
            tmp_path,
            "import basf2, modularAnalysis as ma\nma.fillParticleList('K_S0 -> [', '', path=basf2.Path())\n",
        )


def test_aliases_by_rule_are_named_as_in_basf2(tmp_path: Path) -> None:
    built(
        tmp_path,
        """
        import variables.utils as vu
        from variables import variables as vm

        made = vu.create_aliases(["M", "matchedMC(useLabFrame(px))"], "daughter(1,{variable})", "pref")
        assert made == ["pref_M", "pref_matchedMC_useLabFrame_px"], made
        assert vu.create_daughter_aliases(["E"], [1, 0]) == ["d1_d0_E"]
        assert vu.create_daughter_aliases(["E"], 1, prefix="my", include_indices=False) == ["my_E"]
        select = vu.create_aliases_for_selected
        assert select(["M"], "B0 -> [D0 -> ^pi+ K-] pi0") == ["D0_pi_M"]
        four = select(["M"], "B0 -> [D0 -> ^pi+ ^pi- ^pi0] ^pi0")
        assert four == ["D0_pi_0_M", "D0_pi_1_M", "D0_pi0_M", "pi0_M"]
        assert select(["M"], "^B0 -> pi+ ^pi-") == ["M", "pi_M"]
        assert select(["M"], "B0 -> mu+ e- ^e+ ^e-") == ["e_2_M", "e_3_M"]
        assert select(["M"], "B0 -> mu+ e- ^e+ ^e-", use_relative_indices=True) == ["e_0_M", "e_1_M"]
        assert select(["M"], "B0 -> [D*- -> ^anti-D0 pi-] pi+", use_names=False) == ["d0_d0_M"]
        assert select(["M"], "B0 -> [D*- -> ^anti-D0 pi-] pi+") == ["DST_D0_M"]
        assert select(["M"], "B0 -> ^pi+ ^pi-", prefix=["pip", "pim"]) == ["pip_M", "pim_M"]
        assert vu.create_mctruth_aliases(["M"]) == ["mc_M"]
        vu.create_isSignal_alias("mySignal", [16, 8])
        """,
    )
    assert session.aliases["d1_d0_E"] == "daughter(1,daughter(0,E))"
    assert session.aliases["pref_matchedMC_useLabFrame_px"] == "daughter(1,matchedMC(useLabFrame(px)))"
    assert session.aliases["D0_pi_M"] == "daughter(0,daughter(0,M))"
    assert session.aliases["mySignal"] == "passesCut(unmask(mcErrors, 24) == 0)"


def test_last_definition_of_an_alias_wins_with_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built(
        tmp_path,
        """
        from variables import variables as vm
        vm.addAlias("p_cm", "useCMSFrame(p)")
        vm.addAlias("p_cm", "useCMSFrame(p)")
        vm.addAlias("p_cm", "p")
        """,
    )
    assert session.aliases == {"p_cm": "p"}
    assert capsys.readouterr().out.count("[WARNING]") == 1


def test_collections_expand_and_duplicates_go(tmp_path: Path) -> None:
    built(
        tmp_path,
        """
        import variables.collections as vc
        from variables import variables as vm
        from variables.utils import add_collection
        assert vc.deltae_mbc == ["Mbc", "deltaE"], vc.deltae_mbc
        add_collection(["M", "Mbc"], "mine")
        vm.addCollection("other", ["p"])
        """,
    )
    assert session.expand(["mine", "deltae_mbc", "other", "E", "M"]) == ("M", "Mbc", "deltaE", "p", "E")


def test_parameters_are_what_they_were_when_they_were_set(tmp_path: Path) -> None:
    modules = built(
        tmp_path,
        """
        import basf2, modularAnalysis as ma
        main, names = basf2.Path(), ["M"]
        for channel in ("one", "two"):
            names.append(channel)
            ma.variablesToNtuple("B0:x", names, treename=channel, path=main)
        basf2.process(main)
        """,
    )
    assert [module.params["variables"] for module in modules] == [["M", "one"], ["M", "one", "two"]]


def test_star_imports_bring_what_basf2_scripts_expect(tmp_path: Path) -> None:
    modules = built(
        tmp_path,
        """
        from basf2 import *
        from modularAnalysis import *
        from vertex import *
        from stdPhotons import *
        from variables import variables

        main = create_path()
        inputMdst("a.root", path=main)
        stdPhotons("tight", path=main)
        treeFit("B0:x", path=main)
        set_log_level(LogLevel.ERROR)
        logging.log_level = LogLevel.WARNING
        process(main)
        """,
    )
    assert types(modules)[:2] == ["RootInput", "ProgressBar"]
    assert modules[-1].type() == "TreeFitter"


def test_conditional_paths_and_loops_are_part_of_the_path(tmp_path: Path) -> None:
    modules = built(
        tmp_path,
        """
        import basf2 as b2, modularAnalysis as ma
        main, roe, dead = b2.Path(), b2.Path(), b2.Path()
        ma.applyEventCuts("nTracks > 2", path=main)
        ma.signalSideParticleFilter("B0:x", "", roe, dead)
        ma.printDataStore(path=roe)
        main.for_each("RestOfEvent", "RestOfEvents", roe)
        other = b2.Path()
        other.add_module("Progress")
        main.add_path(other)
        other.add_module("ProgressBar")
        b2.process(main)
        """,
    )
    assert types(modules) == [
        "VariableToReturnValue",
        "SubEvent",
        "Progress",
        "ProgressBar",
        "SignalSideParticleFilter",
        "PrintCollections",
    ]
    condition = modules[0].conditions[0]
    assert (condition.operator, condition.value, condition.path.modules()) == ("<", 1, [])
    assert modules[1].params["loopOver"] == "RestOfEvents"


def test_python_modules_are_kept_as_such(tmp_path: Path) -> None:
    modules = built(
        tmp_path,
        """
        import basf2 as b2

        class Mine(b2.Module):
            def __init__(self, depth):
                self.depth = depth

            def event(self):
                pass

        main = b2.Path()
        main.add_module(Mine(3))
        b2.process(main)
        """,
    )
    assert [(module.type(), module.python, module.line) for module in modules] == [("Mine", True, 11)]


def test_packages_without_a_stand_in_are_known_by_name(tmp_path: Path) -> None:
    modules = built(
        tmp_path,
        """
        import basf2 as b2
        import fei
        import ROOT
        from ROOT import Belle2
        from skim.WGs.fei import feiHadronicB0
        from generators import add_evtgen_generator

        main = b2.Path()
        add_evtgen_generator(path=main, finalstate="mixed")
        configuration = fei.config.FeiConfiguration(prefix="x", cache=0)
        state = fei.get_path(fei.get_default_channels(), configuration)
        main.add_path(state.path)

        class MySkim(feiHadronicB0):
            pass

        for particle in state.lists:
            pass
        skim = MySkim()
        b2.process(main)
        """,
        recording=True,
    )
    assert [(module.type(), module.opaque, module.line) for module in modules] == [
        ("generators.add_evtgen_generator", True, 9),
        ("fei.get_path().path", True, 12),
    ]
    assert modules[0].params == {"finalstate": "mixed"}
    assert [(call.name, call.line) for call in session.opaque_calls][:2] == [
        ("generators.add_evtgen_generator", 9),
        ("fei.config.FeiConfiguration", 10),
    ]
    opaque = [name for name, kind in session.imported.items() if kind == "opaque"]
    assert opaque == ["ROOT", "fei", "generators", "skim", "skim.WGs", "skim.WGs.fei"]


def test_star_imports_of_opaque_packages_bring_their_functions(tmp_path: Path) -> None:
    modules = built(
        tmp_path,
        """
        from basf2 import *
        from stdHyperons import *
        from generators import *

        main = create_path()
        add_evtgen_generator(main, "signal")
        stdXi(path=main)
        process(main)
        """,
    )
    assert types(modules) == ["generators.add_evtgen_generator", "stdHyperons.stdXi"]


def test_missing_packages_are_missing(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="modularAnalyis"):
        built(tmp_path, "import modularAnalyis\n")
    with pytest.raises(AttributeError, match="fillParticleLits"):
        built(tmp_path, "import modularAnalysis as ma\nma.fillParticleLits\n")


def test_a_notebook_runs_cell_by_cell(tmp_path: Path) -> None:
    script = tmp_path / "steer.ipynb"
    script.write_text(
        '{"cells": [{"cell_type": "markdown", "source": ["# title"]},'
        '{"cell_type": "code", "source": ["%matplotlib inline\\n", "import basf2"]},'
        '{"cell_type": "code", "source": "basf2.process(basf2.Path())"}]}'
    )
    seen: list[Any] = []
    run_script(script, on_process=lambda path, n: seen.append((len(path), n)))
    assert seen == [(0, 0)]


@pytest.mark.parametrize("heavy", ["numpy", "uproot", "awkward", "dask", "duckdb", "pandas", "pyarrow"])
def test_stand_ins_start_fast(heavy: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path('b2grid/steering/standin/packages').absolute())!r});"
        "import b2grid.steering, b2grid.steering.standin, basf2, modularAnalysis, stdV0s, variables.utils;"
        f"sys.exit({heavy!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
