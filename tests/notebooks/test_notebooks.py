"""The notebooks that we give away run as they are, on the demo data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from b2grid.batching import batch

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
EVERY = sorted(path for path in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


@pytest.fixture(autouse=True)
def jupyter(tmp_path, monkeypatch):
    """Keep the user's own kernels and settings out."""
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


def run(notebook: Any, folder: Path) -> Any:
    NotebookClient(notebook, timeout=400, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def shown(notebook: Any) -> str:
    """All that the notebook shows, as text or HTML."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = [output.get("text", "") or "\n".join(output.get("traceback", [])) for output in outputs]
    for output in outputs:
        said += [output.get("data", {}).get(kind, "") for kind in ("text/plain", "text/html")]
    return "\n".join(said)


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_a_notebook_is_kept_without_outputs_and_names_its_kernel(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            compile(cell.source, path.name, "exec")


def test_the_kernel_runs_this_python(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import sys; sys.executable")])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    assert repr(sys.executable) in shown(run(notebook, tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_quickstart_ends_with_a_figure_and_complete_outputs(tmp_path):
    notebook = run(nbformat.read(NOTEBOOKS / "01_quickstart.ipynb", 4), tmp_path)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    assert any("widget-view" in kind for output in outputs for kind in output.get("data", {}))
    assert "<svg" in shown(notebook)  # the drawing of its path
    assert "b2-static" in shown(notebook)  # what GitHub and nbconvert show of the panel


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_notebook_of_running_shows_what_its_texts_say(tmp_path):
    notebook = run(nbformat.read(NOTEBOOKS / "03_running.ipynb", 4), tmp_path)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    said = shown(notebook)
    for words in (
        "priority 7",
        "2 of 2 scouts passed; all of them had to",
        "parameters corrected automatically",
        "0 of 2 scouts passed, and all of them must: main jobs were not sent",
        "the same in a shell",
        "Failed in scouting",
        "Failure class: application",
        "did you mean 'memory'?",
    ):
        assert words in said


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_notebook_of_data_and_plans_shows_what_its_texts_say(tmp_path):
    notebook = run(nbformat.read(NOTEBOOKS / "02_data_and_plans.ipynb", 4), tmp_path)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    said = shown(notebook)
    assert "mc_event=mixd alone matches none" in said
    assert "there is a newer version of /belle/collection/MC/demo_mixed_v1" in said
    assert "drift chamber high voltage off" in said
    assert "3 trees are filled in one pass: 2 passes saved" in said
    assert "files_per_job=2 is the largest that works" in said
    assert "-s light-2409-toyger" in said
    assert "6 of 6 jobs done" in said  # of five collections, one with two production global tags


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_batch_notebook_runs_over_two_collections(tmp_path):
    collections = [[f"/belle/collection/MC/{name}"] for name in ("demo_etapks_v1", "demo_charged_v1")]
    runs = batch(NOTEBOOKS / "batch" / "analysis.ipynb", {"collections": collections}, folder=tmp_path)
    assert list(runs["status"]) == ["done", "done"], list(runs["error"])
    for notebook in runs["notebook"]:
        assert "candidates" in shown(nbformat.read(notebook, 4))


def test_a_failing_cell_fails_the_run_and_the_notebook_shows_it(tmp_path):
    grid = {"collections": [["/belle/collection/MC/none_v1"]]}
    runs = batch(NOTEBOOKS / "batch" / "analysis.ipynb", grid, folder=tmp_path)
    assert list(runs["status"]) == ["failed"]
    assert "none_v1" in runs.loc[1, "error"]
