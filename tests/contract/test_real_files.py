"""Real mDST through the whole way, held against reading the files directly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from b2grid import Project

pytestmark = pytest.mark.slow

FILES = ("mdst.root", "mdst-v09-00-00.root")
PHOTON = 1 << 4  # ECLCluster's bit for the hypothesis of photons
STEERING = """\
import basf2 as b2
import modularAnalysis as ma

path = b2.create_path()
ma.inputMdstList(filelist=["default.root"], path=path)
ma.fillParticleList("K-:all", "", path=path)
ma.fillParticleList("pi+:all", "", path=path)
ma.fillParticleList("gamma:all", "", path=path)
ma.reconstructDecay("D0:kpi -> K-:all pi+:all", "1.7 < M < 2.0", path=path)
ma.matchMCTruth("D0:kpi", path=path)
ma.variablesToNtuple("D0:kpi", ["M", "isSignal", "useCMSFrame(p)", "daughter(0, kaonID)"], treename="d0",
                     filename="d0.root", path=path)
counts = ["nTracks", "nParticlesInList(pi+:all)", "nKLMClusters"]
counts += ["nCleanedECLClusters()", "nParticlesInList(gamma:all)"]
ma.variablesToNtuple("", counts, treename="event", filename="d0.root", path=path)
b2.process(path)
"""
OF_CANDIDATE = [
    "__experiment__",
    "__run__",
    "__event__",
    "__production__",
    "__candidate__",
    "__ncandidates__",
    "__eventType__",
    "__weight__",
]


@pytest.fixture(scope="module", autouse=True)
def home(shared_home: Path) -> Path:
    """All tests here look at one project."""
    return shared_home


@pytest.fixture(scope="module")
def done(home: Path, real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project over two real files, of an old and a new version of mDST, that ran."""
    steering = tmp_path_factory.mktemp("real") / "d0.py"
    steering.write_text(STEERING)
    project = Project("real", steering=steering, inputs={"real": [real_data / name for name in FILES]})
    project.plan(files_per_job=1)
    assert project.submit(wait=True).phase == "done"
    return project


def job_of(project: Project, name: str) -> int:
    """The job that read a file."""
    plan = project.plan()
    return next(job for job in plan.ids("main") if Path(plan.job(job).files[0].pfn).name == name)


def published(project: Project, name: str) -> Any:
    """The output of the job that read a file."""
    return uproot.open(project.folder / "output" / "sub00" / f"d0_job{job_of(project, name)}.root")


def test_the_trees_have_basf2s_columns(done: Project) -> None:
    for name in FILES:
        with published(done, name) as output:
            assert output["d0"].keys() == [
                *OF_CANDIDATE,
                "M",
                "isSignal",
                "useCMSFrame__bop__bc",
                "daughter__bo0__cm__spkaonID__bc",
            ]
            assert output["event"].keys()[:4] == OF_CANDIDATE[:4]
            assert "nCleanedECLClusters__bo__bc" in set(output["event"].keys())
    array = done.arrays("d0")
    assert array.fields == [*OF_CANDIDATE, "M", "isSignal", "useCMSFrame(p)", "daughter(0, kaonID)"]
    assert len(array) > 100
    assert np.all((np.asarray(array["M"]) > 1.7) & (np.asarray(array["M"]) < 2.0))


@pytest.mark.parametrize("name", FILES)
def test_tracks_and_clusters_of_each_event_are_those_in_the_file(done: Project, real_data: Path, name: str) -> None:
    with uproot.open(real_data / name) as file:
        tree = file["tree"]
        tracks = [len(event) for event in tree["Tracks.m_trackFitIndices[6]"].array()]
        klm = [len(event) for event in tree["KLMClusters.m_time"].array()]
        hypotheses = tree["ECLClusters.m_hypotheses"].array()
        charged = tree["ECLClusters.m_isTrack"].array()
        photons = [int(np.sum((np.asarray(event) & PHOTON) != 0)) for event in hypotheses]
        neutral = [
            int(np.sum(((np.asarray(event) & PHOTON) != 0) & ~np.asarray(with_track, dtype=bool)))
            for event, with_track in zip(hypotheses, charged, strict=True)
        ]
        numbers = tree["EventMetaData/m_event"].array(library="np").tolist()
    with published(done, name) as output:
        events = output["event"].arrays(library="np")
    assert events["__event__"].tolist() == numbers
    assert events["nTracks"].tolist() == tracks
    assert events["nParticlesInList__bopi__pl__clall__bc"].tolist() == tracks
    assert events["nCleanedECLClusters__bo__bc"].tolist() == photons
    assert events["nParticlesInList__bogamma__clall__bc"].tolist() == neutral
    assert events["nKLMClusters"].tolist() == klm


def test_every_event_of_both_files_is_in_the_arrays_once(done: Project, real_data: Path) -> None:
    expected = {}
    for name in FILES:
        with uproot.open(real_data / name) as file:
            expected[job_of(done, name)] = file["tree"].num_entries
    assert dict(zip(done.jobs["job"], done.jobs["events_processed"], strict=True)) == expected
    assert len(done.arrays("event")) == sum(expected.values())
    assert done.completeness().complete
