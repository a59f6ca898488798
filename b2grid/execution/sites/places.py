"""The profiles that there are: the user's file first, then the site's, then what is built in."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import Finding, InvalidInput, nearest, printable
from b2grid.execution.sites.reading import ProfileFile, parse, read_profiles
from b2grid.execution.sites.site import ADOPTED, Endpoint, Site
from b2grid.home import configuration
from b2grid.run import Limits
from b2grid.run.environment import set_up_script

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Profiles", "Sites", "profiles", "site", "sites", "user_folder"]

SITE_WIDE = "B2GRID_SITES"
_SITE_WIDE = "/etc/b2grid/sites.toml"
_NAME = "sites.toml"


def user_folder() -> Path:
    """The folder of the user's own profiles and downtimes: below ``B2GRID_HOME``, else that of configurations."""
    return configuration()


def _local() -> Site:
    """The profile of this host, as it is."""
    return Site(
        "local",
        workers=max(len(os.sched_getaffinity(0)), 1),
        limits=Limits(walltime=24 * 3600.0, memory=4 * 1024**3, stall=3600.0, processes=500, grace=10.0),
        setup=set_up_script(),
        description="this host",
        start_limit=120.0,
    )


@lru_cache(maxsize=1)
def _built_in() -> ProfileFile:
    return parse(files("b2grid.execution.sites").joinpath("examples.toml").read_text("utf-8"), "examples.toml")


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles, and the files that they are from, the first of which counts for a name.

    Parameters
    ----------
    files : tuple of ProfileFile
        The user's, the site-wide one, and the examples.
    """

    files: tuple[ProfileFile, ...]
    local: Site

    def names(self) -> list[str]:
        """Every name, ``local`` first; also of profiles with mistakes."""
        found = dict.fromkeys(["local"])
        for file in self.files:
            found |= dict.fromkeys([*file.sites, *filter(None, file.broken)])
        return list(found)

    def look(self, name: str) -> Site | tuple[ProfileFile, tuple[Finding, ...]] | None:
        """A profile, or what is wrong with it, or `None` where there is none."""
        for file in self.files:
            if name in file.broken:
                return file, file.broken[name]
            if name in file.sites:
                return file.sites[name]
        return self.local if name == "local" else None

    def unreadable(self) -> Iterator[tuple[ProfileFile, tuple[Finding, ...]]]:
        """The files that could not be read at all."""
        return ((file, file.broken[""]) for file in self.files if "" in file.broken)


def profiles() -> Profiles:
    """All profiles as they are now; whatever is wrong with them is found, and nothing is raised."""
    local = _local()
    places = (user_folder() / _NAME, Path(os.environ.get(SITE_WIDE) or _SITE_WIDE))
    read = [found for path in places if (found := read_profiles(path, local)) is not None]
    examples = _built_in()
    marked = replace(
        examples, sites={name: replace(one, example=True, source="") for name, one in examples.sites.items()}
    )
    return Profiles((*read, marked), local)


class Sites(dict[str, Site]):
    """Profiles by name, which show as a table."""

    def __str__(self) -> str:
        from b2grid.execution.sites.showing import COLUMNS, row

        rows = [COLUMNS, *(tuple(map(printable, row(one))) for one in self.values())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows
        )

    def _repr_html_(self) -> str:
        from b2grid.execution.sites.showing import table_of

        return table_of(self)


def sites() -> Sites:
    """Every site profile without a mistake, by name; examples are among them, marked as such."""
    known = profiles()
    found = {name: known.look(name) for name in known.names()}
    return Sites({name: one for name, one in found.items() if isinstance(one, Site)})


def _adopted(keys: Path) -> Site:
    """The scheduler of a Client that the project was given."""
    try:
        data = json.loads((keys / f"{ADOPTED}.json").read_text())
        workers, endpoint = int(data.pop("workers")), Endpoint(**data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            "the address and keys of the Client that this project was given are gone",
            hint="give the Client again, or move the project to another site",
        ) from error
    return Site(ADOPTED, workers, kind="scheduler", scheduler=endpoint, source=str(keys), start_limit=600.0)


def forget_client(keys: Path) -> None:
    """Remove what leads to the scheduler of a Client that a project was given: its jobs have ended."""
    for left in keys.glob(f"{ADOPTED}*"):
        left.unlink(missing_ok=True)


def site(name: str, keys: Path | None = None) -> Site:
    """One site profile that can be used.

    Parameters
    ----------
    keys : path, optional
        The folder of a project's keys: a project that was given a Client has a site of its own.

    Raises
    ------
    InvalidInput
        If there is none of this name, it is an example only, or there are mistakes in it: all of them are said.
    """
    if name == ADOPTED and keys is not None:
        return _adopted(keys)
    known = profiles()
    found = known.look(name)
    if isinstance(found, Site):
        if found.example:
            raise InvalidInput(
                f"site '{name}' is an example",
                hint=f"copy it with b2grid site show {name} >> {user_folder() / _NAME}, and complete it",
            )
        return found
    if found is not None:
        raise _invalid(f"the profile of site '{name}'", *found)
    for file, findings in known.unreadable():
        raise _invalid(f"there is no site '{printable(name)}', and '{file.path}'", file, findings)
    raise InvalidInput(f"there is no site '{printable(name)}'", hint=_instead(name, known))


def _instead(name: str, known: Profiles) -> str:
    """What could be written in the place of a name that nobody knows: near names, or else those that can be used."""
    if near := nearest(name, known.names()):
        return f"did you mean {' or '.join(near)}?"
    usable = [other for other in known.names() if not (isinstance(one := known.look(other), Site) and one.example)]
    return f"known: {', '.join(usable)}; b2grid site list shows examples, too"


def _invalid(what: str, file: ProfileFile, findings: tuple[Finding, ...]) -> InvalidInput:
    first = findings[0]
    if len(findings) == 1:
        place = f" ({file.path}, {first.place})" if first.place else f" ({file.path})"
        return InvalidInput(f"{what} has a mistake: {first.message}{place}", hint=first.hint, findings=findings)
    said = f"{what} has {len(findings)} mistakes in '{file.path}'"
    return InvalidInput(said, hint="mend them all, then look with b2grid site list", findings=findings)
