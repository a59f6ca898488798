"""What is done before a project is sent: check, trial, plan."""

from __future__ import annotations

import shutil
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from b2grid import execution
from b2grid.errors import InvalidInput, Report
from b2grid.execution.files import write_whole
from b2grid.preparation import arguments, examine, failed, first_files, merged, recorded, refused
from b2grid.project.identity import Identity
from b2grid.steering.trying import EVENTS, WALLTIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from b2grid.planning import Plan
    from b2grid.steering import Recipe, Trial
    from b2grid.steering.trying import OnProgress

__all__ = ["Preparing"]


class Preparing(Identity):
    """A project before its submission: nothing here sends anything."""

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
