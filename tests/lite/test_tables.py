"""Outputs beside plain ntuples: tables of other formats, trees with a row per event, samples of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidInput, InvalidSteering
from b2grid.lite.writing.rows import Table
from b2grid.lite.writing.sampling import Sampling
from b2grid.ntuple import read_file_metadata
from b2grid.steering.standin import LogLevel

LISTS = """
    from b2pandas_utils import VariablesToTable
    names = ['p', 'mdstIndex', 'isFromTrack', 'daughter(0, p)']
    ma.fillParticleList('pi+:x', '{cut}', path=main)
    ma.variablesToNtuple('pi+:x', names, path=main)
    main.add_module(VariablesToTable('pi+:x', [*names, 'p'], 't.parquet', compression='zstd'))
    main.add_module(VariablesToTable('pi+:x', names, 't.pq', event_buffer_size=7))
    for ending in ('csv', 'feather', 'arrow'):
        main.add_module(VariablesToTable('pi+:x', names, f't.{{ending}}'))
"""
KEY = {"__experiment__": "int32", "__run__": "int32", "__event__": "uint32"}
COUNTERS = ("__production__", "__candidate__", "__ncandidates__")
VARIABLES = ("p", "mdstIndex", "isFromTrack", "daughter(0, p)")
READ = {"parquet": pd.read_parquet, "pq": pd.read_parquet, "csv": pd.read_csv, "feather": pd.read_feather,
        "arrow": pd.read_feather}  # fmt: skip


@pytest.mark.parametrize("cut", ["pt > 0.3", "p > 1000"], ids=["rows", "no rows"])
def test_tables_have_basf2s_columns_and_the_ntuples_values(real_data, lite, cut):
    outcome = lite(LISTS.format(cut=cut), real_data / "mdst.root", events=20)
    tree = outcome.trees["variables"]
    assert outcome.result.outputs == ("ntuple.root", *(f"t.{ending}" for ending in READ))
    assert (len(tree["p"]) > 0) == (cut != "p > 1000")
    for ending, read in READ.items():
        table = read(f"t.{ending}")
        assert list(table.columns) == [*KEY, *COUNTERS, *VARIABLES]
        kinds = KEY | dict.fromkeys(COUNTERS, "uint32") | dict.fromkeys(VARIABLES, "float64")
        assert ending == "csv" or table.dtypes.astype(str).to_dict() == kinds
        for column in table.columns:
            np.testing.assert_array_equal(table[column].to_numpy(np.float64), tree[column].astype(np.float64))


def test_what_arrow_does_not_take_is_said(tmp_path):
    for options in ({"compression": "none?"}, {"speed": 3}):
        table = Table(str(tmp_path / "t.pq"), {"p": "float64"}, options=options)
        with pytest.raises(InvalidSteering, match=r"parquet.*" + "|".join(options)):
            table.open()
    with pytest.raises(InvalidInput, match="cannot write"):
        Table(str(tmp_path / "nowhere" / "t.csv"), {"p": "float64"}, kind="csv").open()


EVENT_TREE = """
    ma.fillParticleList('pi+:x', 'p > 0.5', path=main)
    main.add_module('VariablesToEventBasedTree', particleList='pi+:x', variables=['p', 'mdstIndex', 'daughter(0, p)'],
        event_variables=['nTracks', 'isMC', 'Ecms'], fileName='e.root', treeName='pions'{options})
    main.add_module('VariablesToEventBasedTree', particleList='pi+:x', event_variables=['nTracks'], fileName='e.root',
        storeEventType=False)
    ma.variablesToNtuple('pi+:x', ['p', 'mdstIndex', 'nTracks'], path=main)
