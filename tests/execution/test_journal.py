"""The journal after crashes, damage and take-over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from b2grid import SiteError
from b2grid.execution.folder import ProjectFolder
from b2grid.execution.journal import Journal, TakenOver, encode, read_journals


def lines(folder: ProjectFolder) -> list[object]:
    return [line["n"] for line in read_journals(folder).lines if "n" in line]


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path)


def write(folder: ProjectFolder, epoch: int, *numbers: int) -> None:
    journal = Journal.create(folder, epoch, read_journals(folder).length)
    journal.append({"kind": "x", "n": n} for n in numbers)
    journal.close()


def test_what_was_appended_is_read_back_over_all_drivers(folder: ProjectFolder) -> None:
    write(folder, 1, 1, 2)
    write(folder, 2, 3)
    history = read_journals(folder)
    assert lines(folder) == [1, 2, 3]
    assert (history.epoch, history.damaged) == (2, [])


def test_a_torn_last_line_is_dropped(folder: ProjectFolder) -> None:
    write(folder, 1, 1, 2, 3)
    path = folder.journal(1)
    path.write_bytes(path.read_bytes()[:-4])
    assert lines(folder) == [1, 2]
    assert read_journals(folder).damaged == []


def test_a_damaged_line_in_the_middle_is_named_and_the_rest_is_read(folder: ProjectFolder) -> None:
    write(folder, 1, 1, 2, 3)
    path = folder.journal(1)
    path.write_bytes(path.read_bytes().replace(b'"n":2', b'"n":7'))
    assert lines(folder) == [1, 3]
    assert read_journals(folder).damaged == ["journal-1.jsonl:3"]


def test_what_an_old_driver_appends_after_a_take_over_is_void(folder: ProjectFolder) -> None:
    old = Journal.create(folder, 1, 0)
    old.append([{"kind": "x", "n": 1}])
    write(folder, 2, 2)
    with folder.journal(1).open("ab") as late:  # a driver that was stopped between its look and its write
        late.write(encode({"kind": "x", "n": 99}))
    assert lines(folder) == [1, 2]
    with pytest.raises(TakenOver):
        old.append([{"kind": "x", "n": 100}])
    old.close()
    assert lines(folder) == [1, 2]


def test_what_an_old_driver_may_have_acted_on_before_a_take_over_counts(tmp_path: Path) -> None:
    class Late(ProjectFolder):
        """In which an old driver goes on when the new one has read its journal."""

        def journal(self, epoch: int) -> Path:
            if epoch == 2 and len(lines(ProjectFolder(tmp_path))) == 1:
                old.append([{"kind": "x", "n": 2}])
            return super().journal(epoch)

    old = Journal.create(ProjectFolder(tmp_path), 1, 0)
    old.append([{"kind": "x", "n": 1}])
    journal, history = Journal.take(Late(tmp_path))
    assert [line["n"] for line in history.lines if "n" in line] == [1, 2] == lines(ProjectFolder(tmp_path))
    with pytest.raises(TakenOver):
        old.append([{"kind": "x", "n": 3}])
    journal.close()
    old.close()


def test_a_driver_that_is_replaced_while_it_writes_does_nothing_because_of_it(folder: ProjectFolder) -> None:
    class Replaced(Journal):
        """Whose successor begins just when it has looked for one."""

        def require_ours(self) -> None:
            super().require_ours()
            folder.journal(2).touch()

    folder.journal(1).touch()
    old = Replaced(folder.journal(1), os.open(folder.journal(1), os.O_WRONLY | os.O_APPEND), folder.journal(2), 1)
    with pytest.raises(TakenOver):
        old.append([{"kind": "x", "n": 1}])
    old.close()


def test_two_drivers_cannot_begin_the_same_journal(folder: ProjectFolder) -> None:
    write(folder, 1)
    with pytest.raises(SiteError, match="another driver"):
        Journal.create(folder, 1, 0)


def test_a_full_disk_is_an_error_before_anything_is_done(folder: ProjectFolder) -> None:
    folder.journal(1).symlink_to("/dev/full")
    with pytest.raises(SiteError):
        Journal.create(folder, 1, 0)


def test_after_a_write_that_failed_nothing_more_is_appended(folder: ProjectFolder) -> None:
    journal = Journal.create(folder, 1, 0)
    good = os.dup(journal._descriptor)
    with Path("/dev/full").open("wb", buffering=0) as full:
        os.dup2(full.fileno(), journal._descriptor)
    with pytest.raises(SiteError, match="No space left"):
        journal.append([{"kind": "x", "n": 1}])
    os.dup2(good, journal._descriptor)  # there is space again, and yet: what is on the disk is not known
    with pytest.raises(SiteError, match="No space left"):
        journal.append([{"kind": "x", "n": 2}])
    os.close(good)
    journal.close()
    assert lines(folder) == []


def test_lines_are_read_as_they_are_asked_for_and_as_often(folder: ProjectFolder) -> None:
    write(folder, 1, 1, 2)
    history = read_journals(folder)
    assert list(history.lines) == list(history.lines)
