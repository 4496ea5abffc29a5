"""A connection to one Taskcluster deployment: what every action takes."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from console.credentials.environment import ROOT_URL, credentials_of, root_url_of
from console.credentials.root_url import normal_root_url
from console.services.pacing import Pace
from console.services.taskcluster import Taskcluster, opened
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from console.credentials.value import Credentials

ANONYMOUS: Final = "anonymous"
ENVIRONMENT: Final = "environment"


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What it takes to connect.

    Args:
        root_url: of the deployment, normalised.
        credentials: of the client, or None for the role `anonymous`.
        origin: where the credentials come from: `profile NAME`, `environment`, `keyring` or `anonymous`.
        read_only: whether calls that change something are refused before they are sent.
    """

    root_url: str
    credentials: Credentials | None = None
    origin: str = ANONYMOUS
    read_only: bool = False


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


def settings_of(
    environment: Mapping[str, str], *, root_url: str | None = None, read_only: bool = False
) -> ConnectionSettings:
    """Settings by the precedence flag > environment > anonymous.

    Credentials of the environment are for the environment's root URL: another one is asked anonymously.

    Args:
        environment: the variables.
        root_url: a flag's, or None.
        read_only: a flag's.

    Raises:
        UsageError: no root URL is named, or a variable is malformed.
    """
    environments = root_url_of(environment)
    chosen = normal_root_url(root_url) if root_url else environments
    if chosen is None:
        raise UsageError(
            "No Taskcluster is named.",
            action=f"Set {ROOT_URL} or give --root-url; `lading sandbox` runs one on this machine.",
        )
    credentials = credentials_of(environment) if environments in {None, chosen} else None
    origin = ENVIRONMENT if credentials else ANONYMOUS
    return ConnectionSettings(chosen, credentials, origin, read_only)


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