"""


def test_a_tree_with_a_row_per_event_has_an_entry_per_candidate(real_data, lite):
    trees = lite(EVENT_TREE.format(options=""), real_data / "mdst.root", real_data / "mdst-v09-00-00.root").trees
    with uproot.open("e.root") as file:
        kinds = {branch.name: branch.typename for branch in file["pions"].branches}
        assert file["tree"].keys() == ["__event__", "__run__", "__experiment__", "__production__", "__ncandidates__",
                                       "__weight__", "nTracks"]  # fmt: skip
        assert read_file_metadata("e.root").events == 110
    assert kinds == {
        "__event__": "uint32_t", "__run__": "int32_t", "__experiment__": "int32_t", "__production__": "int32_t",
        "__eventType__": "char*", "__weight__": "float", "nTracks": "int32_t", "isMC": "bool", "Ecms": "double",
        "__ncandidates__": "int32_t", "p": "double[]", "mdstIndex": "int32_t[]",
        "daughter__bo0__cm__spp__bc": "double[]",
    }  # fmt: skip
    tree, rows = trees["pions"], trees["variables"]
    assert len(tree["__event__"]) == 110
    assert trees["tree"]["__ncandidates__"].tolist() == tree["__ncandidates__"].tolist()
    assert tree["__ncandidates__"].sum() == len(rows["p"])
    for name in ("p", "mdstIndex"):
        np.testing.assert_array_equal(np.concatenate(list(tree[name])), rows[name])
    np.testing.assert_array_equal(np.repeat(tree["nTracks"], tree["__ncandidates__"]), rows["nTracks"])


def test_candidates_beyond_the_limit_are_left_out_with_a_warning(real_data, lite):
    outcome = lite(EVENT_TREE.format(options=", maxCandidates=2"), real_data / "mdst.root")
    many, few = outcome.trees["tree"]["__ncandidates__"], outcome.trees["pions"]["__ncandidates__"]
    np.testing.assert_array_equal(few, np.minimum(many, 2))
    assert [len(values) for values in outcome.trees["pions"]["p"]] == few.tolist()
    assert outcome.log.counts[LogLevel.WARNING] == 2  # this, and momenta where the field is not known


def test_every_third_row_of_a_value_is_kept_with_its_weight(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', 'p > 0.5', path=main)
        ma.variablesToNtuple('pi+:x', ['charge', 'p'], treename='all', path=main)
        ma.variablesToNtuple('pi+:x', ['charge', 'p'], treename='some', path=main, useFloat=True)
        b2.set_module_parameters(main, type='VariablesToNtuple', sampling=('charge', {1: 3, 0: 7}))
        main.modules()[-2].param('sampling', ('', {}))
        main.add_module('VariablesToEventBasedTree', particleList='pi+:x', fileName='ntuple.root', variables=['p'],
            sampling=('nTracks', {10: 2}))
    """
    trees = lite(body, real_data / "mdst.root").trees
    whole, some = trees["all"], trees["some"]
    positive = whole["charge"] > 0
    kept = ~positive | (np.cumsum(positive) % 3 == 0)
    np.testing.assert_array_equal(some["__candidate__"], whole["__candidate__"][kept])
    np.testing.assert_array_equal(some["p"], whole["p"][kept].astype(np.float32))
    assert some["__weight__"].tolist() == np.where(positive, 3, 1)[kept].tolist()
    assert set(trees["tree"]["__weight__"]) == {1.0, 2.0}
    assert len(trees["tree"]["__weight__"]) < 100


