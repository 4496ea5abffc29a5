"""Where a request may go: plain HTTP, moved Locations, and hosts that must not see credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urljoin, urlsplit, urlunsplit

from runner.errors import Refused
from runner.image.reference import BadReference, Registry

if TYPE_CHECKING:
    from collections.abc import Collection


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: credentials stay within one origin (RFC 6454).

    Raises:
        Refused: the URL is none of HTTP.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        raise Refused("A registry named an address that is no HTTP URL.") from None
    if not parts.hostname or parts.username is not None:
        raise Refused("A registry named an address without a host, or with a user in it.")
    return parts.scheme, parts.hostname, port


def plain_http_allowed(host: str, insecure: Collection[str]) -> bool:
    """Whether plain HTTP may be spoken to `host[:port]`: on loopback, and where the user said so."""
    try:
        return Registry.parse(host).is_loopback or host.lower() in {named.lower() for named in insecure}
    except BadReference:
        return False


def checked(url: str, insecure: Collection[str]) -> str:
    """The URL itself, if a request may go there.

    Raises:
        Refused: it is plain HTTP to a host that is neither loopback nor named insecure.
    """
    scheme, host, _ = origin(url)
    if scheme == "http" and not plain_http_allowed(urlsplit(url).netloc, insecure):
        raise Refused(
            f"The registry sends us to {host} over plain HTTP.",
            cause="A registry behind a proxy that ends TLS does so if it is not told its own address.",
            action=f"Correct the registry's setting, or allow it with `--insecure-registry {host}`.",
        )
    return url


def moved(base: str, location: str, insecure: Collection[str]) -> str:
    """A `Location`, relative or absolute, seen from the URL that answered it.

    Raises:
        Refused: it leads where no request may go.
    """
    return checked(urljoin(base, location), insecure)


def with_query(url: str, **parameters: str) -> str:
    """The URL with parameters added to those that it has."""
    parts = urlsplit(url)
    added = urlencode(parameters, quote_via=quote, safe=":/")
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))
