"""Whether the secret is there, for long enough, in a shape that the runner takes, and for the image's registry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from console.domain.findings import Diagnosis, Link, broken, doubtful, ok, untold
from console.domain.findings_fix import Edit, EditFile, How, RotateSecret, RunCommand
from console.domain.secret_shape import SHAPES
from runner.credentials import BadSecretShape, RegistryCredentials, credentials_from_secret
from runner.errors import Refused
from runner.settings import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from console.domain.secret_record import SecretBody
    from runner.errors import RunnerError
    from runner.settings import Settings

SOON: Final = timedelta(days=14)
_LIFETIME: Final = "1y"


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """What could be learnt of a secret.

    Args:
        content: what is in it, or None where it could not be read.
        expires: when, if that is known.
        is_there: whether there is one; None where that is not told either.
        was_there: whether it was set once and never deleted: then it has expired.
        unread: why it could not be read, or "".
    """

    content: SecretBody | None = None
    expires: datetime | None = None
    is_there: bool | None = None
    was_there: bool = False
    unread: str = ""


def credentials_of(facts: SecretFacts, settings: Settings) -> RegistryCredentials | None:
    """The credentials, if they can be read and are for the image's registry: they go to no other."""
    if facts.content is None:
        return None
    try:
        found = credentials_from_secret(facts.content.reveal(), settings.username)
    except BadSecretShape:
        return None
    return found if found.registry == settings.repository.registry else None


def _new_secret(settings: Settings) -> RotateSecret:
    return RotateSecret(
        secret=settings.secret,
        registry=settings.repository.registry.host,
        user=settings.username,
        expires=_LIFETIME,
    )


def secret_findings(facts: SecretFacts, settings: Settings, now: datetime) -> Iterator[Diagnosis]:
    """What is wrong with the secret; the first that is found."""
    name, fix = settings.secret, _new_secret(settings)
    if facts.is_there is False:
        code = "secret-expired" if facts.was_there else "secret-absent"
        seen = f"The secret {name} has expired." if facts.was_there else f"There is no secret {name}."
        yield broken(Link.SECRET, code, seen, "Set it.", fix)
        return
    if facts.content is None:
        there = "There is a secret" if facts.is_there else "Perhaps there is a secret"
        yield untold(
            Link.SECRET,
            f"{there} {name}; what is in it cannot be seen: {facts.unread}",
            f"Sign in with a client that has `secrets:get:{name}`.",
        )
        return
    yield _content_finding(facts.content, facts.expires, settings, now)


def _content_finding(
    content: SecretBody, expires: datetime | None, settings: Settings, now: datetime
) -> Diagnosis:
    name = settings.secret
    try:
        credentials = credentials_from_secret(content.reveal(), settings.username)
    except BadSecretShape as error:
        # A rotation fills in a shape, and repairs none that is broken.
        is_broken = any(shape in content.reveal() for shape in SHAPES)
        remove = RunCommand(("lading", "secret", "rm", name, "--yes"))
        steps = (*((remove,) if is_broken else ()), _new_secret(settings))
        return broken(
            Link.SECRET,
            "secret-shape",
            f"The secret {name} cannot be used: {error}.",
            "Set it again.",
            *steps,
        )
    registry = settings.repository.registry
    if credentials.registry != registry:
        other = f"{credentials.registry}/{settings.repository.path}"
        edit = Edit(("repository",), How.SET, other)
        return broken(
            Link.SECRET,
            "secret-of-another-registry",
            f"The secret {name} is for {credentials.registry}, and the image goes to {registry}: credentials are sent "
            "to no other registry.",
            f'Name the secret of {registry}, or write `repository = "{other}"` in {FILE_NAME}.',
            EditFile(file=FILE_NAME, image=settings.image, edits=(edit,)),
        )
    if expires is not None and expires < now + SOON:
        days = (expires - now).days
        when = f"in {days} day{'s'[: days != 1]}" if days else "within a day"
        fix = RotateSecret(secret=name, expires=_LIFETIME)
        return doubtful(
            Link.SECRET,
            "secret-expires-soon",
            f"The secret {name} expires {when}, on {expires:%Y-%m-%d}.",
            "Set it again.",
            fix,
        )
    until = f", until {expires:%Y-%m-%d}" if expires else ""
    return ok(Link.SECRET, f"{name}: {credentials.username} at {credentials.registry}{until}")


def sign_in_finding(
    root_url: str, client_id: str | None, origin: str, error: RunnerError | None = None
) -> Diagnosis:
    """As whom the deployment is asked.

    Args:
        root_url: of the deployment.
        client_id: who, or None for `anonymous`.
        origin: where the credentials come from.
        error: why it answers nothing, or None where it does.
    """
    fix = RunCommand(("lading", "signin", "--root-url", root_url))
    if isinstance(error, Refused):
        return doubtful(Link.SIGN_IN, "sign-in-refused", error.what, "Sign in again.", fix)
    if error is not None:
        return untold(Link.SIGN_IN, error.what, error.action)
    if client_id is None:
        return doubtful(
            Link.SIGN_IN,
            "sign-in-none",
            "Nobody is signed in: what `anonymous` may not read is not known.",
            "Sign in.",
            fix,
        )
    return ok(Link.SIGN_IN, f"{client_id}, by the {origin}")
