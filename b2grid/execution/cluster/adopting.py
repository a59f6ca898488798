"""A Client that the caller has, as what the driver can use: an address, and TLS files that only their owner reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import SiteError
from b2grid.execution.cluster.keys import private_folder, write_private
from b2grid.execution.sites import ADOPTED, Endpoint
from b2grid.execution.sites.endpoint import address_trouble

if TYPE_CHECKING:
    import distributed

__all__ = ["adopt"]


def adopt(client: distributed.Client, keys: Path, *, workers: int | None = None) -> str:
    """Keep what leads to the scheduler of a Client, and return the name of the site that it is for this project.

    Parameters
    ----------
    keys : path
        The folder of the project's keys.
    workers : int, optional
        Jobs that may run there at once; as many as it has threads now by default.

    Raises
    ------
    SiteError
        If the scheduler cannot be reached or lives inside one process, has no TLS though it is not on loopback, or its keys cannot be read.
    """
    if client.scheduler is None:
        raise SiteError("the Client is not connected", hint="connect it, and give it again")
    address = str(client.scheduler.address)
    security = client.security
    texts = {
        "ca": _text(security.tls_ca_file),
        "cert": _text(security.tls_client_cert),
        "key": _text(security.tls_client_key),
    }
    files = {what: str(keys / f"{ADOPTED}-{what}.pem") for what, text in texts.items() if text is not None}
    endpoint = Endpoint(address, files.get("ca"), files.get("cert"), files.get("key"))
    if trouble := address_trouble(endpoint):
        raise SiteError(trouble[0], hint=trouble[1])
    private_folder(keys)
    for what, path in files.items():
        Path(path).unlink(missing_ok=True)
        write_private(Path(path), texts[what] or "")
    slots = workers if workers is not None else max(_threads(client), 1)
    written = keys / f"{ADOPTED}.json"
    written.unlink(missing_ok=True)
    write_private(written, json.dumps({"workers": slots, "address": address, **files}))
    return ADOPTED


def _text(pem: str | None) -> str | None:
    """The text of what a `Security` holds: itself, or the file that it names."""
    if pem is None or "\n" in pem:
        return pem
    try:
        return Path(pem).read_text()
    except OSError as error:
        raise SiteError(f"the TLS file '{pem}' of the Client cannot be read: {error.strerror}") from error


def _threads(client: distributed.Client) -> int:
    known: dict[str, Any] = client.nthreads()
    return sum(known.values())
