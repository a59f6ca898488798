"""Leaves straight from their baskets are what uproot reads; chunks of any size give the same, in bounded memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from b2grid.errors import InvalidInput
from b2grid.lite.reading import reader
from b2grid.lite.reading.reader import MdstFile, Pace, Selection, chunks, open_files
from tests.benchmarks.sample import DEMO
from tests.lite.conftest import Outcome

REAL = ("mdst.root", "mdst-v01-00-04.root", "mdst-v09-00-00.root", "udst-v05-00-00.root")
TREE = """
ma.fillParticleList("pi+:x", "dr < 2", path=main)
ma.reconstructDecay("rho0:x -> pi+:x pi-:x", "0.3 < M < 1.2", path=main)
ma.matchMCTruth("rho0:x", path=main)
ma.variablesToNtuple("rho0:x", ["M", "mcErrors", "daughter(0, dz)", "pValue"], path=main)
"""


def _ranges(entries: int) -> list[tuple[int, int]]:
    """Ranges that begin and end inside of baskets, in an order that uses what is kept between them."""
    steps = range(0, entries, max(1, entries // 7))
    return [(start, min(entries, start + max(1, entries // 7))) for start in steps] + [(0, entries), (0, 0)]


@pytest.mark.parametrize("name", [*REAL, "demo"])
def test_every_leaf_is_what_uproot_reads(name: str, real_data: Path) -> None:
    path = DEMO / "data/signal1_prod00090101_01.root" if name == "demo" else real_data / name
    file = MdstFile(str(path))
    compared = 0
    with uproot.open(path) as other:
        known = {branch.object_path: branch for branch in other["tree"].itervalues(recursive=True)}
        for owner, leaf in sorted(file._names):
            if owner not in reader._OBJECTS or not leaf.startswith("m_") or leaf.endswith(("Name", "Lfn")):
                continue
            branch = known[file._branches[owner, leaf].object_path]
            try:
                whole = branch.array()
            except NotImplementedError:  # nobody reads this one
                continue
            for start, stop in _ranges(file.entries):
                values, expected = file.read(owner, leaf, start, stop), whole[start:stop]
                if values.counts is not None:
                    assert values.counts.tolist() == ak.num(expected, axis=1).tolist()
                    expected = ak.flatten(expected, axis=1)
                if values.inner is not None:
                    assert values.inner.tolist() == ak.num(expected, axis=1).tolist()
                    expected = ak.flatten(expected, axis=1)
                expected = ak.to_numpy(expected)
                assert values.flat.dtype == expected.dtype
                assert values.flat.tobytes() == np.ascontiguousarray(expected).tobytes()
                compared += len(values.flat)
    file.close()
    assert compared > 100


@pytest.mark.parametrize("place", range(10, 100, 15))
def test_damage_is_noticed_before_it_is_used(place: int, tmp_path: Path) -> None:
    path = tmp_path / "damaged.root"
    shutil.copy(DEMO / "data/signal1_prod00090101_01.root", path)
    file = MdstFile(str(path))
    branch = file._branches["TrackFitResults", "m_tau"]
    seek, size = int(branch.member("fBasketSeek")[0]), int(branch.basket_compressed_bytes(0))
    content = bytearray(path.read_bytes())
    middle = seek + size * place // 100
    content[middle : middle + 8] = bytes(byte ^ 0x5A for byte in content[middle : middle + 8])
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="damaged"):
        file.read("TrackFitResults", "m_tau", 0, file.entries)
    file.close()


@pytest.mark.parametrize("what", ["tree", "streamers"])
def test_damage_of_what_tells_of_the_leaves_is_told_too(what: str, tmp_path: Path, real_data: Path) -> None:
    path = tmp_path / "damaged.root"
    shutil.copy(real_data / "mdst-v09-00-00.root", path)
    with uproot.open(path) as file:
        middle = file.key("tree").fSeekKey + 3000 if what == "tree" else file.file.fSeekInfo + 3000
    content = bytearray(path.read_bytes())
    content[middle : middle + 8] = bytes(byte ^ 0x5A for byte in content[middle : middle + 8])
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="damaged"):
        MdstFile(str(path)).read("TrackFitResults", "m_pValue", 0, 1)


def test_a_file_that_rests_is_read_again(real_data: Path) -> None:
    file = MdstFile(str(real_data / "mdst.root"))
    before = file.read("Tracks", "m_trackFitIndices", 3, 9).flat
    file.close()
    assert file.has("Tracks", "m_trackFitIndices")
    assert np.array_equal(file.read("Tracks", "m_trackFitIndices", 3, 9).flat, before)
    file.close()


def test_a_file_that_changes_while_it_rests_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mdst.root"
    shutil.copy(DEMO / "data/signal1_prod00090101_01.root", path)
    file = MdstFile(str(path))
    file.close()
    shutil.copy(DEMO / "data/charged_prod00090211_01.root", path)
    with pytest.raises(InvalidInput, match="has changed"):
        file.read("Tracks", "m_trackFitIndices", 0, 1)


def test_the_next_chunk_is_as_large_as_the_last_one_allows() -> None:
    pace, sizes = Pace(), []
    for each in (1_000, 1_000, 1_000_000, 10_000_000_000, 10_000):
        pace.learn(pace.events, each * pace.events)
        sizes.append(pace.events)
    assert sizes == [4000, 4000, reader.CHUNK_BYTES // 1_000_000, 1, reader.FASTEST]


@pytest.mark.parametrize("events", [1, 7, 64, 10_000])
def test_every_event_is_in_one_chunk_whatever_its_size(events: int, real_data: Path) -> None:
    files = open_files([str(real_data / "mdst.root"), str(real_data / "mdst-v09-00-00.root")])
    found: list[tuple[str, int]] = []
    for chunk in chunks(files, Selection(), Pace(events)):
        assert chunk.size <= events
        found += [(chunk.file.path, entry) for entry in range(chunk.start, chunk.stop)]
    assert found == [(file.path, entry) for file in files for entry in range(file.entries)]


def test_the_size_of_chunks_changes_no_bit(lite: Callable[..., Outcome], real_data: Path) -> None:
    inputs = real_data / "mdst.root", real_data / "mdst-v09-00-00.root"
    whole = lite(TREE, *inputs).trees["variables"]
    pieces = lite(TREE, *inputs, pace=Pace(3)).trees["variables"]
    assert len(whole["M"]) > 100
    assert whole.keys() == pieces.keys()
    for name, column in whole.items():
        assert column.tolist() == pieces[name].tolist() or column.tobytes() == pieces[name].tobytes(), name


_PEAK = """
import resource, sys
from b2grid.lite.program import run
assert run(sys.argv[1:]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_number_of_files_and_events(tmp_path: Path) -> None:
    """Twelve times the input is read in the memory that it takes once, but for what the output holds."""
    script = tmp_path / "steering.py"
    body = ["import basf2 as b2", "import modularAnalysis as ma", "main = b2.create_path()",
            "ma.inputMdst('x.root', path=main)", TREE, "b2.process(main)"]  # fmt: skip
    script.write_text("\n".join(body))
    paths = sorted(DEMO.glob("data/mixed*.root"))
    peaks = []
    for times in (1, 12):
        inputs = [word for path in paths * times for word in ("-i", str(path))]
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, *inputs, str(script)],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        peaks.append(int(done.stdout.splitlines()[-1]))
    assert peaks[1] < peaks[0] + 60
