"""The step `diagnosis`: scouts, what failed and what to do, and how hosts do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as ipw

from b2grid_widgets.pieces import headline, hint, rendered

if TYPE_CHECKING:
    from b2grid.execution.reports import Diagnosis, Hosts, Scouting

__all__ = ["DiagnosisPanel"]


class DiagnosisPanel:
    """What scouts said, the failures by class, and the hosts."""

    title = "Diagnosis"

    def __init__(self) -> None:
        self._scouts, self._failures, self._hosts = ipw.HTML(), ipw.HTML(), ipw.HTML()
        self._failures.value = hint("Nothing has run yet.")
        for part, name in ((self._scouts, "scouts"), (self._failures, "failures"), (self._hosts, "hosts")):
            part.add_class(f"b2-{name}")
        self.view = ipw.VBox([self._failures, self._scouts, self._hosts])

    def show(self, diagnosis: Diagnosis, hosts: Hosts, scouting: Scouting) -> None:
        """The three reports; scouts only where there are some."""
        self._failures.value = headline("Failures") + rendered(diagnosis)
        self._hosts.value = headline("Hosts") + rendered(hosts)
        self._scouts.value = headline("Scouts") + rendered(scouting) if scouting.samples else ""
