"""The registry's credentials, out of the Secrets service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.credentials import BadSecretShape, RegistryCredentials, credentials_from_secret
from runner.errors import Refused
from runner.masking import Masked
from runner.task.taskcluster_http import TaskclusterError, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.image.reference import Registry
    from runner.masking import Masker
    from runner.task.event import Event
    from runner.task.taskcluster_http import Taskcluster


def fetch_credentials(
    taskcluster: Taskcluster, name: str, username: str, event: Event | None, masker: Masker
) -> RegistryCredentials:
    """Fetch a secret and read registry credentials out of it; every text in it is masked from then on.

    Args:
        taskcluster: the task's proxy.
        name: the secret's name.
        username: the user name where the secret has a password alone.
        event: whose role must grant the scope, for the message; None if that is not known.
        masker: told of every text in the secret.

    Raises:
        Refused: the scope is missing, the secret is absent or expired, or its shape is not one of the four.
        Unavailable: the service does not answer.
    """
    secret = _fetch(taskcluster, name, event, masker)
    try:
        credentials = credentials_from_secret(secret, username)
    except BadSecretShape as error:
        raise Refused(
            f"The secret `{name}` cannot be used: {error}.",
            action=f"Set it again: lading secret set {name} dockerhub_password",
        ) from None
    masker.add(credentials.password)
    masker.add(credentials.basic)
    return credentials


def fetch_text(taskcluster: Taskcluster, name: str, key: str, event: Event, masker: Masker) -> Masked:
    """One text of a secret; every text in it is masked from then on.

    Args:
        taskcluster: the task's proxy.
        name: the secret's name.
        key: in its object.
        event: whose role must grant the scope, for the message.
        masker: told of every text in the secret.

    Raises:
        Refused: the scope is missing, the secret is absent or expired, or has no such text.
        Unavailable: the service does not answer.
    """
    found = _fetch(taskcluster, name, event, masker).get(key)
    if not isinstance(found, str) or not found:
        raise Refused(f"The secret `{name}` has no text under `{key}`.", action="Correct `build-secrets`.")
    text = Masked(found)
    masker.add(text)
    return text


def _fetch(taskcluster: Taskcluster, name: str, event: Event | None, masker: Masker) -> dict[str, Any]:
    try:
        answer = taskcluster.call("GET", "secrets", f"secret/{quoted(name)}")
    except TaskclusterError as error:
        raise _refused(error, name, event) from error
    secret = answer.get("secret") if isinstance(answer, dict) else None
    if not isinstance(secret, dict):
        raise Refused(
            f"The secret `{name}` holds no object.", action="Set it again, in one of the known shapes."
        )
    for text in _texts(secret):
        masker.add(Masked(text))
    return secret


def check_registry(credentials: RegistryCredentials, registry: Registry, secret: str) -> None:
    """Credentials go to the registry that the secret names, and to no other.

    Raises:
        Refused: the image goes to another registry.
    """
    if credentials.registry != registry:
        raise Refused(
            f"The secret `{secret}` is for {credentials.registry}, and the image goes to {registry}.",
            cause="Credentials are sent to the registry that their secret names and to no other.",
            action="Change `repository` or `secret` in lading.toml.",
        )


def _texts(value: object) -> Iterator[str]:
    """The leaves of a secret that could be worth stealing; short ones would mask ordinary words."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in {"registry", "username", "dockerhub_username", "email"}:
                yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str) and len(value) >= 6:
        yield value


def _refused(error: TaskclusterError, name: str, event: Event | None) -> Refused:
    if error.status == 403:
        scope = f"secrets:get:{name}"
        return Refused(
            f"403 from secrets: this task lacks `{scope}`.",
            action=f"Add it to `scopes` in .taskcluster.yml and to {f'role `{event.role}`' if event else 'its role'}.",
        )
    if error.status in {404, 410}:
        return Refused(
            f"The secret `{name}` is absent or expired.",
            cause="Taskcluster answers 404 to both.",
            action=f"Set it: lading secret set {name} dockerhub_password",
        )
    return Refused(
        f"The secret `{name}` could not be read: {error}.",
        cause="The task's proxy may have lost its credentials." if error.status == 401 else "",
    )
