"""Where a project's files are, and the definition of a project.

::

    project.json            the definition
    steering/               the steering file and its sandbox, as jobs get them
    inputs.arrow left-out.arrow recipe.json trial.json
    plan-001.arrow          the plan, one file per revision
    journal-1.jsonl         what happened, one file per driver
    status.json jobs.arrow  snapshots for readers
    owner.json              who drives
    requests/ keys/ logs/
    output/                 manifests/subNN/JOB.json, subNN/STEM_jobID.root, scouts/, .staging/, accepted.json
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from b2grid.errors import InvalidInput, nearest
from b2grid.execution.files import read_text, write_whole
from b2grid.ntuple import sub_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["FORMAT", "Definition", "ProjectFolder", "read_accepted"]

FORMAT = 1
_ACCEPTED = "accepted.json"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a project is: fixed from its submission on.

    Parameters
    ----------
    id : str
        Never used again, also not for a project of the same name.
    content_hash : str
        Of the steering, the sandbox, the inputs, and how they are run: equal for equal work.
    args : dict of str to list of str
        The steering's own arguments, by sample.
    inputs : dict
        The inputs as they were given.
    scouts_pass : float
        The share of scouts that must pass before main jobs are sent.
    adjust : bool
        Whether what scouts measured corrects the plan.
    state : {"draft", "submitted"}
    """

    id: str
    name: str
    content_hash: str
    created: float
    owner: str
    steering: str
    sandbox: tuple[str, ...] = ()
    args: dict[str, list[str]] = field(default_factory=dict)
    release: str | None = None
    site: str = "local"
    runs: Any = "good"
    inputs: dict[str, Any] = field(default_factory=dict)
    priority: int = 5
    scouts_pass: float = 1.0
    adjust: bool = True
    state: Literal["draft", "submitted"] = "draft"

    def to_json(self) -> str:
        """The definition as JSON text."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str, where: str) -> Self:
        """Read a definition.

        Raises
        ------
        InvalidInput
            If the text is damaged, or a newer b2grid wrote it.
        """
        try:
            data = json.loads(text)
            written = data.pop("format")
            if written > FORMAT:
                raise InvalidInput(
                    f"project '{where}' has format {written}, this b2grid reads up to {FORMAT}",
                    hint="use a newer b2grid",
                )
            return cls(**{**data, "sandbox": tuple(data["sandbox"])})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, InvalidInput):
                raise
            raise InvalidInput(
                f"'{where}/project.json' is damaged: {error}",
                hint="restore it from a copy; the outputs are not affected",
            ) from error


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """The folder of one project; nothing is read or made before it is asked for."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether there is a project here."""
        return self._definition.is_file()

    @property
    def _definition(self) -> Path:
        return self.path / "project.json"

    @property
    def steering(self) -> Path:
        """The steering file and what is shipped beside it, as jobs get them."""
        return self.path / "steering"

    @property
    def inputs(self) -> Path:
        """The inputs, resolved."""
        return self.path / "inputs.arrow"

    @property
    def left_out(self) -> Path:
        """The runs that are left out of the inputs."""
        return self.path / "left-out.arrow"

    @property
    def recipe(self) -> Path:
        """What the steering would do."""
        return self.path / "recipe.json"

    @property
    def trial(self) -> Path:
        """What the trial measured."""
        return self.path / "trial.json"

    @property
    def status(self) -> Path:
        """The counts, at most a second old."""
        return self.path / "status.json"

    @property
    def jobs(self) -> Path:
        """The table of jobs, at most five seconds old."""
        return self.path / "jobs.arrow"

    @property
    def owner(self) -> Path:
        """Who drives the project."""
        return self.path / "owner.json"

    @property
    def requests(self) -> Path:
        """What the driver has been asked."""
        return self.path / "requests"

    @property
    def keys(self) -> Path:
        """Keys to other people's schedulers; nobody else may read them."""
        return self.path / "keys"

    @property
    def driver_log(self) -> Path:
        """What the driver itself said."""
        return self.path / "driver.log"

    @property
    def output(self) -> Path:
        """Manifests and published files."""
        return self.path / "output"

    @property
    def scouts(self) -> Path:
        """What scouts wrote: never part of the result."""
        return self.output / "scouts"

    def log(self, job: int, attempt: int) -> Path:
        """The compressed log of one attempt."""
        return self.path / "logs" / sub_folder(job) / f"{job}_{attempt}.log.gz"

    def plan(self, revision: int) -> Path:
        """The plan of one revision."""
        return self.path / f"plan-{revision:03d}.arrow"

    def plans(self) -> list[Path]:
        """All plans, the present one last."""
        found = self.path.glob("plan-[0-9][0-9][0-9]*.arrow")
        return sorted(found, key=lambda path: (len(path.name), path.name))  # 1000 comes after 999

    def journal(self, epoch: int) -> Path:
        """The journal of one driver."""
        return self.path / f"journal-{epoch}.jsonl"

    def epochs(self) -> list[int]:
        """The numbers of the journals that are here."""
        numbers = (path.stem.partition("-")[2] for path in self.path.glob("journal-*.jsonl"))
        return sorted(int(number) for number in numbers if number.isdecimal())

    def read_definition(self) -> Definition:
        """The definition.

        Raises
        ------
        InvalidInput
            If there is no project here; the nearest names are said.
        """
        text = read_text(self._definition)
        if text is None:
            near = nearest(self.path.name, [path.name for path in self.path.parent.glob("*") if path.is_dir()])
            hint = f"did you mean {' or '.join(near)}?" if near else "projects() lists those that are here"
            raise InvalidInput(f"there is no project '{self.path.name}' in '{self.path.parent}'", hint=hint)
        return Definition.from_json(text, str(self.path))

    def write_definition(self, definition: Definition) -> None:
        """Store the definition, whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self._definition, definition.to_json())

    def submitted(self) -> Definition:
        """Mark the project as submitted."""
        definition = replace(self.read_definition(), state="submitted")
        self.write_definition(definition)
        return definition

    def accept(self, left_out: Iterable[int]) -> None:
        """Store that the owner took what is done as the result, without these jobs and without unreadable files."""
        self.output.mkdir(parents=True, exist_ok=True)
        write_whole(self.output / _ACCEPTED, json.dumps({"format": FORMAT, "jobs": sorted(left_out)}))


def read_accepted(output: Path) -> frozenset[int] | None:
    """The jobs that an owner left out when he took what was done as the result; `None` if he did not.

    It lies beside the manifests, so that it goes where the outputs go. A damaged one says nothing.
    """
    text = read_text(output / _ACCEPTED)
    with suppress(ValueError, KeyError, TypeError):
        return None if text is None else frozenset(map(int, json.loads(text)["jobs"]))
    return None
