"""The names that users type: later versions add, none renames."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import b2grid
from b2grid import errors

PUBLIC = {
    "B2GridError",
    "Catalogue",
    "Channel",
    "CredentialExpired",
    "Finding",
    "IncompleteOutput",
    "InvalidInput",
    "InvalidName",
    "InvalidPlan",
    "InvalidSteering",
    "JobFailed",
    "NotInLite",
    "Ntuple",
    "Project",
    "Report",
    "SiteError",
    "SiteUnavailable",
    "SubmissionRefused",
    "batch",
    "check",
    "combine",
    "demo",
    "panel",
    "projects",
    "record",
    "skim_steering",
}

PROJECT_SIGNATURES = {
    "__init__": "(self, name, steering=None, inputs=None, *, args=None, sandbox=(), release=None, site='local', "
    "runs='good', folder=None)",
    "trial": "(self, events=100, samples=None, *, on_progress=None)",
    "submit": "(self, *, force=False, scouts='auto', priority=5, wait=False, adjust=True, "
    "scouts_pass=1.0, client=None)",
    "reschedule": "(self, jobs=(), *, cause=None, memory=None, walltime=None, smaller=None)",
    "wait": "(self, timeout=None)",
    "arrays": "(self, tree, columns=None, cut=None, *, sample=None, how='candidates', allow_partial=False)",
}


def bare(function: object) -> str:
    """A signature without its annotations."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def test_the_public_names_are_these() -> None:
    assert set(b2grid.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(b2grid, name) is not None
        assert name in dir(b2grid)


@pytest.mark.parametrize("name", PROJECT_SIGNATURES)
def test_a_project_is_called_as_documented(name: str) -> None:
    assert bare(getattr(b2grid.Project, name)) == PROJECT_SIGNATURES[name]


def test_a_project_has_every_verb() -> None:
    verbs = {
        "check",
        "trial",
        "plan",
        "submit",
        "wait",
        "log",
        "failures",
        "cancel",
        "reschedule",
        "hold",
        "resume",
        "finish",
        "priority",
        "move",
        "restore",
        "restart",
        "diagnosis",
        "hosts",
        "scouting",
        "help_report",
        "job_script",
        "arrays",
        "dataframe",
        "iterate",
        "completeness",
        "bookkeeping",
        "luminosity",
        "provenance",
        "fetch",
        "panel",
        "skim_efficiencies",
    }
    assert verbs <= set(dir(b2grid.Project))
    assert {"status", "jobs"} <= {n for n, v in inspect.getmembers(b2grid.Project) if isinstance(v, property)}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Projekt"):
        b2grid.Projekt  # noqa: B018


def test_import_loads_no_heavy_library() -> None:
    heavy = {"dask", "distributed", "uproot", "awkward", "pandas", "duckdb", "pyarrow", "numpy", "ipywidgets", "rich"}
    code = "import sys, b2grid; print(*(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not heavy & set(loaded)


@pytest.mark.parametrize(
    "kind",
    [
        getattr(errors, name)
        for name in errors.__all__
        if name[0].isupper()
        and isinstance(getattr(errors, name), type)
        and issubclass(getattr(errors, name), Exception)
    ],
)
def test_every_error_survives_pickling(kind: type[errors.B2GridError]) -> None:
    made = kind("what and where", hint="the next step")
    again = pickle.loads(pickle.dumps(made))
    assert type(again) is kind
    assert str(again) == "what and where - the next step"
    assert vars(again) == vars(made)


def test_the_changelog_knows_the_version() -> None:
    text = (Path(__file__).parents[1] / "CHANGELOG.md").read_text()
    assert f"\n## {b2grid.__version__}\n" in text
