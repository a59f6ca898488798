"""The facade: one object, one verb per step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.html import Html, definitions
from b2grid.project.returned import Returned

if TYPE_CHECKING:
    import ipywidgets

__all__ = ["Project"]


class Project(Returned):
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
