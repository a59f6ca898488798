"""Run one notebook with many parameters, and say which ran with what.

papermill fills in whatever it is given: it only warns of a parameter that the notebook does not have, and
takes a text where the notebook has a list. Here both are refused before anything runs.
"""

from __future__ import annotations

import ast
import itertools
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, InvalidInput, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["batch"]

Grid = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]

_TYPES: dict[str, type] = {kind.__name__: kind for kind in (bool, int, float, str, list, dict)}


def batch(
    notebook: str | os.PathLike[str],
    grid: Grid,
    *,
    folder: str | os.PathLike[str] | None = None,
    kernel: str | None = None,
) -> pd.DataFrame:
    """Run a notebook once for each set of parameters, one after the other.

    A run that fails does not stop the others: its row says what happened, and its notebook shows the cell.

    Parameters
    ----------
    notebook : str or Path
        A notebook with one cell tagged ``parameters``, which holds the defaults.
    grid : mapping of lists, or list of mappings
        ``{"channel": ["B0ch1", "B0ch2"], "year": [1, 2]}`` is every combination; a list is each set as it is.
    folder : str or Path, optional
        Where the notebooks that ran are written, ``<name>-batch`` by default; earlier ones are replaced.
    kernel : str, optional
        The kernel to use instead of the one that the notebook names.

    Returns
    -------
    pandas.DataFrame
        A row for each run: its parameters, ``status`` (``done`` or ``failed``), ``seconds``, ``error``, and
        ``notebook``, the file with its outputs.

    Raises
    ------
    InvalidInput
        If the notebook cannot be read, has no such parameter, or a value is not of the default's kind. The
        findings are complete, and nothing has run.
    """
    import pandas as pd

    source = Path(notebook)
    runs = _expand(grid)
    _check(source, runs)
    place = Path(folder) if folder is not None else Path(f"{source.stem}-batch")
    place.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, parameters in enumerate(runs, start=1):
        output = place / f"{source.stem}-{number:03d}.ipynb"
        rows.append({**parameters, **_run(source, output, parameters, kernel), "notebook": str(output)})
    names = list(dict.fromkeys(name for run in runs for name in run))
    return pd.DataFrame(
        rows,
        columns=[*names, "status", "seconds", "error", "notebook"],
        index=pd.RangeIndex(1, len(rows) + 1, name="run"),
    )


def _expand(grid: Grid) -> list[dict[str, Any]]:
    """Each run's parameters; paths are texts, as they are in a notebook."""
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            if isinstance(values, str | bytes) or not isinstance(values, Sequence):
                raise InvalidInput(
                    f"grid[{name!r}] is not a list of values: {values!r}", hint=f"write {{{name!r}: [{values!r}]}}"
                )
        runs = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    elif isinstance(grid, Sequence) and all(isinstance(run, Mapping) for run in grid):
        runs = [dict(run) for run in grid]
    else:
        raise InvalidInput(
            f"a grid is a mapping of lists or a list of mappings, not {type(grid).__name__}",
            hint='for example {"channel": ["B0ch1", "B0ch2"]}',
        )
    if not runs:
        raise InvalidInput("the grid is empty: there is nothing to run", hint="give every parameter a value")
    return [
        {name: os.fspath(value) if isinstance(value, os.PathLike) else value for name, value in run.items()}
        for run in runs
    ]


def _check(notebook: Path, runs: Sequence[Mapping[str, Any]]) -> None:
    known = _parameters(notebook)
    if not known and any(runs):
        raise InvalidInput(f"{notebook} has no parameters", hint="tag its cell of defaults `parameters`")
    findings = {
        finding.message: finding
        for run in runs
        for name, value in run.items()
        if (finding := _finding(known, name, value))
    }
    if findings:
        raise InvalidInput(
            f"{notebook}: {'; '.join(findings)}",
            hint="; ".join(dict.fromkeys(finding.hint for finding in findings.values() if finding.hint)),
            findings=tuple(findings.values()),
        )


def _parameters(notebook: Path) -> dict[str, Any]:
    import papermill

    if not notebook.is_file():
        raise InvalidInput(f"there is no notebook {notebook}", hint="give the path of an .ipynb file")
    try:
        found: dict[str, Any] = papermill.inspect_notebook(str(notebook))
    except ValueError as error:
        raise InvalidInput(
            f"{notebook} is not a notebook: {str(error)[:120]}", hint="give the path of an .ipynb file"
        ) from error
    return found


def _finding(known: Mapping[str, Any], name: str, value: object) -> Finding | None:
    if name not in known:
        near = nearest(name, known)
        return Finding(
            "B2N101",
            "error",
            f"no parameter {name!r}",
            f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(known)}",
        )
    expected = _kind(known[name])
    if expected is None or _fits(value, expected):
        return None
    kind = type(value).__name__
    return Finding(
        "B2N102",
        "error",
        f"parameter {name!r} is {kind}, not {expected.__name__}: {value!r}",
        f"its default is {known[name]['default']}",
    )


def _fits(value: object, expected: type) -> bool:
    """A whole number will do where a real one is meant, and True is no number."""
    if isinstance(value, bool) or expected is bool:
        return isinstance(value, bool) and expected is bool
    return isinstance(value, (int, float) if expected is float else expected)


def _kind(parameter: Mapping[str, Any]) -> type | None:
    """What a parameter takes: as annotated, else as its default is; `None` where neither tells."""
    if (annotated := parameter["inferred_type_name"]) in _TYPES:
        return _TYPES[annotated]
    try:
        default = ast.literal_eval(parameter["default"])
    except (ValueError, SyntaxError):
        return None
    return type(default) if type(default) in _TYPES.values() else None


def _run(source: Path, output: Path, parameters: dict[str, Any], kernel: str | None) -> dict[str, Any]:
    import papermill

    started, error = time.monotonic(), ""
    try:
        papermill.execute_notebook(
            str(source), str(output), parameters=parameters, kernel_name=kernel, progress_bar=False
        )
    except papermill.PapermillExecutionError as failed:
        error = f"{failed.ename}: {failed.evalue}"
    except Exception as failed:  # a kernel that dies or is not there is this run's failure, not the others'
        error = f"{type(failed).__name__}: {failed}"
    seconds = round(time.monotonic() - started, 1)
    return {"status": "failed" if error else "done", "seconds": seconds, "error": error}
