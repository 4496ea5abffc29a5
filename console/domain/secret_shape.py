"""Which of the shapes a secret keeps registry credentials in, and other credentials put in their place.

The shapes are those that `runner.credentials` reads.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from console.domain.secret_record import SecretBody
from runner.credentials import DOCKER_HUB, BadSecretShape, RegistryCredentials, credentials_from_secret
from runner.errors import UsageError
from runner.image.reference import BadReference, Registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.masking import Masked

SHAPES: Final = ("dockerhub_password", "dockercfg", "docker")
# Docker's own key for Docker Hub, in a configuration file; every other registry's is its host.
_HUB_KEY: Final = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Account:
    """What is typed to rotate credentials.

    Args:
        token: the new password or token.
        registry: whose, or None for the one in use, else Docker Hub.
        username: of whom, or "" for the one in use.
    """

    token: Masked
    registry: Registry | None = None
    username: str = ""


def registry_of(typed: str) -> Registry | None:
    """A registry as somebody types it, or None where nothing is typed.

    Raises:
        UsageError: it is none.
    """
    if not typed.strip():
        return None
    try:
        return Registry.parse(typed.strip())
    except BadReference as error:
        raise UsageError(
            f"{typed[:80]!r} is no registry: {error}.", action="Give its host[:port], such as docker.io."
        ) from error


def registry_in(body: SecretBody) -> Registry | None:
    """Whose credentials a task would find, or None where that cannot be told."""
    try:
        found = credentials_in(body)
    except UsageError:
        return None
    return found.registry if found else None


def shape_of(body: SecretBody) -> str | None:
    """The key in use, or None where there is none of them.

    Raises:
        UsageError: there are several, so that it cannot be told which one counts.
    """
    found = [shape for shape in SHAPES if shape in body.reveal()]
    if len(found) > 1:
        raise UsageError(
            f"The secret is ambiguous: it has {' and '.join(f'`{shape}`' for shape in found)}.",
            action="Delete it and set it again with one of them.",
        )
    return found[0] if found else None


def credentials_in(body: SecretBody, default_username: str = "") -> RegistryCredentials | None:
    """The credentials that a task would find, or None where it would find none of the shapes.

    Raises:
        UsageError: a task could not read them.
    """
    content = body.reveal()
    if not any(shape in content for shape in SHAPES):
        return None
    try:
        return credentials_from_secret(content, default_username)
    except BadSecretShape as error:
        raise UsageError(
            f"A task could not use this secret: {error}.",
            action="Correct it, or give --no-check to save it so.",
        ) from None


def obstacles(body: SecretBody) -> tuple[str, ...]:
    """What in it does nothing in a task, or breaks one."""
    dockercfg = body.reveal().get("dockercfg")
    if not isinstance(dockercfg, dict):
        return ()
    return tuple(
        f"`dockercfg.{key}` names a program of somebody's own machine, which no task has"
        for key in ("credHelpers", "credsStore")
        if key in dockercfg
    )


def with_account(body: SecretBody, account: Account) -> SecretBody:
    """The same secret with other credentials, in the shape in use; without one, as `dockercfg`.

    Raises:
        UsageError: the shape in use cannot hold them, or names another registry.
    """
    content, shape = body.reveal(), shape_of(body)
    if ":" in account.username:
        raise UsageError("A user name has no colon: `auth` would be split at it.")
    if shape == "dockerhub_password":
        _into_password(content, account)
    elif shape == "docker":
        _into_docker(content, account)
    else:
        _into_dockercfg(content, account)
    return SecretBody(content)


def _into_password(content: dict[str, Any], account: Account) -> None:
    if account.registry not in {None, DOCKER_HUB}:
        raise _other_registry(DOCKER_HUB)
    content["dockerhub_password"] = account.token.reveal()
    if account.username:
        content["dockerhub_username"] = account.username


def _into_docker(content: dict[str, Any], account: Account) -> None:
    docker = content["docker"]
    if not isinstance(docker, dict):
        raise UsageError("`docker` is no object.", action="Delete the secret and set it again.")
    if account.registry is not None:
        docker["registry"] = account.registry.host
    if account.username or "username" not in docker:
        docker["username"] = _username(account)
    docker["password"] = account.token.reveal()


def _into_dockercfg(content: dict[str, Any], account: Account) -> None:
    # jq writes the text `null` into Docker's configuration where the key is missing; null itself is no better.
    dockercfg = content.get("dockercfg")
    if dockercfg is None:
        dockercfg = content["dockercfg"] = {"auths": {}}
    auths = dockercfg.get("auths", dockercfg) if isinstance(dockercfg, dict) else None
    if not isinstance(auths, dict):
        raise UsageError("`dockercfg` is no object.", action="Delete the secret and set it again.")
    if not auths:
        registry = account.registry or DOCKER_HUB
        auths[_HUB_KEY if registry == DOCKER_HUB else registry.host] = _entry({}, account)
        return
    if len(auths) > 1:
        raise UsageError(f"`dockercfg` names {len(auths)} registries where exactly one is wanted.")
    ((key, entry),) = auths.items()
    in_use = _registry_of_key(key)
    if account.registry not in {None, in_use}:
        raise _other_registry(in_use)
    auths[key] = _entry(entry if isinstance(entry, dict) else {}, account)


def _entry(entry: dict[str, Any], account: Account) -> dict[str, Any]:
    """A registry's entry, its other members kept; as `username` and `password` only where it was so."""
    token = account.token.reveal()
    if "auth" not in entry and {"username", "password"} <= entry.keys():
        return {**entry, "username": account.username or entry["username"], "password": token}
    username = account.username or _username_in(entry) or _username(account)
    return {**entry, "auth": base64.b64encode(f"{username}:{token}".encode()).decode()}


def _username_in(entry: Mapping[str, Any]) -> str:
    try:
        return base64.b64decode(entry["auth"]).decode().partition(":")[0]
    except (KeyError, TypeError, ValueError):
        return ""


def _username(account: Account) -> str:
    if not account.username:
        raise UsageError(
            "Whose token it is has to be said: the secret names no user.", action="Give the user name."
        )
    return account.username


def _registry_of_key(key: str) -> Registry:
    host = key.removeprefix("https://").removeprefix("http://").partition("/")[0]
    try:
        return Registry.parse(host)
    except BadReference:
        raise UsageError(f"{key[:100]!r} in `dockercfg` is no registry's host[:port].") from None


def _other_registry(in_use: Registry) -> UsageError:
    return UsageError(
        f"This secret is for {in_use}, and a secret names one registry.",
        action="Leave the registry out, or make another secret for the other one.",
    )


def parsed(text: Masked, kind: str) -> Any:
    """JSON that somebody typed in place of an object, a list or a number.

    Args:
        text: as it was typed.
        kind: what it has to be, for the message.

    Raises:
        UsageError: it is no JSON.
    """
    try:
        return json.loads(text.reveal())
    except (ValueError, RecursionError):
        # Without the cause: its text may show the value.
        raise UsageError(f"The value is no JSON, and {kind}: nothing was changed.") from None
