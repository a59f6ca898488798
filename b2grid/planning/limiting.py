"""What the jobs of a sample may use, from what its scouts used: never above what the site allows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from b2grid.planning.learning import Observed
    from b2grid.planning.rate import Rate
    from b2grid.run.limits import Limits

__all__ = ["limits_from"]

_SAFETY = 3  # times what the longest, or largest, job is expected to take at most
_LEAST_WALLTIME = 1800.0  # seconds: what a slow file system alone may cost
_LEAST_MEMORY = 1024**3  # bytes


def limits_from(
    scouts: Sequence[Observed],
    events: float,
    files: int,
    site: Limits,
    *,
    before: Rate | None = None,
    now: Rate | None = None,
) -> dict[str, Any]:
    """The limits of the main jobs of one sample; empty where those of the site are kept.

    A scout reads few events, and mostly shows the set-up. So it is asked what a job of many events could take in the
    worst case that the scouts allow, and three times that is the limit, if it is below the site's:

    - *Walltime.* All that the slowest scout took beyond the set-up of the trial is the time of its events: the files
      of this sample may be slower than the one that was tried, which a mean over set-up and events would hide. Without
      a trial all of its time is. At least half an hour.
    - *Memory.* A few events cannot tell how memory grows. No event loop keeps more than something of each event, so
      that all of what a scout held is taken to grow with the events; for jobs with more than a few times the events of
      a scout that is above what the site allows, and then the site's limit is kept. At least 1 GB.

    Where the site has no limit none is made.

    Parameters
    ----------
    scouts : sequence of Observed
        Of this sample, each with at least one event.
    events : float
        Of the main job with most of them; 0 where they are not known, and then nothing can be said.
    files : int
        Input files of the main job with most of them.
    before, now : Rate, optional
        The sample's rate as it was measured before the scouts, and with them.

    Returns
    -------
    dict
        ``walltime`` in seconds and ``memory`` in bytes, each only if it is below the site's.
    """
    found: dict[str, Any] = {}
    if not scouts or events <= 0:
        return found
    walltime = max(_SAFETY * _longest(scouts, events, files, before, now), _LEAST_WALLTIME)
    if site.walltime is not None and walltime < site.walltime:
        found["walltime"] = float(f"{walltime:.3g}")
    held = max(scout.memory * max(events / scout.events, 1.0) for scout in scouts)
    memory = max(round(_SAFETY * held), _LEAST_MEMORY)
    if site.memory is not None and all(scout.memory for scout in scouts) and memory < site.memory:
        found["memory"] = memory
    return found


def _longest(scouts: Sequence[Observed], events: float, files: int, before: Rate | None, now: Rate | None) -> float:
    """Seconds of the longest job: the set-up is no longer than a scout, and what was beyond it is of its events."""
    if before is None or now is None:
        return max(scout.seconds * max(events / scout.events, 1.0) for scout in scouts)
    slowest = max((scout.seconds - before.setup) / scout.events for scout in scouts)
    setup = max(before.setup, *(scout.seconds for scout in scouts))
    more = max(now.per_file, before.per_file) * (files - 1)
    return setup + more + max(slowest, now.per_event, before.per_event) * events
