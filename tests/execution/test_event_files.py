"""Files of events, which are no ntuples, are outputs of a job: read to their end, and published."""

from __future__ import annotations

from pathlib import Path

import pytest

import b2grid.catalogue.demo
from b2grid.execution.job import run_attempt
from b2grid.execution.publish import settle
from b2grid.steering import Recipe
from b2grid.steering.parts import FileOutput
from tests.execution.conftest import Make
from tests.execution.test_recovery import attempt

EVENTS = Path(b2grid.catalogue.demo.__file__).parent / "data" / "signal1_prod00090101_01.root"
RECIPE = Recipe(other_outputs=(FileOutput("keep.udst.root", "udst", ("B0:sig",)), FileOutput("rows.pq", "table")))
pytestmark = pytest.mark.usefixtures("slot")


def test_a_udst_is_published_with_its_events(make: Make) -> None:
    folder = make(1, "/bin/cp", str(EVENTS), "keep.udst.root", recipe=RECIPE)
    facts = run_attempt(attempt(folder.path, 1), lambda _: None)
    assert facts["failure"] == "", facts["message"]
    manifest = settle(folder.output, 1)
    assert manifest is not None
    [output] = manifest.outputs
    assert (output.file, output.copies) == ("keep.udst_job1.root", ())
    tree = output.tree("tree")
    assert tree is not None
    assert tree.rows > 0
    assert (folder.output / "sub00" / output.file).read_bytes() == EVENTS.read_bytes()


def test_a_udst_that_is_cut_short_or_has_no_events_is_not(make: Make, tmp_path: Path) -> None:
    (tmp_path / "short.root").write_bytes(EVENTS.read_bytes()[:-5000])
    for number, program in enumerate((("/bin/cp", str(tmp_path / "short.root"), "keep.udst.root"), ("/bin/true",))):
        folder = make(1, *program, name=f"p{number}", recipe=RECIPE)
        facts = run_attempt(attempt(folder.path, 1), lambda _: None)
        assert (facts["failure"], "keep.udst.root" in facts["message"]) == ("output", True)
        assert settle(folder.output, 1) is None
