"""`promote` as both programs offer it: from arguments and accounts to the tags."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Self, TextIO

from runner.docker_config import docker_login
from runner.errors import ExitCode, Refused, UsageError
from runner.image.reference import BadReference, ImageReference, Registry
from runner.narration import printable
from runner.promotion import Destination, Promotion
from runner.registry.client import RegistryClient
from runner.registry.effects import Effects

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence

    from runner.credentials import RegistryCredentials
    from runner.image.digest import Digest
    from runner.image.reference import Repository
    from runner.narration import Narrator


class PromoteRequest(NamedTuple):
    """What is copied, and where to.

    Args:
        repository: where it is.
        digest: which image.
        destinations: where it shall be.
        username: of whom, where a secret holds a password alone.
        insecure: registries that may speak plain HTTP.
    """

    repository: Repository
    digest: Digest
    destinations: tuple[Destination, ...]
    username: str
    insecure: frozenset[str]

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        """Read the arguments.

        Raises:
            UsageError: the image has no digest, or a destination no tag.
        """
        repository, digest = _image(arguments.image)
        username = arguments.username or repository.path.partition("/")[0]
        insecure = _insecure(arguments.insecure_registry)
        return cls(repository, digest, tuple(_destinations(arguments.to)), username, insecure)

    @property
    def tags(self) -> tuple[ImageReference, ...]:
        """The tags that will name it."""
        return tuple(
            destination.repository.tagged(tag)
            for destination in self.destinations
            for tag in destination.tags
        )


class Accounts(NamedTuple):
    """Accounts out of Taskcluster secrets, by the secrets' names.

    Args:
        pushing: those that push, and read.
        reading: those that read, where others push to the same registry.
    """

    pushing: Sequence[tuple[str, RegistryCredentials]] = ()
    reading: Sequence[tuple[str, RegistryCredentials]] = ()


def run_promote(
    request: PromoteRequest, accounts: Accounts, environment: Mapping[str, str], narrator: Narrator
) -> Promotion:
    """Copy, compare, and tell; what became of each tag is in the promotion.

    Args:
        request: what is copied.
        accounts: of secrets; a registry without one is asked as `docker login` left it.
        environment: for `docker login`.
        narrator: tells.

    Raises:
        UsageError: two secrets are for one registry.
        RunnerError: nothing could be copied.
    """
    named = {destination.repository.registry for destination in request.destinations}
    own = request.repository.registry
    users = _by_registry(accounts.pushing, named | {own}, environment)
    readers = _by_registry(accounts.reading, {own}, environment) if accounts.reading else users
    with ExitStack() as closing:

        def client(registry: Registry, user: RegistryCredentials | None) -> RegistryClient:
            effects = Effects(notice=lambda text: narrator.say(f"  {text}"))
            made = RegistryClient(registry, user, insecure=request.insecure, effects=effects)
            return closing.enter_context(made)

        clients = {registry: client(registry, users[registry]) for registry in named}
        apart = accounts.reading or own not in clients
        source = client(own, readers[own]) if apart else clients[own]
        promotion = Promotion(source, request.repository, clients, narrator, time.sleep)
        promotion.run(request.digest, request.destinations)
    narrator.say("  what others attached to the image (referrers: signatures, attestations) is not copied")
    return promotion


def tell_promotion(
    request: PromoteRequest, promotion: Promotion, stdout: TextIO, *, as_json: bool
) -> ExitCode:
    """What became of each tag, pinned, on stdout; the exit code."""
    if as_json:
        image = str(request.repository.at(request.digest))
        stdout.write(json.dumps(promotion.document(image, request.digest)) + "\n")
    else:
        stdout.writelines(
            f"{reference}@{request.digest}  {printable(state)}\n"
            for reference, state in promotion.states.items()
        )
    return promotion.failures[0].exit_code if promotion.failures else ExitCode.OK


def _by_registry(
    secrets: Iterable[tuple[str, RegistryCredentials]],
    registries: set[Registry],
    environment: Mapping[str, str],
) -> dict[Registry, RegistryCredentials | None]:
    """Each registry's account, or None where it is asked without one; a secret is for the registry that it names."""
    found: dict[Registry, RegistryCredentials | None] = {}
    for name, credentials in secrets:
        if credentials.registry not in registries:
            raise Refused(
                f"The secret `{name}` is for {credentials.registry}, which nothing is copied to or from.",
                cause="Credentials are sent to the registry that their secret names and to no other.",
            )
        if credentials.registry in found:
            raise UsageError(f"Two secrets are for {credentials.registry}: name one of them.")
        found[credentials.registry] = credentials
    for registry in registries - found.keys():
        found[registry] = docker_login(environment, registry)
    return found


def _image(text: str) -> tuple[Repository, Digest]:
    try:
        image = ImageReference.parse(text)
    except BadReference as error:
        raise UsageError(f"The image: {error}.") from None
    if image.digest is None:
        raise UsageError(
            f"{text} has no digest, and a tag may name another image by the time that it is copied.",
            action="Name it as NAME@sha256:…, as `verify --json` has it under `pinned`.",
        )
    return image.repository, image.digest


def _destinations(texts: Sequence[str]) -> list[Destination]:
    tags: dict[tuple[object, ...], list[ImageReference]] = {}
    for text in texts:
        try:
            reference = ImageReference.parse(text)
        except BadReference as error:
            raise UsageError(f"The destination: {error}.") from None
        if reference.tag is None or reference.digest is not None:
            raise UsageError(f"The destination {text} is not [registry/]name:tag.")
        tags.setdefault((reference.repository,), []).append(reference)
    return [
        Destination(found[0].repository, tuple(dict.fromkeys(reference.tag or "" for reference in found)))
        for found in tags.values()
    ]


def _insecure(hosts: Sequence[str] | None) -> frozenset[str]:
    try:
        return frozenset(Registry.parse(host).host for host in hosts or ())
    except BadReference as error:
        raise UsageError(f"--insecure-registry: {error}.") from None
