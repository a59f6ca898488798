"""Keys and certificates in files that only their owner can read, for as long as they are needed."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import distributed

from b2grid.errors import SiteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["private_folder", "security_of", "temporary_keys", "write_private"]

_NAME = "cluster-"


@contextmanager
def temporary_keys(folder: Path) -> Iterator[distributed.Security]:
    """A new key and certificate for all parts of one cluster; what an earlier driver left here is removed too."""
    private_folder(folder)
    for left in folder.glob(f"{_NAME}*.pem"):
        left.unlink(missing_ok=True)
    made = distributed.Security.temporary()
    own = f"{_NAME}{secrets.token_hex(8)}"
    cert, key = folder / f"{own}.pem", folder / f"{own}-key.pem"
    try:
        write_private(cert, made.tls_ca_file)
        write_private(key, made.tls_client_key)
        yield security_of(cert, key)
    finally:
        cert.unlink(missing_ok=True)
        key.unlink(missing_ok=True)


def security_of(cert: Path, key: Path) -> distributed.Security:
    """One certificate, which is its own authority, for every part of a cluster."""
    files = {"cert": str(cert), "key": str(key)}
    roles = {f"tls_{role}_{what}": files[what] for role in ("client", "scheduler", "worker") for what in files}
    return distributed.Security(require_encryption=True, tls_ca_file=str(cert), **roles)


def private_folder(folder: Path) -> Path:
    """Make a folder that nobody else can look into.

    Raises
    ------
    SiteError
        If it is a link or another user's, or cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        seen = folder.lstat()
        if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid():
            raise SiteError(f"'{folder}' is not a folder of yours: keys are not written there", hint="remove it")
        folder.chmod(0o700)
    except OSError as error:
        raise SiteError(f"'{folder}' cannot be made: {error.strerror}", hint="look at the rights there") from error
    return folder


def write_private(path: Path, text: str) -> Path:
    """Write a new file that nobody else can read.

    Raises
    ------
    SiteError
        If it cannot be written, or there is one already.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(text)
    except OSError as error:
        raise SiteError(f"'{path}' cannot be written: {error.strerror}", hint="look at the space there") from error
    return path
