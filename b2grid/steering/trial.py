"""The local trial: a steering file on one file per sample, few events, before anything is sent."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from b2grid.errors import B2GridError, InvalidInput, printable
from b2grid.html import Html, details, table, tag
from b2grid.run.command import JOB_INFORMATION
from b2grid.steering.sandbox import collect
from b2grid.steering.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from b2grid.run.command import Runner
    from b2grid.run.supervisor import Limits, Outcome
    from b2grid.steering.recipe import Recipe

__all__ = ["Measurement", "TreeSize", "Trial", "trial"]

FORMAT = 1
WALLTIME = 1800.0
_COLOUR = {True: "#1a7f37", False: "#b00020"}


class TreeSize(NamedTuple):
    """What one tree of the output holds.

    Parameters
    ----------
    bytes : int
        Compressed size of its baskets.
    """

    file: str
    tree: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured on one file of one sample.

    Parameters
    ----------
    sample, file : str
    events : int
        Events that were run over; with basf2, what its account or the ntuple's metadata says.
    seconds_setup, seconds_events : float
        Wall time before the first event, and from there to the end; basf2 does not tell them apart: all is in
        `seconds_events`.
    peak_memory : int
        Bytes, of all processes.
    trees : tuple of TreeSize
    ok : bool
        Whether it ran to the end and wrote what the recipe promises.
    exit_code : int or None
    problem : str
        What was wrong; empty when `ok`.
    log_tail : str
    """

    sample: str
    file: str
    events: int
    seconds_setup: float
    seconds_events: float
    peak_memory: int
    trees: tuple[TreeSize, ...]
    ok: bool
    exit_code: int | None
    problem: str = ""
    log_tail: str = ""

    @property
    def seconds_per_event(self) -> float | None:
        """Wall time per event, without the set-up; `None` without events."""
        return self.seconds_events / self.events if self.events else None


