"""Manifests: read back equal, and nothing else taken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidInput
from b2grid.ntuple import (
    Column,
    Copy,
    Input,
    Manifest,
    Output,
    Tree,
    adler32_text,
    parse_adler32,
    sub_folder,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
names = st.text("abcXYZ019_+ ()", min_size=1, max_size=20).map(lambda text: "n" + text)
counts = st.integers(0, 2**63 - 1)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)


@st.composite
def outputs(draw: st.DrawFn) -> Output:
    trees = draw(
        st.lists(
            st.builds(
                Tree,
                name=names,
                rows=counts,
                columns=st.lists(
                    st.builds(Column, name=names, type=st.sampled_from(["float64", "string"])), max_size=3
                ).map(tuple),
            ),
            max_size=3,
            unique_by=lambda tree: tree.name,
        )
    )
    copies = tuple(Copy(f"{tree.name}.parquet", tree.name, draw(counts), draw(digests)) for tree in trees)
    return Output(
        draw(names) + ".root", draw(counts), draw(st.integers(0, 2**32 - 1)), draw(digests), tuple(trees), copies
    )


manifests = st.builds(
    Manifest,
    project_id=names,
    job=st.integers(1, 10**9),
    attempt=st.integers(1, 99),
    nonce=names,
    plan_revision=st.integers(1, 99),
    sample=texts,
    inputs=st.lists(
        st.builds(Input, lfn=names, events_expected=st.none() | counts), max_size=3, unique_by=lambda file: file.lfn
    ).map(tuple),
    events_processed=st.none() | counts,
    release=st.none() | texts,
    seed=texts,
    host=texts,
    times=st.dictionaries(texts, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    outputs=st.lists(outputs(), max_size=2, unique_by=lambda output: output.file).map(tuple),
    reason=texts,
)


@given(manifests)
def test_a_manifest_is_read_back_equal(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert Manifest.from_json(manifest.to_json().encode()) == manifest


@given(st.text() | st.binary())
def test_any_text_is_read_or_refused_in_our_words(text: str | bytes) -> None:
    with pytest.raises(InvalidInput):
        Manifest.from_json(text)


def document(**changes: Any) -> str:
    output = Output(
        "n_job12.root",
        5,
        7,
        "a" * 64,
        (Tree("t", 3, (Column("M", "float64"),)),),
        (Copy("n_job12.t.parquet", "t", 3, "b" * 64),),
    )
    made = Manifest("p", 12, 1, "n", inputs=(Input("/belle/a", 10),), outputs=(output,))
    return json.dumps(json.loads(made.to_json()) | changes)


def test_a_newer_format_is_refused_with_both_numbers() -> None:
    with pytest.raises(InvalidInput, match="format 2, this b2grid reads up to format 1"):
        Manifest.from_json(document(format=2, something="new"))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": True},
        {"format": None},
        {"format": "1"},
        {"job": 0},
        {"job": True},
        {"job": 1.0},
        {"job": "1"},
        {"job": 10**30},
        {"attempt": 0},
        {"kind": "maybe"},
        {"nonce": ""},
        {"times": {"started": None}},
        {"inputs": [{"lfn": "/belle/a", "events_expected": -1}]},
        {"inputs": {}},
        {"extra": 1},
        {"inputs": [{"lfn": "/belle/a", "events_expected": 1}] * 2},
        {"kind": "void"},
        {"outputs": [None]},
    ],
)
def test_what_is_not_in_the_format_is_refused(changes: dict[str, Any]) -> None:
    assert Manifest.from_json(document())
    with pytest.raises(InvalidInput, match="not valid") as caught:
        Manifest.from_json(document(**changes))
    assert caught.value.findings


@pytest.mark.parametrize(
    "name",
    ["../x.root", "/etc/passwd", "a/b", "", ".", "..", ".hidden", "-rf", "a\0b", "a\nb", "\ud800", "x" * 256, 5, None],
)
def test_an_output_cannot_name_a_file_elsewhere(name: Any) -> None:
    changed = json.loads(document())
    for where in (changed["outputs"][0], changed["outputs"][0]["copies"][0]):
        before, where["file"] = where["file"], name
        with pytest.raises(InvalidInput, match="plain file name"):
            Manifest.from_json(json.dumps(changed))
        where["file"] = before


@pytest.mark.parametrize(
    "columns",
    [
        {},
        "",
        None,
        "ab",
        [None],
        [{}],
        [{"name": "x"}],
        [{"name": 1, "type": "x"}],
        [{"name": "x", "type": ""}],
        [{"name": [], "type": "x"}],
        [{"name": "x", "type": "y", "z": 1}],
    ],
)
def test_columns_are_read_as_strictly_as_the_rest(columns: Any) -> None:
    changed = json.loads(document())
    changed["outputs"][0]["trees"][0]["columns"] = columns
    with pytest.raises(InvalidInput, match="columns"):
        Manifest.from_json(json.dumps(changed))


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        Manifest.from_json(document(job=0, attempt="x", kind="y", nonce=None))
    assert len(caught.value.findings) == 4


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 50_000,
        "9" * 10_000,
        '{"job": NaN}',
        '{"job": 1, "job": 2}',
        "\ufeff{}",
        '"\\ud800"',
        "{}" * 2,
    ],
)
def test_hostile_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Manifest.from_json(text)


def test_adler32_is_a_number_whatever_its_zeros() -> None:
    for text in ("001b2c3d", "1b2c3d", "1B2C3D"):
        changed = json.loads(document())
        changed["outputs"][0]["adler32"] = text
        assert Manifest.from_json(json.dumps(changed)).outputs[0].adler32 == parse_adler32("001B2C3D")
    assert adler32_text(0x1B2C3D) == "001b2c3d"


@given(st.integers(1, 10**6))
def test_a_folder_has_at_most_a_thousand_jobs(job: int) -> None:
    assert sub_folder(job) == f"sub{(job - 1) // 1000:02d}"
