"""A project of several steering files in one pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from b2grid import InvalidInput, Project, combine
from tests.project.conftest import COLLECTION, D0, Write, whole

PIONS = """\
import basf2 as b2
import modularAnalysis as ma
from cuts import SLOW

path = b2.create_path()
ma.inputMdst("default.root", path=path)
ma.applyEventCuts("nTracks > 6", path=path)
ma.fillParticleList("pi+:mine", SLOW, path=path)
ma.variablesToNtuple("pi+:mine", ["p"], treename="pi", filename="pi.root", path=path)
b2.process(path)
"""


@pytest.mark.slow
def test_a_combined_steering_runs_as_a_project_and_the_plan_says_what_it_saves(write: Write) -> None:
    write("SLOW = 'p < 1'\n", "cuts.py")
    made = combine([write(PIONS, "pi.py"), write()], sandbox=["cuts.py"])
    project = Project("both", made, COLLECTION)
    assert project.check().findings == ()
    assert [span.name for span in project.recipe.steerings] == ["pi.py", "d0.py"]
    assert project.steering.read_text() == made.text
    assert project.trial(events=5).ok
    assert "2 steering files run (pi.py, d0.py) in one pass: 1 pass saved" in str(project.plan().summary())
    assert Project("both", made, COLLECTION).status.phase == "planned"  # the same content
    assert project.submit(wait=True).phase == "done"
    alone = Project("alone", write(), COLLECTION)
    assert alone.submit(wait=True).phase == "done"
    for column in ("__event__", "M", "p"):
        np.testing.assert_array_equal(project.arrays("d0")[column], alone.arrays("d0")[column])
    assert len(project.arrays("pi")) > 0


def test_a_steering_that_was_made_is_checked_before_anything_is_stored(write: Write, home: Path) -> None:
    made = combine([write(D0.replace('"p"]', '"pp"]'), "pp.py"), write(D0.replace("d0.root", "x.root"))])
    project = Project("wrong", made, COLLECTION)
    [found] = project.check().errors
    assert found.message.startswith("pp.py:9: unknown variable 'pp'")
    write("1", "cuts.py")
    with pytest.raises(InvalidInput) as raised:
        Project("n" * 40, made, COLLECTION)
    assert [item.message.split(":")[0] for item in raised.value.findings][1:] == ["combined.py"]
    assert whole(home) == {}
