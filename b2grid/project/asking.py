"""What a project's owner asks of its driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid import execution
from b2grid.errors import InvalidInput
from b2grid.project.running import Running

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Asking"]


class Asking(Running):
    """A project whose driver answers."""

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

    def _ask(self, verb: str, jobs: Sequence[int]) -> str:
        if self._draft is not None:
            raise InvalidInput(f"project '{self.name}' is a draft", hint="submit it first")
        return execution.ask(self._folder, verb, tuple(jobs))
