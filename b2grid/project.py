"""A project: one object, one verb per step.

Making one checks the names, reads the steering and the sandbox, and finds the inputs; nothing is written. The trial
and the plan are stored with the draft, so that they outlive the notebook, and a draft is replaced when a project of
its name is made with other content. What has been submitted is never replaced.
"""

from __future__ import annotations

import shutil
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from b2grid import execution
from b2grid.draft import Draft, free_folder, gather, open_folder, registered, store
from b2grid.errors import B2GridError, InvalidInput, Report
from b2grid.execution.files import write_whole
from b2grid.home import home
from b2grid.html import Html, definitions
from b2grid.keeping import read_inputs
from b2grid.preparation import arguments, examine, failed, first_files, merged, recorded, refused
from b2grid.steering.trying import EVENTS, WALLTIME

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import awkward as ak
    import ipywidgets
    import pandas as pd

    from b2grid.catalogue import Inputs, News
    from b2grid.execution import Definition, Status
    from b2grid.outputs import Completeness, Fetched, Outcome, Provenance
    from b2grid.planning import Plan
    from b2grid.steering import Recipe, Source, Steering, Trial
    from b2grid.steering.trying import OnProgress

__all__ = ["Project", "home", "panel", "projects"]


class Project:
    """A named submission, from its check to its arrays.

    ``Project(name, steering=…, inputs=…)`` makes a draft; ``Project(name)`` opens what is there, also from a new
    interpreter, and ``Project(path)`` opens a colleague's to read. None of them starts anything.

    Parameters
    ----------
    name : str
        At most 32 characters of ``[A-Za-z0-9_-]``, never used twice for other work; or the path of a project.
    steering : str, Path or Steering, optional
        The steering file, or one that was made, as by `combine`.
    inputs : optional
        ``{sample: one of, or a list of, collection | dataset | LFN or path | glob}``, or one of these without a
        name; also a search, or its terms as a mapping, and the path of a text file with a dataset or LFN per line.
    args : list of str or dict of lists, optional
        The steering's own arguments, for all samples or by sample; ``{job}`` and ``{sample}`` are filled in.
    sandbox : sequence of str or Path
        Files and folders shipped with every job, beside the steering.
    release : str, optional
        The basf2 release; `None` runs b2lite, and checks against ``main``.
    site : str
        The site profile.
    runs : "good", "all", mapping or list
        Which runs to take: good ones; all; ``{"allow": reasons}``, good ones and those that are bad for nothing else;
        ``{"exclude": reasons}``, all but those; a list of (experiment, run), or the path of one.
    folder : str or Path, optional
        Where the project lives, instead of the user's own data directory.

    Raises
    ------
    InvalidInput
        With everything that is wrong with what was given, or if a submitted project of this name has other content;
        nothing has been stored.
    """

    def __init__(
        self,
        name: str | os.PathLike[str],
        steering: str | os.PathLike[str] | Steering | None = None,
        inputs: Any = None,
        *,
        args: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        sandbox: Sequence[str | os.PathLike[str]] = (),
        release: str | None = None,
        site: str = "local",
        runs: Any = "good",
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self._draft: Draft | None = None
        if steering is None and inputs is None:
            _nothing_else(args=args, sandbox=sandbox or None, release=release)
            self._folder, known = open_folder(name, folder)
            self._id = known.id
            return
        draft = gather(name, steering, inputs, args=args, sandbox=sandbox, release=release, where=site, runs=runs)
        self._folder, there = free_folder(draft, folder)
        if there is not None and there.content_hash == draft.definition.content_hash:
            self._id = there.id  # the same work: what has been done for it counts
        else:
            self._id = draft.definition.id
            self._draft = draft

    # -- what it is ------------------------------------------------------------------------------------------------

    @property
    def _definition(self) -> Definition:
        if self._draft is not None:
            return self._draft.definition
        definition = self._folder.read_definition()
        if definition.id != self._id:
            raise InvalidInput(
                f"project '{definition.name}' was replaced by a draft with other content",
                hint=f"open what is there now: Project('{definition.name}')",
            )
        return definition

    @property
    def name(self) -> str:
        """The name of the project."""
        return self._definition.name

    @property
    def folder(self) -> Path:
        """Where the project is, or will be."""
        return self._folder.path

    @cached_property
    def inputs(self) -> Inputs:
        """The input files, one row each, what is left out of them, and what there is to say about them."""
        return self._draft.inputs if self._draft is not None else read_inputs(self._folder)

    @property
    def steering(self) -> Path:
        """The steering file: the user's own before the project is stored, then the copy that jobs run."""
        if self._draft is not None and self._draft.source.path is not None:
            return self._draft.source.path
        return self._folder.steering / self._definition.steering

    @property
    def _made(self) -> Source | None:
        """A steering that is no file yet."""
        source = self._draft.source if self._draft is not None else None
        return source if source is not None and source.path is None else None

    def _store(self) -> None:
        if self._draft is not None:
            draft, self._draft = self._draft, None
            try:
                store(draft, self._folder)
            except BaseException:
                self._draft = draft
                raise

    def _require_draft(self, verb: str) -> None:
        if self._definition.state == "submitted":
            raise InvalidInput(
                f"project '{self.name}' has been submitted, and cannot {verb} again",
                hint="make a project of another name",
            )

    # -- before submission -----------------------------------------------------------------------------------------

    def check(self) -> Report:
        """Read the steering file and say everything that is wrong with it, without running it.

        Checks against the release's interface facts, the sandbox, the arguments, and what the runner covers.
        """
        definition = self._definition
        words = arguments(definition, self.inputs.samples).values()
        return examine(self._made or self.steering, definition.release, definition.sandbox, words)

    @property
    def recipe(self) -> Recipe:
        """What the steering would do: lists, trees, columns; recorded once, by running it without events.

        Raises
        ------
        InvalidSteering
            If it cannot be recorded; the finding has its line.
        InvalidPlan
            If its arguments make it write other trees for one sample than for another.
        """
        from b2grid.steering import Recipe

        definition = self._definition
        if self._draft is None and self._folder.recipe.is_file():
            return Recipe.from_json(self._folder.recipe.read_text())
        shipped = self._draft.sandbox if self._draft is not None and self._made is not None else None
        recipe = recorded(self._made or self.steering, definition, self.inputs.samples, shipped)
        self._store()
        write_whole(self._folder.recipe, recipe.to_json())
        return recipe

    def trial(
        self, events: int = EVENTS, samples: Sequence[str] | None = None, *, on_progress: OnProgress | None = None
    ) -> Trial:
        """Run the steering here, on one file of each sample, within what the site lets a job use.

        A file that is not here is fetched from one of its replicas and kept in a cache: ``B2GRID_TRIAL_CACHE`` names
        its folder, ``B2GRID_TRIAL_CACHE_SIZE`` how large it may be.

        Parameters
        ----------
        events : int
            How many events of each file.
        samples : sequence of str, optional
            Only these samples.
        on_progress : callable, optional
            Called with each step; by default a notebook or a terminal shows them.

        Returns
        -------
        Trial
            Rows and bytes per tree, seconds per event, memory; also when a sample failed. The log of one that failed
            stays in the project's folder until the next trial.

        Raises
        ------
        InvalidSteering
            If the steering cannot be recorded.
        InvalidInput
            If there is no such sample, or `events` is below 1.
        """
        from b2grid.steering import trial
        from b2grid.steering.trying.live import shown

        self._require_draft("be tried")
        firsts = first_files(self.inputs)
        if unknown := sorted(set(samples or ()) - set(firsts)):
            raise InvalidInput(f"there is no sample '{unknown[0]}'", hint=f"samples: {', '.join(firsts)}")
        recipe = self.recipe
        definition = self._definition
        profile = execution.site(definition.site)
        shutil.rmtree(self.folder / "trial", ignore_errors=True)
        with shown() if on_progress is None else nullcontext(on_progress) as tell:
            made = trial(
                self._folder.steering / definition.steering,
                {name: firsts[name] for name in samples or firsts},
                runner=profile.runner(definition.release),
                recipe=recipe,
                events=events,
                args=definition.args,
                sandbox=definition.sandbox,
                folder=self.folder / "trial",
                limits=replace(profile.limits, walltime=WALLTIME),
                on_progress=tell,
            )
        write_whole(self._folder.trial, merged(made, self._trial()).to_json())
        return made

    def _trial(self) -> Trial | None:
        """What was measured before; what cannot be read, or is of another b2grid, is measured again."""
        from b2grid.steering import Trial

        if self._draft is None and self._folder.trial.is_file():
            with suppress(InvalidInput):
                return Trial.from_json(self._folder.trial.read_text())
        return None

    def plan(
        self,
        files_per_job: int | None = None,
        *,
        across: Literal["collection"] | None = None,
        scouts: Literal["auto"] | bool | int = "auto",
    ) -> Plan:
        """Divide the inputs into jobs; nothing is sent.

        A project that has been submitted returns its plan as it is.

        Parameters
        ----------
        files_per_job : int, optional
            So many files for each job; otherwise jobs are filled for the walltime that the trial predicts.
        across : "collection", optional
            Jobs may hold several datasets of one collection, which run-dependent data needs far fewer of.
        scouts : "auto", bool or int
            Whether scouts run before the main jobs, or how many; automatic from 50 jobs on.

        Raises
        ------
        InvalidPlan
            If it cannot be done as asked; the findings name all reasons.
        InvalidSteering
            If the steering cannot be recorded.
        """
        from b2grid.planning import Plan, PlanLimits, plan

        definition = self._definition
        if definition.state == "submitted":
            submitted = Plan.read(self._folder.plans()[-1])
            known = execution.sites().get(definition.site)
            submitted.slots = known.workers if known is not None else None
            return submitted
        recipe = self.recipe
        profile = execution.site(definition.site)
        made = plan(
            project=definition.name,
            project_id=self._definition.id,
            inputs=self.inputs,
            runner=profile.runner(definition.release),
            steering=definition.steering,
            recipe=recipe,
            trial=self._trial(),
            limits=PlanLimits(input_bytes=profile.input_bytes),
            files_per_job=files_per_job,
            across=across,
            args=definition.args,
            scouts=scouts,
            sandbox=definition.sandbox,
            runs=definition.runs,
        )
        made.slots = profile.workers
        made.write(self._folder.plan(1))
        return made

    # -- submission and what follows -------------------------------------------------------------------------------

    def submit(
        self,
        *,
        force: bool = False,
        scouts: Literal["auto"] | bool | int = "auto",
        priority: int = 5,
        wait: bool = False,
    ) -> Status:
        """Send the project; the check, the trial and the plan are made if they are missing.

        From here on the project runs by itself: the notebook may end. Submitting again does nothing more.

        Parameters
        ----------
        force : bool
            Submit in spite of findings and of a trial that failed: gbasf2's "Y".
        scouts : "auto", bool or int
            As in `plan`; a plan that was made with other scouts is made again.
        priority : int
            0 to 10, 5 by default.
        wait : bool
            Whether to return only when every job has ended.

        Raises
        ------
        InvalidSteering
            If the check or the trial found errors; nothing has been sent.
        SiteUnavailable
            If no driver could be started; the project is stored, and `restart` tries again.
        """
        if not 0 <= priority <= 10:
            raise InvalidInput(f"priority is {priority}", hint="0 to 10")
        if self._definition.state == "draft":
            self._ready(force=force, scouts=scouts)
            self._folder.write_definition(replace(self._definition, priority=priority))
            execution.submit(self._folder)
        return self.wait() if wait else self.status

    def _ready(self, *, force: bool, scouts: Literal["auto"] | bool | int) -> None:
        """See to it that there is a check, a trial and a plan."""
        report = self.check()
        if not (report.ok or force):
            raise refused(report)
        if missing := self._untried():
            self.trial(samples=missing)
        trial = self._trial()
        if trial is not None and not (trial.ok or force):
            raise failed(trial)
        if scouts != "auto" or not self._folder.plans():
            self.plan(**self._planned_as(), scouts=scouts)

    def _untried(self) -> list[str]:
        """The samples without a good trial: what failed may have been mended since, outside the steering."""
        trial = self._trial()
        good = {item.sample for item in trial.measurements if item.ok} if trial is not None else set()
        return [sample for sample in first_files(self.inputs) if sample not in good]

    def _planned_as(self) -> dict[str, Any]:
        """How the plan that there is was asked for."""
        from b2grid.planning import Plan

        plans = self._folder.plans()
        spec = Plan.read(plans[-1]).spec if plans else {}
        return {"files_per_job": spec.get("files_per_job"), "across": spec.get("across")}

    @property
    def status(self) -> Status:
        """Where the project is, as its driver has published it at most a second ago."""
        if self._draft is not None:
            return execution.Status(self.name, {}, phase="draft")
        return execution.read_status(self._folder)

    @property
    def jobs(self) -> pd.DataFrame:
        """One row per job, scouts included, from the plan on.

        Raises
        ------
        InvalidInput
            If there is no plan yet.
        """
        if self._draft is not None:
            raise InvalidInput(f"project '{self.name}' has no plan yet", hint="call plan() first")
        import pandas as pd

        frame = execution.read_jobs(self._folder).to_pandas()
        words = frame.select_dtypes(include=["object", "string"]).columns
        frame[words] = frame[words].fillna("")
        for when in ("started", "ended"):
            frame[when] = pd.to_datetime(frame[when], unit="s", utc=True).dt.floor("s")
        return frame

    def wait(self, timeout: float | None = None) -> Status:
        """Wait until nothing more would happen by itself: every job has ended, or is held.

        Raises
        ------
        TimeoutError
            If it is not over after `timeout` seconds; it goes on.
        SiteError
            If nothing drives it any more.
        InvalidInput
            If it is a draft.
        """
        if self._draft is not None:
            raise InvalidInput(
                f"project '{self.name}' is a draft: there is nothing to wait for", hint="submit it first"
            )
        return execution.wait(self._folder, timeout)

    def log(self, job: int, attempt: int | None = None) -> str:
        """The log of one attempt of a job: of the last that has ended, unless another is named."""
        return execution.read_log(self._folder, job, attempt)

    def failures(self) -> pd.DataFrame:
        """The jobs without a result that need somebody: which, why, and the line that says it."""
        jobs = self.jobs
        columns = ["job", "kind", "sample", "status", "minor_status", "attempt", "failure", "host", "message"]
        return jobs.loc[jobs["status"].isin(["Failed", "Held", "Killed"]), columns].reset_index(drop=True)

    def cancel(self, jobs: Sequence[int] = ()) -> str:
        """End some jobs, or all of them; what is done stays. The driver's answer."""
        return self._ask("cancel", jobs)

    def reschedule(self, jobs: Sequence[int] = ()) -> str:
        """Try held and failed jobs again: some, or all of them. The driver's answer."""
        return self._ask("reschedule", jobs)

    def hold(self, jobs: Sequence[int] = ()) -> str:
        """Send no more: of some jobs, or of the project; what runs goes on. The driver's answer."""
        return self._ask("hold", jobs)

    def resume(self, jobs: Sequence[int] = ()) -> str:
        """Send held jobs again, or those of a held project. The driver's answer."""
        return self._ask("resume", jobs)

    def finish(self) -> str:
        """Take what is done as the result, and end the rest. The driver's answer."""
        return self._ask("finish", ())

    def restart(self) -> Status:
        """Start a driver for a project that has lost its own; it goes on where it stopped."""
        return execution.restart(self._folder)

    def _ask(self, verb: str, jobs: Sequence[int]) -> str:
        if self._draft is not None:
            raise InvalidInput(f"project '{self.name}' is a draft", hint="submit it first")
        return execution.ask(self._folder, verb, tuple(jobs))

    # -- what came back --------------------------------------------------------------------------------------------

    def arrays(
        self,
        tree: str,
        columns: str | Sequence[str] | None = None,
        cut: str | None = None,
        *,
        sample: str | None = None,
        how: Literal["candidates", "events"] = "candidates",
        allow_partial: bool = False,
    ) -> ak.Array:
        """One tree of all jobs, as an awkward array that carries its completeness.

        Parameters
        ----------
        columns : str or sequence of str, optional
            Readable names; all of them by default.
        cut : str, optional
            A basf2 cut over columns.
        sample : str, optional
            Only this sample; with several and none named, the field ``__sample__`` tells them apart.
        how : {"candidates", "events"}
            Flat, or folded per event.
        allow_partial : bool
            Take what is there, also when something is missing.

        Raises
        ------
        IncompleteOutput
            If something is missing and `allow_partial` is not set, or there is no such tree or column.
        """
        from b2grid import outputs

        return outputs.arrays(
            self._folder, self.plan(), tree, columns, cut, sample=sample, how=how, allow_partial=allow_partial
        )

    def dataframe(
        self, tree: str, columns: str | Sequence[str] | None = None, cut: str | None = None, **options: Any
    ) -> pd.DataFrame:
        """One tree of all jobs as a table; the options are those of `arrays`."""
        from b2grid import outputs

        return outputs.dataframe(self._folder, self.plan(), tree, columns, cut, **options)

    def iterate(
        self, tree: str, columns: str | Sequence[str] | None = None, cut: str | None = None, **options: Any
    ) -> Iterator[ak.Array]:
        """One tree in parts that fit into memory; the options are those of `arrays`."""
        from b2grid import outputs

        return outputs.iterate(self._folder, self.plan(), tree, columns, cut, **options)

    def skim_efficiencies(
        self,
        tree: str = "skims",
        *,
        among: tuple[str, str | None] | None = None,
        sample: str | None = None,
        allow_partial: bool = False,
    ) -> pd.DataFrame:
        """What each skim keeps of each sample, from the flags that `skim_steering` stores for every event.

        Parameters
        ----------
        tree : str
            The tree with the flags.
        among : (tree, cut), optional
            Only events in which this tree has a candidate that passes the cut, such as ``("B0ch1", "isSignal == 1")``.
        sample : str, optional
            Only this one.
        allow_partial : bool
            Take what is there, also when something is missing.

        Returns
        -------
        pandas.DataFrame
            ``sample``, ``skim``, ``events``, ``passed``, ``efficiency``, and its bounds ``low`` and ``high`` (68.3 %).
        """
        from b2grid import outputs

        return outputs.skim_efficiencies(
            self._folder, self.plan(), tree, among=among, sample=sample, allow_partial=allow_partial
        )

    def completeness(self) -> Completeness:
        """What is done and what is missing: jobs, files, events, rows."""
        from b2grid import outputs

        return outputs.completeness(self._folder, self.plan())

    def bookkeeping(self) -> pd.DataFrame:
        """Which input became which output: LFN, job, attempt, file, tree, rows, events expected and processed."""
        from b2grid import outputs

        return outputs.bookkeeping(self._folder, self.plan())

    def outcome(self) -> Outcome:
        """The plan against what happened so far: time, memory, rows and bytes of each sample.

        While jobs run, what those that are done took is compared with what was planned for them, and says with the
        scouts what all will come to.

        Raises
        ------
        InvalidInput
            If the project has not been submitted.
        """
        from b2grid import outputs

        if self._definition.state == "draft":
            raise InvalidInput(f"project '{self.name}' has not been submitted", hint="its plan is there: plan()")
        return outputs.outcome(self._folder, self.plan(), execution.read_jobs(self._folder))

    def provenance(self) -> Provenance:
        """What a publication must cite: collections, release, global tags, the steering's hash."""
        from b2grid import outputs
        from b2grid.catalogue import Catalogue

        definition = self._definition
        given, runs = definition.inputs, definition.runs
        return outputs.provenance(self._folder, self.plan(), Catalogue(), inputs=self.inputs, given=given, runs=runs)

    def luminosity(self) -> pd.DataFrame:
        """What each sample has of each collection, in inverse femtobarn.

        Returns
        -------
        pandas.DataFrame
            ``sample``, ``collection``; ``luminosity`` is the official value, which is the one to cite, ``selected``
            the sum over the runs that are used, and ``processed`` over those of them whose every file is done; each
            with its uncertainty (``…_error``). Signal MC has ``generated`` and ``branching_fraction`` instead.
        """
        from b2grid import outputs
        from b2grid.catalogue import Catalogue

        done = outputs.processed_lfns(self._folder, self.plan()) if self.status.total else ()
        return outputs.luminosity(self.inputs, Catalogue(), done)

    def news(self) -> News:
        """What the inputs, as they were given, have gained and lost in the catalogue since the project was made."""
        from b2grid.catalogue import Catalogue, news

        definition = self._definition
        return news(self.inputs, definition.inputs, Catalogue(), definition.runs)

    def advice(self, efficiencies: pd.DataFrame | None = None) -> Report:
        """What the catalogue has now that could serve better: newer versions, and skims of the same data.

        What was known when the project was made is in `inputs` already.

        Parameters
        ----------
        efficiencies : pandas.DataFrame, optional
            What `skim_efficiencies` of some project measured: what each skim keeps is said with it.
        """
        from b2grid.catalogue import Catalogue, advice_on

        return advice_on(self.inputs, Catalogue(), efficiencies)

    def fetch(self, dest: str | os.PathLike[str]) -> Fetched:
        """Copy the verified outputs; can be repeated, and says what failed."""
        from b2grid import outputs

        return outputs.fetch(self._folder, self.plan(), dest)

    # -- how it shows ----------------------------------------------------------------------------------------------

    def panel(self) -> ipywidgets.Widget:
        """All of the above as widgets."""
        from b2grid_widgets import panel

        return panel(self)

    def _facts(self) -> dict[str, object]:
        definition = self._definition
        return {
            "steering": definition.steering,
            "inputs": f"{len(self.inputs):,} files: {', '.join(self.inputs.samples)}{self._remarks()}",
            "runner": definition.release or "b2lite",
            "site": definition.site,
            "folder": self.folder,
        }

    def _remarks(self) -> str:
        """That there is something to say about the inputs, which they themselves say."""
        report = self.inputs.report
        return f"; {report.summary().partition(': ')[2]}: see .inputs" if len(report) else ""

    def __repr__(self) -> str:
        return f"<Project {self.name}: {self.status.phase}>"

    def __str__(self) -> str:
        return "\n".join([str(self.status), *(f"  {key:<10} {value}" for key, value in self._facts().items())])

    def _repr_html_(self) -> str:
        return str(Html(self.status._repr_html_() + definitions(self._facts())))


def _nothing_else(**given: object) -> None:
    """Opening a project takes nothing but its name.

    Raises
    ------
    InvalidInput
        If something else was given.
    """
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise InvalidInput(
            f"{' and '.join(named)} without a steering file and inputs",
            hint="Project(name) opens what is there; a new one needs steering=… and inputs=…",
        )


def projects() -> pd.DataFrame:
    """All projects of this user: name, phase, jobs, done, driver, folder; one that cannot be read says why."""
    import pandas as pd

    rows = []
    for folder in registered():
        try:
            status = execution.read_status(folder)
        except (B2GridError, OSError) as error:
            status = execution.Status(folder.path.name, {}, phase="unreadable", message=str(error))
        rows.append(
            (status.name, status.phase, status.total, status.done, status.driver, str(folder.path), status.message)
        )
    return pd.DataFrame(rows, columns=["name", "phase", "jobs", "done", "driver", "folder", "message"])


def panel(project: str | Project | None = None) -> ipywidgets.Widget:
    """The panel of one project; of the one that changed last when none is named.

    Raises
    ------
    InvalidInput
        If there is no project at all.
    """
    if project is None:
        known = registered()
        if not known:
            raise InvalidInput("there are no projects yet", hint="make one: Project(name, steering=…, inputs=…)")
        project = str(max(known, key=lambda folder: folder.path.stat().st_mtime).path)
    return (project if isinstance(project, Project) else Project(project)).panel()
