"""A project of several steering files in one pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from b2grid import InvalidInput, Project, combine
from tests.project.conftest import COLLECTION, D0, Write, whole

PIONS = """\
import basf2 as b2
import modularAnalysis as ma
from cuts import SLOW

path = b2.create_path()
ma.inputMdst("default.root", path=path)
ma.applyEventCuts("nTracks > 8", path=path)
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
    assert project.completeness().complete
    assert min(len(project.arrays("d0")), len(project.arrays("pi"))) > 0
    events = set(project.arrays("d0")["__event__"].tolist())
    assert events - set(project.arrays("pi")["__event__"].tolist())  # which the cut of the other does not end


def test_a_steering_that_was_made_is_checked_before_anything_is_stored(
    write: Write, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = combine([write(D0.replace('"p"]', '"pp"]'), "pp.py"), write(D0.replace("d0.root", "x.root"))])
    project = Project("wrong", made, COLLECTION)
    [found] = project.check().errors
    assert found.message.startswith("pp.py:9: unknown variable 'pp'")
    write("SLOW = 'p < 1'\n", "sub/cuts.py")
    monkeypatch.chdir(write("SLOW = 'p < 2'\n", "cuts.py").parent)
    with pytest.raises(InvalidInput) as raised:
        Project("n" * 40, made, COLLECTION)
    assert [item.message.split(":")[0] for item in raised.value.findings][1:] == ["combined.py"]
    pions = combine([write(PIONS, "sub/pi.py")], sandbox=["cuts.py"])
    with pytest.raises(InvalidInput, match=r"'cuts\.py' is not the one that the steering has"):
        Project("other", pions, COLLECTION, sandbox=["cuts.py"])
    assert whole(home) == {}
