"""Names that come from outside."""

from __future__ import annotations

import contextlib
import dataclasses
import pickle
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidName
from b2grid.names import LFN, CollectionPath, DatasetPath, GlobalTag, ProjectName, Skim, skims, split_lfn

# every form in the collaboration's public documentation, and in public scripts and tests
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
    "/belle/Data/proc/release-04-02-02/DB00000938/proc11/prod00013368/e0010/4S/r03774/mdst",
    "/belle/Data/release-05-01-03/DB00001363/SkimP11x1/prod00016031/e0010/4S/r04275/18530200/udst",
    "/belle/Data/release-05-01-24/DB00001454/SkimP12x1/prod00019339/e0008/4S/r02547/hadron/11180500/udst/sub00",
    "/belle/Data/release-06-00-08/DB00000498/PromptExp22/prod00029655/e0022/4S/r00000/mdst",
    "/belle/Data/release-06-00-08/DB00002392/proc13/prod00029531/e0018/4S_offres/r00000/mdst",
    "/belle/Data/release-06-00-08/DB00002392/proc13/prod00029531/e0018/5S_scan/r00000/hadron/mdst",
    "/belle/MC/release-04-02-00/DB00000898/SkimM13ax1/prod00013046/e1003/4S/r00000/uubar/14120601/udst",
    "/belle/MC/release-06-00-08/DB00002100/MC15ri_b/prod00029043/s00/e1003/10810/r00000/BBstar/mdst",
    "/belle/MC/release-00-08-00/DB00000208/MC8/prod00000972/s00/e0000/4S/r00000/ccbar/sub00",
    "/belle/MC/bnl/release-06-00-08/DB00000000/MC13/prod00000002/s00/e0000/4S/r00000/1310040140/mdst/sub00",
    "/belle/Data/proc/release-03-00-00/DB00000500/prod00000007/e0003/4S/r00100/mdst",
    "/belle/Raw/e0012/r01304",
    "/belle/Raw/e0012/r01304/sub00",
    "/belle/Raw/e0008/4S/r00100/sub00",
    "/belle/hRaw/e0012/4S/r02874/hadron/raw/sub00",
    "/belle/user/a/ana/B2EtapKs/sub00",
    "/belle/user/ana/thesis/B2EtapKs/sub00",
    "/belle/group/physics/Charmonium/belle_starterkit/BptoKpX3872_MC16ri",
    "/belle/group/physics/SLME/FEI_Dgap_signal/sub00",
    "/belle/group/performance/neutrals/PERC",
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
    ("path", "parts"),
    [
        (DOCUMENTED[9], {"area": "proc", "release": "release-04-02-02", "campaign": "proc11"}),
        (DOCUMENTED[10], {"campaign": "SkimP11x1", "general_skim": None, "skim_code": "18530200", "level": "udst"}),
        (DOCUMENTED[14], {"beam_energy": "5S_scan", "general_skim": "hadron"}),
        (DOCUMENTED[15], {"stream": None, "event_type": "uubar", "skim_code": "14120601"}),
        (DOCUMENTED[17], {"event_type": "ccbar", "level": None, "datablock": "sub00"}),
        (DOCUMENTED[19], {"campaign": None, "production": "prod00000007"}),
        ("/belle/Raw/e0012/r01304", {"data_type": "Raw", "experiment": 12, "beam_energy": None, "run": 1304}),
        ("/belle/user/a/ana/x", {"area": "a", "user": "ana", "project": "x"}),
        ("/belle/user/a/ana", {"area": None, "user": "a", "project": "ana"}),
        ("/belle/user/ana/thesis/x/sub00", {"user": "ana", "project": "thesis/x", "datablock": "sub00"}),
        ("/belle/group/physics/SLME/x", {"area": "physics", "group": "SLME", "project": "x"}),
    ],
)
def test_older_and_other_forms_have_their_parts(path: str, parts: dict[str, object]) -> None:
    parsed = DatasetPath.parse(path)
    assert {name: getattr(parsed, name) for name in parts} == parts


