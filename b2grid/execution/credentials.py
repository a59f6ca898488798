"""Credentials that a site lets through to its payloads: whether they hold for a job, and never shown.

Where a proxy or a token is comes from the environment of the worker, never from what Dask sends.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import CredentialExpired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["check_credentials", "is_secret", "masked", "secrets_of"]

_TOKEN_FILE = re.compile(r"(.*_)?TOKEN_FILE")  # BEARER_TOKEN_FILE is where the WLCG's tools look for one
_TOKEN = re.compile(r"(.*_)?TOKEN")
_CERTIFICATES = ("X509_USER_PROXY", "X509_USER_CERT")
_PRIVATE = ("X509_USER_PROXY", "X509_USER_KEY")
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|PRIVATE_KEY|API_?KEY|CREDENTIAL", re.IGNORECASE)
_WEB_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----")  # eyJ: {" in base 64
_SHORTEST = 8  # characters; what is shorter also stands in lines that are not secret
_LARGEST = 1 << 20  # bytes of a file with credentials
_SHOWN = "***"


def check_credentials(
    environment: Mapping[str, str],
    names: Iterable[str],
    *,
    needed: float | None,
    now: Callable[[], float] = time.time,
) -> None:
    """See that every credential that is let through is private, and holds as long as a job may take.

    Parameters
    ----------
    environment : mapping
        Where the names are looked up.
    names : iterable of str
        The variables that are let through; those that name no credential are passed over.
    needed : float or None
        Seconds that a job may take; `None` where that has no limit.

    Raises
    ------
    CredentialExpired
        If others can read one, it has expired, or it will have before the job's time is over.
    """
    for name in names:
        if not (value := environment.get(name)):
            continue
        until: float | None = None
        if name in {*_CERTIFICATES, *_PRIVATE}:
            content = _content(name, value, private=name in _PRIVATE)
            until = _certificates_end(name, value, content) if name in _CERTIFICATES else None
            word = f"the proxy {value}" if name == "X509_USER_PROXY" else f"the certificate {value}"
        elif _TOKEN_FILE.fullmatch(name):
            until = _token_ends(_content(name, value, private=True).decode(errors="replace"))
            word = f"the token in {value}"
        elif _TOKEN.fullmatch(name):
            until = _token_ends(value)
            word = "the token"
        if until is not None:
            _see(f"{word} ({name})", until - now(), needed)


def _see(what: str, left: float, needed: float | None) -> None:
    if left <= 0:
        raise CredentialExpired(f"{what} expired {_time(-left)} ago", hint="renew it, and resume the project")
    if needed is not None and left < needed:
        raise CredentialExpired(
            f"{what} expires in {_time(left)}, and a job may take {_time(needed)}",
            hint="renew it for longer, or give the jobs a shorter walltime, and resume the project",
        )


def _time(seconds: float) -> str:
    """How long something is, roughly.

    >>> _time(20), _time(5400), _time(300000)
    ('20 s', '1.5 h', '3.5 d')
    """
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} s"


def _content(name: str, path: str, *, private: bool) -> bytes:
    """What is in a file with a credential; it is private, or refused."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # not held by a FIFO
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise CredentialExpired(f"{path} ({name}) is not a regular file", hint="let it name the file itself")
            mode = stat.S_IMODE(found.st_mode)
            if private and mode & ~0o600:
                raise CredentialExpired(
                    f"{path} ({name}) has mode {mode:04o}: others could use it", hint=f"chmod 600 {path}"
                )
            return file.read(_LARGEST)
    except OSError as error:
        raise CredentialExpired(
            f"{path} ({name}) cannot be read on this host: {error.strerror}", hint="make it, and resume the project"
        ) from error


def _certificates_end(name: str, path: str, content: bytes) -> float:
    """When the first of the certificates in a file expires: a proxy is no longer valid than those it descends from."""
    from cryptography import x509

    try:
        return min(each.not_valid_after_utc.timestamp() for each in x509.load_pem_x509_certificates(content))
    except ValueError:
        # what the error says may hold parts of the file
        raise CredentialExpired(
            f"{path} ({name}) holds no certificate that can be read", hint="make it again"
        ) from None


def _token_ends(token: str) -> float | None:
    """When a JSON web token expires, by its own account; `None` for other kinds, which do not say."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        return None


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """What must not be shown of an environment: values that are secret by their names, and what is in such files."""
    found: set[str] = set()
    for name, value in environment.items():
        if _TOKEN_FILE.fullmatch(name) or name in _PRIVATE:
            found |= _lines(value)
        elif _SECRET.search(name):
            # what names a file, as a path, is no secret, but what is in the file
            found |= _lines(value) if value.startswith("/") else {value.strip()}
    return tuple(sorted((secret for secret in found if len(secret) >= _SHORTEST), key=len, reverse=True))


def is_secret(text: str, environment: Mapping[str, str]) -> bool:
    """Whether a text has a web token, a private key, or something that the environment keeps secret.

    >>> is_secret("--seed=12", {}), is_secret("--key=opensesame", {"MY_PASSWORD": "opensesame"})
    (False, True)
    """
    return bool(_WEB_TOKEN.search(text)) or any(secret in text for secret in secrets_of(environment))


def _lines(path: str) -> set[str]:
    try:
        if not Path(path).is_file():
            return set()
        with Path(path).open("rb") as file:
            lines = file.read(_LARGEST).decode(errors="replace").splitlines()
    except OSError:
        return set()
    return {line.strip() for line in lines if not line.startswith("-----")}


def masked(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets.

    >>> masked("curl -H 'Authorization: Bearer abcdefgh.ij'", ["abcdefgh.ij"])
    "curl -H 'Authorization: Bearer ***'"
    """
    for secret in secrets:
        text = text.replace(secret, _SHOWN)
    return text
