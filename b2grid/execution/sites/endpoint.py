"""What makes somebody else's scheduler safe to talk to: TLS, or loopback, or an exception that its owner names."""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from b2grid.errors import SiteError, printable

if TYPE_CHECKING:
    from b2grid.execution.sites.site import Endpoint

__all__ = ["address_trouble", "require_safe"]


def address_trouble(endpoint: Endpoint) -> tuple[str, str] | None:
    """What is wrong with an address, and what to do; `None` when it may be used.

    >>> from b2grid.execution.sites import Endpoint
    >>> address_trouble(Endpoint("tcp://10.0.0.1:8786"))[0]
    'the scheduler at tcp://10.0.0.1:8786 is not on loopback, and has no TLS'
    >>> address_trouble(Endpoint("tcp://127.0.0.1:8786")) is None
    True
    """
    shown = printable(endpoint.address)[:200]
    try:
        parts = urlsplit(endpoint.address)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme == "inproc":
        return (
            f"the scheduler at {shown} lives inside one process, and the driver is another",
            "start it as a process of its own: Client(processes=True, …), or dask scheduler",
        )
    if scheme not in {"tls", "tcp"} or host is None or port is None:
        return f"'{shown}' is not the address of a scheduler", "write it as tls://host:8786"
    if scheme == "tls" and endpoint.ca is None:
        return f"the scheduler at {shown} needs TLS files", "add ca, cert and key to the profile"
    if scheme == "tcp" and not (endpoint.plain or _on_loopback(host)):
        return (
            f"the scheduler at {shown} is not on loopback, and has no TLS",
            "start it with TLS and use tls://; with plain = true everybody who reaches it can run anything as you",
        )
    return None


def _on_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_safe(endpoint: Endpoint) -> None:
    """Refuse a scheduler that must not be used, or whose key others can read.

    Raises
    ------
    SiteError
        With the reason, and what to do.
    """
    if trouble := address_trouble(endpoint):
        raise SiteError(trouble[0], hint=trouble[1])
    for path in (endpoint.ca, endpoint.cert, endpoint.key):
        if path is not None:
            _require_file(Path(path), secret=path == endpoint.key)


def _require_file(path: Path, *, secret: bool) -> None:
    try:
        mode = path.stat()
        path.open("rb").close()
    except OSError as error:
        raise SiteError(f"the TLS file '{path}' cannot be read: {error.strerror}", hint="look at its path") from error
    if secret and (mode.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or mode.st_uid not in {os.geteuid(), 0}):
        raise SiteError(f"the key '{path}' can be read by others", hint=f"chmod 600 '{path}'")
