"""A folder of ROOT files: found, read through an executor, resumed; and what is bad in it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from b2grid.catalogue import Catalogue, Progress, Workers, scan_tree
from b2grid.catalogue.scan.reading import Row, read_some
from b2grid.catalogue.scan.working import read_all
from b2grid.errors import InvalidInput, SiteError
from tests.catalogue.test_scan import write_events

DATASET = "/belle/MC/release-06-01-08/DB00002649/MC15ri_b/prod00027999/s00/e1003/4S/r00000/mixed/mdst"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder laid out as the file catalogue is, with 40 files in two datablocks."""
    folder = tmp_path / "site" / DATASET[1:]
    for block in ("sub00", "sub01"):
        (folder / block).mkdir(parents=True)
    first = write_events(folder / "sub00" / "mdst_000.root", [(1003, 0)])
    for number in range(1, 40):
        shutil.copy(first, folder / f"sub{number % 2:02d}" / f"mdst_{number:03d}.root")
    return tmp_path / "site"


class Counting(ThreadPoolExecutor):
    """Counts how often each file is read."""

    def __init__(self) -> None:
        super().__init__(2)
        self.read: Counter[str] = Counter()

    def submit(self, fn: Any, /, places: list[str], *rest: Any) -> Future[Any]:  # type: ignore[override]
        self.read.update(places)
        return super().submit(fn, places, *rest)


def test_a_tree_that_mirrors_the_file_catalogue_has_its_names(tree: Path) -> None:
    scan = scan_tree(tree).checked()
    rows = {row["lfn"]: row for row in scan.files.to_pylist()}
    assert len(rows) == 40
    row = rows[f"{DATASET}/sub01/mdst_001.root"]
    assert (row["dataset"], row["datablock"]) == (DATASET, "sub01")
    assert row["pfn"] == f"{tree}{DATASET}/sub01/mdst_001.root"
    assert row["adler32"] is None


def test_a_prefix_stands_for_the_tree(tree: Path) -> None:
    scan = scan_tree(tree / "belle" / "MC", prefix="/belle/user/ana/copy/").checked()
    assert min(scan.files["lfn"].to_pylist()) == f"/belle/user/ana/copy{DATASET[9:]}/sub00/mdst_000.root"
    with pytest.raises(InvalidInput, match="prefix '/home/ana' does not start with /belle"):
        scan_tree(tree, prefix="/home/ana")
    with pytest.raises(InvalidInput, match="no folder"):
        scan_tree(tree / "gone")


