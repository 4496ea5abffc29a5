"""What a sign-in asks for: a client of few scopes that ends soon, on the web interface's page."""

from __future__ import annotations

import re
import secrets
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_EXPIRES: Final = "1d"
# What the console reads, by the scopes that the services' references name (v106).
_READING: Final = (
    "auth:audit-history:role",
    "auth:audit-history:secret",
    "auth:current-scopes",
    "auth:expand-scopes",
    "auth:get-client:*",
    "auth:get-role:*",
    "auth:list-clients",
    "auth:list-roles",
    "secrets:list-secrets",
)
_UNITS: Final = {"h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class SignInRequest:
    """What is asked for.

    Args:
        scopes: those wanted; of them, the person's own are given.
        name: the client will be `<the person>/<name>`.
        expires: when the client ends, as the page takes it: `1d`, `8h`.
    """

    scopes: tuple[str, ...]
    name: str
    expires: str = DEFAULT_EXPIRES

    def page(self, root_url: str, callback: str) -> str:
        """The address to open (clients/client-shell's `signin`).

        Args:
            root_url: of the deployment.
            callback: where the page sends the credentials.
        """
        asked = [
            *(("scope", scope) for scope in self.scopes),
            ("name", self.name),
            ("expires", self.expires),
            ("callback_url", callback),
            ("description", f"lading on {socket.gethostname()}"),
        ]
        return f"{root_url}/auth/clients/create?{urlencode(asked, quote_via=quote)}"


def least_scopes(secret_names: Iterable[str]) -> tuple[str, ...]:
    """What the console needs to read, and to read and set these secrets; it asks for no role's, and not for `*`."""
    secrets_scopes = (f"secrets:{verb}:{name}" for name in secret_names for verb in ("get", "set"))
    return tuple(dict.fromkeys((*secrets_scopes, *_READING)))


def new_name() -> str:
    """A name that no other sign-in of this person has."""
    return f"lading-{secrets.token_hex(4)}"


def lifetime(expires: str) -> timedelta:
    """How long `1d` or `8h` is.

    Raises:
        UsageError: it is neither.
    """
    found = re.fullmatch(r"([1-9]\d{0,3})([hd])", expires)
    if found is None:
        raise UsageError(f"{expires!r} is no lifetime.", action="Write hours or days: 8h, 1d, 30d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
