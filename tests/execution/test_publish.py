"""Publishing: one winner, nothing half visible, whatever is killed in between."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from b2grid import SiteError
from b2grid.execution.publish import complete, manifest_path, publish, published, void
from b2grid.ntuple import Manifest, Output


def manifest(job: int, nonce: str, *files: str, kind: str = "result") -> Manifest:
    outputs = tuple(Output(file, 3, 0, "0" * 64) for file in files)
    return Manifest("p", job, 1, nonce, kind=kind, outputs=outputs)  # type: ignore[arg-type]


def output(tmp_path: Path, text: str) -> Path:
    path = tmp_path / f"scratch-{text}"
    path.write_text(text)
    return path


def test_the_first_wins_and_the_second_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "out"
    assert publish(root, manifest(1, "a", "x_job1.root"), {"x_job1.root": output(tmp_path, "one")})
    assert not publish(root, manifest(1, "b", "x_job1.root"), {"x_job1.root": output(tmp_path, "two")})
    assert (root / "sub00" / "x_job1.root").read_text() == "one"
    assert [found.nonce for found in published(root)] == ["a"]
    assert list((root / ".staging").iterdir()) == []


def test_a_void_stops_publishing_and_comes_too_late_after_it(tmp_path: Path) -> None:
    root = tmp_path / "out"
    assert void(root, manifest(1, "v", kind="void"))
    assert not publish(root, manifest(1, "a", "x.root"), {"x.root": output(tmp_path, "one")})
    assert not (root / "sub00").exists()
    assert publish(root, manifest(2, "b"), {})
    assert not void(root, manifest(2, "w", kind="void"))


def test_thousand_jobs_share_a_folder(tmp_path: Path) -> None:
    assert manifest_path(tmp_path, 1000).parent.name == "sub00"
    assert manifest_path(tmp_path, 1001).parent.name == "sub01"


def _race(root: Path, file: Path, nonce: str, start: object) -> None:
    start.wait()  # type: ignore[attr-defined]
    publish(root, manifest(1, nonce, "x.root"), {"x.root": file})


def test_many_at_once_publish_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    racing = [
        context.Process(target=_race, args=(tmp_path / "out", output(tmp_path, f"{n}"), f"n{n}", start))
        for n in range(6)
    ]
    for process in racing:
        process.start()
    start.set()
    for process in racing:
        process.join()
    assert all(process.exitcode == 0 for process in racing)
    (winner,) = published(tmp_path / "out")
    assert (tmp_path / "out" / "sub00" / "x.root").read_text() == winner.nonce[1:]
    assert list((tmp_path / "out" / ".staging").iterdir()) == []


@pytest.mark.parametrize("killed_at", range(1, 12))
def test_killed_at_any_step_nothing_is_half_visible_and_the_next_completes_it(tmp_path: Path, killed_at: int) -> None:
    """A child is killed at its n-th change to the file system; recovery then finds all or nothing."""
    root = tmp_path / "out"
    file = output(tmp_path, "one")
    child = os.fork()
    if child == 0:
        import sys

        steps = 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal steps
            changes = event in {"os.mkdir", "os.link", "os.remove", "os.rmdir"} or (
                event == "open" and arguments[1] in {"x", "xb", "w"}
            )
            if changes and str(root) in str(arguments[0]) + str(arguments[-1]):
                steps += 1
                if steps == killed_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        publish(root, manifest(1, "a", "x.root"), {"x.root": file})
        os._exit(0)
    os.waitpid(child, 0)
    committed = manifest_path(root, 1).exists()
    complete(root)
    assert (root / "sub00" / "x.root").exists() == committed
    assert not list((root / ".staging").glob("*"))
    assert publish(root, manifest(1, "b", "x.root"), {"x.root": file}) is not committed
    assert (root / "sub00" / "x.root").read_text() == "one"


def test_a_destination_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, not a folder")
    with pytest.raises(SiteError, match="outputs of job 1 cannot be published"):
        publish(tmp_path / "out", manifest(1, "a"), {})
