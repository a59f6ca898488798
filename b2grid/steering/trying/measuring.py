"""The local trial: a steering file on one file per sample, few events, before anything is sent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from b2grid.errors import B2GridError, InvalidInput
from b2grid.run.command import JOB_INFORMATION
from b2grid.steering.sandbox import collect
from b2grid.steering.source import Source
from b2grid.steering.trying.cache import Cache
from b2grid.steering.trying.outcome import LOG, Setting, measured, with_setup
from b2grid.steering.trying.replicas import Replicas
from b2grid.steering.trying.values import Measurement, Trial

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from b2grid.run.command import Runner
    from b2grid.run.supervisor import Limits, Outcome
    from b2grid.steering.recipe import Recipe

__all__ = ["EVENTS", "WALLTIME", "OnProgress", "Step", "trial"]

EVENTS = 100
"""Events of a file that are tried, unless it is said."""

WALLTIME = 1800.0
"""Seconds after which the run of a sample is ended, unless it is said."""


class Step(NamedTuple):
    """How far a trial is.

    Parameters
    ----------
    sample : str
    number, samples : int
        Which of how many samples it is; the first is 1.
    doing : str
        ``fetching``, ``running``, or ``measuring the set-up``.
    done, total : int
        Bytes or events; 0 of 0 where they are not known.
    """

    sample: str
    number: int
    samples: int
    doing: str
    done: int = 0
    total: int = 0


OnProgress = Callable[[Step], None]


def trial(
    steering: str | os.PathLike[str],
    samples: Mapping[str, str | os.PathLike[str] | Replicas | Sequence[Any]],
    *,
    runner: Runner,
    recipe: Recipe,
    events: int = EVENTS,
    args: Sequence[str] | Mapping[str, Sequence[str]] = (),
    sandbox: Iterable[str | os.PathLike[str]] = (),
    folder: str | os.PathLike[str],
    limits: Limits | None = None,
    cache: Cache | None = None,
    on_progress: OnProgress = lambda _step: None,
) -> Trial:
    """Run a steering file on the first file of each sample, here, as a job would.

    A file that is not here is fetched into a cache, from the first of its replicas that can be read.

    Parameters
    ----------
    steering : path
    samples : mapping
        Sample -> its files, as paths, URLs or `Replicas`; the first is taken.
    runner : Runner
        What runs it: `Runner.lite()` or basf2.
    recipe : Recipe
        Which outputs are expected.
    events : int
        How many events at most; fewer are measured when the file has fewer.
    args : sequence of str, or mapping
        The steering's own arguments, for all samples or for each.
    folder : path
        Where the scratch folders go, ``<folder>/<number>-<sample>``; they are made new. That of a sample that worked
        is removed, the others are kept for looking at.
    cache : Cache, optional
        Where files from elsewhere are kept; the user's own by default.
    on_progress : callable, optional
        Called with a `Step` whenever there is something new.

    Returns
    -------
    Trial
        Also when a sample failed, or its file cannot be read: see `Trial.ok`.

    Raises
    ------
    InvalidInput
        If the steering or a file of its sandbox does not exist, a sample has no file, or `events` is no whole number
        from 1 on.
    SiteUnavailable
        If basf2 cannot be set up.
    """
    from b2grid.run.environment import clean_environment
    from b2grid.run.supervisor import Limits, Supervisor

    if not isinstance(events, Integral) or events < 1:
        raise InvalidInput(
            f"a trial of {events!r} events measures nothing", hint=f"take at least one, such as {EVENTS}"
        )
    source = Source.read(Path(steering))
    files = collect(sandbox, Path(steering).resolve().parent)
    chosen = {sample: _first(sample, given) for sample, given in samples.items()}
    with Supervisor() as supervisor:
        setting = Setting(
            script=f"{Path(steering).stem}.py",
            text=source.text,
            files=files,
            runner=runner,
            environment=clean_environment(runner),
            recipe=recipe,
            events=events,
            limits=limits or Limits(walltime=WALLTIME, memory=None, stall=None),
            supervisor=supervisor,
        )
        cache = cache or Cache.default()
        made = []
        for number, (sample, file) in enumerate(chosen.items(), 1):
            own = args.get(sample, ()) if hasattr(args, "get") else args
            at = Step(sample, number, len(chosen), "")
            made.append(_Try(setting, file, [*own], _scratch(Path(folder), at), at, on_progress).measure(cache))
    with suppress(OSError):  # something was kept in it
        Path(folder).rmdir()
    return Trial(tuple(made))


def _first(sample: str, given: Any) -> Replicas:
    files = [given] if isinstance(given, str | Replicas) or hasattr(given, "__fspath__") else list(given)
    if not files:
        raise InvalidInput(f"sample {sample!r} has no file to try", hint="give it at least one input file")
    return files[0] if isinstance(files[0], Replicas) else Replicas.of(os.fspath(files[0]))


def _scratch(folder: Path, at: Step) -> Path:
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in at.sample)
    scratch = folder.absolute() / f"{at.number:02d}-{safe}"
    shutil.rmtree(scratch, ignore_errors=True)
    return scratch


@dataclass(frozen=True, slots=True)
class _Try:
    """One sample's turn."""

    setting: Setting
    file: Replicas
    args: list[str]
    scratch: Path
    at: Step
    tell: OnProgress

    def measure(self, cache: Cache) -> Measurement:
        """Fetch, look, run, measure; what is wrong with the input is told as a measurement that did not work."""
        known = Measurement(
            self.at.sample, self.file.name, 0, 0.0, 0.0, 0, (), ok=False, exit_code=None, asked=self.setting.events
        )
        try:
            held = cache.get(self.file, partial(self._say, "fetching"))
            known = replace(known, file=str(held.path), notes=held.notes, file_events=_events_of_file(held.path))
        except B2GridError as error:
            return replace(known, problem=error.message, hint=error.hint, input_ok=False)
        self._say("running")
        outcome = self._run(held.path, self.scratch, self.setting.events)
        found = measured(known, self.setting, self.scratch, outcome)
        if found.ok and not found.setup_how and found.events > 1:
            self._say("measuring the set-up")
            found = with_setup(found, self._run(held.path, self.scratch / "one", 1))
        if found.ok:
            shutil.rmtree(self.scratch, ignore_errors=True)
            return found
        log = self.scratch / LOG
        return replace(found, log_file=str(log) if log.is_file() else "")

    def _say(self, doing: str, done: int = 0, total: int | None = None) -> None:
        self.tell(self.at._replace(doing=doing, done=done, total=total or 0))

    def _run(self, file: Path, scratch: Path, events: int) -> Outcome:
        """Run it over so many events, in a folder as a job has it."""
        from b2grid.run.command import command_line
        from b2grid.run.supervisor import Payload

        setting = self.setting
        scratch.mkdir(parents=True)
        setting.files.unpack(scratch)
        (scratch / setting.script).write_text(setting.text, "utf-8")
        filled = [str(word).replace("{job}", "0").replace("{sample}", self.at.sample) for word in self.args]
        command = command_line(
            setting.runner, setting.script, [str(file)], events=events, job_information=JOB_INFORMATION, args=filled
        )
        log, nonce = str(scratch / LOG), os.urandom(8).hex()
        payload = Payload(command, str(scratch), setting.environment, setting.limits, nonce, log)
        return setting.supervisor.run(payload, partial(self._say, "running"))


def _events_of_file(path: Path) -> int:
    """How many events an input file has.

    Raises
    ------
    InvalidInput
        If there is none, or it is not a whole file of basf2.
    """
    from b2grid.ntuple import read_file_metadata

    metadata = read_file_metadata(path)
    if metadata.is_ntuple:
        raise InvalidInput(f"{path} is an ntuple: it has no events to run over", hint="give an mDST or uDST file")
    if not metadata.events:
        raise InvalidInput(f"{path} has no events", hint="give a file that has some")
    return metadata.events
