"""Verifying reads everything: what opens well and is damaged inside is found; copies say what was read."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from b2grid.errors import IncompleteOutput, InvalidInput, SiteError
from b2grid.ntuple import Manifest, encode, inspect_file, verify, verify_published
from b2grid.ntuple.parquet import KEY

COLUMNS: dict[str, Any] = {
    "__event__": "uint32",
    "nTracks": "int32",
    "isGood": "bool",
    "Mbc": "float64",
    "useCMSFrame(p)": "float32",
    "__eventType__": "string",
}


def rows(count: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "__event__": np.arange(count).astype("uint32"),
        "nTracks": rng.integers(0, 9, count).astype("int32"),
        "isGood": rng.random(count) < 0.5,
        "Mbc": rng.normal(5.28, 0.01, count),
        "useCMSFrame(p)": rng.random(count).astype("float32"),
        "__eventType__": ak.Array(["", "Υ(4S)", "x" * 300] * count)[:count],
    }


ZLIB = uproot.ZLIB(1)


def write(
    path: Path, count: int = 1000, basket: int = 100, *, compression: Any = ZLIB, trees: tuple[str, ...] = ("B0",)
) -> dict[str, Any]:
    values = rows(count)
    with uproot.recreate(path, compression=compression) as file:
        for name in trees:
            tree = file.mktree(name, {encode(column): kind for column, kind in COLUMNS.items()})
            for start in range(0, count, basket):
                part = slice(start, start + basket)
                tree.extend({encode(column): value[part] for column, value in values.items()})
    return values


@pytest.mark.parametrize("compression", [None, uproot.ZLIB(1), uproot.LZ4(1), uproot.ZSTD(1), uproot.LZMA(1)], ids=str)
def test_a_sound_file_is_copied_value_by_value(compression: Any, tmp_path: Path) -> None:
    path = tmp_path / "ntuple.root"
    values = write(path, compression=compression)
    found = verify(path, {"B0": ["Mbc", "useCMSFrame(p)"]}, copies_to=tmp_path, copy_stem="ntuple_job7", key="p:7:1:n")
    data = path.read_bytes()
    assert (found.file, found.bytes) == ("ntuple_job7.root", len(data))
    assert (found.adler32, found.sha256) == (zlib.adler32(data), hashlib.sha256(data).hexdigest())
    assert [(column.name, column.type) for column in found.trees[0].columns] == [
        ("__event__", "uint32"),
        ("nTracks", "int32"),
        ("isGood", "bool"),
        ("Mbc", "float64"),
        ("useCMSFrame(p)", "float32"),
        ("__eventType__", "string"),
    ]
    copy = pq.ParquetFile(tmp_path / "ntuple_job7.B0.parquet")
    assert copy.schema_arrow.names == list(COLUMNS)
    assert copy.schema_arrow.metadata[KEY] == b"p:7:1:n"
    assert copy.metadata.row_group(0).column(0).compression == "ZSTD"
    table = copy.read()
    for name, value in values.items():
        assert table[name].to_pylist() == value.tolist(), name
    published = found.copies[0]
    assert published.sha256 == hashlib.sha256((tmp_path / published.file).read_bytes()).hexdigest()


def test_row_groups_have_128k_rows_whatever_the_baskets(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    write(path, 300_000, 70_001)
    verify(path, {}, copies_to=tmp_path)
    copy = pq.ParquetFile(tmp_path / "n.B0.parquet").metadata
    assert [copy.row_group(n).num_rows for n in range(copy.num_row_groups)] == [131072, 131072, 37856]


def test_a_tree_without_rows_keeps_its_columns_and_types(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    write(path, 0)
    assert verify(path, {"B0": list(COLUMNS)}, copies_to=tmp_path).trees[0].rows == 0
    schema = pq.read_schema(tmp_path / "n.B0.parquet")
    assert [str(kind) for kind in schema.types] == ["uint32", "int32", "bool", "double", "float", "string"]


def test_more_trees_than_one_and_none_expected(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    write(path, 10, trees=("B0", "dir/Bp"))
    found = verify(path, {}, copies_to=tmp_path)
    assert [tree.name for tree in found.trees] == ["B0", "dir/Bp"]
    assert [copy.file for copy in found.copies] == ["n.B0.parquet", "n.dir%2FBp.parquet"]


def test_what_is_missing_is_told_all_at_once_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    write(path, 10)
    with pytest.raises(IncompleteOutput) as caught:
        verify(path, {"Bp": [], "B0": ["Mbc", "useCMSFrame(E)", "deltaE"]}, rows={"B0": 11}, copies_to=tmp_path)
    assert caught.value.missing == (
        "tree 'Bp' (the file has B0)",
        "column 'useCMSFrame(E)' of tree 'B0'",
        "column 'deltaE' of tree 'B0'",
        "rows of tree 'B0': 10 of 11",
    )
    assert "useCMSFrame(p)" in caught.value.near
    assert [entry.name for entry in tmp_path.iterdir()] == ["n.root"]  # no copy of what is not whole


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.999])
def test_a_truncated_file_is_found(share: float, tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    write(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InvalidInput, match=r"truncated"):
        verify(path, {})


def test_a_hole_in_the_baskets_is_found_though_the_file_opens(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    write(path, trees=("B0", "Bp"))
    data = bytearray(path.read_bytes())
    with uproot.open(path) as file:
        seeks = [int(file[tree]["Mbc"].member("fBasketSeek")[3]) for tree in ("B0", "Bp")]
    for seek in seeks:
        data[seek : seek + 400] = bytes(400)
    path.write_bytes(data)
    assert inspect_file(path).tree("B0").rows == 1000  # type: ignore[union-attr] - it is there
    with pytest.raises(InvalidInput, match="'B0': column 'Mbc'") as caught:
        verify(path, {"B0": [], "Bp": [], "other": []}, copies_to=tmp_path)
    assert len(caught.value.findings) == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["n.root"]


@pytest.mark.parametrize("compression", [uproot.ZLIB(1), uproot.LZ4(1), uproot.LZMA(1)], ids=str)
def test_a_flipped_bit_in_a_basket_is_found(compression: Any, tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    write(path, compression=compression)
    with uproot.open(path) as file:
        branch = file["B0"]["nTracks"]
        seek, size = (int(branch.member(name)[5]) for name in ("fBasketSeek", "fBasketBytes"))
    data = bytearray(path.read_bytes())
    data[seek + size - 20] ^= 1
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match="nTracks"):
        verify(path, {})


def test_any_flipped_byte_is_found_or_changes_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    write(path, 60, 30, compression=None)
    data = path.read_bytes()
    sound = verify(path, {"B0": list(COLUMNS)})
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(data), 60):
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            found = verify(path, {"B0": list(COLUMNS)})
        except (InvalidInput, IncompleteOutput):
            continue
        assert (found.adler32, found.sha256) != (sound.adler32, sound.sha256)


def test_a_writer_killed_before_it_closed_leaves_fewer_rows_or_no_file(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import os, signal, sys, numpy, uproot
        file = uproot.recreate(sys.argv[1])
        tree = file.mktree("B0", {"x": "float64"})
        for n in range(5):
            tree.extend({"x": numpy.arange(100.0)})
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    path = tmp_path / "n.root"
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    try:
        found = verify(path, {"B0": ["x"]})
    except (InvalidInput, IncompleteOutput):
        return
    assert found.trees[0].rows <= 500
    with pytest.raises(IncompleteOutput, match=f"rows of tree 'B0': {found.trees[0].rows} of 1000"):
        verify(path, {"B0": ["x"]}, rows={"B0": 1000})


def test_links_fifos_and_folders_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "real.root", 10)
    (tmp_path / "link.root").symlink_to("real.root")
    (tmp_path / "dangling.root").symlink_to("nothing")
    os.mkfifo(tmp_path / "fifo.root")
    (tmp_path / "folder.root").mkdir()
    for name, words in {
        "link": "is a link",
        "dangling": "is a link",
        "fifo": "is a FIFO",
        "folder": "is a directory",
        "none": "No such file",
    }.items():
        with pytest.raises(InvalidInput, match=words):
            verify(tmp_path / f"{name}.root", {})


def test_a_place_that_takes_no_copy_is_the_sites_fault(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    write(path, 10)
    with pytest.raises(SiteError, match="cannot be written") as caught:
        verify(path, {}, copies_to=tmp_path / "nowhere")
    assert caught.value.transient


def test_a_full_disk_leaves_no_copy(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    write(path, 50_000, 5000)
    program = textwrap.dedent("""
        import resource, signal, sys
        from pathlib import Path
        from b2grid.errors import SiteError
        from b2grid.ntuple import verify
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            verify(sys.argv[1], {}, copies_to=Path(sys.argv[2]))
        except SiteError as error:
            print(error.message)
    """)
    copies = tmp_path / "copies"
    copies.mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", program, str(path), str(copies)], check=True, capture_output=True, text=True
    )
    assert "cannot be written: File too large" in ended.stdout
    assert not list(copies.iterdir())


def test_equal_branch_names_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    with uproot.recreate(path, compression=None) as file:
        tree = file.mktree("t", {"qqa": "float64", "qqb": "float64"})
        tree.extend({"qqa": np.zeros(3), "qqb": np.ones(3)})
    path.write_bytes(path.read_bytes().replace(b"qqb", b"qqa"))
    contents = inspect_file(path).trees[0]
    assert contents.duplicates == ("qqa",)
    assert [column.name for column in contents.columns] == ["qqa", "qqa (2)"]
    verify(path, {}, copies_to=tmp_path)
    table = pq.read_table(tmp_path / "n.t.parquet")
    assert table.to_pydict() == {"qqa": [0.0] * 3, "qqa (2)": [1.0] * 3}


def test_real_files_are_read_to_the_end_and_their_damage_is_found(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "mdst.root"
    assert verify(source, {"tree": []}).trees[0].rows == 100
    data = bytearray(source.read_bytes())
    begin = len(data) // 3
    data[begin : begin + 2000] = bytes(2000)
    path = tmp_path / "damaged.root"
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match="damaged"):
        verify(path, {})


def test_looking_into_a_real_file_is_cheap_and_renders(real_data: Path) -> None:
    contents = inspect_file(real_data / "mdst-v09-00-00.root")
    assert contents.trees[0].rows == 10
    assert contents.trees[0].bytes > 0
    assert "tree: 10 rows" in str(contents)
    assert "<td" in contents._repr_html_()


def test_what_changed_after_publishing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "n_job1.root"
    write(path, compression=None)
    output = verify(path, {}, copies_to=tmp_path)
    assert verify_published(tmp_path, output) == []
    data = bytearray(path.read_bytes())
    with uproot.open(path) as file:
        seek = int(file["B0"]["Mbc"].member("fBasketSeek")[2])
    data[seek + 120] ^= 1
    path.write_bytes(data)
    verify(path, {})  # reads back wrong, in silence
    assert [Path(wrong.split()[0]).name for wrong in verify_published(tmp_path, output)] == ["n_job1.root"]
    (tmp_path / "n_job1.B0.parquet").unlink()
    assert len(verify_published(tmp_path, output)) == 2


def test_rows_of_runs_that_are_left_out_are_counted_and_not_in_the_copy(tmp_path: Path) -> None:
    path = tmp_path / "in.root"
    mass, runs = np.arange(4.0), np.array([1, 2, 2, 3], "int32")
    trees = {"B0": {"__experiment__": np.full(4, 18, "int32"), "__run__": runs, "Mbc": mass}, "other": {"Mbc": mass}}
    with uproot.recreate(path) as file:
        for name, columns in trees.items():
            file.mktree(name, {column: values.dtype for column, values in columns.items()}).extend(columns)
    found = verify(path, {}, copies_to=tmp_path, leave_out={(18, 2), (20, 1)})
    assert [(tree.rows, tree.left_out) for tree in found.trees] == [(4, 2), (4, None)]
    assert pq.read_table(tmp_path / "in.B0.parquet")["Mbc"].to_pylist() == [0.0, 3.0]
    assert pq.read_table(tmp_path / "in.other.parquet").num_rows == 4
    manifest = Manifest("p", 1, 1, "n", sample="s", outputs=(found,))
    assert Manifest.from_json(manifest.to_json()) == manifest
    with pytest.raises(InvalidInput, match="5 of 4 rows"):
        Manifest.from_json(manifest.to_json().replace('"left_out": 2', '"left_out": 5'))
