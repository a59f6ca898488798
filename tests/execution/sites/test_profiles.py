"""Profiles in TOML: what they come to, and what is said about mistakes in them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.amounts import duration, shown_duration, shown_size, size
from b2grid.errors import InvalidInput
from b2grid.execution import Site, site, sites
from b2grid.execution.events import Send
from b2grid.execution.limiting import limits_for
from b2grid.execution.sites import Endpoint, StorageElement, downtimes, profiles
from b2grid.execution.sites.keys import SECTIONS, SITE
from b2grid.execution.sites.reading import parse, read_outages

WHOLE = """
[farm]
kind = "slurm"
description = "the farm in the cellar"
workers = 40
minimum = 2
start_limit = "30 min"
lifetime = "1 h"
environment = ["X509_USER_PROXY"]
scratch = "/scratch"
interface = "eno1"
worker_interface = "ib0"

[farm.limits]
input = "4 GB"
memory = "1.5 GB"
walltime = "2 h"
stall = "20 min"
disk = "10 GB"
processes = 100
grace = "20 s"

[farm.scout_limits]
walltime = "20 min"

[farm.runner]
setup = "/cvmfs/belle.cern.ch/tools/b2setup"

[farm.batch]
cores = 2
memory = "4 GB"
walltime = "04:00:00"
queue = "long"
account = "belle2"
directives = ["--constraint=cvmfs&new"]
prologue = ["module load python"]
variables = {FLAVOUR = "it's"}

[[farm.storage]]
name = "KEK"
url = "root://se.example.org//belle"
[[farm.storage]]
name = "here"
url = "/data/belle"

[[farm.downtimes]]
what = "storage:KEK"
start = "2026-12-01 08:00Z"
end = "2026-12-02 08:00Z"
reason = "a new switch"
"""


def findings(text: str) -> dict[str, tuple[int | None, str, str]]:
    """Each mistake by its key: its line, what is wrong, and what to do."""
    told = {}
    for finding in parse(text, "sites.toml").report.findings:
        key, _, said = finding.message.partition(": ")
        told[key] = (finding.line, said, finding.hint)
    return told


def write(home: Path, text: str, name: str = "sites.toml") -> Path:
    home.mkdir(exist_ok=True)
    (home / name).write_text(text)
    return home / name


def test_a_whole_profile_comes_to_a_site(home: Path) -> None:
    write(home, WHOLE)
    found = site("farm")
    assert (found.kind, found.workers, found.minimum, found.start_limit) == ("slurm", 40, 2, 1800.0)
    assert (found.interface, found.worker_interface, found.scratch) == ("eno1", "ib0", "/scratch")
    assert found.limits.memory == 1536 * 1024**2
    assert (found.limits.walltime, found.limits.grace, found.limits.processes) == (7200.0, 20.0, 100)
    assert found.input_bytes == 4 * 1024**3
    assert found.scout_limits is not None
    assert (found.scout_limits.walltime, found.scout_limits.memory) == (1200.0, found.limits.memory)
    assert found.storage == (
        StorageElement("KEK", "root://se.example.org//belle"),
        StorageElement("here", "/data/belle"),
    )
    assert found.options is not None
    assert (found.options.walltime, found.options.cores, found.options.queue) == (4 * 3600.0, 2, "long")
    assert found.options.variables == (("FLAVOUR", "it's"),)
    assert found.runner("release-09-00-00").setup == "/cvmfs/belle.cern.ch/tools/b2setup"
    assert found.environment == ("X509_USER_PROXY",)
    assert found.source == str(home / "sites.toml")


def test_what_is_left_open_follows_from_the_batch_job(home: Path) -> None:
    write(home, '[s]\nkind = "slurm"\nworkers = 5\n[s.batch]\nmemory = "4 GB"\nwalltime = "24 h"\n')
    found = site("s")
    assert found.options is not None
    assert found.options.walltime is not None
    assert found.limits.walltime is not None
    assert found.lifetime is not None
    assert found.limits.memory is not None
    assert 3 * 1024**3 < found.limits.memory < found.options.memory
    # whoever begins at the last moment ends before the batch job does
    assert found.lifetime + found.limits.walltime + found.limits.grace < found.options.walltime
    assert found.lifetime > 3600


def test_no_attempt_is_given_more_than_its_batch_job_holds() -> None:
    found = parse(WHOLE, "x").sites["farm"]
    assert found.most == (1536 * 1024**2, 3 * 3600.0 - 140.0)
    again = Send(1, 2, memory_factor=1.5, given={"walltime": 10 * 3600.0})
    made = limits_for(found, {}, "main", "signal", again)
    assert (made.memory, made.walltime) == found.most
    assert site("local").most == (None, None)


def test_the_users_file_comes_before_the_sites_and_that_before_the_examples(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = '[{0}]\nkind = "local"\nworkers = {1}\n'
    write(home, one.format("a", 1))
    (tmp_path / "wide.toml").write_text(one.format("a", 2) + one.format("naf", 3))
    monkeypatch.setenv("B2GRID_SITES", str(tmp_path / "wide.toml"))
    assert {name: found.workers for name, found in sites().items() if name in {"a", "naf"}} == {"a": 1, "naf": 3}
    assert site("naf").source == str(tmp_path / "wide.toml")
    assert sites()["kekcc"].example


def test_local_is_always_there_and_can_be_made_smaller(home: Path) -> None:
    assert site("local").workers == len(os.sched_getaffinity(0))
    write(home, '[local]\nworkers = 1\n[local.limits]\nmemory = "1 GB"\n')
    found = site("local")
    assert (found.workers, found.limits.memory, found.limits.walltime) == (1, 1024**3, 24 * 3600.0)


def test_an_example_must_be_copied_first() -> None:
    for name in ("kekcc", "naf", "slurm", "dask"):
        assert sites()[name].example
        with pytest.raises(InvalidInput, match=f"'{name}' is an example - copy it with b2grid site show {name} >> "):
            site(name)


def test_an_example_that_was_copied_is_used(home: Path) -> None:
    from b2grid.execution.sites.showing import toml_of

    write(home, toml_of(profiles(), "kekcc"))
    copied = site("kekcc")
    assert not copied.example
    assert copied.options == sites()["kekcc"].options
    assert toml_of(profiles(), "kekcc").startswith("# The computing centre of KEK")


def test_a_name_that_there_is_not_has_near_ones() -> None:
    with pytest.raises(InvalidInput, match="there is no site 'loacl' - did you mean local"):
        site("loacl")


def test_every_mistake_is_found_at_once_with_its_line_and_what_to_write() -> None:
    told = findings(
        """\
