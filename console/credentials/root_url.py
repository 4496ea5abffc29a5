"""A root URL as everything else compares it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit

from runner.errors import UsageError


def normal_root_url(text: str) -> str:
    """A root URL without a slash at its end.

    Raises:
        UsageError: it is not a URL of http(s), has more than a host, port and path, or is http to another machine.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{text!r} is not a root URL: {error}.") from error
    if parts.scheme not in {"http", "https"} or not host or any(map(str.isspace, text.strip())):
        raise UsageError(
            f"{text!r} is not a root URL.", action="Write it as https://firefox-ci-tc.services.mozilla.com."
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError("A root URL has no user, query or fragment.")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            f"http://{host} is refused: what is sent could be read and changed on its way.",
            action="Use https; http is for this machine only.",
        )
    shown = f"[{host}]" if ":" in host else host
    place = shown if port in {None, {"http": 80, "https": 443}[parts.scheme]} else f"{shown}:{port}"
    return urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
