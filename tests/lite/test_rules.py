"""Rules that are easy to get nearly right, each against the numbers of the same run."""

from __future__ import annotations

import numpy as np
import pytest

from b2grid.errors import InvalidInput, InvalidSteering

PIONS = "ma.fillParticleList('pi+:x', 'pt > 0.2', path=main)\n"


def _write(name: str, *columns: str, tree: str = "variables") -> str:
    return f"ma.variablesToNtuple({name!r}, {list(columns)!r}, treename={tree!r}, path=main)\n"


def test_what_a_ranking_drops_has_no_rank_in_other_lists(real_data, lite):
    body = PIONS + (
        "ma.copyList('pi+:best', 'pi+:x', path=main)\n"
        "ma.rankByHighest('pi+:best', 'p', numBest=2, outputVariable='rank', path=main)\n"
    )
    tree = lite(body + _write("pi+:x", "p", "extraInfo(rank)"), real_data / "mdst.root").trees["variables"]
    for event in np.unique(tree["__event__"]):
        here = tree["__event__"] == event
        order = np.argsort(-tree["p"][here], kind="stable")
        ranks = tree["extraInfo(rank)"][here][order]
        assert ranks[:2].tolist() == [1.0, 2.0][: len(ranks)]
        assert np.isnan(ranks[2:]).all()


def test_candidates_that_fail_the_cut_of_a_ranking_stay_without_a_place(real_data, lite):
    body = PIONS + "ma.rankByLowest('pi+:x', 'p', numBest=1, cut='charge > 0', outputVariable='rank', path=main)\n"
    trees = lite(
        PIONS.replace(":x", ":y") + _write("pi+:y", "p", "charge", tree="all") + body
        + _write("pi+:x", "p", "charge", "extraInfo(rank)"),
        real_data / "mdst.root",
    ).trees  # fmt: skip
    everything, kept = trees["all"], trees["variables"]
    for event in np.unique(everything["__event__"]):
        here = everything["__event__"] == event
        order = np.argsort(everything["p"][here], kind="stable")
        expected, place = [], 0
        for momentum, charge in zip(everything["p"][here][order], everything["charge"][here][order], strict=True):
            place += charge > 0
            if place > 1:
                break
            expected.append((momentum, 1.0 if charge > 0 else -1.0))
        mine = kept["__event__"] == event
        found = sorted(zip(kept["p"][mine], kept["extraInfo(rank)"][mine], strict=True))
        assert found == expected


@pytest.mark.parametrize("name", ["pi+:all", "pi-:all", "anti-p-:all", "gamma:all"])
def test_neither_face_of_a_protected_list_loses_candidates_to_a_ranking(real_data, lite, name):
    particle = name.partition(":")[0]
    with pytest.raises(InvalidInput, match="protected"):
        lite(
            f"ma.fillParticleList('{particle}:all', '', path=main)\n"
            f"ma.rankByHighest({name!r}, 'p', numBest=1, path=main)",
            real_data / "mdst.root",
        )


def test_a_decay_is_not_reconstructed_into_a_list_that_there_is(real_data, lite):
    body = PIONS + (
        "ma.reconstructDecay('rho0:a -> pi+:x pi-:x', '0.6 < M < 0.9', path=main)\n"
        "ma.copyList('rho0:b', 'rho0:a', path=main)\n"
        "ma.reconstructDecay('rho0:b -> pi+:x pi-:x', '', path=main)\n"
    )
    with pytest.raises(InvalidInput, match="rho0:b is made twice"):
        lite(body, real_data / "mdst.root")


def test_whole_numbers_are_calculated_with_as_such(real_data, lite):
    """However they are stored: a flavour is one bit, a source one byte."""
    body = PIONS + "ma.applyCuts('pi+:x', 'flavor + flavor == 2 and -flavor == -1', path=main)\n"
    cube = "ma.applyCuts('K_L0:x', 'particleSource * particleSource * particleSource * 100 == 2700', path=main)\n"
    body += "ma.fillParticleList('K_L0:x', 'isFromKLM', path=main)\n"
    trees = lite(
        body + cube + _write("", "nParticlesInList(pi+:x)", "nCleanedTracks(pt > 0.2)", "nParticlesInList(K_L0:x)",
                             "nKLMClusters"),
        real_data / "mdst.root",
    ).trees  # fmt: skip
    tree = trees["variables"]
    assert tree["nParticlesInList(pi+:x)"].sum() > 0
    assert tree["nParticlesInList(pi+:x)"].tolist() == tree["nCleanedTracks(pt > 0.2)"].tolist()
    assert tree["nKLMClusters"].sum() > 0
    assert tree["nParticlesInList(K_L0:x)"].tolist() == tree["nKLMClusters"].tolist()


