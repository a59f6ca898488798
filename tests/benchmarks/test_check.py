"""The check of a long steering file, against what a user would run on it instead: pyflakes."""

from __future__ import annotations

import ast
import statistics
import time
from typing import TYPE_CHECKING

import pytest
from pyflakes.checker import Checker

from b2grid import check

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.benchmark, pytest.mark.slow]

ROUNDS = 7
HEAD = """import basf2 as b2
import modularAnalysis as ma
import variables.collections as vc
import variables.utils as vu
path = b2.create_path()
ma.inputMdst('mdst.root', path=path)
ma.fillParticleList('K-:all', 'dr < 2 and abs(dz) < 4 and kaonID > 0.5', path=path)
ma.fillParticleList('pi+:all', 'dr < 2 and abs(dz) < 4', path=path)
"""
CHANNEL = """ma.reconstructDecay('D0:c{i} -> K-:all pi+:all', '1.8 < M < 1.9 and daughter(0, p) > {i}e-3', path=path)
ma.matchMCTruth('D0:c{i}', path=path)
names{i} = vc.deltae_mbc + vc.inv_mass
names{i} += vu.create_aliases_for_selected(['p', 'E', 'useCMSFrame(p)'], 'D0:c{i} -> ^K- ^pi+', prefix=['K', 'pi'])
ma.variablesToNtuple('D0:c{i}', names{i}, treename='t{i}', filename='out.root', path=path)
"""
SCRIPT = HEAD + "".join(CHANNEL.format(i=i) for i in range(99)) + "b2.process(path)\n"


def _seconds(what: Callable[[], object]) -> float:
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def test_a_steering_file_of_five_hundred_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(SCRIPT).findings == ()
    pairs = [
        (_seconds(lambda: check(SCRIPT)), _seconds(lambda: Checker(ast.parse(SCRIPT)).messages)) for _ in range(ROUNDS)
    ]
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    with capsys.disabled():
        print(
            f"\ncheck of {len(SCRIPT.splitlines())} lines: {1e3 * ours:.0f} ms, of which pyflakes alone takes "
            f"{1e3 * theirs:.0f} ms: ratio {ours / theirs:.1f}"
        )
