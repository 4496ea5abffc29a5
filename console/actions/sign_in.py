"""Sign in: a new client from the web interface's page, or one that the user has; checked before it is kept."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from console.connection import ConnectionSettings, connect
from console.credentials.aside import aside
from console.credentials.callback_server import LIMIT_SECONDS, listening
from console.credentials.request import lifetime
from console.domain.scopes import satisfies
from console.failures import MissingScopes
from console.services import auth
from runner.errors import RunnerError
from runner.settings import FILE_NAME, load_settings
from runner.task.checkout import Checkout
from runner.task.event import parse_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from console.connection import Connection
    from console.credentials.keyring_store import CredentialStore
    from console.credentials.request import SignInRequest
    from console.credentials.value import Credentials

_ENDLESS: Final = timedelta(days=3650)
"""Taskcluster's permanent clients end in the year 3000: that is no end to count down to."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the user has to open now.

    Args:
        url: the page with the Save button; it holds what makes its answer known, and no token.
        port: where the answer is waited for, on this machine.
    """

    url: str
    port: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Credentials that the deployment accepts.

    Args:
        root_url: of the deployment.
        credentials: kept, in the keyring or in memory.
        held: their scopes, expanded, or None where they may not ask for them.
        lacking: what was wanted and is not held.
        not_kept: why they end with the program, or "".
    """

    root_url: str
    credentials: Credentials
    held: tuple[str, ...] | None
    lacking: tuple[str, ...]
    not_kept: str


def secrets_of(folder: Path) -> list[str]:
    """The secrets that a checkout's images are pushed with; it reads files and asks git.

    A checkout whose settings are wrong has none: signing in does not depend on them.
    """
    try:
        text = (folder / FILE_NAME).read_text(encoding="utf-8")
        images = list(tomllib.loads(text).get("image", {})) or [None]
    except (OSError, ValueError, AttributeError):
        text, images = None, [None]
    host, slug = parse_repository(Checkout(folder).remote or "") or ("github.com", None)
    names: list[str] = []
    for image in images:
        try:
            settings = load_settings(text, {}, {}, image=image, slug=slug, host=host)
        except RunnerError:
            continue
        names += [settings.secret] if settings.secret else []
    return list(dict.fromkeys(names))


async def sign_in(
    root_url: str,
    request: SignInRequest,
    store: CredentialStore,
    *,
    show: Callable[[Page], None],
    port: int = 0,
    limit: float = LIMIT_SECONDS,
) -> SignedIn:
    """Have the user press Save on the web interface's page, and keep what it sends; cancelling leaves nothing behind.

    Args:
        root_url: of the deployment.
        request: what is asked for.
        store: keeps the credentials.
        show: given the page, once its answer is waited for.
        port: where it is waited for, or 0 for any.
        limit: seconds that the user may take.

    Raises:
        SignInEnded: nobody pressed Save in time.
        SignInNeeded: the deployment does not accept what the page sent.
        RunnerError: the port is taken, or the deployment does not answer.
    """
    length = lifetime(request.expires)
    async with listening(port, limit=limit) as listener:
        show(Page(request.page(root_url, listener.url), listener.port))
        credentials = await listener.credentials()
        credentials = replace(credentials, client_ends=datetime.now(UTC) + length)
        return await take(root_url, credentials, request.scopes, store)


async def take(
    root_url: str, credentials: Credentials, wanted: Iterable[str], store: CredentialStore
) -> SignedIn:
    """Keep credentials that the deployment accepts.

    Args:
        root_url: of the deployment.
        credentials: to be checked.
        wanted: scopes, of which those that are not held are told.
        store: keeps the credentials.

    Raises:
        SignInNeeded: the deployment does not accept them; nothing was kept.
        RunnerError: it does not answer; nothing was kept.
    """
    held = None
    async with connect(ConnectionSettings(root_url, credentials)) as connection:
        try:
            held = await auth.current_scopes(connection.taskcluster)
        except MissingScopes:
            # Accepted, and not allowed to ask what for.
            held = None
        credentials = replace(credentials, client_ends=await _end_of(connection, credentials))
    not_kept = await aside(lambda: store.keep(root_url, credentials))
    lacking = tuple(scope for scope in wanted if held is not None and not satisfies(held, scope))
    return SignedIn(root_url, credentials, held, lacking, not_kept)


async def _end_of(connection: Connection, credentials: Credentials) -> datetime | None:
    """The client's end as auth has it, who presses Save may have changed it; else as it was asked for."""
    try:
        found = await connection.taskcluster.call("auth", "client", credentials.client_id)
        end = datetime.fromisoformat(found["expires"])
    except (RunnerError, KeyError, TypeError, ValueError):
        return credentials.client_ends
    return end if end - datetime.now(UTC) < _ENDLESS else None
