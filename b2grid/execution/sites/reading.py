"""A file of profiles, read and held against itself: what a job may use must fit into its batch job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from b2grid.amounts import shown_duration, shown_size
from b2grid.errors import Finding, Report, printable
from b2grid.execution.sites.endpoint import address_trouble
from b2grid.execution.sites.keys import DOWNTIME, KINDS_OF, SECTIONS, SITE
from b2grid.execution.sites.site import BATCH, MARGIN, OVERHEAD, Batch, Endpoint, Outage, Site, StorageElement
from b2grid.execution.sites.tables import Mistakes, lines_of, load, read_file
from b2grid.execution.sites.values import Reader, Wrong, name
from b2grid.run import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ProfileFile", "parse", "read_outages", "read_profiles"]

_MOST = 500  # profiles in a file
_LIMITS = Limits(stall=3600.0, processes=500, grace=10.0)
_START = {"local": 120.0, "scheduler": 600.0}
_START_BATCH = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """What one file of profiles holds.

    Parameters
    ----------
    sites : dict of str to Site
        Those without a mistake.
    broken : dict of str to tuple of Finding
        What is wrong with the others; the empty name is the file itself.
    report : Report
        All of it, with lines.
    """

    path: str
    text: str
    sites: dict[str, Site]
    broken: dict[str, tuple[Finding, ...]]
    report: Report


def read_profiles(path: Path, base: Site | None = None) -> ProfileFile | None:
    """The profiles of a file, or `None` where there is none; whatever is wrong is a finding, never an error."""
    text, finding = read_file(path)
    if text is None:
        return None
    if finding is not None:
        return ProfileFile(str(path), "", {}, {"": (finding,)}, Report((finding,), "", str(path)))
    return parse(text, str(path), base)


def parse(text: str, path: str, base: Site | None = None) -> ProfileFile:
    """The profiles in a text.

    Parameters
    ----------
    base : Site, optional
        What a profile of the name ``local`` leaves open.
    """
    data, finding = load(text)
    mistakes = Mistakes(lines_of(text))
    found: dict[str, Site] = {}
    if finding is not None:
        mistakes.findings.append(("", finding))
    if len(data) > _MOST:
        mistakes.add((), "B2E105", f"{len(data):,} profiles are too many", f"keep at most {_MOST} in a file")
        data = {}
    for key, profile in data.items():
        before = len(mistakes.findings)
        made = _site(mistakes, key, profile, path, base if key == "local" else None)
        if made is not None and len(mistakes.findings) == before:
            found[key] = made
    broken: dict[str, tuple[Finding, ...]] = {}
    for owner, one in mistakes.findings:
        broken[owner] = (*broken.get(owner, ()), one)
    return ProfileFile(path, text, found, broken, Report(tuple(f for _, f in mistakes.findings), text, path))


def _site(mistakes: Mistakes, key: str, data: Any, path: str, base: Site | None) -> Site | None:
    try:
        name(key)
    except Wrong as wrong:
        mistakes.add((key,), "B2E102", wrong.said, wrong.hint)
    given = mistakes.table((key,), data, SITE, SECTIONS)
    if not isinstance(data, dict):
        return None
    sections = {section: _section(mistakes, (key, section), data.get(section)) for section in SECTIONS}
    kind = given.get("kind", base.kind if base is not None else None)
    if kind != "local" and "workers" not in data:
        mistakes.add((key,), "B2E103", "workers is missing", "write how many jobs may run at once, as workers = 100")
    if kind is None:
        if "kind" not in data:
            mistakes.add((key,), "B2E103", "kind is missing", 'write kind = "slurm", or what else the site is')
        return None
    options = _batch(mistakes, key, kind, data, sections["batch"])
    scheduler = _scheduler(mistakes, key, kind, data, sections["scheduler"])
    limits = _limits(sections["limits"], base.limits if base is not None else _LIMITS, options)
    made = Site(
        key,
        workers=given.get("workers", base.workers if base is not None else 1),
        limits=limits,
        input_bytes=sections["limits"].get("input", 5 * 1024**3),
        setup=sections["runner"].get("setup", base.setup if base is not None else None),
        environment=given.get("environment", ()),
        kind=kind,
        description=given.get("description", ""),
        source=path,
        minimum=given.get("minimum", 0),
        start_limit=given.get("start_limit", _START.get(kind, _START_BATCH)),
        lifetime=given.get("lifetime"),
        scout_limits=_limits(sections["scout_limits"], limits, None) if sections["scout_limits"] else None,
        scratch=given.get("scratch"),
        storage=tuple(StorageElement(**one) for one in sections["storage"] if len(one) == 2),
        checksums=given.get("checksums", False),
        interface=given.get("interface", "lo"),
        worker_interface=given.get("worker_interface", given.get("interface", "lo")),
        options=options,
        scheduler=scheduler,
        downtimes=_outages(sections["downtimes"]),
    )
    return _fitting(mistakes, made)


def _section(mistakes: Mistakes, path: tuple[str, ...], data: Any) -> Any:
    """One table of a profile, or a list of such tables."""
    known, several = SECTIONS[path[-1]]
    if data is None:
        return [] if several else {}
    if not several:
        return mistakes.table(path, data, known, {})
    return _listed(mistakes, path, data, known)


def _listed(mistakes: Mistakes, path: tuple[str, ...], data: Any, known: Mapping[str, Reader]) -> list[dict[str, Any]]:
    """Tables of which there may be several."""
    if not isinstance(data, list):
        mistakes.add(path, "B2E102", "it is not a list of tables", f"begin each with [[{printable('.'.join(path))}]]")
        return []
    read = [mistakes.table(path, one, known, {}) for one in data]
    needed = [key for key in known if key != "reason"]
    for one, raw in zip(read, data, strict=True):
        if missing := [key for key in needed if isinstance(raw, dict) and key not in raw]:
            said = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
            mistakes.add(path, "B2E103", said, f"write {missing[0]} = …")
        if one.get("start", 0.0) >= one.get("end", float("inf")):
            mistakes.add(path, "B2E104", "it ends before it starts", "write an end that is later than start")
    return read


def _batch(mistakes: Mistakes, key: str, kind: str, data: Mapping[str, Any], given: dict[str, Any]) -> Batch | None:
    if kind not in BATCH:
        if "batch" in data:
            mistakes.add((key, "batch"), "B2E101", f"a site of kind {kind} has no batch jobs", "leave the table out")
        return None
    needed = ("memory", "disk") if kind == "htcondor" else ("memory", "walltime")
    raw = data.get("batch", {})
    for missing in [one for one in needed if not (isinstance(raw, dict) and one in raw)]:
        example = '"4 GB"' if missing != "walltime" else '"24 h"'
        mistakes.add((key, "batch"), "B2E103", f"{missing} is missing", f"write {missing} = {example} for a batch job")
    for option in given:
        if kind not in KINDS_OF.get(option, (kind,)):
            known = [one for one, kinds in KINDS_OF.items() if kind in kinds]
            hint = f"leave it out; {kind} has {', '.join(known)}"
            mistakes.add((key, "batch", option), "B2E101", f"{kind} does not know it", hint)
    _as_written(mistakes, key, kind, given)
    return Batch(**given) if "memory" in given else None


def _as_written(mistakes: Mistakes, key: str, kind: str, given: dict[str, Any]) -> None:
    """What HTCondor would read otherwise: it has one line of shell, and macros of its own."""
    if kind != "htcondor":
        return
    for line in given.get("directives", ()):
        if "=" not in line:
            mistakes.add((key, "batch", "directives"), "B2E102", f"'{line}' is no directive", 'write "key = value"')
    for line in given.get("prologue", ()):
        if "$(" in line or "#" in line:
            said = "HTCondor reads '$(' and '#' in it in its own way"
            mistakes.add((key, "batch", "prologue"), "B2E102", said, "put these lines into a script, and source it")


def _scheduler(
    mistakes: Mistakes, key: str, kind: str, data: Mapping[str, Any], given: dict[str, Any]
) -> Endpoint | None:
    if kind != "scheduler":
        if "scheduler" in data:
            hint = 'leave the table out, or write kind = "scheduler"'
            mistakes.add((key, "scheduler"), "B2E101", f"a site of kind {kind} starts its own", hint)
        return None
    raw = data.get("scheduler", {})
    if not isinstance(raw, dict) or "address" not in raw:
        mistakes.add((key, "scheduler"), "B2E103", "address is missing", 'write address = "tls://host:8786"')
        return None
    if "address" not in given:
        return None
    files = [one for one in ("ca", "cert", "key") if one in raw]
    if files and len(files) < 3:
        lacking = " and ".join(one for one in ("ca", "cert", "key") if one not in raw)
        mistakes.add((key, "scheduler"), "B2E103", f"{lacking} is missing", "TLS needs all three files")
    made = Endpoint(**given)
    if (trouble := address_trouble(made)) and not (files and made.ca is None):
        mistakes.add((key, "scheduler", "address"), "B2E104", *trouble)
    return made


def _limits(given: dict[str, Any], base: Limits, batch: Batch | None) -> Limits:
    """What a job may use; where there are batch jobs, what is left open is what they leave it."""
    known = {"log_bytes" if key == "log" else key: value for key, value in given.items() if key != "input"}
    made = replace(base, **known)
    if batch is not None:
        if made.memory is None:
            made = replace(made, memory=max(batch.memory // batch.cores - OVERHEAD, 1))
        if made.walltime is None and batch.walltime is not None:
            # so that a worker runs a few jobs before it ends; in whole minutes
            left = 0.75 * (batch.walltime - made.grace - MARGIN)
            made = replace(made, walltime=max(left - left % 60.0, 60.0))
    return made


def _fitting(mistakes: Mistakes, made: Site) -> Site:
    """The site with a lifetime for its workers, when what a job may use fits into its batch job."""
    if made.minimum > made.workers:
        said = f"{made.minimum} is more than workers, {made.workers}"
        mistakes.add((made.name, "minimum"), "B2E104", said, f"write at most {made.workers}")
    batch = made.options
    if batch is None:
        if made.lifetime is not None:
            said = f"workers of a site of kind {made.kind} have none"
            mistakes.add((made.name, "lifetime"), "B2E101", said, "leave it out")
        return made
    needed = ((made.limits.memory or 0) + OVERHEAD) * batch.cores
    if needed > batch.memory:
        room = max(batch.memory // batch.cores - OVERHEAD, 0)
        said = (
            f"{shown_size(made.limits.memory or 0)} for a job and {shown_size(OVERHEAD)} for its worker, for each of "
            f"{batch.cores} cores, do not fit into a batch job of {shown_size(batch.memory)}"
        )
        hint = f"write at most {shown_size(room)}, or more for the batch job"
        mistakes.add((made.name, "limits", "memory"), "B2E104", said, hint)
    if made.limits.disk is not None and batch.disk is not None and made.limits.disk * batch.cores > batch.disk:
        said = f"{shown_size(made.limits.disk)} for each job do not fit into {shown_size(batch.disk)}"
        mistakes.add((made.name, "limits", "disk"), "B2E104", said, "write less, or more for the batch job")
    return _living(mistakes, made, batch)


def _living(mistakes: Mistakes, made: Site, batch: Batch) -> Site:
    """A worker takes its last job early enough for it to end before the batch job does."""
    if batch.walltime is None:
        return made
    walltime = made.limits.walltime
    assert walltime is not None, "it has been derived from that of the batch job"
    room = batch.walltime - walltime - made.limits.grace - MARGIN
    if room <= 0:
        said = (
            f"a job of {shown_duration(walltime)} and {shown_duration(MARGIN + made.limits.grace)} to come and go do "
            f"not fit into a batch job of {shown_duration(batch.walltime)}"
        )
        most = max(batch.walltime - made.limits.grace - MARGIN, 0)
        hint = f"write less than {shown_duration(most)}, or more for the batch job"
        mistakes.add((made.name, "limits", "walltime"), "B2E104", said, hint)
    elif made.lifetime is not None and made.lifetime > room:
        said = f"a job that begins after {shown_duration(made.lifetime)} may not end before its batch job does"
        mistakes.add((made.name, "lifetime"), "B2E104", said, f"write at most {shown_duration(room)}")
    return replace(made, lifetime=made.lifetime if made.lifetime is not None else room)


def _outages(given: list[dict[str, Any]]) -> tuple[Outage, ...]:
    return tuple(Outage(**one) for one in given if {"what", "start", "end"} <= one.keys())


def read_outages(path: Path) -> tuple[dict[str, tuple[Outage, ...]], Report]:
    """The downtimes that a file of its own announces, by site; what is wrong with it is in the report."""
    text, finding = read_file(path)
    data: dict[str, Any] = {}
    if text and finding is None:
        data, finding = load(text)
    mistakes = Mistakes(lines_of(text or ""))
    if finding is not None:
        mistakes.findings.append(("", finding))
    found = {}
    for key, listed in data.items():
        found[key] = _outages(_listed(mistakes, (key,), listed, DOWNTIME))
    return found, Report(tuple(one for _, one in mistakes.findings), text or "", str(path))
