"""Cuts: NaN, equality, types, ranks, event cuts, extra-info."""

from __future__ import annotations

import numpy as np
import pytest

import b2grid.lite.variables
from b2grid.errors import InvalidSteering, NotInLite
from b2grid.lite.comparing import compare
from b2grid.lite.expression import Compiled, Scope, registry

assert b2grid.lite.variables.registry is registry


class Rows:
    """A view that is just long enough."""

    def __init__(self, **columns):
        self.columns = columns

    def __len__(self):
        return len(next(iter(self.columns.values())))


@pytest.fixture
def scope():
    """Return a scope in which x, y are doubles, i an int, and b a bool of the rows."""
    scope = Scope({"alias": "x + y"})
    for name, kind in {"x": "double", "y": "double", "i": "int", "b": "bool"}.items():
        scope._known[name] = Compiled(name, kind, lambda view, name=name: view.columns[name])
        registry.setdefault(f"_{name}", None)
    scope.call = lambda name, arguments, text: (
        scope._known[name] if name in "xyib" else Scope.call(scope, name, arguments, text)
    )
    yield scope
    for name in "xyib":
        registry.pop(f"_{name}")


ROWS = Rows(
    x=np.array([np.nan, 0.0, 1.0, 2.0, np.inf]),
    y=np.array([1.0, 2.0, 1.0, np.nan, 3.0]),
    i=np.array([0, 1, 2, 3, -1]),
    b=np.array([True, False, True, False, True]),
)


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ("x == nan", [1, 0, 0, 0, 0]),
        ("x != nan", [0, 1, 1, 1, 1]),
        ("x == 1", [0, 0, 1, 0, 0]),
        ("x != 1", [1, 1, 0, 1, 1]),
        ("x < 5", [0, 1, 1, 1, 0]),
        ("x >= 0", [0, 1, 1, 1, 1]),
        ("not x < 5", [1, 0, 0, 0, 1]),
        ("x", [0, 0, 1, 1, 1]),
        ("not x", [1, 1, 0, 0, 0]),
        ("0 < x < 2", [0, 0, 1, 0, 0]),
        ("0 <= x != 1", [0, 1, 0, 1, 1]),
        ("x == inf", [0, 0, 0, 0, 1]),
        ("i == 1 or b", [1, 1, 1, 0, 1]),
        ("[i > 0 and b] or x == 0", [0, 1, 1, 0, 0]),
        ("b == 1", [1, 0, 1, 0, 1]),
        ("b == true", [1, 0, 1, 0, 1]),
        ("i + 1 == 2", [0, 1, 0, 0, 0]),
        ("i / 2 == 0.5", [0, 1, 0, 0, 0]),
        ("-i^2 == -9", [0, 0, 0, 1, 0]),
        ("x / x == nan", [1, 0, 0, 0, 0]),
        ("alias > 2", [0, 0, 0, 0, 1]),
        ("alias >= 2", [0, 1, 1, 0, 1]),
        ("", [1, 1, 1, 1, 1]),
        ("False", [0, 0, 0, 0, 0]),
        ("2**3 == 8", [1, 1, 1, 1, 1]),
    ],
)
def test_cuts_have_basf2s_rules(scope, cut, expected):
    assert scope.cut(cut)(ROWS).astype(int).tolist() == expected


def test_doubles_are_equal_within_two_units_in_the_last_place():
    one = np.array([1.0])
    near, far = np.nextafter(np.nextafter(one, 2), 2), np.nextafter(np.nextafter(np.nextafter(one, 2), 2), 2)
    assert compare("==", one, near).all()
    assert not compare("==", one, far).any()
    assert compare("==", np.array([0.0]), np.array([-0.0])).all()
    assert compare("==", np.array([5e-324]), np.array([-5e-324])).all()


def test_a_nan_made_by_arithmetic_is_not_the_nan_of_missing_values():
    with np.errstate(invalid="ignore"):
        made = np.zeros(1) / np.zeros(1)
    if not np.signbit(made)[0]:
        pytest.skip("this processor makes NaN without a sign")
    assert not compare("==", made, np.array([np.nan])).any()


