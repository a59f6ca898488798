"""The demo: three channels of B0 → η′ K_S0 on the demo data, from the check to a figure.

It does what a user would do, with the same calls, and says what it does. The figure needs the extra ``plots``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import awkward as ak
    from numpy.typing import NDArray
    from rich.console import Console

    from b2grid.project import Project

__all__ = ["CHANNELS", "INPUTS", "Channel", "demo", "figure", "scales"]

INPUTS = {
    "signal": "/belle/collection/MC/demo_etapks_v1",
    "mixed": "/belle/collection/MC/demo_mixed_v2",
    "charged": "/belle/collection/MC/demo_charged_v1",
    "uubar": "/belle/collection/MC/demo_uubar_v1",
    "data": "/belle/collection/Data/demo_4S_v1",
}
"""Samples of the demo's project."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One tree, and how it is called in the figure."""

    tree: str
    title: str


CHANNELS = (
    Channel("B0ch1", r"$\eta' \to \eta\,\pi^+\pi^-,\ \eta \to \gamma\gamma$"),
    Channel("B0ch2", r"$\eta' \to \eta\,\pi^+\pi^-,\ \eta \to \pi^+\pi^-\pi^0$"),
    Channel("B0ch3", r"$\eta' \to \rho^0\gamma,\ \rho^0 \to \pi^+\pi^-$"),
)

_COLUMNS = ["Mbc", "deltaE", "isSignal", "extraInfo(etap_rank)"]
_STACK = {"uubar": "#8fa3bd", "charged": "#c6d3e2", "mixed": "#557aa8"}
_LABELS = {"uubar": r"$u\bar{u}$", "charged": r"$B^+B^-$", "mixed": r"$B^0\bar{B}^0$"}
_MISRECONSTRUCTED, _SIGNAL = "#f2c28b", "#d9622b"
_WINDOWS = {"Mbc": ("deltaE", -0.1, 0.1), "deltaE": ("Mbc", 5.272, 5.288)}


def demo(folder: str | os.PathLike[str] | None = None) -> Project:
    """Run the demo: check, trial, plan, submit, live progress, arrays, completeness, figure.

    Takes less than a minute on two cores. Every run is a project of its own, which stays and can be opened again.

    Parameters
    ----------
    folder : path, optional
        Where the figure and the summary are written; ``./b2grid-demo`` by default.

    Returns
    -------
    Project
        The project, for whatever is next.
    """
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    target = Path(folder if folder is not None else "b2grid-demo")
    target.mkdir(parents=True, exist_ok=True)
    project = _submitted(console)
    arrays, completeness = _collected(project, console)
    summary = _summary(project, arrays, str(completeness))
    (target / "summary.txt").write_text(summary, encoding="utf-8")
    console.print(_counted(arrays), markup=False)
    written = [target / "summary.txt", *_drawn(arrays, target / "B2EtapKs.png", console)]
    _step(console, "Written")
    for path in written:
        console.print(f"  {path}", markup=False)
    _step(console, "What next")
    console.print(_next(project.name), markup=False)
    return project


def _step(console: Console, title: str) -> None:
    console.rule(f"[bold]{title}", align="left")


def _submitted(console: Console) -> Project:
    """The project, done: its steps as a user would take them."""
    from b2grid.progress import follow
    from b2grid.project import Project

    with as_file(files("b2grid.catalogue.demo") / "steering" / "B2EtapKs.py") as steering:
        project = Project(time.strftime("demo-%Y%m%d-%H%M%S"), steering=steering, inputs=INPUTS)
    _step(console, f"Project {project.name}")
    console.print(str(project), markup=False)
    _step(console, "1  Check the steering file")
    console.print(str(project.check()), markup=False)
    _step(console, "2  Try it here, on one file of each sample")
    console.print(project.trial(events=50))
    _step(console, "3  Plan")
    console.print(str(project.plan(files_per_job=1, scouts=len(INPUTS)).summary()), markup=False)
    _step(console, "4  Submit to a local Dask cluster: scouts first")
    project.submit()
    console.print(str(follow(project, console=console)), markup=False)
    return project


def _collected(project: Project, console: Console) -> tuple[dict[str, ak.Array], Any]:
    _step(console, "5  Three trees as arrays, and what they cover")
    completeness = project.completeness()
    console.print(str(completeness), markup=False)
    return {channel.tree: project.arrays(channel.tree, _COLUMNS) for channel in CHANNELS}, completeness


