"""Temporary credentials: issued and checked as `auth` does (the manual, "Temporary credentials")."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from console.domain.scopes import is_satisfied
from console.sandbox.moments import milliseconds
from console.sandbox.validation import SCOPE, javascript
from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from console.sandbox.deployment import Deployment

LONGEST: Final = timedelta(days=31)
_SEED_LENGTH: Final = 44
_EARLY_START: Final = timedelta(minutes=5)


class AuthenticationFailed(Exception):
    """401; the message is the service's own."""


def is_valid_scope(scope: object) -> bool:
    """Printable ASCII."""
    return isinstance(scope, str) and bool(javascript(SCOPE).search(scope))


def temporary_token(access_token: Masked, seed: str) -> Masked:
    """The token that goes with a certificate."""
    digest = hmac.new(access_token.reveal().encode(), seed.encode(), hashlib.sha256).digest()
    return Masked(base64.urlsafe_b64encode(digest).decode().rstrip("="))


def signature(certificate: dict[str, Any], access_token: Masked, client_id: str | None) -> str:
    """Of a certificate; `client_id` is given for named credentials, whose certificate names its issuer."""
    lines = [f"version:{certificate['version']}"]
    if client_id is not None:
        lines += [f"clientId:{client_id}", f"issuer:{certificate['issuer']}"]
    lines += [
        f"seed:{certificate['seed']}",
        f"start:{certificate['start']}",
        f"expiry:{certificate['expiry']}",
    ]
    lines += ["scopes:", *certificate["scopes"]]
    digest = hmac.new(access_token.reveal().encode(), "\n".join(lines).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def issue(
    deployment: Deployment,
    issuer: str,
    client_id: str,
    scopes: Iterable[str],
    *,
    start: datetime,
    expiry: datetime,
) -> dict[str, str]:
    """Named temporary credentials, in the form in which the services hand them out."""
    access_token = deployment.statics[issuer].access_token
    seed = deployment.token()
    certificate: dict[str, Any] = {
        "version": 1,
        "scopes": list(scopes),
        "start": milliseconds(start),
        "expiry": milliseconds(expiry),
        "seed": seed,
        "signature": None,
        "issuer": issuer,
    }
    certificate["signature"] = signature(certificate, access_token, client_id)
    return {
        "clientId": client_id,
        "accessToken": temporary_token(access_token, seed).reveal(),
        "certificate": json.dumps(certificate, separators=(",", ":")),
    }


def check(
    certificate: Any,
    client_id: str,
    *,
    issuer: str,
    access_token: Masked,
    issuer_scopes: list[str],
    now: datetime,
) -> None:
    """Refuse a certificate that its issuer did not sign, or could not, or that is not valid now.

    Args:
        certificate: as the caller sent it.
        client_id: whom the caller says to be.
        issuer: the client whose token signed it.
        access_token: the issuer's.
        issuer_scopes: the issuer's, expanded.
        now: the time.

    Raises:
        AuthenticationFailed: with the message of the first check that failed.
    """
    _check_form(certificate)
    _check_time(certificate, now)
    if issuer != client_id:
        needed = f"auth:create-client:{client_id}"
        if not is_satisfied(needed, issuer_scopes):
            raise AuthenticationFailed(
                f"ext.certificate issuer `{issuer}` doesn't have `{needed}` for supplied clientId."
            )
    elif "issuer" in certificate:
        raise AuthenticationFailed("ext.certificate.issuer must differ from the supplied clientId")
    if not is_satisfied({"AllOf": certificate["scopes"]}, issuer_scopes):
        raise AuthenticationFailed(
            f"ext.certificate issuer `{issuer}` doesn't satisfy all certificate scopes "
            f"{', '.join(certificate['scopes'])}.  The temporary credentials were not generated correctly."
        )
    named = "issuer" in certificate
    expected = signature(certificate, access_token, client_id if named else None)
    given = certificate.get("signature")
    if not (isinstance(given, str) and hmac.compare_digest(expected.encode(), given.encode())):
        suffix = ", or wrong clientId provided" if named else ""
        raise AuthenticationFailed(f"ext.certificate.signature is not valid{suffix}")


def _check_form(certificate: Any) -> None:
    if not isinstance(certificate, dict):
        raise AuthenticationFailed("ext.certificate must be an object")
    seed, scopes = certificate.get("seed"), certificate.get("scopes")
    if certificate.get("version") != 1:
        raise AuthenticationFailed("ext.certificate.version must be 1")
    if not isinstance(seed, str):
        raise AuthenticationFailed("ext.certificate.seed must be a string")
    if len(seed) != _SEED_LENGTH:
        raise AuthenticationFailed("ext.certificate.seed must be 44 characters")
    for name in ("start", "expiry"):
        if isinstance(certificate.get(name), bool) or not isinstance(certificate.get(name), int | float):
            raise AuthenticationFailed(f"ext.certificate.{name} must be a number")
    if not isinstance(scopes, list):
        raise AuthenticationFailed("ext.certificate.scopes must be an array")
    if not all(map(is_valid_scope, scopes)):
        raise AuthenticationFailed("ext.certificate.scopes must be an array of valid scopes")


def _check_time(certificate: dict[str, Any], now: datetime) -> None:
    if certificate["start"] > milliseconds(now + _EARLY_START):
        raise AuthenticationFailed("ext.certificate.start > now")
    if certificate["expiry"] < milliseconds(now):
        raise AuthenticationFailed("ext.certificate.expiry < now")
    if certificate["expiry"] - certificate["start"] > LONGEST.total_seconds() * 1000:
        raise AuthenticationFailed("ext.certificate cannot last longer than 31 days!")