@dataclass(frozen=True, slots=True)
class Trial:
    """What the trial measured, one measurement per sample; renders as a table."""

    measurements: tuple[Measurement, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every sample ran to the end."""
        return all(item.ok for item in self.measurements)

    def __getitem__(self, sample: str) -> Measurement:
        for item in self.measurements:
            if item.sample == sample:
                return item
        raise KeyError(sample)

    def to_json(self) -> str:
        """The trial as a JSON text.

        >>> Trial.from_json(Trial().to_json())
        Trial(measurements=())
        """
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Trial:
        """Read what `to_json` wrote.

        Raises
        ------
        InvalidInput
            If it is not a trial, or of a newer format.
        """
        try:
            found = json.loads(text)
            version = found["format"]
            items = [
                {**item, "trees": tuple(TreeSize(*tree) for tree in item["trees"])} for item in found["measurements"]
            ]
            made = cls(tuple(Measurement(**item) for item in items)) if version == FORMAT else None
        except (ValueError, KeyError, TypeError):
            raise InvalidInput("this is not a trial", hint="try again: Project.trial()") from None
        if made is None:
            raise InvalidInput(
                f"trial of format {version}, this b2grid reads {FORMAT}",
                hint="use the b2grid that wrote it, or try again",
            )
        return made

    def __str__(self) -> str:
        lines = [f"{'sample':<16} {'events':>8} {'s/event':>9} {'set-up s':>9} {'MB':>6}  result"]
        for item in self.measurements:
            per_event, memory = _per_event(item), item.peak_memory / 1e6
            lines.append(
                f"{item.sample:<16} {item.events:>8} {per_event:>9} {item.seconds_setup:>9.2f} "
                f"{memory:>6.0f}  {'ok' if item.ok else item.problem}"
            )
            lines += [f"    {tree.file}:{tree.tree}  {tree.rows} rows, {tree.bytes} bytes" for tree in item.trees]
            if not item.ok:
                lines += [f"    | {line}" for line in item.log_tail.splitlines()[-10:]]
        return "\n".join(printable(line) for line in lines)

    def _repr_html_(self) -> str:
        rows = [
            (
                item.sample,
                item.events,
                _per_event(item),
                f"{item.seconds_setup:.2f}",
                f"{item.peak_memory / 1e6:.0f}",
                tag("span", "ok" if item.ok else item.problem, style=f"color:{_COLOUR[item.ok]}"),
                details("log", tag("pre", item.log_tail), opened=not item.ok) if item.log_tail else "",
            )
            for item in self.measurements
        ]
        trees = [
            (item.sample, tree.file, tree.tree, tree.rows, tree.bytes)
            for item in self.measurements
            for tree in item.trees
        ]
        return str(
            Html(
                table(
                    ["sample", "events", "s/event", "set-up s", "MB", "result", ""],
                    rows,
                    caption="trial",
                    numeric=[1, 2, 3, 4],
                )
                + table(["sample", "file", "tree", "rows", "bytes"], trees, numeric=[3, 4])
            )
        )


def _per_event(item: Measurement) -> str:
    return "" if item.seconds_per_event is None else f"{item.seconds_per_event:.2g}"


def trial(
    steering: str | os.PathLike[str],
    samples: Mapping[str, str | os.PathLike[str] | Sequence[Any]],
    *,
    runner: Runner,
    recipe: Recipe,
    events: int = 100,
    args: Sequence[str] | Mapping[str, Sequence[str]] = (),
    sandbox: Iterable[str | os.PathLike[str]] = (),
    folder: str | os.PathLike[str],
    limits: Limits | None = None,
) -> Trial:
    """Run a steering file on the first file of each sample, here, as a job would.

    Parameters
    ----------
    steering : path
    samples : mapping
        Sample -> its files; the first is taken.
    runner : Runner
        What runs it: `Runner.lite()` or basf2.
    recipe : Recipe
        Which outputs are expected.
    events : int
        How many events at most; fewer are measured when the file has fewer.
    args : sequence of str, or mapping
        The steering's own arguments, for all samples or for each.
    folder : path
        Where the scratch folders go, ``<folder>/<sample>``; they are made new, and kept for looking at.

    Returns
    -------
    Trial
        Also when a sample failed: see `Trial.ok`.

    Raises
    ------
    InvalidInput
        If the steering or a file of its sandbox does not exist, or a sample has no file.
    """
    from b2grid.run.supervisor import Limits, Supervisor

    source = Source.read(Path(steering))
    files = collect(sandbox, Path(steering).resolve().parent)
    chosen = {sample: _first(sample, given) for sample, given in samples.items()}
    limits = limits or Limits(walltime=WALLTIME, memory=None, stall=None)
    measured = []
    with Supervisor() as supervisor:
        for sample, file in chosen.items():
            own = args.get(sample, ()) if hasattr(args, "get") else args
            scratch = _scratch(Path(folder), sample)
            files.unpack(scratch)
            script = scratch / f"{Path(steering).stem}.py"
            script.write_text(source.text, "utf-8")
            payload = _payload(runner, script.name, file, scratch, events, own, limits)
            measured.append(_measure(sample, file, scratch, recipe, supervisor.run(payload)))
    return Trial(tuple(measured))


def _first(sample: str, given: Any) -> str:
    files = [given] if isinstance(given, str) or hasattr(given, "__fspath__") else list(given)
    if not files:
        raise InvalidInput(f"sample {sample!r} has no file to try", hint="give it at least one input file")
    name = str(getattr(files[0], "pfn", files[0]))
    return name if "://" in name else str(Path(name).absolute())


def _scratch(folder: Path, sample: str) -> Path:
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in sample)
    scratch = folder.absolute() / safe
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    return scratch


def _payload(
    runner: Runner, script: str, file: str, scratch: Path, events: int, args: Sequence[str], limits: Limits
) -> Any:
    from b2grid.run.command import command_line
    from b2grid.run.environment import clean_environment
    from b2grid.run.supervisor import Payload

    filled = [str(arg).replace("{job}", "0").replace("{sample}", scratch.name) for arg in args]
    command = command_line(runner, script, [file], events=events, job_information=JOB_INFORMATION, args=filled)
    return Payload(
        command=command,
        folder=str(scratch),
        environment=clean_environment(runner),
        limits=limits,
        nonce=os.urandom(8).hex(),
        log=str(scratch / "trial.log"),
    )


def _measure(sample: str, file: str, scratch: Path, recipe: Recipe, outcome: Outcome) -> Measurement:
    information = _information(scratch / JOB_INFORMATION)
    trees, problem = _trees(scratch, recipe) if outcome.exit_code == 0 else ((), _ended(outcome))
    events = int(information.get("basf2_status", {}).get("events_processed", 0))
    seconds = min(float(information.get("b2lite", {}).get("events_sec", outcome.walltime)), outcome.walltime)
    if "b2lite" not in information:
        events = _events_of_ntuples(scratch, recipe, events)
    return Measurement(
        sample=sample,
        file=file,
        events=events,
        seconds_setup=outcome.walltime - seconds,
        seconds_events=seconds,
        peak_memory=outcome.peak_memory,
        trees=trees,
        ok=outcome.exit_code == 0 and not problem,
        exit_code=outcome.exit_code,
        problem=problem,
        log_tail=outcome.log_tail,
    )


def _information(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _ended(outcome: Outcome) -> str:
    if outcome.cause:
        return f"stopped: {outcome.cause} after {outcome.walltime:.0f} s, {outcome.peak_memory / 1e6:.0f} MB"
    if outcome.signal:
        return f"ended by signal {outcome.signal}"
    fatal = [line for line in outcome.log_tail.splitlines() if line.startswith(("[FATAL]", "[ERROR]"))]
    return f"exit code {outcome.exit_code}" + (f": {fatal[-1]}" if fatal else "")


def _trees(scratch: Path, recipe: Recipe) -> tuple[tuple[TreeSize, ...], str]:
    """What the outputs hold, and what is missing of what the recipe promises."""
    from b2grid.ntuple.inspect import inspect_file

    sizes: list[TreeSize] = []
    problems: list[str] = []
    for name, promised in recipe.written.items():
        try:
            found = inspect_file(scratch / name)
        except B2GridError as error:
            problems.append(error.message)
            continue
        sizes += [TreeSize(name, tree.name, tree.rows, tree.bytes) for tree in found.trees]
        problems += [f"{name} has no tree {tree!r}" for tree in promised if found.tree(tree) is None]
    return tuple(sizes), "; ".join(problems)


def _events_of_ntuples(scratch: Path, recipe: Recipe, otherwise: int) -> int:
    """The events that basf2's ntuples say they saw: its job information does not count events."""
    from b2grid.ntuple.filemetadata import read_file_metadata

    for name in recipe.outputs:
        try:
            seen = read_file_metadata(scratch / name).full_events
        except B2GridError:
            continue
        if seen is not None:
            return seen
    return otherwise
