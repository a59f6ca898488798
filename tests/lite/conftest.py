"""Running a steering in this process, and its trees as columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from b2grid.lite.engine import RunOptions, RunResult, run
from b2grid.lite.reading.reader import MdstFile, open_files
from b2grid.ntuple.columns import decode
from b2grid.steering.standin import Log, LogLevel, run_script

OpenFiles = Callable[[Sequence[str]], list[MdstFile]]
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


class _Kept(MdstFile):
    """A file that stays open for the next steering: to open a real one takes longer than most steerings do."""

    def close(self) -> None:
        """Stay open."""


@pytest.fixture(scope="session")
def keep_open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenFiles]:
    """Open files as b2lite does, but those that no test writes once for all."""
    written, files = tmp_path_factory.getbasetemp(), dict[str, _Kept]()

    def opened(path: str) -> MdstFile:
        own = Path(path).is_absolute() and Path(path).is_file() and not Path(path).is_relative_to(written)
        if not own:
            return MdstFile(path)
        if path not in files:
            files[path] = _Kept(path)
        return files[path]

    yield partial(open_files, opened=opened)
    for file in files.values():
        MdstFile.close(file)


def _runner(folder: Path, patch: pytest.MonkeyPatch, keep_open: OpenFiles) -> Callable[..., Outcome]:
    patch.chdir(folder)
    number = iter(range(1000))

    def execute(body: str, *inputs: Path, **given: Any) -> Outcome:
        options = RunOptions(**{"open_files": keep_open} | given)
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
        run_script(script, on_process=lambda path, _: results.append(run(path, options, log)), log=log)
        return Outcome(results[0], log)

    return execute


@pytest.fixture
def lite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep_open: OpenFiles) -> Callable[..., Outcome]:
    """Return a function that runs the body of a steering; `main` is its path, `ma` and `b2` the usual modules."""
    return _runner(tmp_path, monkeypatch, keep_open)


@pytest.fixture(scope="module")
def module_lite(tmp_path_factory: pytest.TempPathFactory, keep_open: OpenFiles) -> Iterator[Callable[..., Outcome]]:
    """The same, for what several tests of a module look at."""
    with pytest.MonkeyPatch.context() as patch:
        yield _runner(tmp_path_factory.mktemp("lite"), patch, keep_open)
