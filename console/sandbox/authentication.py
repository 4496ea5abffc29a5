"""Who is calling: Hawk by header or bewit, temporary credentials, authorizedScopes.

mohawk computes the codes. The rest of its receiver is not used: it has no bewit with a certificate, and words
its refusals in its own way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Never
from urllib.parse import urlsplit

from mohawk.util import calculate_mac, parse_content_type

from console.domain.scopes import is_satisfied
from console.sandbox import temporary
from console.sandbox.temporary import AuthenticationFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from console.domain.scopes import Roles
    from console.sandbox.deployment import Client
    from runner.masking import Masked

SKEW: Final = 15 * 60
"""Seconds by which a caller's clock may be wrong; nonces are not remembered."""

_ATTRIBUTES: Final = ("id", "ts", "nonce", "hash", "ext", "mac", "app", "dlg")
_BEWIT: Final = re.compile(r"^(/.*)([?&])bewit=([^&$]*)(?:&(.+))?$")
_BEWIT_PARTS: Final = 4
_TIMESTAMP: Final = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller: scopes are expanded; `client_id` is None for the role anonymous."""

    client_id: str | None
    scopes: list[str]
    expires: str = ""
    payload_hash: str = ""


@dataclass(frozen=True, slots=True)
class Directory:
    """Where clients are looked up and scopes expanded.

    Args:
        find: the client of an id.
        roles: expand scopes.
        now: the time.
    """

    find: Callable[[str], Client | None]
    roles: Roles
    now: datetime


@dataclass(slots=True)
class Signed:
    """What Hawk signs of a request; the names are those that mohawk reads."""

    method: str
    name: str
    host: str
    port: str
    authorization: str | None = None
    timestamp: str = ""
    nonce: str = ""
    ext: str = ""
    app: str = ""
    dlg: str = ""
    credentials: dict[str, str] | None = None


def payload_hash(content: bytes, content_type: str) -> str:
    """Hawk's hash of a body; mohawk's own formats the whole body for a log line."""
    head = f"hawk.1.payload\n{parse_content_type(content_type)}\n".encode()
    return base64.b64encode(hashlib.sha256(head + content + b"\n").digest()).decode()


def authenticate(signed: Signed, directory: Directory) -> Identity:
    """Find out who signed the request.

    Raises:
        AuthenticationFailed: signed by nobody known, or not well; no signature at all is `anonymous`.
    """
    bewit = _BEWIT.match(signed.name)
    if bewit:
        return _by_bewit(signed, bewit, directory)
    if signed.authorization:
        return _by_header(signed, directory)
    return Identity(None, directory.roles.expand(["assume:anonymous"]))


def _by_header(signed: Signed, directory: Directory) -> Identity:
    attributes = _parse_header(signed.authorization or "")
    signed.timestamp, signed.nonce = attributes["ts"], attributes["nonce"]
    signed.ext, signed.app, signed.dlg = (attributes.get(name, "") for name in ("ext", "app", "dlg"))
    sent_hash = attributes.get("hash", "")
    identity, key = _identify(attributes["id"], signed.ext, directory)
    _check_mac("header", signed, key, attributes["mac"], sent_hash)
    if not _TIMESTAMP.fullmatch(signed.timestamp) or (
        abs(int(signed.timestamp) - directory.now.timestamp()) > SKEW
    ):
        raise AuthenticationFailed("Unauthorized: Stale timestamp")
    return Identity(identity.client_id, identity.scopes, identity.expires, sent_hash)


def _by_bewit(signed: Signed, found: re.Match[str], directory: Directory) -> Identity:
    path, separator, bewit, rest = found.groups()
    if not bewit:
        raise AuthenticationFailed("Unauthorized: Empty bewit")
    if signed.method not in {"GET", "HEAD"}:
        raise AuthenticationFailed("Unauthorized: Invalid method")
    if signed.authorization:
        raise AuthenticationFailed("Bad Request: Multiple authentications")
    parts = _decode_bewit(bewit)
    client_id, signed.timestamp, mac, signed.ext = parts
    if not (client_id and _TIMESTAMP.fullmatch(signed.timestamp) and mac):
        raise AuthenticationFailed("Bad Request: Missing bewit attributes")
    if int(signed.timestamp) <= directory.now.timestamp():
        raise AuthenticationFailed("Unauthorized: Access expired")
    signed.name = path + (separator + rest if rest else "")
    signed.method = "GET"
    identity, key = _identify(client_id, signed.ext, directory)
    _check_mac("bewit", signed, key, mac, "")
    return identity


def bewit(client: Client, root_url: str, path: str, now: datetime) -> str:
    """A URL that its bearer may GET for a quarter of an hour, as the client."""
    address = urlsplit(root_url)
    expires = str(int(now.timestamp()) + SKEW)
    signed = Signed("GET", path, address.hostname or "", str(address.port), timestamp=expires)
    mac = _mac("bewit", signed, client.access_token, "").decode()
    packed = f"{client.client_id}\\{expires}\\{mac}\\".encode()
    return f"{root_url}{path}?bewit={base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def _decode_bewit(bewit: str) -> list[str]:
    try:
        decoded = base64.b64decode(bewit + "=" * (-len(bewit) % 4), altchars=b"-_").decode(errors="replace")
    except binascii.Error:
        raise AuthenticationFailed("Bad Request: Invalid bewit encoding") from None
    parts = decoded.split("\\")
    if len(parts) != _BEWIT_PARTS:
        raise AuthenticationFailed("Bad Request: Invalid bewit structure")
    return parts


def _parse_header(header: str) -> dict[str, str]:
    found = re.match(r"^(\w+)(?:\s+(.*))?$", header)
    if found is None:
        raise AuthenticationFailed("Bad Request: Invalid header syntax")
    if found[1].lower() != "hawk":
        raise AuthenticationFailed("Unauthorized: Unauthorized")
    if not found[2]:
        raise AuthenticationFailed("Bad Request: Invalid header syntax")
    attributes: dict[str, str] = {}
    end = 0
    for attribute in re.finditer(r'(\w+)="([^"\\]*)"\s*(?:,\s*|$)', found[2]):
        name, value = attribute.groups()
        if attribute.start() != end:
            raise AuthenticationFailed("Bad Request: Bad header format")
        if name not in _ATTRIBUTES:
            raise AuthenticationFailed(f"Bad Request: Unknown attribute: {name}")
        if name in attributes:
            raise AuthenticationFailed(f"Bad Request: Duplicate attribute: {name}")
        attributes[name], end = value, attribute.end()
    if end != len(found[2]):
        raise AuthenticationFailed("Bad Request: Bad header format")
    if not all(attributes.get(name) for name in ("id", "ts", "nonce", "mac")):
        raise AuthenticationFailed("Bad Request: Missing attributes")
    return attributes


def _mac(kind: str, signed: Signed, key: Masked, content_hash: str) -> bytes:
    signed.credentials = {"id": "", "key": key.reveal(), "algorithm": "sha256"}
    mac: bytes = calculate_mac(kind, signed, content_hash)
    signed.credentials = None
    return mac


def _check_mac(kind: str, signed: Signed, key: Masked, mac: str, content_hash: str) -> None:
    if not hmac.compare_digest(_mac(kind, signed, key, content_hash), mac.encode()):
        raise AuthenticationFailed("Unauthorized: Bad mac")


def _identify(client_id: str, ext: str, directory: Directory) -> tuple[Identity, Masked]:
    """Whom the caller says to be, with what they then may do, and the key that they must have signed with."""
    claims = _parse_ext(ext)
    certificate: Any = claims.get("certificate")
    issuer_id = client_id
    if isinstance(certificate, dict) and certificate.get("issuer"):
        issuer_id = certificate["issuer"]
        if not isinstance(issuer_id, str):
            raise AuthenticationFailed("ext.certificate.issuer must be a string")
    issuer = _known(issuer_id, directory)
    scopes = directory.roles.expand([*issuer.scopes, "assume:anonymous"])
    key, expires = issuer.access_token, issuer.expires
    if _is_truthy(certificate):
        temporary.check(
            certificate,
            client_id,
            issuer=issuer_id,
            access_token=key,
            issuer_scopes=scopes,
            now=directory.now,
        )
        key = temporary.temporary_token(key, certificate["seed"])
        scopes = directory.roles.expand([*certificate["scopes"], "assume:anonymous"])
    if _is_truthy(claims.get("authorizedScopes")):
        scopes = _narrowed(scopes, claims["authorizedScopes"], directory)
    return Identity(client_id, scopes, expires), key


def _is_truthy(value: Any) -> bool:
    """As JavaScript sees it: an empty object is something."""
    return bool(value) or isinstance(value, dict | list)


def _known(client_id: str, directory: Directory) -> Client:
    client = directory.find(client_id)
    if client is None:
        raise AuthenticationFailed(f"Client with clientId '{client_id}' not found")
    if client.disabled:
        raise AuthenticationFailed(f"Client with clientId '{client_id}' is disabled")
    # The services write the same form, which sorts as the times do.
    if client.expires < directory.now.strftime("%Y-%m-%dT%H:%M:%S."):
        raise AuthenticationFailed(f"Client with clientId: '{client_id}' has expired")
    return client


def _parse_ext(ext: str) -> dict[str, Any]:
    if not ext:
        return {}
    try:
        claims = json.loads(base64.b64decode(ext), parse_constant=_refuse_constant)
    except (binascii.Error, ValueError, RecursionError):
        raise AuthenticationFailed("Failed to parse ext") from None
    return claims if isinstance(claims, dict) else {}


def _refuse_constant(name: str) -> Never:
    # A certificate that starts at NaN would be valid whenever.
    raise ValueError(f"{name} is no JSON")


def _narrowed(held: list[str], authorized: Any, directory: Directory) -> list[str]:
    if not isinstance(authorized, list):
        raise AuthenticationFailed("ext.authorizedScopes must be an array")
    if not all(map(temporary.is_valid_scope, authorized)):
        raise AuthenticationFailed("ext.authorizedScopes must be an array of valid scopes")
    if not is_satisfied({"AllOf": authorized}, held):
        raise AuthenticationFailed(
            "Supplied credentials do not satisfy authorizedScopes; credentials have scopes:\n\n```\n"
            + "\n".join(held)
            + "\n```\n\nauthorizedScopes are:\n\n```\n"
            + "\n".join(authorized)
            + "\n```"
        )
    return directory.roles.expand([*authorized, "assume:anonymous"])
