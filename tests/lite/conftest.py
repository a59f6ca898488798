"""Running a steering in this process, and its trees as columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from b2grid.lite.engine import RunOptions, RunResult, run
from b2grid.ntuple.columns import decode
from b2grid.steering.standin import Log, LogLevel, run_script

Trees = dict[str, dict[str, np.ndarray[Any, Any]]]


class Outcome:
    """What a steering wrote: ``trees[name][column]``, with readable column names."""

    def __init__(self, result: RunResult, log: Log) -> None:
        self.result, self.log = result, log

    @property
    def trees(self) -> Trees:
        found: Trees = {}
        for path in self.result.outputs:
            if not path.endswith(".root"):
                continue
            with uproot.open(path) as file:
                for name in set(file.keys(cycle=False, filter_classname="TTree")) - {"persistent"}:
                    tree = file[name]
                    found[name] = {decode(branch.name): branch.array(library="np") for branch in tree.branches}
        return found


def _runner(folder: Path, patch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    patch.chdir(folder)
    number = iter(range(1000))

    def execute(body: str, *inputs: Path, **options: Any) -> Outcome:
        script = folder / f"steering{next(number)}.py"
        lines = [
            "import basf2 as b2",
            "import modularAnalysis as ma",
            "from variables import variables as vm",
            "main = b2.create_path()",
            f"ma.inputMdstList({[str(path) for path in inputs]!r}, path=main)",
            textwrap.dedent(body),
            "b2.process(main)",
        ]
        script.write_text("\n".join(lines))
        results: list[RunResult] = []
        log = Log(LogLevel.ERROR)
        run_script(script, on_process=lambda path, _: results.append(run(path, RunOptions(**options), log)), log=log)
        return Outcome(results[0], log)

    return execute


@pytest.fixture
def lite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Return a function that runs the body of a steering; `main` is its path, `ma` and `b2` the usual modules."""
    return _runner(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def module_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Outcome]]:
    """The same, for what several tests of a module look at."""
    with pytest.MonkeyPatch.context() as patch:
        yield _runner(tmp_path_factory.mktemp("lite"), patch)
