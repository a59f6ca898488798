"""What a project is: its name, its content, and where it is stored."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from b2grid.draft import Draft, free_folder, gather, open_folder, store
from b2grid.errors import InvalidInput
from b2grid.keeping import read_inputs

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from b2grid.catalogue import Inputs
    from b2grid.execution import Definition
    from b2grid.steering import Source, Steering

__all__ = ["Identity"]


class Identity:
    """A named submission, opened or made."""

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
