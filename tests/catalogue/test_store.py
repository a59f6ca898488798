"""Opening a catalogue, and asking it."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from b2grid.catalogue import Catalogue
from b2grid.catalogue.model import FORMAT_KEY
from b2grid.errors import InvalidInput
from tests.catalogue.conftest import CHARGED, COLLECTION, DATA, HADRON, MIXED


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
    assert str(luminosity) == "no luminosity: cite the number of generated events"


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
    assert catalogue.dataset(HADRON + "/sub01").files.empty


def test_sql_answers_questions_and_only_reads(catalogue: Catalogue, tmp_path: Path) -> None:
    assert catalogue.sql("SELECT sum(events) AS n FROM files")["n"][0] == 547
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
    def state() -> dict[str, str]:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}

    before = state()
    catalogue = Catalogue(folder)
    catalogue.search(campaign="*")
    str(catalogue.collection(COLLECTION))
    assert state() == before


def test_a_catalogue_crosses_to_another_interpreter(catalogue: Catalogue) -> None:
    assert str(pickle.loads(pickle.dumps(catalogue))) == str(catalogue)
    assert "9 files" in str(catalogue)
    assert "9" in catalogue._repr_html_()


def test_the_environment_names_the_catalogue(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B2GRID_CATALOGUE", str(folder))
    assert Catalogue().path == folder
    assert not Catalogue().is_demo


def test_a_table_in_partitions_is_one_table(folder: Path) -> None:
    whole = folder / "files.parquet"
    table = pq.read_table(whole)
    (folder / "files").mkdir()
    pq.write_table(table.slice(0, 4), folder / "files" / "a.parquet")
    pq.write_table(table.slice(4), folder / "files" / "b.parquet")
    whole.unlink()
    assert "9 files" in str(Catalogue(folder))


def test_what_is_not_a_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no catalogue at"):
        Catalogue(tmp_path / "nothing")
    with pytest.raises(InvalidInput, match=r"files\.parquet is missing"):
        Catalogue(tmp_path)
    with pytest.raises(InvalidInput, match="not a URL"):
        Catalogue("https://example.org/catalogue")


def test_a_newer_format_is_refused_with_both_numbers(folder: Path) -> None:
    path = folder / "runs.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata({FORMAT_KEY: b"7"}), path)
    with pytest.raises(InvalidInput, match="has format 7, this b2grid reads up to 1"):
        Catalogue(folder)


def test_a_parquet_file_of_something_else_is_refused(folder: Path) -> None:
    path = folder / "runs.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    with pytest.raises(InvalidInput, match="not a table of a catalogue"):
        Catalogue(folder)


@pytest.mark.parametrize("kept", [0, 3, 50, -9])
def test_a_parquet_file_cut_short_is_one_clear_message(folder: Path, kept: int) -> None:
    path = folder / "files.parquet"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InvalidInput, match=r"files\.parquet is cut short or damaged"):
        Catalogue(folder)


def test_damage_inside_a_table_is_one_clear_message(folder: Path) -> None:
    path = folder / "files.parquet"
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="cut short or damaged"):
        Catalogue(folder).collection(COLLECTION).files  # noqa: B018
