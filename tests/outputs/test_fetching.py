"""Fetching outputs, checking them again, and saying where they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from b2grid.catalogue.luminosity import Luminosity
from b2grid.errors import InvalidInput
from b2grid.outputs import fetch, provenance, verify_published

if TYPE_CHECKING:
    from collections.abc import Callable

World = Any


def test_outputs_are_copied_once_and_the_rest_later(world: Callable[..., World], tmp_path: Path) -> None:
    made = world(3, ("charged", "signal"))
    for job in (1, 2, 4):
        made.publish(job)
    first = fetch(made, made.plan, tmp_path / "mine")
    assert first.ok
    assert [str(Path(path).relative_to(tmp_path)) for path in first.copied] == [
        "mine/charged/sub00/ntuple_job1.root",
        "mine/charged/sub00/ntuple_job2.root",
        "mine/signal/sub00/ntuple_job4.root",
    ]
    assert not first.completeness.complete
    made.publish(3)
    second = fetch(made, made.plan, tmp_path / "mine")
    assert (len(second.copied), len(second.skipped)) == (1, 3)
    assert second.bytes == (made.output / "sub00/ntuple_job3.root").stat().st_size
    assert len(fetch(made, made.plan, tmp_path / "mine", sample="signal", copies=True).copied) == 2
    assert not list((tmp_path / "mine").rglob(".*"))


def test_what_is_not_as_published_is_named_not_copied(world: Callable[..., World], tmp_path: Path) -> None:
    made = world(4).publish_all()
    folder = made.output / "sub00"
    data = bytearray((folder / "ntuple_job1.root").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "ntuple_job1.root").write_bytes(data)
    (folder / "ntuple_job2.root").unlink()
    (folder / "ntuple_job3.root").rename(tmp_path / "x.root")
    (folder / "ntuple_job3.root").symlink_to(tmp_path / "x.root")
    found = fetch(made, made.plan, tmp_path / "mine")
    assert [file for file, _ in found.failed] == [f"ntuple_job{job}.root" for job in (1, 2, 3)]
    said = str(found)
    for words in ("does not match its checksum", "is not there", "is a link"):
        assert words in said
    assert len(found.copied) == 1
    assert "3 failed" in found._repr_html_()
    wrong = verify_published(made, made.plan)
    assert len(wrong) == 3
    assert "ntuple_job1.root does not match" in wrong[0]


def test_what_is_there_with_other_contents_is_left(world: Callable[..., World], tmp_path: Path) -> None:
    made = world(1).publish_all()
    mine = tmp_path / "mine/signal/sub00/ntuple_job1.root"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    found = fetch(made, made.plan, tmp_path / "mine")
    assert "other contents" in found.failed[0][1]
    assert mine.read_text() == "precious"


def test_a_destination_that_is_a_file_is_refused(world: Callable[..., World], tmp_path: Path) -> None:
    made = world(1).publish_all()
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match="not a folder"):
        fetch(made, made.plan, tmp_path / "file")


def test_a_samples_name_cannot_lead_elsewhere(world: Callable[..., World], tmp_path: Path) -> None:
    made = world(1, ("../up",)).publish_all()
    found = fetch(made, made.plan, tmp_path / "mine")
    assert found.ok
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["..%2Fup"]


def test_sound_outputs_are_as_published(world: Callable[..., World]) -> None:
    made = world(2).publish_all()
    assert verify_published(made, made.plan) == ()


def test_provenance_has_what_a_note_cites(world: Callable[..., World]) -> None:
    made = world(2, ("charged", "signal"))
    for job in (1, 2, 3):
        made.publish(job, steering_sha256="ab" * 32, runner="basf2", release="release-09-00-00")
    found = provenance(made, made.plan)
    assert found.collections == ("/belle/collection/MC/charged_v1", "/belle/collection/MC/signal_v1")
    assert found.global_tags == ("main",)
    assert found.steering_sha256 == ("ab" * 32,)
    assert found.releases == ("release-09-00-00",)
    assert (found.jobs_done, found.complete, found.events_processed) == (3, False, 90)
    assert json.loads(found.to_json())["sources"][0]["events"] == 60
    assert "release-09-00-00" in str(found)
    assert "charged_v1" in found._repr_html_()


def test_luminosities_come_from_the_catalogue_where_it_has_them(world: Callable[..., World]) -> None:
    class Known:
        """A catalogue that knows one of the collections."""

        luminosity = Luminosity(official=12.5, official_error=0.1)

        def collection(self, path: str) -> Any:
            if "signal" in path:
                raise InvalidInput(f"no collection {path}")
            return self

    made = world(1, ("charged", "signal"))
    catalogue: Any = Known()
    assert [source.luminosity for source in provenance(made, made.plan, catalogue).sources] == [12.5, None]
