"""What tests of projects share: steering files, and a home for the projects of a whole module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

COLLECTION = "/belle/collection/MC/demo_etapks_v1"
D0 = """\
import basf2 as b2
import modularAnalysis as ma

path = b2.create_path()
ma.inputMdst("default.root", path=path)
ma.fillParticleList("K-:mine", "kaonID > 0.1", path=path)
ma.fillParticleList("pi+:mine", "", path=path)
ma.reconstructDecay("D0:kpi -> K-:mine pi+:mine", "1.7 < M < 2.0", path=path)
ma.variablesToNtuple("D0:kpi", ["M", "p"], treename="d0", filename="d0.root", path=path)
b2.process(path)
"""
TOLD = """\
import sys

import basf2 as b2
import modularAnalysis as ma
from cuts import SLOW

sample, job = sys.argv[1:]
print("I am", sample, job, open("tables/words.txt").read())
path = b2.create_path()
ma.inputMdst("default.root", path=path)
ma.fillParticleList("pi+:mine", SLOW, path=path)
ma.variablesToNtuple("pi+:mine", ["p"], treename="pi", filename="pi.root", path=path)
b2.process(path)
"""
SYNTAX = "import basf2\npath = basf2.create_path(\nbasf2.process(path)\n"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file beside the others of this test."""

    def written(text: str | bytes = D0, name: str = "d0.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def whole(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder, to see that nothing was stored."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for all tests of a module, so that they can look at one project that ran."""
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("B2GRID_HOME")
    os.environ["B2GRID_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["B2GRID_HOME"]
    else:
        os.environ["B2GRID_HOME"] = before