@given(st.lists(st.sampled_from([0.0, 0.4, 1.0, -0.5, np.nan])), st.integers(1, 4), st.integers(0, 20))
def test_sampling_does_not_see_chunks(values, rate, cut):
    whole = Sampling({0: rate, -1: 2}).weights(np.array(values))
    parts = Sampling({0: rate, -1: 2})
    both = [parts.weights(np.array(piece)) for piece in (values[:cut], values[cut:])]
    assert np.concatenate(both).tolist() == whole.tolist()
    near = np.abs(values) < 0.5 if values else np.zeros(0, dtype=bool)
    assert whole[near].sum() == rate * (near.sum() // rate)


def test_an_input_is_never_written_over(real_data, lite, tmp_path):
    copy = tmp_path / "mine.root"
    copy.write_bytes((real_data / "mdst-v09-00-00.root").read_bytes())
    with pytest.raises(InvalidInput, match="input and output"):
        lite("ma.variablesToNtuple('', ['nTracks'], filename='./mine.root', path=main)", copy)
    assert copy.read_bytes() == (real_data / "mdst-v09-00-00.root").read_bytes()


def test_the_same_file_under_two_names_is_one_and_has_facts_of_the_steering(real_data, lite, tmp_path):
    body = f"""
        ma.variablesToNtuple('', ['nTracks'], treename='a', filename='x.root', path=main)
        ma.variablesToNtuple('', ['nTracks'], treename='b', filename={str(tmp_path / "x.root")!r}, path=main)
        main.modules()[-1].param('dataDescription', {{'a': 'b'}})
    """
    assert set(lite(body, real_data / "mdst-v09-00-00.root").trees) == {"a", "b"}
    assert read_file_metadata("x.root").data_description == {"a": "b", "isNtupleMetaData": "True"}


LOOP = """
    ma.fillParticleList('pi+:x', 'dr < 2', path=main)
    ma.fillParticleList('K+:x', 'dr < 2 and kaonID > 0.3', path=main)
    ma.reconstructDecay('D0:x -> K-:x pi+:x', '1.8 < M < 1.93', path=main)
    ma.buildRestOfEvent('D0:x', path=main)
    ma.cutAndCopyList('D0:hard', 'D0:x', 'p > 1', path=main)
    ma.variablesToNtuple('D0:x', ['p', 'nROE_Tracks()'], treename='D', path=main)
    roe = b2.create_path()
    ma.fillParticleList('pi+:roe', 'isInRestOfEvent == 1', path=roe)
    names = ['mdstIndex', 'particleRelatedToCurrentROE(p)', 'nROE_RemainingTracks()']
    ma.variablesToNtuple('pi+:roe', names, treename='inner', signalSideParticleList='D0:x', path=roe)
    counts = ['nParticlesInList(pi+:roe)']
    ma.variablesToNtuple('', counts, treename='turns', signalSideParticleList='D0:hard', path=roe)
    ma.variablesToHistogram('pi+:roe', [('p', 10, 0, 5)], filename='h.root', path=roe)
    from b2pandas_utils import VariablesToTable
    roe.add_module(VariablesToTable('pi+:roe', ['mdstIndex'], 'inner.pq'))
    main.for_each('RestOfEvent', 'RestOfEvents', roe)
    ma.variablesToNtuple('pi+:x', ['p'], treename='outside', signalSideParticleList='D0:x', path=main)
"""


def test_in_a_loop_over_rests_rows_come_event_by_event_with_their_signal_side(real_data, lite):
    trees = lite(LOOP, real_data / "mdst.root").trees
    outer, inner, turns, outside = (trees[name] for name in ("D", "inner", "turns", "outside"))
    assert (outer["__ncandidates__"] > 2).any()
    # one turn per candidate, in their order
    np.testing.assert_array_equal(turns["__event__"], outer["__event__"])
    np.testing.assert_array_equal(turns["nParticlesInList(pi+:roe)"], outer["nROE_Tracks()"])
    hard = outer["p"] > 1
    assert set(hard) == {True, False}
    assert (turns["__signalSideCandidate__"] >= 0).tolist() == hard.tolist()
    for event in np.unique(outer["__event__"]):
        here = outer["__event__"] == event
        assert turns["__signalSideCandidate__"][here & hard].tolist() == list(range((here & hard).sum()))
        assert set(turns["__nSignalSideCandidates__"][here]) == {(here & hard).sum()}
    # the rows of each turn say whose it is
    repeats = turns["nParticlesInList(pi+:roe)"]
    np.testing.assert_array_equal(inner["__event__"], np.repeat(outer["__event__"], repeats))
    np.testing.assert_array_equal(inner["__signalSideCandidate__"], np.repeat(outer["__candidate__"], repeats))
    np.testing.assert_array_equal(inner["__nSignalSideCandidates__"], np.repeat(outer["__ncandidates__"], repeats))
    np.testing.assert_array_equal(inner["particleRelatedToCurrentROE(p)"], np.repeat(outer["p"], repeats))
    np.testing.assert_array_equal(inner["__ncandidates__"], np.repeat(repeats, repeats))
    table = pd.read_parquet("inner.pq")
    np.testing.assert_array_equal(table["mdstIndex"], inner["mdstIndex"])
    with uproot.open("h.root") as file:
        assert file["p"].values(flow=True).sum() == len(inner["mdstIndex"])
    assert set(outside["__signalSideCandidate__"]) == {-1}
    assert set(outside["__nSignalSideCandidates__"]) == {0}
