"""Try a secret's registry credentials out, as a push would use them, before the secret is saved.

Nothing is pushed, no engine is asked, and nobody's `~/.docker/config.json` is read or written.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from console.actions.closable_thread import in_thread
from console.domain.secret_shape import credentials_in
from runner.errors import Refused, RunnerError, Unavailable
from runner.registry.client import RegistryClient
from runner.registry.effects import Effects
from runner.retry import Backoff

if TYPE_CHECKING:
    from console.actions.secret_use import SecretUse
    from console.domain.secret_record import SecretBody
    from runner.image.reference import Repository

# Somebody waits: one attempt, and each step of it within the time that a person has.
_EFFECTS: Final = Effects(backoff=Backoff(attempts=1), connect_timeout=10.0, read_timeout=20.0)
_TWO_FACTOR: Final = ("two-factor", "two factor", "2fa", "personal access token", "one-time")


@dataclass(frozen=True, slots=True)
class Checked:
    """What the registry said.

    Args:
        registry: which, or "" where the secret holds no registry credentials.
        username: whose credentials they are.
        pushes: the repositories to which they may push; none where no image of this checkout uses the secret.
    """

    registry: str
    username: str
    pushes: tuple[Repository, ...]

    def __str__(self) -> str:
        """A sentence."""
        if not self.registry:
            return "The secret holds no registry credentials: nothing was tested."
        if not self.pushes:
            return (
                f"{self.registry} accepts user {self.username!r}. Whether they may push was not tested: "
                "no image of this checkout's lading.toml uses the secret."
            )
        listed = ", ".join(map(str, self.pushes))
        return f"{self.registry} accepts user {self.username!r}, who may push to {listed}."


async def check(body: SecretBody, use: SecretUse) -> Checked:
    """Log in, and open and cancel an upload session in each repository that the secret is for.

    Raises:
        UsageError: a task could not read the credentials.
        Refused: wrong credentials, two-factor authentication, no permission to push.
        Unavailable: the registry is down, or limits how often it is asked.
    """
    credentials = credentials_in(body, use.username)
    if credentials is None:
        return Checked("", "", ())
    ours = tuple(place for place in use.repositories if place.registry == credentials.registry)
    if use.repositories and not ours:
        raise Refused(
            f"The secret is for {credentials.registry}, and its image goes to {use.repositories[0]}: "
            "credentials are sent to no other registry than theirs.",
            action="Name the image's registry, or correct lading.toml. Nothing was saved.",
        )
    client = RegistryClient(
        credentials.registry, credentials, insecure=use.insecure_registries, effects=_EFFECTS
    )

    stopped = threading.Event()

    def ask() -> None:
        client.check_login()
        for repository in ours:
            if stopped.is_set():
                return
            client.check_push(repository)

    try:
        await in_thread(ask, client.close)
    except RunnerError as error:
        raise _told(error) from error
    finally:
        stopped.set()
    return Checked(str(credentials.registry), credentials.username, ours)


def _told(error: RunnerError) -> RunnerError:
    """The registry's answer, with what to do here; a token that is wrong is not one that is asked too often."""
    said = error.what.lower()
    if isinstance(error, Refused) and any(word in said for word in _TWO_FACTOR):
        return Refused(
            error.what,
            cause="The account has two-factor authentication: its password opens nothing here.",
            action="Make an access token with permission to read and write, and set that. Nothing was saved.",
        )
    if isinstance(error, Unavailable):
        return Unavailable(
            error.what,
            cause=error.cause,
            action="Nothing was saved. Try again later, or save without the test (--no-check).",
        )
    if isinstance(error, Refused):
        return Refused(
            error.what,
            cause=error.cause or "The user name or token is wrong, or was revoked.",
            action="Nothing was saved. Check the user name and the token's permissions.",
        )
    return error