def test_truth_values_are_a_column_of_their_type(real_data, lite):
    tree = lite(PIONS + _write("pi+:x", "True", "False"), real_data / "mdst.root").trees["variables"]
    assert tree["True"].dtype == np.bool_
    assert tree["True"].all()
    assert not tree["False"].any()


ETA = (
    "ma.fillParticleList('gamma:x', 'E > 0.05', path=main)\n"
    "ma.reconstructDecay('pi0:x -> gamma:x gamma:x', '0.1 < M < 0.16', path=main)\n"
)


def test_asking_for_the_signal_flag_too_early_does_not_spoil_it(real_data, lite):
    """Of mcErrors basf2 remembers what it finds first, also that there is no match; isSignal does not ask then."""
    match = "ma.matchMCTruth('pi0:x', path=main)\n"
    columns = _write("pi0:x", "isSignal", "mcErrors", "extraInfo(mcErrors)")

    def run(cut: str) -> dict[str, np.ndarray]:
        body = f"{ETA}ma.applyCuts('pi0:x', {cut!r}, path=main)\n{match}{columns}"
        return lite(body, real_data / "mdst.root").trees["variables"]

    plain, asked, spoilt = run(""), run("isSignal != 1"), run("mcErrors == 512")
    assert (plain["isSignal"] == 1).any()
    np.testing.assert_array_equal(asked["isSignal"], plain["isSignal"])
    assert set(spoilt["mcErrors"]) == set(spoilt["extraInfo(mcErrors)"]) == {512.0}
    assert not (spoilt["isSignal"] == 1).any()


def test_differences_of_angles_are_folded_also_under_another_name(real_data, lite):
    body = "vm.addAlias('azimuth', 'phi')\n" + ETA
    tree = lite(
        body + _write("pi0:x", "daughterDiffOf(0, 1, azimuth)", "daughter(0, phi)", "daughter(1, phi)"),
        real_data / "mdst.root",
    ).trees["variables"]
    difference = tree["daughter(1, phi)"] - tree["daughter(0, phi)"]
    assert (np.abs(difference) > np.pi).any()
    folded = (difference + np.pi) % (2 * np.pi) - np.pi
    np.testing.assert_allclose(tree["daughterDiffOf(0, 1, azimuth)"], folded, atol=1e-12)


def test_the_decay_mode_can_be_set_as_any_extra_info(real_data, lite):
    body = ETA + "ma.variablesToExtraInfo('pi0:x', {'M': 'decayModeID'}, option=%d, path=main)\n"
    columns = _write("pi0:x", "M", "extraInfo(decayModeID)")
    kept = lite(body % 0 + columns, real_data / "mdst.root").trees["variables"]
    assert set(kept["extraInfo(decayModeID)"]) == {0.0}
    changed = lite(body % 2 + columns, real_data / "mdst.root").trees["variables"]
    np.testing.assert_array_equal(changed["extraInfo(decayModeID)"], changed["M"])


def test_entry_sequences_of_the_steering_hold_for_files_from_outside(real_data, lite):
    path = str(real_data / "mdst.root")
    body = "main = b2.create_path()\nma.inputMdst('other.root', path=main, entrySequence='2:4')\n" + _write(
        "", "evtNum"
    )
    whole = lite(_write("", "evtNum"), path).trees["variables"]["evtNum"]
    part = lite(body, inputs=(path,)).trees["variables"]["evtNum"]
    assert part.tolist() == whole[2:5].tolist()
    with pytest.raises(InvalidInput, match=r"1 entry sequence\(s\) for 2 input"):
        lite(body, inputs=(path, path))


def test_an_array_that_only_the_first_file_has_is_missed(real_data, lite):
    """Read as if it were empty it would look like tracks without clusters."""
    old, new = real_data / "mdst-v01-00-04.root", real_data / "mdst-v04-00-03.root"
    with pytest.raises(InvalidInput, match=r"v01-00-04\.root has no .*TracksToKLMClusters"):
        lite(_write("", "nTracks"), new, old)


@pytest.mark.parametrize("name", ["p", "kaonIDNN"])
def test_an_alias_is_not_called_like_a_variable(real_data, lite, name):
    with pytest.raises(InvalidInput, match=f"alias '{name}'"):
        lite(f"vm.addAlias({name!r}, 'E')\n" + PIONS + _write("pi+:x", name), real_data / "mdst.root")


