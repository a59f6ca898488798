"""Names that come from outside."""

from __future__ import annotations

import contextlib
import pickle
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidName
from b2grid.names import LFN, CollectionPath, DatasetPath, GlobalTag, ProjectName, split_lfn

# every form in the collaboration's public documentation
DOCUMENTED = [
    "/belle/Data/release-06-00-08/DB00002392/proc13/prod00029531/e0018/4S/r00000/mdst",
    "/belle/Data/release-06-01-11/DB00002058/proc13/prod00029781/e0018/4S/r01394/hadron/14120601/udst",
    "/belle/MC/release-06-01-08/DB00002649/MC15rd_b/prod00027830/s00/e0026/4S/r01950/charged/mdst",
    "/belle/MC/release-04-00-03/DB00000757/MC13a/prod00009437/s00/e1003/4S/r00000/ccbar/mdst/sub00",
    "/belle/MC/release-06-01-08/DB00002649/MC15ri_b/prod00027830/s00/e1003/4S/r00000/1110062100/mdst",
    "/belle/MC/release-06-00-08/DB00002100/MC15ri_a/prod00025036/s00/e1003/10657/r00000/mixed/18360100/udst",
    "/belle/Data/release-06-00-08/DB00002392/bucket26/prod00029532/e0018/10657/r00012/hadron/mdst/sub01",
    "/belle/user/ana/B2EtapKs",
    "/belle/user/ana/B2EtapKs/sub00",
]


def test_a_documented_dataset_path_has_its_parts() -> None:
    path = DatasetPath.parse(DOCUMENTED[1])
    assert (path.data_type, path.release, path.global_tag_id) == ("Data", "release-06-01-11", "DB00002058")
    assert (path.campaign, path.production, path.stream) == ("proc13", "prod00029781", None)
    assert (path.experiment, path.beam_energy, path.run) == (18, "4S", 1394)
    assert (path.general_skim, path.event_type, path.skim_code) == ("hadron", None, "14120601")
    assert (path.level, path.datablock) == ("udst", None)


def test_simulation_has_a_stream_and_an_event_type() -> None:
    path = DatasetPath.parse(DOCUMENTED[3])
    assert (path.stream, path.event_type, path.general_skim) == ("s00", "ccbar", None)
    assert path.datablock == "sub00"
    assert str(path.dataset) == DOCUMENTED[3].removesuffix("/sub00")


@pytest.mark.parametrize("path", DOCUMENTED)
def test_every_documented_form_is_known_and_prints_back_the_same(path: str) -> None:
    parsed = DatasetPath.parse(path)
    assert parsed.known
    assert str(parsed) == path


@pytest.mark.parametrize(
    "path",
    ["/belle/Raw/e0008/4S/r00100/sub00", "/belle/group/physics/x", "/belle/user/ana", "/belle/Data/a/b/mdst"],
)
def test_an_unknown_form_is_kept_and_not_dropped(path: str) -> None:
    parsed = DatasetPath.parse(path)
    assert not parsed.known
    assert str(parsed) == path


name = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=12).filter(
    lambda text: text not in {"raw", "cdst", "mdst", "udst"} and not (text.isdigit() and len(text) == 8)
)


@given(
    data_type=st.sampled_from(["Data", "MC"]),
    stream=st.none() | st.integers(0, 99),
    experiment=st.integers(0, 99999),
    run=st.integers(0, 999999),
    kind=st.none() | name,
    skim=st.none() | st.integers(0, 10**8 - 1),
    level=st.sampled_from(["raw", "cdst", "mdst", "udst"]),
    block=st.none() | st.integers(0, 1200),
    campaign=name,
)
def test_parts_of_a_dataset_path_print_back_the_same(
    data_type: str,
    stream: int | None,
    experiment: int,
    run: int,
    kind: str | None,
    skim: int | None,
    level: str,
    block: int | None,
    campaign: str,
) -> None:
    parts = [
        "/belle",
        data_type,
        "release-06-01-08",
        "DB00002649",
        campaign,
        "prod00027830",
        None if stream is None else f"s{stream:02d}",
        f"e{experiment:04d}",
        "4S",
        f"r{run:05d}",
        kind,
        None if skim is None else f"{skim:08d}",
        level,
        None if block is None else f"sub{block:02d}",
    ]
    text = "/".join(part for part in parts if part is not None)
    path = DatasetPath.parse(text)
    assert str(path) == text
    assert path.known
    assert (path.experiment, path.run, path.event_type or path.general_skim) == (experiment, run, kind)


@given(st.text(st.characters(blacklist_characters="/"), min_size=1).map("/belle/{}".format))
def test_any_path_is_refused_or_printed_back(path: str) -> None:
    with contextlib.suppress(InvalidName):
        assert str(DatasetPath.parse(path)) == path


def test_a_long_project_name_says_by_how_much() -> None:
    with pytest.raises(InvalidName) as caught:
        ProjectName("b2kpi" + "x" * 32)
    assert str(caught.value) == "project name is 37 characters, limit 32: 'b2kpi…' - shorten it by 5"


@pytest.mark.parametrize("wrong", ["", "a b", "naïve", "a/b", "../x", "a\n", "a;rm", "x" * 33])
def test_a_project_name_that_dirac_would_not_take_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidName):
        ProjectName(wrong)


@given(st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=32))
def test_every_allowed_project_name_is_taken_and_is_its_text(text: str) -> None:
    assert ProjectName(text) == text
    assert pickle.loads(pickle.dumps(ProjectName(text))) == text


@pytest.mark.parametrize(
    "wrong",
    [
        "data/x.root",
        "/bellex/x",
        "/belle/a\0b",
        "/belle/a\nb",
        "/belle/a;b",
        "/belle/-rf",
        "/belle/../x",
        "/belle//x",
        "/belle/x/",
        "/belle/" + "ä" * 128,
        "/belle/*.root",
        "/belle/\ud800",
    ],
)
def test_an_lfn_that_is_not_safe_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidName):
        LFN(wrong)


def test_an_lfn_knows_its_dataset() -> None:
    lfn = LFN(DOCUMENTED[3] + "/mdst_000001.root")
    assert lfn.dataset == DatasetPath.parse(DOCUMENTED[3])
    assert split_lfn(lfn) == (DOCUMENTED[3].removesuffix("/sub00"), "sub00", "mdst_000001.root")
    assert LFN("/belle/" + "ä" * 127).name == "ä" * 127


@given(st.sampled_from(["Data", "MC"]), name, st.integers(0, 999))
def test_a_collection_path_prints_back_the_same(data_type: str, label: str, version: int) -> None:
    path = CollectionPath.parse(f"/belle/collection/{data_type}/{label}_v{version}")
    assert path == CollectionPath(data_type, label, version)
    assert CollectionPath.parse(str(path)) == path


@pytest.mark.parametrize("wrong", ["/belle/collection/MC/no_version", "/belle/collection/MC/x_v01", "x_v1"])
def test_what_is_not_a_collection_path_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidName, match="not the path of a collection"):
        CollectionPath.parse(wrong)


def test_global_tags_keep_their_order() -> None:
    assert GlobalTag.several("main_2022-06-10, online,") == ("main_2022-06-10", "online")
    with pytest.raises(InvalidName):
        GlobalTag("a b")