def _drawn(arrays: Mapping[str, ak.Array], path: Path, console: Console) -> list[Path]:
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError:
        console.print("  no figure: pip install 'b2grid[plots]'", markup=False)
        return []
    return figure(arrays, path, scales=scales())


def scales() -> dict[str, float]:
    """Factor of each background sample to what of it is in the good runs of the data-like sample, which is known."""
    from b2grid.catalogue.demo.samples import BAD_RUN, DATA_SHARES, demo_files

    counts: dict[str, int] = {}
    for file in demo_files():
        good = sum(events for run, events in file.runs if run != BAD_RUN)
        counts[file.kind] = counts.get(file.kind, 0) + good
    return {kind: counts["data"] * DATA_SHARES[kind] / counts[kind] for kind in _STACK}


# ---- the figure


def figure(
    arrays: Mapping[str, ak.Array],
    path: str | os.PathLike[str],
    *,
    scales: Mapping[str, float] | None = None,
) -> list[Path]:
    """Draw Mbc and deltaE of every channel: simulation stacked, signal on top, data as points.

    Backgrounds are scaled by `scales`, and the signal so that the sum has as many candidates as the data. Each
    variable is shown in the signal window of the other.

    Parameters
    ----------
    arrays : mapping
        By tree, with the fields ``Mbc``, ``deltaE``, ``isSignal``, ``extraInfo(etap_rank)`` and ``__sample__``.
    path : path
        Of the PNG file; a PDF is written beside it.
    scales : mapping, optional
        Factor of each background sample; 1 where it is not given.

    Returns
    -------
    list of Path
        The files.
    """
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(12.5, 7.2), layout="constrained", facecolor="white")
    axes = drawing.subplots(2, len(CHANNELS))
    for column, channel in enumerate(CHANNELS):
        candidates = _Candidates.of(arrays[channel.tree])
        for row, variable in enumerate(_WINDOWS):
            _panel(axes[row, column], candidates, variable, scales or {})
        axes[0, column].set_title(channel.title, fontsize=13, pad=10)
    for row in range(2):
        axes[row, 0].set_ylabel(f"candidates / {('2.5 MeV', '25 MeV')[row]}", fontsize=11)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    drawing.legend(
        handles[::-1], labels[::-1], loc="outside lower center", ncols=len(labels), frameon=False, fontsize=11
    )
    drawing.suptitle(r"$B^0 \to \eta'\,K^0_S$   —   b2grid demo data, simulated", fontsize=15, x=0.01, ha="left")
    target = Path(path)
    paths = [target, target.with_suffix(".pdf")]
    for one in paths:
        drawing.savefig(one, dpi=160)
    return paths


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The best candidate of each event: values by name, the sample, and whether it is true signal."""

    values: dict[str, NDArray[np.float64]]
    sample: NDArray[np.str_]
    signal: NDArray[np.bool_]

    @classmethod
    def of(cls, array: ak.Array) -> _Candidates:
        best = np.asarray(array["extraInfo(etap_rank)"]) == 1
        values = {name: np.asarray(array[name], dtype=np.float64)[best] for name in _WINDOWS}
        signal = np.asarray(array["isSignal"])[best] == 1
        return cls(values, np.asarray(array["__sample__"].to_list(), dtype=np.str_)[best], signal)

    def within(self, variable: str) -> NDArray[np.bool_]:
        """Candidates in the signal window of the other variable."""
        other, low, high = _WINDOWS[variable]
        return (self.values[other] > low) & (self.values[other] < high)


_EDGES = {"Mbc": np.linspace(5.2, 5.295, 39), "deltaE": np.linspace(-0.3, 0.3, 25)}
_AXES = {"Mbc": r"$M_{bc}$  (GeV/$c^2$)", "deltaE": r"$\Delta E$  (GeV)"}


def _panel(axis: Any, candidates: _Candidates, variable: str, scales: Mapping[str, float]) -> None:
    edges = _EDGES[variable]
    shown = candidates.within(variable)
    counts = {
        name: np.histogram(candidates.values[variable][shown & chosen], edges)[0].astype(np.float64)
        for name, chosen in {
            **{sample: candidates.sample == sample for sample in (*_STACK, "data")},
            "other": (candidates.sample == "signal") & ~candidates.signal,
            "true": (candidates.sample == "signal") & candidates.signal,
        }.items()
    }
    for sample in _STACK:
        counts[sample] *= scales.get(sample, 1.0)
    background = sum(counts[sample] for sample in _STACK)
    simulated = counts["true"].sum() + counts["other"].sum()
    excess = counts["data"].sum() - np.sum(background)
    factor = excess / simulated if simulated and counts["data"].any() and excess > 0 else 1.0
    layers = [(counts[sample], colour, _LABELS[sample]) for sample, colour in _STACK.items()]
    layers += [
        (counts["other"] * factor, _MISRECONSTRUCTED, "signal MC, wrong combination"),
        (counts["true"] * factor, _SIGNAL, "signal MC"),
    ]
    _stack(axis, edges, layers)
    _points(axis, edges, counts["data"])
    _dress(axis, variable, edges)


def _stack(axis: Any, edges: NDArray[np.float64], layers: list[tuple[Any, str, str]]) -> None:
    base = np.zeros(len(edges) - 1)
    for values, colour, label in layers:
        axis.stairs(base + values, edges, baseline=base, fill=True, color=colour, label=label, linewidth=0)
        base = base + values
    axis.stairs(base, edges, color="#40312a", linewidth=0.9)


def _points(axis: Any, edges: NDArray[np.float64], counts: NDArray[np.float64]) -> None:
    seen = counts > 0
    centres = (edges[1:] + edges[:-1]) / 2
    axis.errorbar(
        centres[seen], counts[seen], yerr=np.sqrt(counts[seen]), fmt="o", color="black", markersize=3.5,
        linewidth=1.0, label="data-like", zorder=5,
    )  # fmt: skip


def _dress(axis: Any, variable: str, edges: NDArray[np.float64]) -> None:
    axis.set_xlim(edges[0], edges[-1])
    axis.set_ylim(0, max(5.0, axis.get_ylim()[1] * 1.12))
    axis.set_xlabel(_AXES[variable], fontsize=11)
    axis.tick_params(direction="in", top=True, right=True, labelsize=10)
    axis.spines[:].set_linewidth(0.8)
    other, low, high = _WINDOWS[variable]
    said = r"$|\Delta E| < 0.1$ GeV" if other == "deltaE" else rf"${low:.3f} < M_{{bc}} < {high:.3f}$ GeV/$c^2$"
    axis.text(0.03, 0.96, said, transform=axis.transAxes, va="top", fontsize=9, color="#57606a")


# ---- what is said


def _counted(arrays: Mapping[str, ak.Array]) -> str:
    """A line per tree: candidates by sample, and how many of the signal's are true."""
    samples = list(INPUTS)
    lines = [f"{'tree':8}" + "".join(f"{sample:>10}" for sample in samples) + f"{'true':>10}"]
    for tree, array in arrays.items():
        names = np.asarray(array["__sample__"].to_list(), dtype=np.str_)
        counts = "".join(f"{int(np.sum(names == sample)):>10}" for sample in samples)
        lines.append(f"{tree:8}{counts}{int(np.sum(np.asarray(array['isSignal']) == 1)):>10}")
    return "\n".join(lines)


def _summary(project: Project, arrays: Mapping[str, ak.Array], completeness: str) -> str:
    status = project.status
    return "\n".join(
        ["b2grid demo", f"project {project.name} in {project.folder}", "", str(status), "", completeness, "",
         "candidates", _counted(arrays), ""]
    )  # fmt: skip


def _next(name: str) -> str:
    opened = f'p = Project("{name}")'.ljust(40)
    return f"""In a notebook or in Python:

    from b2grid import Catalogue, Project
    {opened} # also from a new interpreter
    {"p.jobs".ljust(40)} # one row per job
    {'p.arrays("B0ch1", ["Mbc", "deltaE"])'.ljust(40)} # awkward, with its completeness
    {"p.panel()".ljust(40)} # the same as widgets
    {"Catalogue()".ljust(40)} # what other data there are

In a shell:

    b2grid status {name}
    b2grid jobs {name}
    b2grid log {name} 1
    b2grid collections
"""