@pytest.mark.parametrize(
    "name",
    ["mdst.root", "mdst-v06-00-00.root", "mdst-v09-00-00.root", "150_noBKG_DtoPiNuNu.root", "udst-v05-00-00.root"],
)
def test_the_interaction_point_is_where_the_events_were_generated(real_data, lite, name):
    columns = [f"{kind}{axis}" for kind in ("IP", "genIP") for axis in "XYZ"]
    tree = lite(_write("", *columns), real_data / name).trees["variables"]
    for axis, width in (("X", 0.002), ("Y", 0.0005), ("Z", 0.05)):
        distance = tree[f"genIP{axis}"].mean() - tree[f"IP{axis}"].mean()
        assert abs(distance) < 3 * width / np.sqrt(len(tree["IPX"])), (axis, distance)


def test_without_charge_conjugation_there_is_no_list_of_antiparticles(real_data, lite):
    body = PIONS + "ma.reconstructDecay('D0:k -> pi-:x pi+:x', 'M < 2', chargeConjugation=False, path=main)\n"
    assert lite(body + _write("D0:k", "M"), real_data / "mdst.root", events=5).trees
    with pytest.raises(InvalidInput, match="anti-D0:k"):
        lite(body + _write("anti-D0:k", "M"), real_data / "mdst.root")


def test_decays_that_are_their_own_conjugate_have_the_positive_code(real_data, lite):
    body = PIONS + "ma.reconstructDecay('anti-D0:k -> pi-:x pi+:x', '1.7 < M < 2', path=main)\n"
    tree = lite(body + _write("anti-D0:k", "PDG", "flavor"), real_data / "mdst.root").trees["variables"]
    assert set(tree["PDG"]) == {421}
    assert set(tree["flavor"]) == {0}


@pytest.mark.parametrize("text", ["p()", "nTracks()", "nCleanedTracks", "pidMostLikelyPDG"])
def test_functions_have_parentheses_and_variables_have_none(real_data, lite, text):
    with pytest.raises(InvalidInput, match=r"takes no arguments|is a function"):
        lite(PIONS + _write("pi+:x", text), real_data / "mdst.root")


APART = """
    ma.fillParticleList('pi+:x', 'p > 0.2', path=main)
    ma.variablesToExtraInfo('pi+:x', {'p': 'before'}, path=main)
    apart = b2.create_path()
    ma.applyCuts('pi+:x', 'p > 0.5', path=apart)
    ma.rankByHighest('pi+:x', 'p', numBest=3, outputVariable='rank', path=apart)
    ma.fillParticleList('K+:y', '', path=apart)
    test = apart.add_module('VariableToReturnValue', variable='nTracks')
    some = b2.create_path()
    test.if_value('>8', some, b2.AfterConditionPath.CONTINUE)
    ma.applyCuts('pi+:x', 'p > 1', path=some)
    names = ['p', 'extraInfo(rank)', 'extraInfo(before)', 'nTracks']
    ma.variablesToNtuple('pi+:x', names, treename='apart', path=apart)
    main.add_independent_path(apart, 'apart')
    ma.variablesToNtuple('pi+:x', names, treename='main', path=main)
"""


def test_an_independent_path_sees_what_was_before_and_changes_nothing_behind_it(real_data, lite):
    trees = lite(APART, real_data / "mdst.root").trees
    alone = lite(
        "ma.fillParticleList('pi+:x', 'p > 0.2', path=main)\n"
        "ma.variablesToNtuple('pi+:x', ['p'], treename='main', path=main)",
        real_data / "mdst.root",
    ).trees["main"]
    np.testing.assert_array_equal(trees["main"]["p"], alone["p"])
    assert np.isnan(trees["main"]["extraInfo(rank)"]).all()
    apart = trees["apart"]
    np.testing.assert_array_equal(apart["extraInfo(before)"], apart["p"])
    assert apart["extraInfo(rank)"].max() == 3
    assert apart["p"][apart["nTracks"] > 8].min() > 1 > apart["p"][apart["nTracks"] <= 8].min() > 0.5


def test_lists_of_an_independent_path_are_not_known_outside(real_data, lite):
    with pytest.raises(InvalidSteering, match="no particle list 'K\\+:y'"):
        lite(f"{APART}    ma.variablesToNtuple('K+:y', ['p'], treename='k', path=main)\n", real_data / "mdst.root")
