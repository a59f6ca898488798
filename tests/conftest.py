"""What tests share: the real files, system parts, and a home that is not the user's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# nothing is asserted about time: a machine that is busy is no failure, and what hangs meets pytest's own limit
settings.register_profile("b2grid", deadline=None)
settings.load_profile("b2grid")

# of each part, programs of which one is enough, for everything that it consists of
_PROGRAMS = {
    "browser": [("chromium", "chromium-browser", "google-chrome")],
    "compiler": [("cc", "gcc")],
    "slurm": [("sbatch",), ("slurmctld",), ("slurmd",), ("munged",)],
    "xrootd": [("xrootd",)],
}
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def pytest_configure(config: pytest.Config) -> None:
    """Have the table of faults at the end of every run: the process that prints it collects nothing itself."""
    config.pluginmanager.import_plugin("tests.faults.report")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave benchmarks out unless they are asked for, and run the slow tests first: two workers then end together."""
    if "benchmark" not in config.option.markexpr and not any("benchmarks" in given for given in config.args):
        left_out = [item for item in items if item.get_closest_marker("benchmark")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("benchmark")]
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real Belle II files, which are never part of the project."""
    folder = Path(os.environ.get("B2GRID_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "mdst.root").is_file():
        pytest.skip(f"no real Belle II files in {folder}: set B2GRID_REAL_DATA to a folder that has them")
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep projects of tests out of the user's own."""
    folder = tmp_path / "b2grid-home"
    monkeypatch.setenv("B2GRID_HOME", str(folder))
    return folder


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a missing system part, and fail instead where `B2GRID_REQUIRE` names the part."""
    for marker in item.iter_markers("system"):
        part = marker.args[0]
        missing = [some for some in _PROGRAMS[part] if not any(shutil.which(program, path=_PATH) for program in some)]
        if not missing:
            continue
        reason = f"needs {part}: {' and '.join(' or '.join(some) for some in missing)} is not installed"
        if part in os.environ.get("B2GRID_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
