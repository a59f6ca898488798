"""Profiles for people: in a table, one by one, and as the TOML that they were written in."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from b2grid.amounts import shown_duration, shown_moment, shown_size
from b2grid.errors import InvalidInput, printable
from b2grid.html import definitions, table, tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from b2grid.execution.sites.places import Profiles
    from b2grid.execution.sites.site import Site
    from b2grid.run import Limits

__all__ = ["COLUMNS", "facts", "html_of", "row", "table_of", "toml_of"]

COLUMNS = ("site", "kind", "workers", "walltime", "memory", "input", "from")


def _limit(value: float | None, shown: object) -> str:
    return str(shown) if value is not None else "no limit"


def row(site: Site) -> tuple[str, ...]:
    """One line of a table of sites."""
    limits = site.limits
    return (
        site.name,
        site.kind,
        str(site.workers),
        _limit(limits.walltime, shown_duration(limits.walltime or 0)),
        _limit(limits.memory, shown_size(limits.memory or 0)),
        shown_size(site.input_bytes),
        "example: copy it first" if site.example else site.source or "built in",
    )


def table_of(sites: Mapping[str, Site]) -> str:
    """All of them, as HTML."""
    return str(table(COLUMNS, [row(site) for site in sites.values()], numeric=[2]))


def facts(site: Site) -> dict[str, str]:
    """What a profile comes to, with what follows from it; what it leaves open is left out."""
    every = {
        "description": site.description,
        "kind": site.kind,
        "workers": f"{site.minimum} to {site.workers}" if site.minimum else f"up to {site.workers}",
        "a job may use": _used(site.limits, site.input_bytes),
        "a scout may use": _used(site.scout_limits) if site.scout_limits is not None else "",
        "basf2": site.setup or "none here: b2lite only",
        "first worker within": shown_duration(site.start_limit),
        "a worker takes jobs for": shown_duration(site.lifetime) if site.lifetime is not None else "",
        "variables let through": ", ".join(site.environment),
        "scratch": site.scratch or "",
        "storage": ", ".join(f"{one.name} ({one.url})" for one in site.storage),
        "network": site.interface if site.kind != "scheduler" else "",
        "scheduler": site.scheduler.address if site.scheduler is not None else "",
        "downtimes": "; ".join(_announced(site)),
        "from": row(site)[-1],
    }
    return {what: said for what, said in every.items() if said}


def _used(limits: Limits, input_bytes: int | None = None) -> str:
    parts = [
        (shown_duration(limits.walltime) if limits.walltime is not None else ""),
        (f"{shown_size(limits.memory)} of memory" if limits.memory is not None else ""),
        (f"{shown_size(limits.disk)} of scratch" if limits.disk is not None else ""),
        (f"{shown_size(input_bytes)} of input" if input_bytes is not None else ""),
    ]
    return ", ".join(filter(None, parts))


def _announced(site: Site) -> list[str]:
    from b2grid.execution.sites.downtime import announced

    now = time.time()
    return [
        f"{one.what} from {shown_moment(one.start)} to {shown_moment(one.end)}" + (f": {one.reason}" * bool(one.reason))
        for one in announced(site)[0]
        if one.end > now
    ]


def html_of(site: Site) -> str:
    """One profile, as HTML."""
    return str(tag("div", definitions(facts(site), caption=site.name)))


def toml_of(known: Profiles, name: str) -> str:
    """The text of a profile as it was written, with what it comes to as comments; it can be copied as it is.

    Raises
    ------
    InvalidInput
        If there is none of this name.
    """
    found = known.look(name)
    if found is None:
        raise InvalidInput(f"there is no site '{printable(name)}'", hint=f"known: {', '.join(known.names())}")
    site = None if isinstance(found, tuple) else found
    text = next((excerpt(file.text, name) for file in known.files if name in {*file.sites, *file.broken}), "")
    if site is not None and not text:
        text = _written(site)
    told = facts(site) if site is not None else {}
    width = max(map(len, told), default=0)
    comments = [f"# {what:{width}}  {said}" for what, said in told.items()]
    return "\n".join([*map(printable, text.splitlines()), *(["", "# what it comes to:"] if told else []), *comments])


def excerpt(text: str, name: str) -> str:
    r"""The lines of one profile in a file, with the comment right above it.

    >>> excerpt("[a]\nx = 1\n\n# two\n[b]\ny = 1\n[b.batch]\nz = 1\n[c]", "b")
    '# two\n[b]\ny = 1\n[b.batch]\nz = 1'
    """
    header = re.compile(r"\s*\[\[?\s*[\"']?([^\[\].\"']+)[\"']?\s*[.\]]")
    kept: list[str] = []
    waiting: list[str] = []
    inside = False
    for line in text.splitlines():
        if found := header.match(line):
            inside = found[1].strip() == name
        elif not line.strip() or line.lstrip().startswith("#"):
            waiting = [*waiting, line] if line.strip() else ([*waiting, ""] if inside and waiting != [""] else [])
            continue
        if inside:
            kept += [*(waiting if kept else [one for one in waiting if one]), line]
        waiting = []
    return "\n".join(kept).strip()


def _written(site: Site) -> str:
    """A profile of this host in TOML: what is built in has no text."""
    limits = site.limits
    assert limits.walltime is not None, "that of this host is limited"
    assert limits.memory is not None, "that of this host is limited"
    return "\n".join(
        [
            f"[{site.name}]",
            f'kind = "{site.kind}"',
            f"workers = {site.workers}",
            "",
            f"[{site.name}.limits]",
            f'walltime = "{shown_duration(limits.walltime)}"',
            f'memory = "{shown_size(limits.memory)}"',
            f'input = "{shown_size(site.input_bytes)}"',
        ]
    )
