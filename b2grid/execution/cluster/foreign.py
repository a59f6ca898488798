"""A scheduler that somebody else runs: b2grid connects, and leaves it as it was."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import distributed

from b2grid.errors import SiteUnavailable, printable
from b2grid.execution.cluster.versions import require_fit
from b2grid.execution.sites import require_safe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from b2grid.execution.sites import Endpoint, Site

__all__ = ["foreign_cluster"]

_TIMEOUT = 30.0


@contextmanager
def foreign_cluster(site: Site, keys: Path) -> Iterator[distributed.Client]:  # noqa: ARG001 - as the others are
    """Connect to a scheduler; jobs go on there when the driver ends."""
    assert site.scheduler is not None, "the profile of a scheduler has its address"
    require_safe(site.scheduler)
    with _connected(site.scheduler) as client:
        require_fit(client, f"site '{site.name}'")
        yield client


def _connected(endpoint: Endpoint) -> distributed.Client:
    security = None
    if endpoint.ca is not None:
        security = distributed.Security(
            require_encryption=not endpoint.address.startswith("tcp://"),
            tls_ca_file=endpoint.ca,
            tls_client_cert=endpoint.cert,
            tls_client_key=endpoint.key,
        )
    try:
        return distributed.Client(endpoint.address, security=security, timeout=_TIMEOUT, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise SiteUnavailable(
            f"the scheduler at {endpoint.address} cannot be reached: {printable(error) or type(error).__name__}",
            hint="see whether it runs, and whether the TLS files are those of its cluster",
            transient=True,
        ) from error
