from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from b2grid.batching import batch
from b2grid.errors import InvalidInput


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook that divides."""
    defaults = nbformat.v4.new_code_cell(
        'above = 1\nbelow: float = 2.0\nchannels = ["a"]\nnothing = None', metadata={"tags": ["parameters"]}
    )
    made = nbformat.v4.new_notebook(
        cells=[defaults, nbformat.v4.new_code_cell('print("ratio", above / below, channels)')],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    path = tmp_path / "divide.ipynb"
    nbformat.write(made, path)
    return path


def test_every_combination_runs_and_the_table_says_with_what(notebook, tmp_path):
    runs = batch(notebook, {"above": [3], "below": [4, 0.0]}, folder=tmp_path / "out")
    assert list(runs["above"]) == [3, 3]
    assert list(runs["status"]) == ["done", "failed"]
    assert runs.loc[2, "error"].startswith("ZeroDivisionError")
    shown = nbformat.read(runs.loc[1, "notebook"], 4)
    assert "ratio 0.75 ['a']" in shown.cells[-1].outputs[0].text
    assert "ZeroDivisionError" in Path(runs.loc[2, "notebook"]).read_text()


@pytest.mark.parametrize(
    ("grid", "message", "hint"),
    [
        ({"abov": [1]}, "no parameter 'abov'", "did you mean above?"),
        ({"above": ["1"]}, "parameter 'above' is str, not int", "its default is 1"),
        ({"below": [True]}, "parameter 'below' is bool, not float", "its default is 2.0"),
        ({"channels": ["a"]}, "parameter 'channels' is str, not list", 'its default is ["a"]'),
        ({"channels": "a"}, "grid['channels'] is not a list", "write"),
        ([{"above": 1}, {"x": 1}], "no parameter 'x'", "it has above"),
        ({}, "no parameters", ""),
        ([], "nothing to run", "value"),
        (3, "a mapping of lists", "for example"),
    ],
)
def test_a_grid_that_does_not_fit_is_refused_before_anything_runs(notebook, tmp_path, grid, message, hint):
    if grid == {}:
        grid, notebook = {"above": [1]}, _without_parameters(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        batch(notebook, grid, folder=tmp_path / "out")
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert not (tmp_path / "out").exists()


def _without_parameters(folder: Path) -> Path:
    path = folder / "plain.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), path)
    return path


def test_all_misfits_are_said_at_once(notebook):
    with pytest.raises(InvalidInput) as caught:
        batch(notebook, [{"abov": 1, "below": "x"}, {"abov": 2}])
    assert [finding.code for finding in caught.value.findings] == ["B2N101", "B2N102"]


def test_a_default_of_none_takes_anything(notebook, tmp_path):
    runs = batch(notebook, [{"nothing": "a", "below": 1}], folder=tmp_path)
    assert list(runs["status"]) == ["done"]


def test_what_is_no_notebook_is_said_in_a_line(tmp_path):
    with pytest.raises(InvalidInput, match="there is no notebook"):
        batch(tmp_path / "none.ipynb", {"a": [1]})
    (tmp_path / "bad.ipynb").write_text("{")
    with pytest.raises(InvalidInput, match="is not a notebook"):
        batch(tmp_path / "bad.ipynb", {"a": [1]})
