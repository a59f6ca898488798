"""What came of a run: its account, its log and its outputs, as one measurement."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from b2grid.errors import B2GridError
from b2grid.run.command import JOB_INFORMATION
from b2grid.steering.trying import timing
from b2grid.steering.trying.messages import LogSummary, read_log

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from b2grid.ntuple import TreeProfile
    from b2grid.run.command import Runner
    from b2grid.run.supervisor import Limits, Outcome, Supervisor
    from b2grid.steering.recipe import Recipe
    from b2grid.steering.sandbox import Sandbox
    from b2grid.steering.trying.messages import Message
    from b2grid.steering.trying.values import Measurement

__all__ = ["LOG", "Setting", "measured", "with_setup"]

LOG = "trial.log"
_LONGEST = 300  # characters of a problem


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for all samples."""

    script: str
    text: str
    files: Sandbox
    runner: Runner
    environment: dict[str, str]
    recipe: Recipe
    events: int
    limits: Limits
    supervisor: Supervisor


def measured(known: Measurement, setting: Setting, scratch: Path, outcome: Outcome) -> Measurement:
    """What was known before a run, completed by what it left in its folder.

    Parameters
    ----------
    known : Measurement
        With the sample, its file, and the events that were asked for.
    """
    account = _account(scratch / JOB_INFORMATION)
    log = _log_of(scratch / LOG, outcome)
    good = outcome.ok
    trees, problem = _trees(scratch, setting.recipe) if good else ((), _ended(outcome, log))
    times = (
        timing.from_account(account, outcome.walltime)
        or timing.from_statistics(log, outcome.walltime)
        or timing.unknown(outcome.walltime)
    )
    return replace(
        known,
        events=_events(known, account, scratch, setting.recipe) if good else 0,
        seconds_setup=times.setup,
        seconds_events=times.events,
        setup_how=times.how,
        seconds_file=times.file,
        deviation=times.deviation,
        singles=times.singles,
        cpu_time=outcome.cpu_time,
        peak_memory=outcome.peak_memory,
        trees=trees,
        others=_others(scratch, setting) if good else (),
        outputs=_sizes(scratch, setting.recipe) if good and not problem else (),
        ok=good and not problem,
        exit_code=outcome.exit_code,
        problem=problem,
        hint=_hint(outcome, setting) if problem else "",
        log=_counted(read_log(log), account),
        log_tail=outcome.log_tail,
    )


def with_setup(found: Measurement, one: Outcome) -> Measurement:
    """The same measurement with the set-up told apart, as far as a run with one event can."""
    walltime = found.seconds_setup + found.seconds_events
    times = timing.by_difference(walltime, found.events, one.walltime) if one.ok else None
    if times is None:
        return found
    return replace(found, seconds_setup=times.setup, seconds_events=times.events, setup_how=times.how)


def _account(path: Path) -> dict[str, Any]:
    """The program's own account; empty where it left none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _log_of(path: Path, outcome: Outcome) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return outcome.log_tail


def _counted(log: LogSummary, account: Mapping[str, Any]) -> LogSummary:
    """The counts of the account where they are higher: it counts messages that the log does not show."""
    status = account.get("basf2_status")
    if not isinstance(status, dict):
        return log
    counts = {name: status.get(name) for name in ("fatals", "errors", "warnings")}
    higher = {name: max(count, getattr(log, name)) for name, count in counts.items() if isinstance(count, int)}
    return replace(log, **higher)


def _ended(outcome: Outcome, log: str) -> str:
    """How a run ended that did not work, with the message that says most."""
    if outcome.cause == "not started":
        return f"could not be started: {outcome.log_tail}"
    if outcome.cause:
        return f"stopped: {outcome.cause} after {outcome.walltime:.0f} s, {outcome.peak_memory / 1e6:.0f} MB"
    how = f"ended by signal {outcome.signal}" if outcome.signal else f"exit code {outcome.exit_code}"
    serious = [message for message in read_log(log).messages if message.level in {"FATAL", "ERROR"}]
    last = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")
    said = _quoted(serious[0], log) if serious else last
    return f"{how}: {said}"[:_LONGEST] if said else how


def _quoted(message: Message, log: str) -> str:
    """A message with its level as basf2 writes it; an exception has none."""
    leveled = f"[{message.level}] {message.text}"
    return leveled if leveled in log else message.text


def _hint(outcome: Outcome, setting: Setting) -> str:
    if outcome.cause == "not started":
        return f"is {setting.runner.program[0]} on the path? With basf2, look at the release and its set-up"
    if outcome.cause == "walltime":
        return "try fewer events, or look for what it waits for"
    if "sys.argv" in setting.text or "argparse" in setting.text:
        return "look at its log; the steering takes arguments of its own: are they given with args=[…]?"
    return "look at its log"


def _trees(scratch: Path, recipe: Recipe) -> tuple[tuple[TreeProfile, ...], str]:
    """What the ntuples hold, and what is missing of what the recipe promises, files of events included."""
    from b2grid.ntuple import inspect_file, profile

    profiles: list[TreeProfile] = []
    problems: list[str] = []
    for name, promised in recipe.written.items():
        try:
            if name in recipe.outputs:
                found = profile(scratch / name, trees=tuple(recipe.outputs[name]))
                profiles += [replace(tree, file=name) for tree in found]
                there = {tree.tree for tree in found}
            else:
                there = {tree.name for tree in inspect_file(scratch / name).trees}
        except B2GridError as error:
            problems.append(error.message)
            continue
        problems += [f"{name} has no tree {tree!r}" for tree in promised if tree not in there]
    return tuple(profiles), "; ".join(problems)


def _sizes(scratch: Path, recipe: Recipe) -> tuple[tuple[str, int, int], ...]:
    """Of each promised file: its name, its bytes, and how many of these are the baskets of its trees."""
    from b2grid.ntuple import inspect_file

    found = [(name, inspect_file(scratch / name)) for name in recipe.written]
    return tuple((name, file.bytes, sum(tree.bytes for tree in file.trees)) for name, file in found)


def _others(scratch: Path, setting: Setting) -> tuple[tuple[str, int], ...]:
    """The files that were written beside the ntuples, whatever they are."""
    known = {*setting.files, setting.script, JOB_INFORMATION, LOG, *setting.recipe.outputs}
    found = ((path.relative_to(scratch), path) for path in sorted(scratch.rglob("*")) if path.is_file())
    return tuple(
        (name.as_posix(), path.stat().st_size)
        for name, path in found
        if name.as_posix() not in known and "__pycache__" not in name.parts and not path.is_symlink()
    )


def _events(known: Measurement, account: Mapping[str, Any], scratch: Path, recipe: Recipe) -> int:
    """The events that were run over: b2lite counts them; basf2's account does not, but its newer ntuples do."""
    from b2grid.ntuple import read_file_metadata

    if "b2lite" in account:
        return int(account["basf2_status"]["events_processed"])
    for name in recipe.outputs:
        try:
            seen = read_file_metadata(scratch / name).full_events
        except B2GridError:
            continue
        if seen is not None:
            return seen
    limits = [limit for limit in (known.asked, known.file_events, recipe.max_event) if limit]
    return min(limits)
