"""A connection to one Taskcluster deployment: what every action takes."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from console.config import Config
from console.credentials.environment import ROOT_URL, credentials_of, root_url_of
from console.credentials.root_url import normal_root_url
from console.services.pacing import Pace
from console.services.taskcluster import Taskcluster, opened
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from console.credentials.keyring_store import CredentialStore
    from console.credentials.value import Credentials

ANONYMOUS: Final = "anonymous"
ENVIRONMENT: Final = "environment"
KEYRING: Final = "keyring"
MEMORY: Final = "memory"


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What it takes to connect.

    Args:
        root_url: of the deployment, normalised.
        credentials: of the client, or None for the role `anonymous`.
        origin: where the credentials come from: `profile NAME`, `environment`, `keyring`, `memory` or
            `anonymous`.
        read_only: whether calls that change something are refused before they are sent.
        profile: the profile of this deployment, or "".
    """

    root_url: str
    credentials: Credentials | None = None
    origin: str = ANONYMOUS
    read_only: bool = False
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection.

    Args:
        settings: what it was made of.
        taskcluster: the gateway.
    """

    settings: ConnectionSettings
    taskcluster: Taskcluster

    @property
    def root_url(self) -> str:
        """Of the deployment, without a slash at the end."""
        return self.settings.root_url


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom to connect to, and where the credentials are, before the keyring was asked.

    Args:
        settings: with the environment's credentials, or with the origin that those of the keyring would have.
        client_id: whose credentials the keyring is asked for, or "".
    """

    settings: ConnectionSettings
    client_id: str = ""


def choose(
    environment: Mapping[str, str],
    load: Callable[[], Config] = Config,
    *,
    root_url: str | None = None,
    profile: str | None = None,
    read_only: bool = False,
) -> Choice:
    """Choose by the precedence profile's flag > environment > keyring > anonymous; no keyring is asked yet.

    Credentials of the environment are for the environment's root URL: another one is asked by its profile.

    Args:
        environment: the variables.
        load: gives the configuration, where it is needed.
        root_url: a flag's, or None.
        profile: a flag's, or None.
        read_only: a flag's.

    Raises:
        UsageError: no root URL is named, or a variable, a flag or the configuration is wrong.
    """
    if profile is not None:
        return _of_profile(load(), profile, root_url, read_only=read_only)
    environments = root_url_of(environment)
    chosen = normal_root_url(root_url) if root_url else environments
    if chosen is None and (default := load().default_profile):
        chosen = load().root_url(default)
    if chosen is None:
        raise UsageError(
            "No Taskcluster is named.",
            action=f"Set {ROOT_URL}, give --root-url, or sign in: `lading signin --root-url URL`;"
            " `lading sandbox` runs one on this machine.",
        )
    credentials = credentials_of(environment) if environments in {None, chosen} else None
    if credentials is not None:
        return Choice(ConnectionSettings(chosen, credentials, ENVIRONMENT, read_only))
    config = load()
    name = profile_for(config, chosen)
    client_id = config.client_ids.get(name, "")
    origin = KEYRING if client_id else ANONYMOUS
    return Choice(ConnectionSettings(chosen, None, origin, read_only, name), client_id)


def _of_profile(config: Config, profile: str, root_url: str | None, *, read_only: bool) -> Choice:
    chosen = config.root_url(profile)
    if root_url and normal_root_url(root_url) != chosen:
        raise UsageError(
            f"Profile `{profile}` is of {chosen}, and --root-url names another.", action="Give one of them."
        )
    client_id = config.client_ids.get(profile, "")
    origin = f"profile {profile}" if client_id else ANONYMOUS
    return Choice(ConnectionSettings(chosen, None, origin, read_only, profile), client_id)


def profile_for(config: Config, root_url: str) -> str:
    """The profile of a root URL, or "": the default one before others, one that is signed in before one that is not."""
    names = [name for name, known in config.root_urls.items() if known == root_url]
    names.sort(key=lambda name: (name not in config.client_ids, name != config.default_profile, name))
    return names[0] if names else ""


def stored(choice: Choice, store: CredentialStore, notice: Callable[[str], None]) -> ConnectionSettings:
    """Ask the keyring where the choice says so; it may take as long as unlocking it does.

    Args:
        choice: what was chosen.
        store: the keyring's.
        notice: told that the keyring has nothing of the client, which is then `anonymous`.

    Raises:
        KeyringUnusable: the keyring cannot tell.
    """
    if not choice.client_id:
        return choice.settings
    settings = choice.settings
    credentials = store.find(settings.root_url, choice.client_id)
    if credentials is None:
        notice(
            f"The keyring has no token of {choice.client_id}: you are anonymous."
            f" `lading signin --profile {settings.profile}` gets a new one."
        )
    return replace(settings, credentials=credentials, origin=settings.origin if credentials else ANONYMOUS)


@contextlib.asynccontextmanager
async def connect(
    settings: ConnectionSettings, *, notice: Callable[[str], None] = lambda _text: None
) -> AsyncIterator[Connection]:
    """Connect; nothing is asked yet, and nothing stays open after the context.

    Args:
        settings: whom to connect to, and as whom.
        notice: told of each failed attempt that is followed by another.
    """
    async with opened(
        settings.root_url, settings.credentials, read_only=settings.read_only, pace=Pace(notice=notice)
    ) as gateway:
        yield Connection(settings, gateway)
