"""The command lines for gbasf2: they are what a shell hands to it, whatever the names are."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidInput, SiteError
from b2grid.names import MAX_PROJECT_NAME, ProjectName
from b2grid.planning import Plan
from b2grid.planning.gbasf2 import project_names
from b2grid.run.command import Runner
from tests.planning.conftest import GB, measured, row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from b2grid.steering.trying import Trial

    Make = Callable[..., Plan]
    Tried = Callable[..., Trial]

COLLECTION = "/belle/collection/MC/mixed_v1"


def dataset(number: int, sample: str = "mixed") -> str:
    return f"/belle/MC/release-06-00-08/DB00002100/MC15ri_b/prod{number:08d}/s00/e1003/4S/r00000/{sample}/mdst"


def files(count: int, in_dataset: int, size: int = GB, **more: Any) -> list[dict[str, Any]]:
    where = dataset(in_dataset)
    return [
        row(n, size, **({"lfn": f"{where}/sub00/mdst_{n:06d}.root", "dataset": where} | more)) for n in range(count)
    ]


def test_a_sample_is_a_project_with_its_own_command(make: Make, tried: Tried) -> None:
    rows = files(4, 1, collection=COLLECTION) + files(3, 2, sample="signal", events=100_000)
    trial = tried(measured("mixed", 0.01, setup=30.0, cpu_time=2.0), measured("signal", 0.01, setup=30.0))
    commands = make(rows, trial=trial, args=["--loose", "{sample}"], sandbox=["cuts.py", "a b.txt"]).to_gbasf2()
    mixed, signal = commands["mixed"], commands["signal"]
    # each file has 107,374 events of 0.01 s: four of them are all there are, and take 72.1 min
    assert mixed.line == (
        f"gbasf2 B2EtapKs.py -p B2EtapKs_mixed -s release-09-00-00 -i {COLLECTION} -n 4 --cputime 73 "
        "--basf2opt='-- --loose mixed' -f cuts.py 'a b.txt'"
    )
    assert tuple(shlex.split(mixed.line)) == mixed.words
    assert signal.inputs == (dataset(2),)
    assert "takes whole datasets" in " ".join(signal.notes)
    assert (mixed.jobs, signal.jobs, commands.jobs) == (1, 1, 2)
    assert mixed.line in str(commands).splitlines()
    assert "B2EtapKs_signal" in commands._repr_html_()
    with pytest.raises(KeyError):
        commands["data"]


def test_grouping_stays_inside_a_dataset(make: Make) -> None:
    counts = [531] * 11 + [529]  # 6370 files in 12 datasets, each an odd number
    rows = [one for number, count in enumerate(counts) for one in files(count, number, GB // 100)]
    command = make(rows).to_gbasf2(files_per_job=2)["mixed"]
    assert (command.files, command.jobs) == (6370, 3191)
    assert command.list_text.splitlines() == [dataset(number) for number in range(12)]
    assert "--input_dslist B2EtapKs.list -n 2" in command.line


def test_what_would_fail_on_the_grid_is_said(make: Make) -> None:
    mixed_tags = [one | {"global_tag": f"t{n % 2}"} for n, one in enumerate(files(4, 1))]
    assert make(mixed_tags).to_gbasf2()["mixed"].numbers.files_per_job == 1
    assert "2 jobs of -n 2 would mix" in " ".join(make(mixed_tags).to_gbasf2(files_per_job=2)["mixed"].notes)
    heavy = make(files(4, 1, 2 * GB)).to_gbasf2(files_per_job=3)["mixed"]
    assert "-n 3 exceeds 5 GB per job (6.00 GB): gbasf2 refuses it; 2 is the largest" in " ".join(heavy.notes)
    told = make(files(1, 1), args=["out_{job}.root"]).to_gbasf2()["mixed"]
    assert "which gbasf2 does not fill in" in " ".join(told.notes)
    assert "not measured" in " ".join(told.notes)
    bad = [{"experiment": 26, "run": 1, "events": 5, "good": False}]
    assert "hold runs that are left out" in str(make(files(1, 1, runs=bad)).to_gbasf2())
    assert "leaves out bad runs by itself" in str(make(files(1, 1), runs="all").to_gbasf2())


def test_files_on_disk_cannot_be_sent(make: Make, tmp_path: Path) -> None:
    commands = make([row(1, GB, lfn="/home/me/a.root"), *files(2, 1, sample="signal")]).to_gbasf2()
    assert commands["mixed"].words == ()
    assert "on disk, not on the grid" in str(commands)
    assert "cannot be sent" in commands._repr_html_()
    assert commands["signal"].words
    (tmp_path / "file").write_text("")
    with pytest.raises(SiteError, match="cannot be written"):
        commands.write(tmp_path / "file")


def test_times_of_b2lite_are_none_of_basf2(make: Make, tried: Tried) -> None:
    plan = make(files(2, 1), runner=Runner.lite(), trial=tried(measured("mixed", 0.01)))
    with pytest.raises(InvalidInput, match="runs b2lite"):
        plan.to_gbasf2()
    command = plan.to_gbasf2(release="light-2409-toyger", priority=0)["mixed"]
    assert "--cputime" not in command.line
    assert command.line.endswith("--priority 0")
    assert "the trial ran b2lite" in " ".join(command.notes)


@pytest.mark.parametrize(
    "given", [{"files_per_job": 0}, {"files_per_job": "2"}, {"priority": 11}, {"priority": True}, {"release": "-x"}]
)
def test_wrong_numbers_are_refused(make: Make, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"{next(iter(given))} is"):
        make(files(1, 1)).to_gbasf2(**given)


def test_the_written_script_calls_gbasf2_with_exactly_these_words(make: Make, tmp_path: Path) -> None:
    hostile = "$(touch broken) `touch broken`; touch broken\n'\"x"
    rows = [one for number in range(9) for one in files(1, number)] + files(1, 1, sample=hostile)
    plan = make(
        [one | {"lfn": f"{one['lfn']}{n}"} for n, one in enumerate(rows)],
        steering="-s; touch broken.py",
        sandbox=["-a $HOME.txt"],
        args=["a'b $(touch broken)"],
    )
    commands = plan.to_gbasf2()
    script, listed = commands.write(tmp_path / "to send")
    assert listed.read_text() == "".join(f"{dataset(number)}\n" for number in range(9))
    program = tmp_path / "bin" / "gbasf2"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nfor word; do printf '%s\\0' \"$word\"; done >> '{tmp_path}/said'\n")
    program.chmod(0o755)
    environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    for text in (script.read_text(), str(commands)):
        (tmp_path / "said").write_text("")
        runs = tmp_path / "to send" / "gbasf2.sh"
        runs.write_text(text)
        subprocess.run(["sh", str(runs)], check=True, env=environment, cwd=tmp_path / "to send")
        said = (tmp_path / "said").read_text().split("\0")[:-1]
        assert said == [word for command in commands for word in command.words[1:]]
    assert not list(tmp_path.rglob("broken*"))


samples = st.lists(st.text(max_size=50), min_size=1, max_size=6, unique=True)


@given(st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True), samples)
def test_names_of_projects_are_valid_and_different(project: str, names: list[str]) -> None:
    found = project_names(project, names)
    assert list(found) == names
    assert len(set(found.values())) == len(names)
    assert all(ProjectName(name) and len(name) <= MAX_PROJECT_NAME for name in found.values())
    assert found == project_names(project, names)


def test_a_sample_named_like_the_name_of_another_has_one_of_its_own() -> None:
    name = project_names("p", ["a b", "c"])["a b"]
    assert len(set(project_names("p", ["a b", name.removeprefix("p_")]).values())) == 2
