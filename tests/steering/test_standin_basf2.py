"""What a steering does with `basf2` itself: it looks at paths, says something, and asks for files and seeds."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from b2grid.steering.standin import Module, run_script, session


def built(tmp_path: Path, text: str, *, recording: bool = False) -> list[Module]:
    """The modules of all paths that a steering processes."""
    script = tmp_path / "steer.py"
    script.write_text(dedent(text).lstrip())
    modules: list[Module] = []
    run_script(script, on_process=lambda path, _: modules.extend(path.walk()), recording=recording)
    return modules


def test_paths_can_be_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built(
        tmp_path,
        """
        import basf2 as b2
        main = b2.Path()
        module = b2.register_module("RootInput", inputFileName="a.root")
        module.set_name("In")
        main.add_module(module)
        main.add_module("Progress").if_false(b2.Path())
        assert "RootInput" in main and "In" not in main
        assert [m.type() for m in main.modules()] == ["RootInput", "Progress"]
        param, *others = main.modules()[0].available_params()
        assert (param.name, param.values) == ("inputFileName", "a.root")
        b2.set_module_parameters(main, name="In", skipNEvents=3)
        assert str(b2.remove_module(main, "Progress")) == "[In]"
        b2.set_module_parameters(main, type="Progress", logLevel=b2.LogLevel.ERROR, maxN=3)
        assert not param.forceInSteering and others[0].setInSteering is False
        b2.print_path(main)
        b2.print_params(module)
        try:
            module.if_value("about 1", main)
        except ValueError:
            print("refused")
        """,
    )
    said = capsys.readouterr().out.splitlines()
    assert said[:4] == [
        "[INFO] Modules of the path, and their parameters:",
        "  1. In",
        "      inputFileName=a.root",
        "      skipNEvents=3",
    ]
    assert said[4:8] == ["  2. Progress", "      maxN=3", "", "      <1:"]
    assert "In (RootInput)" in said
    assert said[-1] == "refused"


def test_messages_are_printed_and_counted_as_in_basf2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        built(
            tmp_path,
            """
            import basf2 as b2
            b2.B2INFO("reading ", 3, " files", which="all")
            b2.set_log_level(b2.LogLevel.ERROR)
            b2.B2WARNING("hidden")
            b2.B2ERROR("shown")
            b2.B2FATAL("the end")
            """,
        )
    assert ended.value.code == 1
    assert capsys.readouterr().out == "[INFO] reading 3 files\n\twhich = all\n[ERROR] shown\n[FATAL] the end\n"
    assert [session.log.counts[level] for level in session.log.counts] == [1, 1, 1, 1]


def test_messages_go_where_the_steering_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        built(
            tmp_path,
            f"""
            import basf2 as b2
            b2.log_to_file({str(tmp_path / "all.log")!r})
            b2.B2INFO("both")
            b2.reset_log()
            b2.B2INFO("nowhere")
            b2.logging.add_console()
            b2.B2INFO("console")
            b2.set_abort_level(b2.LogLevel.ERROR)
            b2.B2WARNING("still there")
            b2.B2ERROR("the end")
            b2.B2INFO("not reached")
            """,
        )
    assert (tmp_path / "all.log").read_text() == "[INFO] both\n"
    assert capsys.readouterr().out == "[INFO] both\n[INFO] console\n[WARNING] still there\n[ERROR] the end\n"


def test_statistics_come_with_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built(tmp_path, "import basf2 as b2\nassert str(b2.statistics) == '' and b2.statistics.modules == []\n")
    assert capsys.readouterr().out.count("[ERROR] there are no statistics yet") == 2


def test_conditions_and_seed_are_remembered(tmp_path: Path) -> None:
    built(
        tmp_path,
        """
        import basf2 as b2
        b2.conditions.append_globaltag("two")
        b2.conditions.prepend_globaltag("one")
        b2.conditions.expert_settings(connection_timeout=5)
        b2.set_random_seed(42)
        """,
    )
    assert (session.global_tags, session.seed) == (["one", "two"], "42")


def test_find_file_looks_where_basf2_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("local", "release", "examples", "here"):
        (tmp_path / folder).mkdir()
    for name in ("local/a", "release/a", "release/b", "examples/c", "here/b", "here/d"):
        (tmp_path / name).touch()
    for name in ("local", "release"):
        monkeypatch.setenv(f"BELLE2_{name.upper()}_DIR", str(tmp_path / name))
    monkeypatch.setenv("BELLE2_EXAMPLES_DATA_DIR", str(tmp_path / "examples"))
    monkeypatch.chdir(tmp_path / "here")
    text = """
        import basf2 as b2
        found = [b2.find_file(name) for name in "abd"] + [b2.find_file(name, "Examples") for name in "cd"]
        assert [name.split("/")[-2] for name in found] == ["local", "release", "here", "examples", "here"], found
        assert b2.find_file("nowhere.root", silent=True) in ("", "nowhere.root")
        b2.find_file("nowhere.root", "examples")
        """
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: 'nowhere\.root'"):
        built(tmp_path, text)
    assert "[ERROR] find_file(): there is no file of this name in BELLE2_EXAMPLES_DATA_DIR" in capsys.readouterr().out
    built(tmp_path, text, recording=True)
    assert session.opened == {**dict.fromkeys("abdc", True), "nowhere.root": False}


def test_tables_are_known_by_their_endings_and_error_flags_are_split(tmp_path: Path) -> None:
    modules = built(
        tmp_path,
        """
        import basf2 as b2, pandas as pd
        from b2pandas_utils import VariablesToHDF5, VariablesToTable, make_mcerrors_readable

        class Mine(VariablesToTable):
            pass

        frame = pd.DataFrame({"mcErrors": [0.0, 136.0]})
        make_mcerrors_readable(frame)
        assert frame.mcErrors_Correct.tolist() == [True, False]
        flags = [name for name in frame if frame[name][1] and name != "mcErrors"]
        assert flags == ["mcErrors_MissNeutrino", "mcErrors_MisID"], flags
        for make, name in ((VariablesToTable, "a.json"), (VariablesToHDF5, "a.pq")):
            try:
                make("pi+:x", ["p"], name)
            except (ValueError, AssertionError) as error:
                assert name.partition(".")[2] in str(error)
            else:
                raise RuntimeError(name)
        main = b2.Path()
        main.add_module(VariablesToTable("pi+:x", ["p"], "a.pq", compression="zstd"))
        main.add_module(Mine("pi+:x", ["p"], "b.feather"))
        b2.process(main)
        """,
    )
    assert [(module.type(), module.python, module.params["format"]) for module in modules] == [
        ("VariablesToTable", False, "parquet"),
        ("Mine", True, "feather"),
    ]
    assert modules[0].params["writer_kwargs"] == {"compression": "zstd"}