@pytest.mark.parametrize(
    "path",
    [
        "/belle/group/physics/x",
        "/belle/user/ana",
        "/belle/Data/a/b/mdst",
        "/belle/collection/MC/MC15ri_uubar_1abinv_v1",
        "/belle/MC/release-04-00-03/DB00000757/MC13a/prod00009437/s00/e1003/4S/r00000",
        "/belle/MC/release-04-00-03/DB00000757/MC13a/prod00009437/s00/e1003/4S/r00000/ccbar/18360100",
        "/belle/MC/release-04-00-03/DB00000757/MC13a/prod00009437/s00/e\u0661\u0660\u0660\u0663/4S/r00000/ccbar/mdst",
        "/belle/Data/release-06-00-08/DB00002392/proc13/prod00029531/e0018/4S/r00000/mdst/more",
    ],
)
def test_an_unknown_form_is_kept_and_not_dropped(path: str) -> None:
    parsed = DatasetPath.parse(path)
    assert not parsed.known
    assert str(parsed) == path == parsed.opaque
    assert parsed.data_type == ""


name = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=12)
digits = st.text(string.digits, min_size=8, max_size=8)
LEVELS = ("raw", "cdst", "mdst", "udst")


def is_kind(text: str) -> bool:
    """Whether a part stands for an event type or a general skim, and for nothing else."""
    block = text.startswith("sub") and len(text) > 4 and text[3:].isdigit()
    return text not in LEVELS and not (text.isdigit() and len(text) == 8) and not block


@st.composite
def produced(draw: st.DrawFn) -> DatasetPath:
    """Any path of data or simulation that was produced centrally."""
    kind = draw(st.none() | name.filter(is_kind))
    data_type = draw(st.sampled_from(["Data", "MC", "BG"]))
    skim = draw(st.none() | digits)
    return DatasetPath(
        data_type=data_type,
        area=draw(st.none() | st.sampled_from(["proc", "fab", "skim"])),
        release=draw(st.sampled_from(["release-06-01-08", "light-2406-ragdoll", "prerelease-09-00-00a"])),
        global_tag_id="DB" + draw(digits),
        campaign=draw(name.filter(lambda text: not text.startswith("prod"))),
        production="prod" + draw(digits),
        stream=draw(st.none() | st.sampled_from(["s00", "s42"])),
        experiment=draw(st.integers(0, 99999)),
        beam_energy=draw(st.sampled_from(["4S", "4S_offres", "5S_scan", "10657"])),
        run=draw(st.integers(0, 999999)),
        event_type=None if data_type == "Data" else kind,
        general_skim=kind if data_type == "Data" else None,
        skim_code=skim,
        level=draw(st.sampled_from(LEVELS) if kind is None or skim else st.none() | st.sampled_from(LEVELS)),
        datablock=draw(st.none() | st.integers(0, 1200).map("sub{:02d}".format)),
    )


@given(produced())
def test_a_path_printed_and_read_again_has_the_same_parts(path: DatasetPath) -> None:
    assert DatasetPath.parse(str(path)) == path
    assert DatasetPath.parse(str(path.dataset)) == path.dataset


PIECES = st.sampled_from(sorted({piece for path in DOCUMENTED for piece in path.split("/")[1:]} | {"", "..", "-", "é"}))


@given(st.lists(PIECES | name, max_size=14).map(lambda pieces: "/".join(["/belle", *pieces])) | st.text())
def test_any_text_is_refused_or_printed_back(path: str) -> None:
    with contextlib.suppress(InvalidName):
        parsed = DatasetPath.parse(path)
        assert str(parsed) == path
        assert DatasetPath.columns([path]) == {
            field.name: [getattr(parsed, field.name)] for field in dataclasses.fields(DatasetPath)
        }


def test_many_paths_are_read_in_one_go() -> None:
    paths = DOCUMENTED * (200_000 // len(DOCUMENTED))
    start = time.process_time()
    columns = DatasetPath.columns(paths)
    assert time.process_time() - start < 4  # about 1 s; a busy machine gets more
    assert columns["experiment"][: len(DOCUMENTED)] == [DatasetPath.parse(path).experiment for path in DOCUMENTED]


def test_a_long_part_is_refused_also_in_a_known_form() -> None:
    with pytest.raises(InvalidName, match="256 bytes, limit 255"):
        DatasetPath.parse("/belle/user/ana/" + "x" * 256)
    assert DatasetPath.parse("/belle/user/ana/" + "x" * 255).project == "x" * 255


def test_skims_have_names_codes_and_groups_and_know_what_they_are_combined_into() -> None:
    known = {skim.name: skim for skim in skims()}
    assert known["TDCPV_ccs"] == Skim("TDCPV_ccs", "13160200", "tdcpv")
    assert known["SystematicsLambda"].combined == known["SystematicsCombinedHadronic"].code == "10601300"
    assert len({skim.code for skim in known.values()}) == len(known) > 100


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
