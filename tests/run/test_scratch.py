"""Private folders of a user on a host."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from b2grid import SiteError
from b2grid.run.scratch import Holder, private, read_mark, scratch, write_mark


def test_nobody_else_can_look_into_it(tmp_path: Path) -> None:
    place = tmp_path / f"b2grid-{os.getuid()}"
    place.mkdir(mode=0o755)
    assert private(str(tmp_path), "work") == place / "work"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_what_is_not_a_folder_of_ones_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"b2grid-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SiteError, match="is not a folder of yours - let scratch"):
        private(str(tmp_path), "work")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_it_is_marked_with_its_process_and_always_removed(tmp_path: Path) -> None:
    def work() -> None:
        with scratch(str(tmp_path), {"nonce": "n"}) as folder:
            seen.append((folder, read_mark(folder)))
            (folder / "closed").mkdir()
            (folder / "closed" / "file").write_text("x")
            (folder / "closed").chmod(0o000)
            raise ValueError("on purpose")

    seen: list[tuple[Path, tuple[Holder | None, dict[str, str]] | None]] = []
    with pytest.raises(ValueError, match="on purpose"):
        work()
    ((folder, mark),) = seen
    assert mark is not None
    assert mark[0] is not None
    assert mark[0] == Holder.this()
    assert mark[0].alive()
    assert mark[1] == {"nonce": "n"}
    assert not folder.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"holder": {"pid": 1}, "about": {}}', '{"holder": null}'])
def test_a_damaged_mark_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "owner.json").write_text(text)
    assert read_mark(tmp_path) is None
    write_mark(tmp_path, None, {"job": "1"})
    assert read_mark(tmp_path) == (None, {"job": "1"})
