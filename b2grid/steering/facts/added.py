"""Facts of releases that a user has added, read from an installed basf2."""

from __future__ import annotations

import gzip
import json
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput, SiteUnavailable, printable
from b2grid.home import home
from b2grid.steering.facts.releases import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from b2grid.run.limits import Outcome

__all__ = ["Added", "add", "all_added"]

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,79}")
_LIMIT = 900.0  # seconds: every library of basf2 is loaded, which takes long from a cold CVMFS


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _mapping(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_texts, value.values()))


_FORMS: dict[str, Callable[[Any], bool]] = {
    "python": lambda value: isinstance(value, list) and [type(part) for part in value[:2]] == [int, int],
    "functions": lambda value: isinstance(value, dict) and all(map(_mapping, value.values())),
    "names": _texts,
    "collections": _mapping,
    "variables": _mapping,
    "skims": lambda value: _mapping(value) and all(len(about) == 2 for about in value.values()),
    "modules": _mapping,
}
_NEVER_EMPTY = ("functions", "names", "variables", "modules")


@dataclass(frozen=True, slots=True)
class Added:
    """A file of facts.

    Parameters
    ----------
    release : str
    path : pathlib.Path
    changed : int
        When, in nanoseconds: equal values have equal facts.
    """

    release: str
    path: Path
    changed: int

    def __str__(self) -> str:
        facts = self.read()
        functions = sum(map(len, facts["functions"].values()))
        return (
            f"{self.release}, Python {'.'.join(map(str, facts['python']))}: {functions} functions in "
            f"{len(facts['functions'])} Python modules, {len(facts['variables'])} variables, "
            f"{len(facts['modules'])} C++ modules, {len(facts['skims'])} skims\nkept in {self.path}"
        )

    @classmethod
    def find(cls, release: str) -> Added | None:
        """The facts that were added for a release, if any were."""
        path = _folder() / f"{release}.json.gz"
        try:
            return cls(release, path, path.stat().st_mtime_ns) if _NAME.fullmatch(release) else None
        except OSError:
            return None

    def read(self) -> dict[str, Any]:
        """All of it.

        Raises
        ------
        InvalidInput
            If the file is damaged.
        """
        try:
            found = json.loads(gzip.decompress(self.path.read_bytes()))
        except (OSError, EOFError, ValueError, RecursionError):
            found = None
        if _missing(found):
            raise InvalidInput(
                f"the facts of {self.release} in '{self.path}' are damaged",
                hint=f"make them again with: b2grid facts add {self.release}, or remove the file",
            )
        read: dict[str, Any] = found
        return read


def _folder() -> Path:
    return home() / "facts"


def all_added() -> list[Added]:
    """The facts that were added, by release."""
    names = sorted(path.name.removesuffix(".json.gz") for path in _folder().glob("*.json.gz"))
    return [added for name in names if (added := Added.find(name)) is not None]


def add(release: str, modules: Iterable[str], setup: str | None = None) -> Added:
    """Read the facts of a release from its installation on this host, and keep them.

    Parameters
    ----------
    release : str
        Its name; from then on the check holds steering files for it against these facts.
    modules : iterable of str
        The Python modules whose functions are wanted.
    setup : str or None
        The script that sets it up; by default that of this host.

    Raises
    ------
    InvalidInput
        If it is not the name of a release, or there is no basf2 on this host. Facts that were there are kept.
    SiteUnavailable
        If basf2 cannot be set up or read. Facts that were there are kept.
    """
    from b2grid.run.environment import set_up_script

    place(release)  # refuses what is no name of a release
    script = setup or set_up_script()
    if script is None:
        raise InvalidInput(
            "there is no basf2 on this host", hint="name its set-up script with --setup, or set B2GRID_BASF2_SETUP"
        )
    outcome, found = _read_from(release, list(modules), str(Path(script).expanduser().absolute()))
    if missing := _missing(found):
        raise SiteUnavailable(
            f"basf2 {release} could not be read, {', '.join(missing)} missing: {_why(outcome)}",
            hint=f"run it in a shell: source {script} {release}, then python3 -c 'import basf2, modularAnalysis'",
        )
    _keep(release, {"release": release, "date": datetime.now(UTC).date().isoformat(), **found})
    return Added.find(release) or Added(release, _folder(), 0)


def _read_from(release: str, modules: list[str], setup: str) -> tuple[Outcome, Any]:
    from b2grid.run.command import Runner
    from b2grid.run.environment import clean_environment
    from b2grid.run.supervisor import Limits, Payload, Supervisor

    environment = clean_environment(Runner("basf2", ("basf2",), release, setup))
    program = files("b2grid.steering.facts").joinpath("reading.py").read_text("utf-8")
    with tempfile.TemporaryDirectory(prefix="b2grid-facts-") as folder:
        asked, answer = Path(folder, "modules.json"), Path(folder, "answer.json")
        asked.write_text(json.dumps(modules), "utf-8")
        payload = Payload(
            # as text: what lies beside the file is not for basf2 to import
            ("python3", "-c", program, str(asked), str(answer)),
            folder,
            environment,
            Limits(walltime=_LIMIT, grace=2.0),
            os.urandom(8).hex(),
            str(Path(folder, "log")),
        )
        with Supervisor() as supervisor:
            outcome = supervisor.run(payload)
        try:
            return outcome, json.loads(answer.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return outcome, None


def _why(outcome: Outcome) -> str:
    if outcome.cause or outcome.signal:
        return f"it was ended, {outcome.cause}" if outcome.cause else f"it ended by signal {outcome.signal}"
    said = [line for line in outcome.log_tail.splitlines() if line.strip()]
    return printable(said[-1][:200]) if said else "it said nothing"


def _missing(found: Any) -> list[str]:
    """The parts that are not there: with half of the facts, names would be called unknown that are not."""
    if not isinstance(found, dict):
        return list(_FORMS)
    missing = [part for part, fits in _FORMS.items() if not fits(found.get(part))]
    missing += [part for part in _NEVER_EMPTY if part not in missing and not found[part]]
    if "functions" not in missing and not {"basf2", "modularAnalysis"} <= set(found["functions"]):
        missing.append("functions")
    return missing


def _keep(release: str, content: dict[str, Any]) -> None:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
        file.write(gzip.compress(json.dumps(content, separators=(",", ":"), sort_keys=True).encode()))
    Path(file.name).replace(folder / f"{release}.json.gz")
