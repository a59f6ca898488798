"""Outputs beside plain ntuples: tables of other formats, trees with a row per event, samples of rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidInput, InvalidSteering
from b2grid.lite.sampling import Sampling
from b2grid.ntuple import read_file_metadata
from b2grid.steering.standin import LogLevel

LISTS = """
    from b2pandas_utils import VariablesToTable, make_mcerrors_readable
    ma.fillParticleList('pi+:x', '{cut}', path=main)
    ma.variablesToNtuple('pi+:x', ['p', 'mdstIndex', 'isFromTrack', 'daughter(0, p)'], path=main)
"""
KEY = {"__experiment__": "int32", "__run__": "int32", "__event__": "uint32"}


@pytest.mark.parametrize("cut", ["pt > 0.3", "p > 1000"], ids=["rows", "no rows"])
@pytest.mark.parametrize(
    ("name", "options", "read"),
    [
        ("t.parquet", "compression='zstd'", pd.read_parquet),
        ("t.pq", "event_buffer_size=7", pd.read_parquet),
        ("t.feather", "", pd.read_feather),
        ("t.arrow", "", pd.read_feather),
        ("t.csv", "", pd.read_csv),
    ],
)
def test_tables_have_basf2s_columns_and_the_ntuples_values(real_data, lite, cut, name, options, read):
    body = LISTS.format(cut=cut) + (
        f"    main.add_module(VariablesToTable('pi+:x', ['p', 'mdstIndex', 'isFromTrack', 'daughter(0, p)', 'p'],"
        f" {name!r}, {options}))\n"
    )
    outcome = lite(body, real_data / "mdst.root", events=20)
    table, tree = read(name), outcome.trees["variables"]
    assert outcome.result.outputs == ("ntuple.root", name)
    assert list(table.columns) == [
        *KEY,
        "__production__",
        "__candidate__",
        "__ncandidates__",
        "p",
        "mdstIndex",
        "isFromTrack",
        "daughter(0, p)",
    ]
    if name != "t.csv":
        counters = ("__production__", "__candidate__", "__ncandidates__")
        assert table.dtypes.astype(str).to_dict() == {
            **KEY,
            **dict.fromkeys(counters, "uint32"),
            **dict.fromkeys(table.columns[6:], "float64"),
        }
    assert len(table) == len(tree["p"]) == (0 if "1000" in cut else len(table))
    for column in table.columns:
        np.testing.assert_array_equal(table[column].to_numpy(np.float64), tree[column].astype(np.float64))


def test_what_arrow_does_not_take_is_said(real_data, lite):
    body = LISTS.format(cut="") + "    main.add_module(VariablesToTable('pi+:x', ['p'], 't.pq', compression='none?'))"
    with pytest.raises(InvalidSteering, match=r"parquet.*none\?"):
        lite(body, real_data / "mdst.root")


def test_a_file_of_another_kind_is_an_error_of_the_script(real_data, lite):
    with pytest.raises(ValueError, match=r"\.json"):
        lite(LISTS.format(cut="") + "    VariablesToTable('pi+:x', ['p'], 't.json')", real_data / "mdst.root")


def test_mc_errors_are_split_into_columns(real_data, lite):
    body = """
        import pandas as pd
        from b2pandas_utils import make_mcerrors_readable
        frame = pd.DataFrame({'mcErrors': [0.0, 136.0]})
        make_mcerrors_readable(frame)
        assert frame.mcErrors_Correct.tolist() == [True, False]
        assert [name for name in frame if frame[name][1] and name != 'mcErrors'] == [
            'mcErrors_MissNeutrino', 'mcErrors_MisID']
        ma.variablesToNtuple('', ['nTracks'], path=main)
    """
    lite(body, real_data / "mdst-v09-00-00.root")


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


def test_the_same_file_under_two_names_is_one(real_data, lite, tmp_path):
    body = f"""
        ma.variablesToNtuple('', ['nTracks'], treename='a', filename='x.root', path=main)
        ma.variablesToNtuple('', ['nTracks'], treename='b', filename={str(tmp_path / "x.root")!r}, path=main)
    """
    assert set(lite(body, real_data / "mdst-v09-00-00.root").trees) == {"a", "b"}


def test_an_input_is_never_written_over(real_data, lite, tmp_path):
    copy = tmp_path / "mine.root"
    copy.write_bytes((real_data / "mdst-v09-00-00.root").read_bytes())
    with pytest.raises(InvalidInput, match="input and output"):
        lite("ma.variablesToNtuple('', ['nTracks'], filename='./mine.root', path=main)", copy)
    assert copy.read_bytes() == (real_data / "mdst-v09-00-00.root").read_bytes()


def test_facts_of_the_steering_go_into_the_metadata(real_data, lite):
    body = "ma.variablesToNtuple('', ['nTracks'], path=main); main.modules()[-1].param('dataDescription', {'a': 'b'})"
    lite(body, real_data / "mdst-v09-00-00.root")
    meta = read_file_metadata("ntuple.root")
    assert meta.data_description == {"a": "b", "isNtupleMetaData": "True"}
    assert replace(meta, data_description={}) != meta
