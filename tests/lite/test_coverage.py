"""What is covered is said: on a terminal, to programs, in the documentation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from b2grid.errors import InvalidInput
from b2grid.lite.covered import OWN
from b2grid.lite.options import parse
from b2grid.lite.report import NO_REASON, in_text, page, table, uses
from b2grid.steering.standin import Path as SteeringPath
from b2grid.steering.standin.module import Module
from b2grid.steering.standin.origin import PACKAGES

ROOT = Path(__file__).parents[2]


def _printed(*options: str) -> str:
    command = [sys.executable, "-m", "b2grid.lite", "--coverage", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_table_fits_a_terminal_and_names_everything():
    text = _printed()
    assert max(map(len, text.splitlines())) <= 80
    words = {word.rpartition(".")[2] for word in text.replace(",", " ").replace(":", " ").split()}
    assert words >= {row.name.rpartition(".")[2] for row in table()}
    assert text == in_text()


def test_programs_get_the_same():
    found = json.loads(_printed("--json"))
    assert {row["name"] for row in found["covered"]} == {row.name for row in table()}
    assert [use["files"] for use in found["uses"]] == [use.files for use in uses()]
    with pytest.raises(InvalidInput, match="--coverage"):
        parse(["--json", "steering.py"])


def test_the_page_of_the_documentation_follows_the_program():
    said = "make it again: python -m b2grid.lite.report docs/lite.md"
    text = (ROOT / "docs" / "lite.md").read_text()
    assert page(text) == text, said


def test_what_is_refused_has_a_reason_and_what_is_covered_has_none():
    for use in uses():
        assert bool(use.reason) != use.covered
    assert sum(use.files for use in uses() if use.reason == NO_REASON) < 0.05 * sum(use.files for use in uses())


def test_what_scripts_use_of_basf2_itself_is_there():
    script = f"import sys; sys.path.insert(0, {PACKAGES!r}); import basf2\n" + "\n".join(
        f"assert callable({name})" for name in sorted(OWN) if name.startswith("basf2.")
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    for name in (name.partition(".")[2] for name in OWN if name.startswith("<obj>")):
        assert hasattr(SteeringPath, name) or hasattr(Module, name), name
