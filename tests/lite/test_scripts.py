"""A steering file is a Python program: what it may do before, around and after processing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

SCRIPT = """
    import argparse
    import json
    import os
    import sys

    import basf2 as b2
    import modularAnalysis as ma
    import selections
    import uproot
    from elsewhere import NAME
    from b2pandas_utils import VariablesToTable


    def build(options):
        path = b2.create_path()
        ma.inputMdst(b2.find_file("mdst.root", "examples"), path=path)
        ma.fillParticleList("pi+:x", selections.cut, path=path)
        ma.variablesToNtuple("pi+:x", ["p"], treename=NAME, filename=options.out, path=path)
        path.add_module(VariablesToTable("pi+:x", ["p"], "table.pq"))
        selected = b2.create_path()
        ma.variablesToNtuple("", "nTracks", treename="many", filename=options.out, path=selected)
        condition = path.add_module("VariableToReturnValue", variable="nTracks", logLevel=b2.LogLevel.ERROR)
        condition.if_value(">=10", selected, b2.AfterConditionPath.CONTINUE)
        ma.printVariableValues("pi+:x", ["p"], path=path)
        path.modules()[-1].set_log_level(b2.LogLevel.WARNING)
        return path


    if __name__ == "__main__":
        parser = argparse.ArgumentParser()
        parser.add_argument("--out")
        main = build(parser.parse_args())
        b2.set_nprocesses(2)
        seed = b2.get_random_seed()
        b2.process(main, 20)
        rows = {name: uproot.open("out.root")[name].num_entries for name in (NAME, "many")}
        loader = next(module for module in main.modules() if module.type() == "ParticleLoader")
        calls = b2.statistics.get(loader).calls(b2.statistics.EVENT)
        spent = b2.statistics.get_global().time_sum() > b2.statistics.get(loader).time_sum() > 0
        names = [one.name for one in b2.statistics.modules]
        print(b2.statistics)
        b2.process(main, 5)
        print(json.dumps([seed, rows, calls, spent, names, uproot.open("out.root")[NAME].num_entries]))
        os.chdir("/")
        sys.exit(7)
    """


def lite(folder: Path, text: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "steer.py").write_text(dedent(text).lstrip())
    command = [sys.executable, "-P", "-m", "b2grid.lite", *words]
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_script_is_a_program_with_results_in_its_hands(tmp_path: Path, real_data: Path) -> None:
    (tmp_path / "selections.py").write_text("cut = 'p > 0.5'\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "elsewhere.py").write_text("NAME = 'pions'\n")
    words = ("--random-seed", "mine", "--job-information", "info.json", "steer.py", "--", "--out", "out.root")
    done = lite(
        tmp_path,
        SCRIPT,
        *words,
        BELLE2_EXAMPLES_DATA_DIR=str(real_data),
        PYTHONPATH=str(tmp_path / "lib"),
    )
    assert done.returncode == 7, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    seed, rows, calls, spent, names, again = json.loads(lines[-1])
    assert (seed, calls, spent) == ("mine", 20, True)
    assert rows["many"] < 20 < rows["pions"]
    assert 0 < again < rows["pions"]
    assert names[:3] == ["RootInput", "ProgressBar", "ParticleLoader_pi+:x"]
    assert lines.count("[WARNING] b2lite processes events in one process, and not in 2") == 2
    assert sum("Calling process() more than once" in line for line in lines) == 1
    assert not [line for line in lines if "ParticlePrinter" in line and line.startswith("[INFO]")]
    table = lines[next(number for number, line in enumerate(lines) if set(line) == {"="}) :]
    assert table[1].split(" | ")[0].strip() == "Name"
    assert [row.split("|")[1].strip() for row in table[3:5]] == ["20", "20"]
    # a script that ends with an error has no complete account
    account = json.loads((tmp_path / "info.json").read_text())
    assert account["basf2_status"]["finished"] is False


def test_what_is_gone_is_told_by_what_replaces_it_and_errors_are_the_scripts_own(tmp_path: Path) -> None:
    done = lite(
        tmp_path,
        """
        import basf2 as b2

        def files():
            return b2.find_file("mdst14.root", data_type="validation")

        import os
        os.chdir("/")
        try:
            files()
        except FileNotFoundError as error:
            b2.use_central_database("tag")
        """,
        "steer.py",
    )
    assert done.returncode == 1
    assert "[ERROR] find_file(): there is no file of this name in BELLE2_VALIDATION_DATA_DIR" in done.stdout
    said = done.stderr.splitlines()
    assert "FileNotFoundError: [Errno 2] No such file or directory: 'mdst14.root'" in said
    assert [line for line in said if line.startswith("  File")] == [
        f'  File "steer.py", line {number}, in {where}'
        for number, where in ((9, "<module>"), (4, "files"), (11, "<module>"))
    ]
    assert said[-1] == (
        "basf2 has no 'use_central_database' in main - "
        "use basf2.conditions.prepend_globaltag, which came with release-04"
    )


def test_what_only_basf2_has_is_refused_also_where_nothing_is_processed(tmp_path: Path) -> None:
    done = lite(
        tmp_path,
        """
        import sys
        import basf2_mva
        basf2_mva.teacher("options")
        print("trained")
        sys.exit(0)
        """,
        "steer.py",
    )
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == [
        "trained",
        "[FATAL] steer.py:3: b2lite does not run basf2_mva.teacher - run it with basf2: give the project a release",
    ]
