"""Executing a path on files: everything is made ready first, then chunks of events go through it.

A chunk is some thousand events. Each module handles all of them at once, so the time goes into reading.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from b2grid.errors import Finding, InvalidInput, InvalidSteering, NotInLite, printable
from b2grid.lite import variables  # noqa: F401 - registers what is covered
from b2grid.lite.context import Context, Logger, file_beams, file_interaction_point
from b2grid.lite.covariance import file_photon_resolution, known_spread
from b2grid.lite.expression import Scope
from b2grid.lite.modules import MODULES, Blueprint, Step
from b2grid.lite.modules.base import Arguments, make
from b2grid.lite.modules.conditions import Independent, Loop, ReturnValue
from b2grid.lite.modules.inert import Nothing
from b2grid.lite.modules.source import Input, input_of
from b2grid.lite.modules.summary import Summary
from b2grid.lite.reading.inputs import InputFiles, open_inputs
from b2grid.lite.reading.reader import Pace, chunks, discard_errors, open_files, total_events
from b2grid.lite.reading.stored import NOT_READ, load_kept, load_stored
from b2grid.lite.writing.output import Account, Outputs
from b2grid.steering.standin.log import LogLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from b2grid.lite.reading.reader import Chunk, MdstFile, Selection
    from b2grid.steering.standin.statistics import ModuleStatistics, Statistics

__all__ = ["RunOptions", "RunResult", "run"]

_BASES = ("all", "V0", "MC", "ROE", "dummy", "kink")
_NOT_COVERED, _WRONG = "B2S701", "B2S702"
_ENDED_APART = (
    "an independent path that ends the event is not covered by b2lite: basf2 goes on with the copy of the event",
    "let its conditional paths CONTINUE",
)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class PathLike(Protocol):
    """A path as the stand-ins build it."""

    def modules(self) -> Sequence[Any]:
        """Its modules, in order."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about a run.

    Parameters
    ----------
    inputs : tuple of str or None
        Files instead of the path's own.
    events : int or None
        Largest number of events to read.
    skip_events : int
        Instead of the path's own, if not 0.
    sequences : tuple of str
        One per file.
    seed : str
    progress : callable or None
        Called with the number of events done and in total.
    aliases : mapping or None
        Aliases; `None` takes those of the stand-ins' session.
    expand : callable or None
        Replaces collections in lists of variables; `None` takes the session's.
    open_files : callable
        Opens the inputs by name.
    pace : Pace or None
        How many events go into a chunk; `None` begins with a small one, and goes by what it took.
    """

    inputs: tuple[str, ...] | None = None
    events: int | None = None
    skip_events: int = 0
    sequences: tuple[str, ...] = ()
    seed: str = ""
    progress: Callable[[int, int], None] | None = None
    aliases: Mapping[str, str] | None = None
    expand: Callable[[Iterable[str]], Sequence[str]] | None = None
    open_files: Callable[[Sequence[str]], Sequence[MdstFile]] = open_files
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """What was done.

    Parameters
    ----------
    events : int
        Events that went through the path, error events left out.
    runs : int
    outputs : tuple of str
        Files that were written.
    statistics : Statistics
        How long each module took.
    """

    events: int
    runs: int
    outputs: tuple[str, ...]
    statistics: Statistics


@dataclass
class _Node:
    """A step with the paths that may branch off behind it."""

    step: Step
    statistics: ModuleStatistics
    level: LogLevel = LogLevel.DEFAULT
    branches: list[tuple[str, int, list[_Node], bool]] = field(default_factory=list)
    apart: list[_Node] = field(default_factory=list)  # run on a copy of the event, or in a loop


@dataclass
class _Plan:
    nodes: list[_Node]
    blueprint: Blueprint

    def steps(self) -> Iterable[Step]:
        for node in self.nodes:
            yield node.step

    def every_step(self, nodes: list[_Node] | None = None) -> Iterable[Step]:
        """Those of the paths that branch off, too."""
        for node in self.nodes if nodes is None else nodes:
            yield node.step
            yield from self.every_step(node.apart)
            for _, _, inner, _ in node.branches:
                yield from self.every_step(inner)


def run(path: PathLike, options: RunOptions, log: Logger) -> RunResult:
    """Process the path.

    Nothing is read and no file is written before the whole path is known to be covered.

    Parameters
    ----------
    path : Path
        As the stand-ins build it: modules with ``type()``, ``params``, ``conditions`` and ``line``.
    options : RunOptions
    log : Logger

    Raises
    ------
    NotInLite
        If something in the path is not covered; all of it at once, with lines.
    InvalidInput
        If something is wrong with the path, or with a file.
    """
    inputs = InputFiles(options)
    try:
        plan = _prepare(path, options, log, inputs)
        files, selection, names = open_inputs([step for step in plan.steps() if isinstance(step, Input)], inputs, log)
    except BaseException:
        inputs.close()
        raise
    try:
        _check_conditions(plan, files)
        plan.blueprint.outputs.open(names)
        account = _loop(plan, files, selection, options, log)
        for step in plan.every_step():
            if isinstance(step, Summary):
                step.finish(log, total_events(files, selection))
        metadata = [file.metadata for file in files]
        plan.blueprint.outputs.close(account, names, metadata, options.seed)
    except BaseException:
        plan.blueprint.outputs.abandon()
        raise
    finally:
        inputs.close()
    return RunResult(account.events, account.runs, plan.blueprint.outputs.names, plan.blueprint.statistics)


# ---- before any event


def _source(path: PathLike) -> Input | None:
    """The input of a path that is not made ready yet; what is wrong with it is said when it is."""
    given = [module for module in path.modules() if str(module.type()) == "RootInput"]
    try:
        return input_of(Arguments("RootInput", dict(given[0].params))) if given else None
    except InvalidInput:
        return None


def _prepare(path: PathLike, options: RunOptions, log: Logger, inputs: InputFiles) -> _Plan:
    aliases, expand = options.aliases, options.expand
    if aliases is None or expand is None:
        from b2grid.steering.standin import session

        aliases = session.aliases if aliases is None else aliases
        expand = session.expand if expand is None else expand
    _check_aliases(aliases)
    stored = cache(lambda: inputs.lists(_source(path)))
    blueprint = Blueprint(Scope(aliases), Outputs(), log, expand, stored=stored)
    findings: list[Finding] = []
    refused: list[bool] = []
    nodes = _nodes(path, blueprint, findings, refused)
    if findings:
        message = findings[0].message if len(findings) == 1 else f"{len(findings)} things cannot be run"
        kind = NotInLite if all(refused) else InvalidSteering
        raise kind(message, hint=findings[0].hint if len(findings) == 1 else "", findings=tuple(findings))
    return _Plan(nodes, blueprint)


def _check_aliases(aliases: Mapping[str, str]) -> None:
    """Refuse aliases that are called like a variable, covered here or not: to basf2 this is an error too."""
    if not aliases:
        return
    from b2grid.steering.facts import load

    known = load("main").variables
    if taken := sorted(name for name in aliases if name in known):
        raise InvalidSteering(
            f"the alias {taken[0]!r} is called like a variable of basf2",
            hint="choose another name" + (f"; also for {', '.join(taken[1:])}" if len(taken) > 1 else ""),
        )


def _nodes(path: PathLike, blueprint: Blueprint, findings: list[Finding], refused: list[bool]) -> list[_Node]:
    nodes = []
    for module in path.modules():
        kind = str(module.type())
        line = getattr(module, "line", None)
        try:
            step = make(kind, dict(module.params), blueprint, getattr(module, "function", ""))
            conditions = list(getattr(module, "conditions", ()))
            if conditions and not isinstance(step, ReturnValue):
                raise NotInLite(
                    f"a conditional path behind {kind} is not covered by b2lite",
                    hint="use applyEventCuts, or basf2",
                )
        except (InvalidInput, ExceptionGroup) as error:
            for wrong in _each(error):
                covered = not isinstance(wrong, NotInLite)
                findings.append(Finding(_WRONG if covered else _NOT_COVERED, "error", wrong.message, wrong.hint, line))
                refused.append(not covered)
            _declare_anyway(kind, module.params, blueprint)
            for condition in getattr(module, "conditions", ()):  # what is wrong behind it is said at the same time
                _nodes(condition.path, blueprint, findings, refused)
            continue
        node = _Node(step, blueprint.statistics.of(module), getattr(module, "log_level", LogLevel.DEFAULT))
        if isinstance(step, Independent):
            node.apart = _nodes(step.path, blueprint.copy(), findings, refused)
            if _ends_event(node.apart):
                findings.append(Finding(_NOT_COVERED, "error", *_ENDED_APART, line))
                refused.append(True)
        if isinstance(step, Loop):
            node.apart = _nodes(step.path, blueprint.inside_loop(), findings, refused)
        for condition in conditions:
            inner = _nodes(condition.path, blueprint, findings, refused)
            ends = getattr(condition.after, "name", str(condition.after)) == "END"
            node.branches.append((condition.operator, condition.value, inner, ends))
        nodes.append(node)
    return nodes


def _each(error: InvalidInput | ExceptionGroup[Any]) -> list[InvalidInput]:
    """What is wrong with a module, one by one."""
    inside = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
    return [wrong for wrong in inside if isinstance(wrong, InvalidInput)]


def _ends_event(nodes: list[_Node]) -> bool:
    """Whether an event may end behind one of the conditional paths."""
    return any(ends or _ends_event(inner) for node in nodes for _, _, inner, ends in node.branches)


def _declare_anyway(kind: str, params: Mapping[str, Any], blueprint: Blueprint) -> None:
    """Take lists and masks of a refused module for made, so that what follows is not refused for their sake."""
    names = [params.get("outputListName"), params.get("outputList")]
    combiners = {"ParticleCombiner", "ParticleCombinerFromMC", "InclusiveDstarReconstruction"}
    names += [params.get("decayString")] if kind in combiners else []
    names += [params.get("listName")] if kind == "MCDecayFinder" else []
    if kind not in MODULES:
        names += params.values()  # some of them name what it makes
    if kind == "SignalSideParticleListCreator":
        names.append(params.get("particleListName"))
    if kind == "RestOfEventInterpreter":
        blueprint.masks |= {mask[0] for mask in params.get("ROEMasks", ()) if isinstance(mask, tuple) and mask}
    if kind == "ParticleLoader":
        for text in params.get("decayStrings", ()):
            names += [text, *(f"{str(text).partition(':')[0]}:{base}" for base in _BASES)]
    for name in names:
        if isinstance(name, str):
            try:
                blueprint.declare(name, ())
            except InvalidInput:
                continue  # the finding is there already


def _check_conditions(plan: _Plan, files: Sequence[MdstFile]) -> None:
    """Refuse at once what depends on beams or an interaction point that cannot be known."""
    for file in files:
        if file.entries == 0:
            continue
        if plan.blueprint.wanted and (unread := [name for name in NOT_READ if file.has(name)]):
            raise NotInLite(
                f"{printable(file.path)} has {', '.join(unread)} of its particles, which b2lite does not read",
                hint="run this steering with a basf2 release",
            )
        for need in sorted(plan.blueprint.needs):
            kind, _, name = need.partition(":")
            if kind == "object" and not file.has(name):
                raise NotInLite(
                    f"{printable(file.path)} has no {printable(name)}, which this steering needs",
                    hint="use files of a later data model, or leave out what needs it",
                )
        if "beams" in plan.blueprint.needs:
            file_beams(file)
        if "point" in plan.blueprint.needs:
            file_interaction_point(file)
        if "spread" in plan.blueprint.needs:
            known_spread(file_interaction_point(file))
        if "photons" in plan.blueprint.needs:
            file_photon_resolution(file)


# ---- events


def _loop(plan: _Plan, files: Sequence[MdstFile], selection: Selection, options: RunOptions, log: Logger) -> Account:
    account, done, notes = Account(), 0, Counter[str]()
    total, began = total_events(files, selection), perf_counter()
    if options.progress is not None:
        options.progress(0, total)
    pace = options.pace or Pace()
    for chunk in chunks(files, selection, pace):
        read = int(chunk.alive.sum())
        if selection.discard_errors:
            _, loud = discard_errors(chunk)
            if loud:
                log.warning(f"{loud} event(s) with an error flag are discarded")
        account.count(chunk)
        pace.learn(chunk.size, _process(plan, chunk, log, notes))
        done += read
        if options.progress is not None:
            options.progress(done, total)
    plan.blueprint.statistics.total.add(done, perf_counter() - began)
    for note, number in notes.items():
        if number:
            log.warning(f"{number} {note}")
    return account


def _process(plan: _Plan, chunk: Chunk, log: Logger, notes: Counter[str]) -> int:
    """Send a chunk down the path; the bytes that it held."""
    context = Context(chunk, log, chunk.alive.copy(), notes=notes)
    context.particles.decays = plan.blueprint.decays
    if "event extra-info" in plan.blueprint.needs:
        load_kept(context)
    if plan.blueprint.wanted:
        stored = plan.blueprint.stored()
        load_stored(context, {key: stored[key] for key in sorted(plan.blueprint.wanted)})
    _walk(plan.nodes, context)
    plan.blueprint.outputs.settle()
    return chunk.nbytes + context.particles.nbytes


def _walk(nodes: Sequence[_Node], context: Context) -> None:
    for node in nodes:
        if not context.alive.any():
            return
        if isinstance(node.step, Nothing | Input):
            node.statistics.add(int(context.alive.sum()), 0)
            continue
        if isinstance(node.step, Independent):
            _walk(node.apart, context.copy())
            continue
        if isinstance(node.step, Loop):
            for turn in node.step.turns(context):
                _walk(node.apart, turn)
            continue
        _run(node, context)
        if node.branches and isinstance(node.step, ReturnValue):
            _branch(node, node.step, context)


def _run(node: _Node, context: Context) -> None:
    """Run one step, under its module's name and level of messages; its time includes what it is the first to read."""
    events, began = int(context.alive.sum()), perf_counter()
    with context.log.speaking(node.statistics.name, node.level):
        node.step.run(context)
    node.statistics.add(events, perf_counter() - began)


def _branch(node: _Node, step: ReturnValue, context: Context) -> None:
    """Send events down the first path whose condition holds."""
    values = step.value(context)
    waiting = context.alive.copy()
    going_on = context.alive.copy()
    for sign, number, inner, ends in node.branches:
        taken = waiting & _COMPARE[sign](values, number)
        waiting &= ~taken
        if taken.any():
            context.alive = taken.copy()
            _walk(inner, context)
        if ends:
            going_on &= ~taken
        else:
            going_on &= ~taken | context.alive if taken.any() else going_on
    context.alive = going_on
