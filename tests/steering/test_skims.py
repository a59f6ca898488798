"""Skims by name and code, and the steering that stores their flags."""

from __future__ import annotations

import ast

import pytest

from b2grid import check, combine, record, skim_steering
from b2grid.errors import InvalidInput
from b2grid.names import Skim
from b2grid.steering import facts
from b2grid.steering.skims import find_skims, known_skims


def test_a_name_and_its_code_are_one_skim() -> None:
    assert find_skims(["13160200", "TauThrust", "TDCPV_ccs"]) == (
        Skim("TDCPV_ccs", "13160200", "tdcpv"),
        Skim("TauThrust", "18570700", "taupair", combined="10601400"),
    )
    assert find_skims("TauThrust") == find_skims(["18570700"])


def test_every_known_skim_is_found_by_its_code() -> None:
    known = known_skims()
    assert len(known) == len({skim.code for skim in known}) > 100
    assert find_skims(skim.code for skim in known) == known


def test_all_unknown_skims_are_named_at_once() -> None:
    with pytest.raises(InvalidInput) as raised:
        find_skims(["TDCPV_cs", "TauThrust", "19130311", "TDCPV_cs"])
    assert [item.code for item in raised.value.findings] == ["B2S212", "B2S212"]
    assert "TDCPV_ccs" in raised.value.findings[0].hint
    assert "19130310" in raised.value.findings[1].hint
    with pytest.raises(InvalidInput, match="no skim was asked for"):
        find_skims([])


@pytest.mark.parametrize("release", facts.POINTS)
def test_the_steering_has_no_findings(release: str) -> None:
    made = skim_steering([skim.name for skim in known_skims()], analysis_globaltag="analysis_tag'1")
    assert check(made.source, release=release).findings == ()


def test_the_steering_stores_a_flag_of_each_skim_for_every_event() -> None:
    made = skim_steering(["TDCPV_ccs", "19130310"], tree="flags", filename="out.root")
    recipe = record(made.source)
    (tree,) = recipe.ntuples
    assert (tree.file, tree.tree, tree.particle_list) == ("out.root", "flags", "")
    assert tree.columns == ("eventExtraInfo(passes_TDCPV_ccs)", "eventExtraInfo(passes_BtoHad3Tracks1Pi0)")
    # the skims themselves write nothing
    assert recipe.other_outputs == ()
    assert [item.type for item in recipe.opaque] == ["skim.core.CombinedSkim()"]


def test_the_global_tag_is_the_one_that_is_asked_for() -> None:
    assert record(skim_steering("TauThrust", analysis_globaltag="analysis_x").source).global_tags[0] == "analysis_x"


def test_odd_names_of_trees_and_files_stay_texts() -> None:
    made = skim_steering("TauThrust", tree="a'b", filename='c"{d}.root')
    ast.parse(made.text)
    (tree,) = record(made.source).ntuples
    assert (tree.file, tree.tree) == ('c"{d}.root', "a'b")


def test_skims_read_what_the_analysis_that_they_run_beside_reads() -> None:
    analysis = (
        "import basf2\nimport modularAnalysis as ma\nbasf2.conditions.prepend_globaltag('tag')\npath = basf2.Path()\n"
        "ma.inputMdst('a.root', path=path)\nma.variablesToNtuple('', ['nTracks'], filename='a.root', path=path)\n"
        "basf2.process(path)\n"
    )
    made = combine([analysis, skim_steering("TauThrust", analysis_globaltag="tag")])
    assert made.steerings == ("text1.py", "skims.py")
    assert made.findings == ()
