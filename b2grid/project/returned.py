"""What came back of a project: arrays, books, and what a publication cites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from b2grid import execution
from b2grid.errors import InvalidInput
from b2grid.project.asking import Asking

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import awkward as ak
    import pandas as pd

    from b2grid.catalogue import News
    from b2grid.errors import Report
    from b2grid.outputs import Completeness, Fetched, Outcome, Provenance

__all__ = ["Returned"]


class Returned(Asking):
    """A project with results, whole or partial."""

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

    def completeness(self, *, verify: bool = False) -> Completeness:
        """What is done and what is missing: jobs, files, events, rows.

        Parameters
        ----------
        verify : bool
            Read every published file again: one that has changed by a single bit is named, and its job missing.
        """
        from b2grid import outputs

        return outputs.completeness(self._folder, self.plan(), verify=verify)

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