@pytest.mark.parametrize(
    "text",
    [
        "b + 1 > 0",
        "-b",
        "useCMSFrame(nTracks)",
        "isNAN(isFromECL)",
        "p +",
        "daughter(0)",
        "x < y < i < b",
        "daughterAngle(0)",
        "massDifference(p)",
        "binaryPID(1, 2)",
    ],
)
def test_what_basf2_refuses_is_refused(scope, text):
    with pytest.raises(InvalidSteering) as raised:
        scope.cut(text)
    assert not isinstance(raised.value, NotInLite)
    assert raised.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "DeltaT",
        "random < 0.5",
        "kaonIDNN",
        "daughter(0, qrOutput)",
        "useCMSFrame(dr)",
        "useRestFrame(TagVz)",
        "formula(p + DeltaT)",
        "countDaughters(goodBelleKshort > 0)",
    ],
)
def test_what_is_not_covered_is_refused_by_name(scope, text):
    with pytest.raises(NotInLite, match="not covered"):
        scope.cut(text)


def test_aliases_in_a_circle_are_refused():
    with pytest.raises(InvalidSteering, match="circle"):
        Scope({"a": "b + 1", "b": "a + 1"}).variable("a")


def test_a_plain_number_is_kept_in_single_precision(scope):
    assert scope.variable("0.1")(ROWS)[0] == np.float32(0.1)
    assert scope.variable("0.1")(ROWS)[0] != 0.1


def test_declared_types():
    scope = Scope()
    types = {
        "p": "double",
        "nTracks": "int",
        "PDG": "int",
        "isFromECL": "bool",
        "isSignal": "double",
        "charge": "double",
        "daughter(0, PDG)": "double",
        "passesCut(p > 1)": "bool",
        "countInList(pi+:x)": "int",
        "nTracks - 1": "double",
        "abs(PDG)": "double",
        "mcErrors": "double",
        "1": "double",
    }
    assert {text: scope.variable(text).type for text in types} == types


# ---- on events


