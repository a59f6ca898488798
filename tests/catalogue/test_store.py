"""Opening a catalogue, and asking it."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.catalogue import Catalogue, check_catalogue, write_catalogue
from b2grid.catalogue.contents import NAME, Part, read_contents
from b2grid.catalogue.places import stretches
from b2grid.catalogue.writing.publish import sha256_of
from b2grid.errors import InvalidInput
from tests.catalogue.conftest import CHARGED, COLLECTION, DATA, HADRON, MIXED, file


def test_collections_are_listed_by_pattern(catalogue: Catalogue) -> None:
    assert list(catalogue.collections()["collection"]) == [DATA, COLLECTION]
    assert list(catalogue.collections("/belle/COLLECTION/mc/*")["collection"]) == [COLLECTION]
    assert list(catalogue.collections("tiny_h*")["collection"]) == [DATA]
    assert catalogue.collections("nothing").empty


def test_a_collection_has_metadata_datasets_and_files(catalogue: Catalogue, folder: Path) -> None:
    collection = catalogue.collection(COLLECTION)
    assert collection.metadata["description"] == "tiny"
    assert collection.metadata["version"] == 1
    assert collection.datasets == [CHARGED, MIXED]
    assert len(collection.files) == 7
    assert collection.files["lfn"].is_monotonic_increasing
    assert Path(collection.files["pfn"][0]).parent == folder.parent / "data"
    for shown in (str(collection), collection._repr_html_()):
        assert "350" not in shown
        assert "500" in shown  # events: 3 x 100 + 4 x 50


def test_the_official_luminosity_comes_first_and_good_runs_beside_it(catalogue: Catalogue) -> None:
    luminosity = catalogue.collection(DATA).luminosity
    assert (luminosity.value, luminosity.error) == (0.5, 0.005)
    assert luminosity.runs == pytest.approx(0.5)
    assert luminosity.runs_error == pytest.approx(0.005)
    assert "(official)" in str(luminosity)


def test_a_collection_without_luminosity_says_so(catalogue: Catalogue, tmp_path: Path) -> None:
    luminosity = catalogue.collection(COLLECTION).luminosity
    assert luminosity.official is None
    assert luminosity.runs is None  # the luminosity of a run is that of its collisions
    assert str(luminosity) == "not known; of signal cite the number of generated events"


def test_a_missing_collection_is_named_with_the_nearest(catalogue: Catalogue) -> None:
    with pytest.raises(InvalidInput, match=r"no collection .*tiny_B_v1.* did you mean .*tiny_BB_v1\?"):
        catalogue.collection("/belle/collection/MC/tiny_B_v1")


def test_a_missing_dataset_is_named_with_the_nearest(catalogue: Catalogue) -> None:
    with pytest.raises(InvalidInput, match=r"did you mean /belle/.*/charged/mdst"):
        catalogue.dataset(CHARGED.replace("charged", "chargd"))


def test_a_dataset_and_its_datablock(catalogue: Catalogue) -> None:
    dataset = catalogue.dataset(HADRON)
    assert dataset.parts.campaign == "proc13"
    assert dataset.metadata["events"] == 47
    assert len(dataset.files) == len(catalogue.dataset(HADRON + "/sub00").files) == 2
    assert len(catalogue.collection(f"{DATA}/").files) == 2
    with pytest.raises(InvalidInput, match=r"no datablock .*/sub01.* did you mean .*/sub00\?"):
        catalogue.dataset(HADRON + "/sub01")


def test_sql_answers_questions_and_only_reads(catalogue: Catalogue, tmp_path: Path) -> None:
    assert catalogue.sql("SELECT sum(events) AS n FROM files")["n"][0] == 547
    assert catalogue.sql("FROM skims").empty
    assert catalogue.arrow("FROM runs SEMI JOIN mine USING (run)", mine=pa.table({"run": [101]})).num_rows == 1
    target = tmp_path / "out.csv"
    for query in (
        "DROP VIEW files",
        f"COPY files TO '{target}'",
        "SELECT 1; DROP VIEW files",
        "CREATE TABLE x(i int)",
        "ATTACH ':memory:' AS y",
        "SET threads = 1",
        "",
    ):
        with pytest.raises(InvalidInput, match="only reads"):
            catalogue.sql(query)
    assert not target.exists()
    with pytest.raises(InvalidInput, match="the query does not work"):
        catalogue.sql("SELECT nothing FROM files")


def test_reading_never_modifies_a_catalogue(folder: Path) -> None:
    def state() -> dict[Path, tuple[int, str]]:
        return {
            path: (path.stat().st_mtime_ns, "" if path.is_dir() else sha256_of(path))
            for path in sorted([folder, *folder.rglob("*")])
        }

    before = state()
    for path in before:
        path.chmod(0o555 if path.is_dir() else 0o444)
    catalogue = Catalogue(folder)
    catalogue.search(campaign="*")
    str(catalogue.collection(COLLECTION))
    catalogue.files(pattern="*")
    assert check_catalogue(folder).ok
    assert state() == before
    for path in before:
        path.chmod(0o755)


def test_opening_reads_nothing_but_the_list_of_parts(folder: Path) -> None:
    for part in folder.glob("*/*.parquet"):
        part.write_bytes(bytes(part.stat().st_size))
    catalogue = Catalogue(folder)
    assert "9 files, 3 runs, 2 collections, 3 datasets, 0 skims" in str(catalogue)
    assert "9" in catalogue._repr_html_()
    with pytest.raises(InvalidInput, match="is cut short or damaged"):
        catalogue.search()


def test_a_catalogue_crosses_to_another_interpreter(catalogue: Catalogue) -> None:
    assert str(pickle.loads(pickle.dumps(catalogue))) == str(catalogue)
    assert "9 files" in str(catalogue)
    assert "9" in catalogue._repr_html_()


def test_the_environment_names_the_catalogue(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B2GRID_CATALOGUE", str(folder))
    assert Catalogue().path == folder
    assert not Catalogue().is_demo


def test_files_are_found_by_dataset_datablock_name_and_pattern_each_once(catalogue: Catalogue) -> None:
    names = catalogue.files(pattern="*")["lfn"].to_pylist()
    assert len(names) == 9
    assert names == sorted(names)
    assert catalogue.files()["lfn"].to_pylist() == []
    assert catalogue.files(lfns=["/belle/none"]).num_rows == 0
    both = catalogue.files(datasets=[HADRON, f"{MIXED}/sub00"], lfns=names[:3], pattern=f"{HADRON}/*")
    assert both["lfn"].to_pylist() == sorted({*names[:3], *(name for name in names if HADRON in name or MIXED in name)})
    assert catalogue.files(pattern=f"{HADRON}/sub0[0]/*1.root").num_rows == 1
    assert catalogue.files(datasets=["it's", f"{HADRON}/sub99"]).num_rows == 0


@given(st.lists(st.text(max_size=8), max_size=40), st.integers(1, 9))
def test_every_name_is_in_a_stretch_and_stretches_do_not_meet(names: list[str], most: int) -> None:
    found = stretches(names, most=most)
    assert len(found) <= most
    bounds = [end for pair in found for end in pair]
    assert bounds == sorted(bounds)
    assert set(bounds) <= set(names)
    assert all(any(low <= name <= high for low, high in found) for name in names)


def test_what_is_not_a_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no catalogue at .*give the folder that has catalogue\.json"):
        Catalogue(tmp_path / "nothing")
    with pytest.raises(InvalidInput, match=r"is not a catalogue: catalogue\.json is missing"):
        Catalogue(tmp_path)
    (tmp_path / "files.parquet").write_bytes(b"PAR1")
    with pytest.raises(InvalidInput, match=r"has format 1, this b2grid reads format 2 - .*make it again"):
        Catalogue(tmp_path)
    with pytest.raises(InvalidInput, match=r"not at root://se\.example/catalogue"):
        Catalogue("root://ana:secret@se.example/catalogue")


def test_a_part_of_other_columns_is_refused(folder: Path) -> None:
    contents = read_contents(folder)
    draft = folder / "runs" / "draft"
    pq.write_table(pa.table({"run": [1]}), draft)
    digest = sha256_of(draft)
    part = Part(Part.named("runs", digest), 1, draft.stat().st_size, digest)
    draft.rename(folder / part.file)
    (folder / NAME).write_bytes(replace(contents, tables=contents.tables | {"runs": (part,)}).to_json())
    with pytest.raises(InvalidInput, match=r"parts of runs .* have other columns than experiment, run"):
        Catalogue(folder).runs()


@pytest.mark.parametrize("kept", [0, 3, 50, -9])
def test_a_part_cut_short_is_noticed_at_opening(folder: Path, kept: int) -> None:
    (path,) = folder.glob("files/*.parquet")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InvalidInput, match=r"files/.*\.parquet of .* is cut short or damaged") as caught:
        Catalogue(folder)
    assert [finding.code for finding in caught.value.findings] == ["B2C005"]


def test_all_parts_that_are_missing_are_named(folder: Path) -> None:
    for path in folder.glob("*/*.parquet"):
        path.unlink()
    with pytest.raises(InvalidInput, match="is missing, and 3 more parts") as caught:
        Catalogue(folder)
    assert len(caught.value.findings) == 4


def test_damage_inside_a_part_is_one_clear_message(folder: Path) -> None:
    (path,) = folder.glob("files/*.parquet")
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"cut short or damaged: .*check_catalogue"):
        Catalogue(folder).collection(COLLECTION).files  # noqa: B018


def test_a_reader_is_told_when_the_catalogue_was_replaced(folder: Path) -> None:
    earlier, at_work = Catalogue(folder), Catalogue(folder)
    assert len(at_work.collections()) == 2
    write_catalogue(folder, [file("/belle/user/a/b", 1, [(0, 1, 1)])])
    for reader in (earlier, at_work):
        with pytest.raises(InvalidInput, match=r"was replaced since it was opened - open it again: Catalogue\('"):
            reader.search()
    assert "1 files" in str(Catalogue(folder))
