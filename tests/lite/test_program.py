"""b2lite is a program like basf2: its command line, messages, exit codes and account of the run."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from textwrap import dedent

import pytest

from b2grid.errors import InvalidInput
from b2grid.lite.joblog import JobInformation
from b2grid.lite.options import expand, parse
from b2grid.steering.standin import Log, LogLevel

PIONS = """
    import sys
    import basf2 as b2
    import modularAnalysis as ma

    main = b2.Path()
    ma.inputMdst("missing.root", path=main)
    ma.fillParticleList("pi+:x", "", path=main)
    ma.variablesToNtuple("pi+:x", ["p"], treename="pions", filename="pions.root", path=main)
    ma.variablesToNtuple("", ["nTracks"], treename="events", filename="pions.root", path=main)
    b2.process(main)
    print("after", sys.argv)
    """


def lite(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run b2lite on a script in a folder; words behind -- are the script's own."""
    (folder / "steer.py").write_text(dedent(text).lstrip())
    at = words.index("--") if "--" in words else len(words)
    command = [sys.executable, "-P", "-m", "b2grid.lite", *words[:at], "steer.py", *words[at:]]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


class TestOptions:
    def test_options_may_stand_before_and_behind_the_steering(self) -> None:
        words = "-i a.root --input=b.root -n5 steer.py --skip-events 3 -l warning -S 0:3 -- -x 1"
        found = parse(words.split())
        assert (found.inputs, found.events, found.skip_events) == (("a.root", "b.root"), 5, 3)
        assert (found.steering, found.args, found.sequences) == ("steer.py", ("-x", "1"), ("0:3",))
        assert found.level is LogLevel.WARNING

    def test_without_inputs_the_steering_keeps_its_own(self) -> None:
        assert parse(["steer.py"]).inputs is None

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ("--dump-path x s.py", "does not take --dump-path"),
            ("-d 10 s.py", "does not take -d"),
            ("--evnts 5 s.py", "did you mean --events"),
            ("-n 0 s.py", "at least 1"),
            ("-n x s.py", "not 'x'"),
            ("-n", "needs a value"),
            ("-p 4 s.py", "-p 4"),
            ("-l loud s.py", "not 'loud'"),
        ],
    )
    def test_what_is_not_covered_is_refused_by_name(self, words: str, message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            parse(words.split())

    def test_patterns_are_expanded_sorted(self, tmp_path: Path) -> None:
        for name in ("b1.root", "a2.root", "a1.root", "c.txt"):
            (tmp_path / name).touch()
        assert [Path(name).name for name in expand(f"{tmp_path}/*.root")] == ["a1.root", "a2.root", "b1.root"]
        assert [Path(name).name for name in expand(f"{tmp_path}/{{b,a}}1.root")] == ["b1.root", "a1.root"]
        assert expand("root://server//x*.root") == ["root://server//x*.root"]
        assert expand("none*.root") == ["none*.root"]


class TestAccount:
    def test_it_is_basf2s_and_complete_only_at_the_end(self, tmp_path: Path) -> None:
        now = [0.0]
        file, output = tmp_path / "info.json", tmp_path / "out.root"
        log = Log()
        account = JobInformation(file, log, clock=lambda: now[0])
        account.say("initializing")
        first = json.loads(file.read_text())
        assert first["basf2_status"]["message"] == "initializing"
        assert first["basf2_status"]["finished"] is False
        assert "success" not in first["basf2_status"]
        now[0] = 3.0
        assert account.progress(10, 100)
        now[0] = 3.5
        assert not account.progress(50, 100)
        assert json.loads(file.read_text())["basf2_status"]["events_processed"] == 10
        output.write_bytes(b"abc")
        log.counts[LogLevel.WARNING] += 2
        account.closed([str(output)])
        account.finish(100, 2)
        text = file.read_text()
        last = json.loads(text)
        assert last["basf2_status"] == {
            "elapsed_walltime_sec": 3.5,
            "errors": 0,
            "events_processed": 100,
            "fatals": 0,
            "finished": True,
            "message": "finished successfully",
            "resident_memory_mb": last["basf2_status"]["resident_memory_mb"],
            "runs_processed": 2,
            "success": True,
            "total_events": 100,
            "warnings": 2,
        }
        assert last["output_files"] == [
            {
                "checksums": {
                    "adler32": f"{zlib.adler32(b'abc'):08x}",
                    "md5": hashlib.md5(b"abc").hexdigest(),
                },
                "filename": str(output),
                "type": "Ntuple",
            }
        ]
        assert text == json.dumps(last, indent=2, sort_keys=True)


class TestProgram:
    def test_a_real_file_from_the_command_line(self, tmp_path: Path, real_data: Path) -> None:
        done = lite(
            tmp_path,
            PIONS,
            "-i",
            str(real_data / "mdst.root"),
            "-n",
            "30",
            "--random-seed",
            "x",
            "--job-information",
            "info.json",
            "--",
            "a",
            "b",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        assert lines[0] == "[INFO] Steering file: steer.py"
        assert "[INFO] Starting event processing, random seed is set to 'x'" in lines
        assert lines[-1] == "after ['steer.py', 'a', 'b']"
        assert "[b2lite] events 30 of 30" in done.stderr
        account = json.loads((tmp_path / "info.json").read_text())
        assert account["basf2_status"]["events_processed"] == 30
        assert account["basf2_status"]["success"] is True
        assert [item["filename"] for item in account["output_files"]] == ["pions.root"]
        content = (tmp_path / "pions.root").read_bytes()
        assert account["output_files"][0]["checksums"]["adler32"] == f"{zlib.adler32(content):08x}"

    def test_the_smaller_limit_counts_and_one_output_file_replaces_all_names_but_their_suffixes(
        self, tmp_path: Path, real_data: Path
    ) -> None:
        text = PIONS.replace("b2.process(main)", "b2.process(main, 7)")
        text = text.replace(
            'ma.variablesToNtuple(""',
            'ma.variablesToNtuple("pi+:x", ["E"], filename="e.root", path=main)\n    ma.variablesToNtuple(""',
        ).replace('treename="events"', 'treename="events", filenameSuffix="_e"')
        done = lite(tmp_path, text, "-i", str(real_data / "mdst.root"), "-n", "30", "-o", "all.root")
        assert done.returncode == 0, done.stdout
        assert "events 7 of 7" in done.stderr
        assert {path.name for path in tmp_path.glob("*.root")} == {"all.root", "all_e.root"}

    def test_a_dry_run_reads_no_events(self, tmp_path: Path) -> None:
        done = lite(tmp_path, PIONS, "--dry-run")
        assert done.returncode == 0
        assert "[INFO] Input: missing.root\n[INFO] Output: pions.root" in done.stdout
        assert list(tmp_path.glob("*.root")) == []

    def test_a_missing_input_is_one_message_without_a_traceback(self, tmp_path: Path) -> None:
        done = lite(tmp_path, PIONS, "--job-information", "info.json")
        assert done.returncode == 1
        assert "[FATAL]" in done.stdout
        assert "missing.root" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr
        account = json.loads((tmp_path / "info.json").read_text())
        assert account["basf2_status"]["finished"] is False

    def test_what_only_basf2_runs_is_refused_by_name_and_line(self, tmp_path: Path) -> None:
        done = lite(
            tmp_path,
            """
            import basf2 as b2
            import modularAnalysis as ma
            from flavorTagger import flavorTagger

            class Mine(b2.Module):
                pass

            main = b2.Path()
            ma.inputMdst("missing.root", path=main)
            flavorTagger(particleLists=["B0:x"], path=main)
            main.add_module(Mine())
            b2.process(main)
            """,
        )
        assert done.returncode == 1
        fatal = [line for line in done.stdout.splitlines() if line.startswith("[FATAL]")]
        assert [line.split(" - ")[0] for line in fatal] == [
            "[FATAL] steer.py:10: b2lite does not run flavorTagger.flavorTagger",
            "[FATAL] steer.py:11: b2lite does not run the Python module Mine",
        ]

    def test_a_vertex_fit_is_refused_by_name_and_line(self, tmp_path: Path, real_data: Path) -> None:
        done = lite(
            tmp_path,
            """
            import basf2 as b2, modularAnalysis as ma, vertex
            main = b2.Path()
            ma.inputMdst("missing.root", path=main)
            vertex.raveFit("B0:x", 0.0, path=main)
            b2.process(main)
            """,
            "-i",
            str(real_data / "mdst.root"),
        )
        assert done.returncode == 1
        assert "steer.py:4" in done.stdout
        assert "raveFit" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("import sys\nsys.exit(7)\n", 7),
            ("raise SystemExit\n", 0),
            ("import sys\nsys.exit('no channel')\n", 1),
            ("import basf2\nbasf2.B2FATAL('stop')\n", 1),
            ("import basf2\n", 0),
            ("1/0\n", 1),
            ("x = (\n", 1),
            ("import basf2\nbasf2.B2ERROR('bad')\nbasf2.process(basf2.Path())\n", 1),
        ],
    )
    def test_exit_codes_pass_through(self, tmp_path: Path, text: str, code: int) -> None:
        assert lite(tmp_path, text).returncode == code

    def test_an_exception_of_the_script_is_pythons_own_traceback(self, tmp_path: Path) -> None:
        done = lite(tmp_path, "def f():\n    return 1/0\n\nf()\n")
        assert done.stderr.splitlines()[:2] == [
            "Traceback (most recent call last):",
            '  File "steer.py", line 4, in <module>',
        ]
        assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
        assert "b2grid" not in done.stderr

    def test_errors_before_processing_stop_the_run(self, tmp_path: Path) -> None:
        done = lite(tmp_path, "import basf2\nbasf2.B2ERROR('bad')\nbasf2.process(basf2.Path())\n")
        assert "[FATAL] steer.py:3: 1 ERROR(S) occurred! The processing of events will not be started." in done.stdout

    def test_the_level_of_the_command_line_beats_the_steerings(self, tmp_path: Path) -> None:
        text = """
            import basf2
            basf2.set_log_level(basf2.LogLevel.INFO)
            basf2.B2INFO("x")
            basf2.B2WARNING("y")
            """
        assert lite(tmp_path, text, "-l", "WARNING").stdout == "[WARNING] y\n"

    def test_files_of_the_job_do_not_stand_for_python_modules(self, tmp_path: Path) -> None:
        for name in ("json", "dataclasses", "traceback", "b2grid"):
            (tmp_path / f"{name}.py").write_text("raise RuntimeError('shadowed')\n")
        (tmp_path / "mylib.py").write_text("value = 3\n")
        done = lite(tmp_path, "import mylib\nprint(mylib.value)\n")
        assert done.stdout.endswith("3\n"), done.stderr

    def test_help_and_version(self, tmp_path: Path) -> None:
        for option, word in (("--help", "usage: b2lite"), ("--version", "b2lite ")):
            done = subprocess.run(
                [sys.executable, "-P", "-m", "b2grid.lite", option],
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stdout.startswith(word)) == (0, True)

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 1), (signal.SIGINT, -signal.SIGINT)])
    def test_signals_end_it_as_they_end_basf2(self, tmp_path: Path, number: signal.Signals, code: int) -> None:
        (tmp_path / "steer.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(60)\n")
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "b2grid.lite", "steer.py"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout:
            while "up" not in process.stdout.readline():
                assert process.poll() is None
            process.send_signal(number)
            rest = process.stdout.read()
        assert process.wait(timeout=10) == code
        assert ("[FATAL]" in rest) == (number == signal.SIGTERM)

    def test_a_script_starts_within_a_second(self, tmp_path: Path) -> None:
        took = []
        for _ in range(3):
            started = time.monotonic()
            assert lite(tmp_path, PIONS, "--dry-run").returncode == 0
            took.append(time.monotonic() - started)
        assert min(took) < 1