def test_checksums_are_of_the_contents(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    path = write_events(tmp_path / "small" / "a.root", [(8, 1)], lfn="/belle/user/ana/x/sub00/a.root")
    journal = tmp_path / "journal"
    assert scan_tree(path.parent, journal=journal).files["adler32"].to_pylist() == [None]
    # what a scan without them has kept does not count
    (value,) = scan_tree(path.parent, journal=journal, checksums=True).files["adler32"].to_pylist()
    low, high = 1, 0
    for byte in path.read_bytes():
        low = (low + byte) % 65521
        high = (high + low) % 65521
    assert value == f"{high << 16 | low:08x}"


def test_every_bad_file_is_listed_with_its_reason_and_stops_nothing(tmp_path: Path, real_data: Path) -> None:
    folder = tmp_path / "tree"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(real_data / "mdst.root", folder / "good.root")
    (folder / "cut.root").write_bytes((real_data / "mdst.root").read_bytes()[:3000])
    (folder / "text.root").write_text("no\n")
    (folder / "empty.root").touch()
    (folder / "notes.txt").write_text("not asked for")
    (folder / ".draft.root").write_text("not asked for")
    os.mkfifo(folder / "pipe.root")
    (folder / "gone.root").symlink_to("nothing")
    (folder / "self.root").symlink_to("self.root")
    (folder / "deep" / "up").symlink_to("..")
    shutil.copy(real_data / "mdst.root", folder / "deep" / "a\x1b[2J.root")
    shutil.copy(real_data / "mdst.root", os.fsencode(folder / "deep") + b"/\xff.root")
    shutil.copy(real_data / "mdst.root", folder / "deep" / "wild*.root")
    scan = scan_tree(folder, prefix="/belle/user/ana/x")
    assert scan.files["lfn"].to_pylist() == ["/belle/user/ana/x/good.root"]
    reasons = {Path(place).name: reason.removeprefix(place) for place, reason in scan.bad}
    for name, words in {
        "cut.root": "is truncated: 3000 bytes",
        "text.root": "is not a ROOT file",
        "empty.root": "is empty",
        "pipe.root": "is not a regular file",
        "gone.root": "is a link to nothing",
        "self.root": "Too many levels of symbolic links",
        "up": "is a link back to a folder above it",
        "a\x1b[2J.root": "has a control character",
        "\udcff.root": "bytes that are not UTF-8",
        "wild*.root": "has a character that is not allowed: '*'",
    }.items():
        assert words in reasons.pop(name)
    assert not reasons
    assert len(scan.findings) == 10
    assert "\x1b" not in str(scan)


def test_a_file_without_an_lfn_says_what_to_do(tmp_path: Path) -> None:
    write_events(tmp_path / "mine.root", [(8, 1)], lfn="mine.root")
    ((_, reason),) = scan_tree(tmp_path).bad
    assert "has no LFN" in reason
    assert "give the tree a prefix" in reason


def test_copies_are_replicas_and_files_that_differ_are_bad(tmp_path: Path) -> None:
    lfns = [f"/belle/user/ana/x/sub00/{name}.root" for name in "ab"]
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        write_events(tmp_path / place / "a.root", [(8, 1)], lfn=lfns[0])
    write_events(tmp_path / "one" / "b.root", [(8, 1)], lfn=lfns[1])
    write_events(tmp_path / "two" / "b.root", [(8, 1)] * 50, lfn=lfns[1])
    (tmp_path / "again").symlink_to("one")  # read once
    scan = scan_tree(tmp_path)
    (row,) = scan.files.to_pylist()
    assert row["lfn"] == lfns[0]
    assert sorted([row["pfn"], *row["replicas"]]) == [str(tmp_path / place / "a.root") for place in ("one", "two")]
    assert [note.code for note in scan.notes] == ["B2C031"]
    assert [Path(place).name for place, _ in scan.bad] == ["b.root", "b.root"]


def test_a_later_scan_reads_only_what_is_new_or_has_changed(tree: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    scan_tree(tree, journal=journal)
    folder = tree / DATASET[1:] / "sub00"
    write_events(folder / "new.root", [(1003, 0)] * 3)
    write_events(folder / "mdst_002.root", [(1003, 0)] * 7)
    (folder / "mdst_004.root").unlink()
    with Counting() as executor:
        seen: list[Progress] = []
        scan = scan_tree(tree, journal=journal, executor=executor, on_progress=seen.append)
    assert sorted(Path(place).name for place in executor.read) == ["mdst_002.root", "new.root"]
    events = dict(zip(scan.files["lfn"].to_pylist(), scan.files["events"].to_pylist(), strict=True))
    assert len(events) == 40
    assert events[f"{DATASET}/sub00/mdst_002.root"] == 7
    assert f"{DATASET}/sub00/mdst_004.root" not in events
    assert seen[-1] == Progress(found=40, known=38, read=2, bad=0, complete=True)


KILLED = """
import os, sys, time
from concurrent.futures import ThreadPoolExecutor
from b2grid.catalogue import scan_tree

def say(*words):
    os.write(1, (" ".join(words) + "\\n").encode())  # whole lines, from both threads

class Slow(ThreadPoolExecutor):
    def submit(self, fn, places, *rest):
        def slowly():
            say("reading", *map(os.path.basename, places))
            time.sleep(0.1)
            return fn(places, *rest)
        return super().submit(slowly)

def kept(progress):
    say("kept", str(progress.read))

scan_tree(sys.argv[1], journal=sys.argv[2], executor=Slow(1), on_progress=kept)
"""


def test_a_killed_scan_goes_on_where_it_was(tree: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    command = [sys.executable, "-c", KILLED, tree, journal]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert program.stdout is not None
    said: list[str] = []
    with program:
        while "kept 16\n" not in said:
            said.append(program.stdout.readline())
        program.send_signal(signal.SIGKILL)
        said += program.stdout
    assert program.returncode == -signal.SIGKILL
    begun = [place for line in said if line.startswith("reading") for place in line.split()[1:]]
    with journal.open("ab") as file:  # as a crash of the machine tears the last line
        file.truncate(journal.stat().st_size - 10)
    with Counting() as executor:
        scan = scan_tree(tree, journal=journal, executor=executor).checked()
    assert len(scan.files) == 40
    assert set(executor.read.values()) == {1}
    # read again is what was in flight, and what the torn line was about
    again = {Path(place).name for place in executor.read}
    assert len(again & set(begun)) <= len(begun) - 16 + 1
    assert len(executor.read) <= 40 - 16 + 1
    with Counting() as executor:
        third = scan_tree(tree, journal=journal, executor=executor)
        assert not executor.read
    assert third.files.sort_by("lfn").equals(scan.files.sort_by("lfn"))


def _dying(places: list[str], checksums: bool) -> list[Row | str]:
    """As a reader that a bad file takes with it."""
    if any("deadly" in place for place in places):
        os._exit(9)
    return read_some(places, checksums)


@pytest.mark.slow
def test_a_file_that_kills_its_reader_is_bad_and_its_neighbours_are_not(tmp_path: Path) -> None:
    paths = [write_events(tmp_path / f"{name}.root", [(8, 1)]) for name in ("a", "deadly", "b", "c")]
    with Workers(1) as workers:
        given = ((path.stem, str(path)) for path in paths)
        results = {name: result for (name, _), result in read_all(given, workers, read=_dying)}
    assert isinstance(results.pop("deadly"), str)
    assert {name: isinstance(row, dict) for name, row in results.items()} == dict.fromkeys("abc", True)


@pytest.mark.slow
def test_the_processes_of_a_killed_scan_end_with_it(tmp_path: Path) -> None:
    text = """
import os, sys
from b2grid.catalogue import Workers
if __name__ == "__main__":
    workers = Workers(1)
    print(workers.submit(os.getpid).result(), flush=True)
    sys.stdin.read()
"""
    script = tmp_path / "script.py"
    script.write_text(text)
    program = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    with program:
        worker = int(program.stdout.readline())
        program.kill()
        program.stdout.read()  # the worker has the other end, until it ends
    assert not Path(f"/proc/{worker}/stat").exists() or "Z" in Path(f"/proc/{worker}/stat").read_text().split()[2]


@pytest.mark.slow
def test_a_dask_cluster_reads_as_well(tree: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, worker_dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
    ):
        scan = scan_tree(tree, executor=executor).checked()
    assert scan.files.sort_by("lfn").equals(scan_tree(tree).files.sort_by("lfn"))


def test_a_damaged_line_of_the_journal_is_read_again(tree: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    whole = scan_tree(tree, journal=journal).files.sort_by("lfn")
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"1003", b"1004", 1)
    lines[5] = b"\x00\xff\n"
    journal.write_bytes(b"".join(lines))
    with Counting() as executor:
        assert scan_tree(tree, journal=journal, executor=executor).files.sort_by("lfn").equals(whole)
    assert len(executor.read) == 2


def test_workers_that_never_live_end_the_scan(tree: Path) -> None:
    class Gone(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *arguments: Any) -> Future[Any]:  # type: ignore[override]
            future: Future[Any] = Future()
            future.set_exception(RuntimeError("no worker"))
            return future

    many = ((number, f"/site/{number}.root") for number in range(100_000))
    with Gone(1) as executor, pytest.raises(SiteError, match="have died: RuntimeError: no worker"):
        list(read_all(many, executor))
    assert next(many)[0] < 3000


def test_the_files_of_the_demo_data_say_what_the_demo_catalogue_has() -> None:
    demo = Catalogue()
    scan = scan_tree(demo.path.parent).checked()
    columns = ["lfn", "dataset", "datablock", "bytes", "events", "global_tag", "release", "is_mc", "runs"]
    known = demo.files(pattern="*").select(columns)
    assert scan.files.select(columns).sort_by("lfn").to_pylist() == known.to_pylist()
