"""A payload is never run again because its outputs could not be published: they are kept, and published later."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from b2grid import SiteError
from b2grid.execution.keeping import Kept, keep, publish_patiently, take
from b2grid.execution.publish import manifest_path, publish, published, settle, void
from b2grid.ntuple import Manifest, Output
from b2grid.run.scratch import Holder, read_mark, write_mark

NAME = "x_job1.root"


def manifest(text: str = "rows", **changed: object) -> Manifest:
    output = Output(NAME, len(text), 0, hashlib.sha256(text.encode()).hexdigest())
    made = Manifest("p", 1, 1, f"p-1-{uuid.uuid4().hex}", outputs=(output,), steering_sha256="s", seed="b2grid-p-1")
    return replace(made, **changed)  # type: ignore[arg-type]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Outputs that an attempt in this process has finished."""
    work = tmp_path / "work.root"
    work.write_text("rows")
    return keep(str(tmp_path / "base"), tmp_path / "project", manifest(), {NAME: work})


def patiently(root: Path, kept: Kept, before_try: Callable[[int], None], patience: float = 100.0) -> tuple[bool, list]:
    """Publish on a clock of its own; something happens in each pause. Whether it won, and the pauses."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        before_try(len(pauses))

    return publish_patiently(root, kept, patience, pause=pause, clock=lambda: sum(pauses)), pauses


def test_a_destination_that_comes_back_gets_the_outputs_after_growing_pauses(tmp_path: Path, kept: Kept) -> None:
    root = tmp_path / "out"
    root.write_text("in the way")
    won, pauses = patiently(root, kept, lambda count: root.unlink() if count == 5 else None)
    assert won
    assert len(pauses) == 5
    assert 1.0 <= pauses[-1] / pauses[0] <= 33
    assert sum(pauses) > 15
    assert (root / "sub00" / NAME).read_text() == "rows"


def test_it_is_given_up_in_the_end_and_the_outputs_stay(tmp_path: Path, kept: Kept) -> None:
    root = tmp_path / "out"
    root.write_text("in the way")
    said: list[str] = []
    with pytest.raises(SiteError, match="cannot be published") as caught:
        publish_patiently(root, kept, 0.2, waiting=lambda: said.append("waiting"))
    assert caught.value.transient
    assert said
    assert kept.folder is not None
    assert (kept.folder / NAME).read_text() == "rows"


def test_no_space_and_no_right_are_not_waited_for(tmp_path: Path, kept: Kept) -> None:
    """At the boundary of the system call: this user may be root, to whom everything is allowed."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        root = tmp_path / f"out-{number}"

        class Full(type(root)):  # type: ignore[misc]
            def mkdir(self, *_: object, number: int = number, **__: object) -> None:
                raise OSError(number, os.strerror(number), str(self))

        with pytest.raises(SiteError) as caught:
            publish_patiently(Full(root), kept, 100.0, pause=lambda _: pytest.fail("it waited"))
        assert not caught.value.transient


@pytest.mark.parametrize("kind", ["void", "result"])
def test_a_job_that_got_its_manifest_meanwhile_ends_the_waiting(tmp_path: Path, kept: Kept, kind: str) -> None:
    root = tmp_path / "out"
    root.mkdir()
    (root / ".staging").write_text("in the way")

    def other(_count: int) -> None:
        (root / ".staging").unlink(missing_ok=True)
        made = manifest("other", kind=kind, outputs=() if kind == "void" else manifest("other").outputs)
        if kind == "void":
            assert void(root, made)
        else:
            (tmp_path / "other").write_text("other")
            assert publish(root, made, {NAME: tmp_path / "other"})
        (root / ".staging").rmdir()
        (root / ".staging").write_text("in the way")

    won, _ = patiently(root, kept, other)
    assert not won
    assert [each.kind for each in published(root)] == [kind]


def test_a_commit_whose_end_was_not_seen_is_completed_from_what_is_kept(tmp_path: Path, kept: Kept) -> None:
    root = tmp_path / "out"
    root.mkdir()
    (root / "sub00").write_text("in the way")  # of the move, after the link

    def free(_count: int) -> None:
        assert manifest_path(root, 1).exists()
        (root / "sub00").unlink()
        for staged in (root / ".staging").glob("*/x*"):
            staged.unlink()

    won, pauses = patiently(root, kept, free)
    assert won
    assert len(pauses) == 1
    assert (root / "sub00" / NAME).read_text() == "rows"
    assert settle(root, 1) == kept.manifest


def test_the_next_attempt_takes_what_was_given_up_and_nobody_else_what_is_in_use(tmp_path: Path, kept: Kept) -> None:
    base = str(tmp_path / "base")
    assert take(base, manifest()) is None  # its attempt is still at it
    kept.leave()
    assert take(base, manifest(job=11)) is None
    again = take(base, manifest())
    assert again is not None
    assert again.manifest == kept.manifest
    assert take(base, manifest()) is None
    assert publish(tmp_path / "out", again.manifest, again.files)
    again.remove()
    assert list(Path(base).glob("*/kept/*")) == []


def test_what_a_killed_worker_had_finished_is_taken(tmp_path: Path) -> None:
    """Killed between verifying and publishing: the next attempt has nothing to compute."""
    base = str(tmp_path / "base")
    (tmp_path / "work.root").write_text("rows")
    program = (
        "import os, sys; sys.path.insert(0, os.getcwd())\n"
        "from pathlib import Path\n"
        "from b2grid.execution.keeping import keep\n"
        "from tests.execution.test_keeping import NAME, manifest\n"
        f"keep({base!r}, Path({str(tmp_path)!r}), manifest(), {{NAME: Path({str(tmp_path / 'work.root')!r})}})\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False)
    taken = take(base, manifest())
    assert taken is not None
    assert taken.files[NAME].read_text() == "rows"


@pytest.mark.parametrize("how", ["other steering", "other inputs", "changed file", "no manifest"])
def test_what_is_not_the_same_work_or_not_whole_is_not_published(tmp_path: Path, kept: Kept, how: str) -> None:
    from b2grid.ntuple import Input

    kept.leave()
    assert kept.folder is not None
    wanted = manifest()
    if how == "other steering":
        wanted = manifest(steering_sha256="t")
    elif how == "other inputs":
        wanted = manifest(inputs=(Input("/belle/x", 3),))
    elif how == "changed file":
        (kept.folder / NAME).write_text("sowr")
    else:
        (kept.folder / "manifest.json").unlink()
    assert take(str(tmp_path / "base"), wanted) is None
    assert list((tmp_path / "base").glob("*/kept/*")) == []


def test_of_another_host_it_cannot_be_told_whether_it_lives(tmp_path: Path, kept: Kept) -> None:
    assert kept.folder is not None
    mark = read_mark(kept.folder)
    assert mark is not None
    write_mark(kept.folder, replace(Holder.this(), host="elsewhere"), mark[1])
    assert take(str(tmp_path / "base"), manifest()) is None
    assert kept.folder.exists()
