"""Credentials that are let through: private, valid for as long as a job may take, and never shown."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from b2grid.errors import CredentialExpired
from b2grid.execution.credentials import check_credentials, masked, secrets_of

NOW = 1_800_000_000.0
HOUR = 3600.0


def proxy_text(*valid_for: float) -> bytes:
    """A proxy as `voms-proxy-init` writes it: certificate, key, and the certificates that it descends from."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an analyst")])
    certificates = []
    for seconds in valid_for:
        until = dt.datetime.fromtimestamp(NOW + seconds, dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(until - dt.timedelta(days=400))
            .not_valid_after(until)
            .sign(key, hashes.SHA256())
        )
        certificates.append(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return b"".join([certificates[0], private, *certificates[1:]])


def token_text(valid_for: float) -> str:
    """A web token that nobody has signed: only its account of itself is read."""
    claims = json.dumps({"sub": "analyst", "exp": int(NOW + valid_for)}).encode()
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"none"}', claims, b"sig"))


Keep = Callable[..., str]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Write a file with a credential; its path."""

    def kept(content: bytes | str, mode: int = 0o600) -> str:
        path = tmp_path / "credential"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return str(path)

    return kept


def check(name: str, value: str, needed: float | None = HOUR) -> None:
    check_credentials({name: value}, [name, "LANG"], needed=needed, now=lambda: NOW)


def test_what_is_private_and_valid_for_long_enough_is_let_through(keep: Keep) -> None:
    check("X509_USER_PROXY", keep(proxy_text(2 * HOUR, 3 * HOUR)))
    check("X509_USER_PROXY", keep(proxy_text(2 * HOUR), 0o400))
    check("BEARER_TOKEN_FILE", keep(token_text(2 * HOUR)))
    check("BEARER_TOKEN", token_text(2 * HOUR))
    check("BEARER_TOKEN", "opaque-tokens-do-not-say")
    check_credentials({"X509_USER_PROXY": "/none"}, [], needed=HOUR)  # not let through, not looked at


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o700])
def test_what_others_can_use_is_refused(keep: Keep, mode: int) -> None:
    with pytest.raises(CredentialExpired, match=rf"\(X509_USER_PROXY\) has mode {mode:04o}.*chmod 600"):
        check("X509_USER_PROXY", keep(proxy_text(2 * HOUR), mode))
    with pytest.raises(CredentialExpired, match="mode"):
        check("BEARER_TOKEN_FILE", keep(token_text(2 * HOUR), mode))


def test_what_has_expired_or_will_before_the_end_of_the_job_is_refused(keep: Keep) -> None:
    with pytest.raises(CredentialExpired, match="expired 2 h ago - renew it"):
        check("X509_USER_PROXY", keep(proxy_text(-2 * HOUR)))
    with pytest.raises(CredentialExpired, match="expires in 30 min, and a job may take 1 h"):
        check("X509_USER_PROXY", keep(proxy_text(3 * HOUR, HOUR / 2)))  # not longer than those it descends from
    with pytest.raises(CredentialExpired, match=r"the token in .* expires in 20 s"):
        check("BEARER_TOKEN_FILE", keep(token_text(20)))
    with pytest.raises(CredentialExpired, match=r"the token \(MY_TOKEN\) expired"):
        check("MY_TOKEN", token_text(-1), needed=None)
    check("BEARER_TOKEN", token_text(20), needed=None)


def test_what_is_no_credential_is_said_without_its_content(keep: Keep, tmp_path: Path) -> None:
    with pytest.raises(CredentialExpired, match="no certificate that can be read") as caught:
        check("X509_USER_PROXY", keep("-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n"))
    assert "c2VjcmV0" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(CredentialExpired, match="No such file"):
        check("X509_USER_PROXY", str(tmp_path / "none"))
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(CredentialExpired, match="not a regular file"):
        check("X509_USER_PROXY", str(tmp_path / "fifo"))


def test_secrets_are_masked_wherever_they_stand(keep: Keep) -> None:
    proxy = keep(proxy_text(HOUR))
    environment = {
        "X509_USER_PROXY": proxy,
        "GITLAB_TOKEN": "glpat-abcdefgh",
        "DB_PASSWORD": "opensesame1",
        "SHORT_SECRET": "x",
        "LANG": "C.UTF-8",
    }
    secrets = secrets_of(environment)
    inside = Path(proxy).read_text().splitlines()[5]
    said = masked(f"[FATAL] glpat-abcdefgh for opensesame1 at x in C.UTF-8: {inside}", secrets)
    assert said == "[FATAL] *** for *** at x in C.UTF-8: ***"
    assert masked(f"see {proxy}", secrets) == f"see {proxy}"