[a]
kind = "slrum"
wokers = 3
[a.batch]
memory = 4
walltime = "1 week"
queue = "x; rm -rf /"
[b]
kind = "local"
workers = true
environment = "PATH"
[b.limits]
memory = "-1 GB"
"""
    )
    assert told["a.kind"] == (2, "'slrum' is not known", "did you mean slurm?")
    assert told["a.wokers"] == (3, "there is no such key", "did you mean workers?")
    assert told["a.batch.memory"] == (5, "4 is not a size", 'write it as "4 GB" or "500 MB"')
    assert told["a.batch.walltime"][0] == 6
    assert told["a.batch.queue"][0] == 7
    assert told["b.workers"][1] == "True is not a whole number"
    assert told["b.environment"][2] == 'write it in brackets, as in ["…", "…"]'
    assert told["b.limits.memory"][0] == 13


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("[a]\nworkers = 1\n", "a", "kind is missing"),
        ('[a]\nkind = "slurm"\nworkers = 1\n', "a.batch", "walltime is missing"),
        ('[a]\nkind = "htcondor"\nworkers = 1\n[a.batch]\nmemory = "2 GB"\n', "a.batch", "disk is missing"),
        ('[a]\nkind = "scheduler"\nworkers = 1\n', "a.scheduler", "address is missing"),
        ('[a]\nkind = "local"\nlifetime = "1 h"\n', "a.lifetime", "workers of a site of kind local have none"),
        ('[a]\nkind = "local"\n[a.batch]\nmemory = "1 GB"\n', "a.batch", "a site of kind local has no batch jobs"),
        ('[a]\nkind = "local"\nworkers = 2\nminimum = 3\n', "a.minimum", "3 is more than workers, 2"),
        ("a = 1\n", "a", "it is not a table"),
        ('[a]\nkind = "local"\nstorage = 3\n', "a.storage", "it is not a list of tables"),
        ('[a]\nkind = "local"\n[[a.storage]]\nname = "x"\n', "a.storage", "url is missing"),
        (
            '[a]\nkind = "lsf"\nworkers = 1\n[a.batch]\nmemory = "2 GB"\nwalltime = "9 h"\naccount = "x"\n',
            "a.batch.account",
            "lsf does not know it",
        ),
        (
            '[a]\nkind = "local"\n[[a.downtimes]]\nwhat = "site"\nstart = "2026-12-02"\nend = "2026-12-01"\n',
            "a.downtimes",
            "it ends before it starts",
        ),
    ],
)
def test_what_does_not_go_together_is_said(text: str, key: str, said: str) -> None:
    assert findings(text)[key][1] == said


def test_a_job_that_does_not_fit_into_its_batch_job_is_refused_with_what_would() -> None:
    told = findings(WHOLE.replace('memory = "1.5 GB"', 'memory = "1.6 GB"').replace('"2 h"', '"4 h"'))
    line, said, hint = told["farm.limits.memory"]
    assert "1.6 GB for a job and 512 MB for its worker, for each of 2 cores" in said
    assert hint == "write at most 1.5 GB, or more for the batch job"
    line, said, hint = told["farm.limits.walltime"]
    assert "do not fit into a batch job of 4 h" in said
    assert hint == "write less than 3 h 57 min 40 s, or more for the batch job"
    assert line is not None
    told = findings(WHOLE.replace('lifetime = "1 h"', 'lifetime = "2 h"'))
    assert told["farm.lifetime"][2] == "write at most 1 h 57 min 40 s"


def test_a_profile_with_mistakes_does_not_hide_the_others(home: Path) -> None:
    write(home, WHOLE + "[other]\nkind = 1\nworker = 2\n")
    assert "farm" in sites()
    assert "other" not in sites()
    with pytest.raises(InvalidInput, match=r"the profile of site 'other' has 3 mistakes in '.*sites.toml'") as raised:
        site("other")
    assert len(raised.value.findings) == 3
    assert "line" in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[a\n", r"it is not TOML: .* \(.*line 1\)"),
        (b"\xff\xfe", "it is not UTF-8 at byte 0"),
        (b"x = " + b"[" * 100_000, "nested too deeply|not TOML"),
        (b"x = " + b"9" * 10_000, "it is not a table|not TOML"),
        (b"#" * 2_000_000, "it has 2,000,000 bytes"),
    ],
    ids=["cut short", "binary", "deep", "a long number", "huge"],
)
def test_a_file_that_is_none_is_refused_by_name_and_local_still_runs(home: Path, content: bytes, said: str) -> None:
    home.mkdir()
    (home / "sites.toml").write_bytes(content)
    with pytest.raises(InvalidInput, match=said):
        site("farm" if b"99" not in content else "x")
    assert site("local").workers


def test_a_file_that_others_can_change_is_refused(home: Path) -> None:
    write(home, WHOLE).chmod(0o666)
    with pytest.raises(InvalidInput, match=r"others can change it, and it decides what runs as you.*chmod o-w"):
        site("farm")


def test_a_folder_in_the_place_of_the_file_is_said(home: Path) -> None:
    (home / "sites.toml").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="it is not a file"):
        site("farm")


HOSTILE = ["a\nrm -rf /", "$(id)", "`id`", "a;b", "a b", "-x\x00", "\x1b[2J", "a'b", "x" * 5000]
UNQUOTED = ["queue", "account", "python", "log_folder"]


@pytest.mark.parametrize("key", UNQUOTED)
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_read_unquoted_has_no_signs_of_a_shell(key: str, value: str) -> None:
    base = f'[a]\nkind = "slurm"\nworkers = 1\n[a.batch]\nmemory = "2 GB"\nwalltime = "9 h"\n{key} = '
    assert f"a.batch.{key}" in findings(base + json.dumps(value) + "\n")


@pytest.mark.parametrize("key", ["directives", "prologue", "submit_options"])
def test_no_text_has_a_second_line(key: str) -> None:
    text = (
        f'[a]\nkind = "htcondor"\nworkers = 1\n[a.batch]\nmemory = "2 GB"\ndisk = "1 GB"\n{key} = ["x = 1\\nqueue 9"]\n'
    )
    assert "control character" in findings(text)[f"a.batch.{key}"][1]


TOML_VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text("aG4 \"'\\h$;é", max_size=8).map(repr)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from([*SITE, *SECTIONS, *(key for known, _ in SECTIONS.values() for key in known), "x"])


@given(
    st.dictionaries(NAMES, TOML_VALUES, max_size=8),
    st.sampled_from(sorted(SECTIONS)),
    st.dictionaries(NAMES, TOML_VALUES),
)
def test_whatever_a_profile_says_it_is_a_site_or_has_findings(top: dict, section: str, below: dict) -> None:
    def lines(table: dict) -> list[str]:
        return [f"{key} = {str(value).lower() if isinstance(value, bool) else value}" for key, value in table.items()]

    text = "\n".join(["[a]", *lines(top), f"[a.{section}]", *lines(below)])
    read = parse(text, "sites.toml")
    assert ("a" in read.sites) != (not read.report.ok)
    str(read.report), read.report._repr_html_()


@given(st.integers(1, 10**9))
def test_times_and_sizes_are_read_as_they_are_shown(number: int) -> None:
    assert duration(shown_duration(number)) == number
    assert size(shown_size(number)) == pytest.approx(number, rel=1e-3)


def test_downtimes_are_in_force_between_their_ends(home: Path) -> None:
    from datetime import UTC, datetime

    write(home, WHOLE)
    farm = site("farm")
    inside = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
    assert downtimes(farm, inside - 86400) == ()
    (found,) = downtimes(farm, inside)
    assert (found.what, found.reason) == ("storage:KEK", "a new switch")
    assert found.until.startswith("2026-12-0")
    assert downtimes(farm, inside + 86400) == ()


def test_a_file_of_downtimes_is_read_again_and_its_mistakes_stop_nothing(home: Path) -> None:
    here = site("local")
    assert downtimes(here, time.time()) == ()
    text = '[[local]]\nwhat = "{}"\nstart = "2020-01-01"\nend = "2999-01-01 10:00"\nreason = "moved"\n'
    write(home, text.format("site") + text.format("host:n1"), "downtimes.toml")
    assert [(found.what, found.reason) for found in downtimes(here, time.time())] == [
        ("site", "moved"),
        ("host:n1", "moved"),
    ]
    write(home, text.format("site") + text.format("everything"), "downtimes.toml")
    assert [found.what for found in downtimes(here, time.time())] == ["site"]
    write(home, "[[", "downtimes.toml")
    assert downtimes(here, time.time()) == ()


def test_sites_show_as_tables_that_cannot_be_broken_out_of(home: Path) -> None:
    write(home, '[a]\nkind = "local"\ndescription = "<script>"\n')
    assert "<script>" not in site("a")._repr_html_()
    assert "&lt;script&gt;" in site("a")._repr_html_()
    assert "example: copy it first" in str(sites())
    assert "<table" in sites()._repr_html_()
    assert "up to 1" in str(site("a"))


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (Endpoint("tcp://10.1.2.3:8786"), "is not on loopback, and has no TLS"),
        (Endpoint("tcp://farm.example.org:8786"), "is not on loopback, and has no TLS"),
        (Endpoint("inproc://127.0.0.1/1/1"), "lives inside one process"),
        (Endpoint("tls://127.0.0.1:8786"), "needs TLS files"),
        (Endpoint("8786"), "is not the address of a scheduler"),
        (Endpoint("ws://127.0.0.1:1"), "is not the address of a scheduler"),
        (Endpoint("tcp://[::1"), "is not the address of a scheduler"),
    ],
)
def test_a_scheduler_that_must_not_be_used_is_refused(endpoint: Endpoint, said: str) -> None:
    from b2grid.errors import SiteError
    from b2grid.execution.sites import require_safe

    with pytest.raises(SiteError, match=said):
        require_safe(endpoint)
    files = "".join(f'{key} = "/x"\n' for key in ("ca", "cert", "key") if endpoint.ca)
    text = f'[a]\nkind = "scheduler"\nworkers = 1\n[a.scheduler]\naddress = "{endpoint.address}"\n{files}'
    assert said in findings(text)["a.scheduler.address"][1]


def test_an_exception_from_tls_is_named_in_the_profile() -> None:
    text = '[a]\nkind = "scheduler"\nworkers = 1\n[a.scheduler]\naddress = "tcp://10.1.2.3:8786"\nplain = true\n'
    assert parse(text, "x").report.ok
    assert parse(text.replace("true", '"true"'), "x").broken


def test_a_site_without_basf2_says_so() -> None:
    with pytest.raises(InvalidInput, match="has no basf2"):
        Site("x", 1).runner("release-09-00-00")


def test_the_profiles_of_the_documentation_are_read_as_they_stand(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "sites.md").read_text("utf-8")
    whole, announced, theirs = [block.partition("```")[0] for block in text.split("```toml\n")[1:]]
    assert str(parse(whole + theirs, "docs/sites.md").report).endswith("no findings")
    (tmp_path / "downtimes.toml").write_text(announced)
    found, report = read_outages(tmp_path / "downtimes.toml")
    assert report.ok
    assert len(found["ci"]) == 1