def test_event_cuts_skip_the_rest_of_the_path(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', '', path=main)
        ma.variablesToNtuple('', ['nTracks'], treename='before', path=main)
        ma.applyEventCuts('nTracks > 10 and nParticlesInList(pi+:x) < 15', path=main)
        ma.variablesToNtuple('', ['nTracks'], treename='after', path=main)
        ma.variablesToNtuple('pi+:x', ['nTracks'], treename='pi', path=main)
        ma.reconstructDecay('rho0:x -> pi+:x pi-:x', '', path=main)
        ma.variablesToNtuple('rho0:x', ['nTracks'], treename='rho', path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    before = trees["before"]["nTracks"]
    kept = before[(before > 10) & (before < 15)]
    assert len(before) == 100 > len(kept) > 0
    assert trees["after"]["nTracks"].tolist() == kept.tolist()
    assert trees["pi"]["nTracks"].tolist() == np.repeat(kept, kept).tolist()
    assert set(trees["rho"]["nTracks"]) == set(kept)


def test_conditional_paths_take_some_events(real_data, lite):
    body = """
        high, low = b2.create_path(), b2.create_path()
        module = main.add_module('VariableToReturnValue', variable='nTracks')
        module.if_value('>10', high, b2.AfterConditionPath.CONTINUE)
        module.if_value('<8', low)
        ma.fillParticleList('pi+:x', '', path=high)
        ma.variablesToNtuple('pi+:x', ['nTracks'], treename='high', path=high)
        ma.variablesToNtuple('', ['nTracks'], treename='low', path=low)
        ma.fillParticleList('pi+:x', '', path=main)
        ma.variablesToNtuple('', ['nTracks', 'nParticlesInList(pi+:x)'], treename='rest', path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    assert trees["high"]["nTracks"].min() == 11
    assert trees["low"]["nTracks"].max() == 7
    assert trees["rest"]["nTracks"].min() == 8
    assert len(trees["low"]["nTracks"]) + len(trees["rest"]["nTracks"]) == 100
    assert trees["rest"]["nParticlesInList(pi+:x)"].tolist() == trees["rest"]["nTracks"].tolist()


RANK = """
    ma.fillParticleList('gamma:x', 'E > 0.05', path=main)
    ma.rankBy{which}('gamma:x', '{variable}', {options} path=main)
    ma.variablesToNtuple('gamma:x', ['E', 'clusterReg', 'extraInfo({name})', 'mdstIndex', 'nParticlesInList(gamma:x)'],
        path=main)
"""


def per_event(tree):
    for event in np.unique(tree["__event__"]):
        rows = tree["__event__"] == event
        yield {name: values[rows] for name, values in tree.items()}


def test_ranks_number_candidates_in_order(real_data, lite):
    body = RANK.format(which="Highest", variable="E", options="", name="E_rank")
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    for event in per_event(tree):
        assert (np.diff(event["E"]) <= 0).all()
        assert event["extraInfo(E_rank)"].tolist() == list(range(1, len(event["E"]) + 1))


def test_equal_values_share_a_rank_if_asked(real_data, lite):
    body = RANK.format(which="Lowest", variable="clusterReg", options="allowMultiRank=True,", name="clusterReg_rank")
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    for event in per_event(tree):
        order = {value: rank for rank, value in enumerate(sorted(set(event["clusterReg"])), start=1)}
        assert event["extraInfo(clusterReg_rank)"].tolist() == [order[value] for value in event["clusterReg"]]
        for value in order:  # stable
            assert (np.diff(event["mdstIndex"][event["clusterReg"] == value]) > 0).all()


def test_only_the_best_stay(real_data, lite):
    body = RANK.format(
        which="Highest", variable="E", options="numBest=3, outputVariable='best', cut='E < 0.5',", name="best"
    )
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    for event in per_event(tree):
        ranks = event["extraInfo(best)"]
        assert ((ranks == -1) == (event["E"] >= 0.5)).all()
        assert ranks[ranks > 0].tolist() == [1, 2, 3][: (ranks > 0).sum()]
        assert (event["nParticlesInList(gamma:x)"] == len(ranks)).all()


def test_extra_info_is_kept_and_shared_between_copies(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', '', path=main)
        ma.cutAndCopyList('pi+:y', 'pi+:x', 'p > 0.5', path=main)
        ma.variablesToExtraInfo('pi+:y', {'p': 'first', 'nTracks': 'many'}, path=main)
        ma.variablesToExtraInfo('pi+:y', {'pt': 'first'}, option=-1, path=main)
        ma.variablesToNtuple('pi+:x', ['p', 'pt', 'extraInfo(first)', 'extraInfo(many)', 'extraInfo(nothing)'],
            path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    np.testing.assert_array_equal(tree["extraInfo(first)"], np.where(tree["p"] > 0.5, tree["pt"], np.nan))
    assert np.isnan(tree["extraInfo(nothing)"]).all()
    assert (np.isnan(tree["extraInfo(many)"]) == ~(tree["p"] > 0.5)).all()


def test_the_decay_mode_is_extra_info(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', '', path=main)
        ma.reconstructDecay('rho0:x -> pi+:x pi-:x', 'M < 1 and extraInfo(decayModeID) == 7', dmID=7, path=main)
        ma.variablesToNtuple('rho0:x', ['extraInfo(decayModeID)'], path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    assert len(tree["extraInfo(decayModeID)"]) > 10
    assert (tree["extraInfo(decayModeID)"] == 7).all()


@pytest.mark.parametrize("name", ["mdst.root", "mdst-v09-00-00.root"])
def test_counts_of_conjugates_add_up(real_data, lite, name):
    body = """
        ma.fillParticleList('K+:x', 'pt > 0.1', path=main)
        ma.variablesToNtuple('', ['nParticlesInList(K+:x)', 'nParticlesInList(K-:x)', 'countInList(K+:x, charge > 0)',
            'countInList(K+:x, charge < 0)', 'nCleanedTracks(pt > 0.1)'], path=main)
    """
    tree = lite(body, real_data / name).trees["variables"]
    total = tree["countInList(K+:x, charge > 0)"] + tree["countInList(K+:x, charge < 0)"]
    for same in ("nParticlesInList(K+:x)", "nParticlesInList(K-:x)"):
        assert total.tolist() == tree[same].tolist()
