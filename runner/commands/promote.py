"""`promote`: copy an image by digest to other tags, repositories and registries."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, TextIO

from runner.docker_config import docker_login
from runner.errors import ExitCode, Refused, UsageError
from runner.image.reference import BadReference, ImageReference, Registry
from runner.promotion import Destination, Promotion
from runner.registry.client import RegistryClient
from runner.registry.effects import Effects
from runner.task.event import event_from_environment
from runner.task.secrets_service import fetch_credentials
from runner.task.taskcluster_http import Taskcluster

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from runner.credentials import RegistryCredentials
    from runner.narration import Narrator


def promote(
    arguments: argparse.Namespace, environment: Mapping[str, str], narrator: Narrator, stdout: TextIO
) -> ExitCode:
    """Copy, compare, and say what became of each tag; the pinned references go to stdout.

    Raises:
        UsageError: the image has no digest, or a destination no tag.
        RunnerError: nothing could be copied.
    """
    image, destinations = _image(arguments.image), _destinations(arguments.to)
    insecure = _insecure(arguments.insecure_registry)
    named = {destination.repository.registry for destination in destinations}
    with ExitStack() as closing:
        accounts = _Accounts(
            environment, narrator, closing, arguments.username or image.repository.path.partition("/")[0]
        )
        users = accounts.of(arguments.secret, named | {image.repository.registry})
        readers = accounts.of(arguments.from_secret, {image.repository.registry})

        def client(registry: Registry, user: RegistryCredentials | None) -> RegistryClient:
            effects = Effects(notice=lambda text: narrator.say(f"  {text}"))
            return closing.enter_context(RegistryClient(registry, user, insecure=insecure, effects=effects))

        clients = {registry: client(registry, users[registry]) for registry in named}
        own = image.repository.registry
        if arguments.from_secret or own not in clients:
            source = client(own, readers[own] if arguments.from_secret else users[own])
        else:
            source = clients[own]
        promotion = Promotion(source, image.repository, clients, narrator, time.sleep)
        if image.digest is None:
            raise AssertionError  # _image demands one
        promotion.run(image.digest, destinations)
    narrator.say("  what others attached to the image (referrers: signatures, attestations) is not copied")
    if arguments.json:
        stdout.write(json.dumps(promotion.document(str(image), image.digest)) + "\n")
    else:
        stdout.writelines(
            f"{reference}@{image.digest}  {state}\n" for reference, state in promotion.states.items()
        )
    return promotion.failures[0].exit_code if promotion.failures else ExitCode.OK


def _image(text: str) -> ImageReference:
    try:
        image = ImageReference.parse(text)
    except BadReference as error:
        raise UsageError(f"The image: {error}.") from None
    if image.digest is None:
        raise UsageError(
            f"{text} has no digest, and a tag may name another image by the time that it is copied.",
            action="Name it as NAME@sha256:…, as `verify --json` has it under `pinned`.",
        )
    return image


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


class _Accounts:
    """Credentials out of Taskcluster secrets, each for the registry that its secret names; else `docker login`'s."""

    def __init__(
        self, environment: Mapping[str, str], narrator: Narrator, closing: ExitStack, username: str
    ) -> None:
        self._environment = environment
        self._narrator = narrator
        self._closing = closing
        self._username = username

    def of(
        self, secrets: Sequence[str], registries: set[Registry]
    ) -> dict[Registry, RegistryCredentials | None]:
        """Each registry's account, or None where it is asked without one."""
        found: dict[Registry, RegistryCredentials | None] = {}
        for secret in secrets:
            credentials = self._fetch(secret)
            if credentials.registry not in registries:
                raise Refused(
                    f"The secret `{secret}` is for {credentials.registry}, which nothing is copied to or from.",
                    cause="Credentials are sent to the registry that their secret names and to no other.",
                )
            if credentials.registry in found:
                raise UsageError(f"Two secrets are for {credentials.registry}: name one of them.")
            found[credentials.registry] = credentials
        for registry in registries - found.keys():
            found[registry] = docker_login(self._environment, registry)
        return found

    def _fetch(self, secret: str) -> RegistryCredentials:
        proxy = self._environment.get("TASKCLUSTER_PROXY_URL")
        if not proxy:
            raise Refused(
                "This task has no Taskcluster proxy: TASKCLUSTER_PROXY_URL is not set.",
                cause=f"The secret `{secret}` is read through it.",
                action="Set `features: {taskclusterProxy: true}` in the task's payload; outside of a task, "
                "leave --secret away and use `docker login`.",
            )
        taskcluster = Taskcluster(proxy, notice=self._narrator.say)
        self._closing.callback(taskcluster.close)
        event, _problems = event_from_environment(self._environment, lambda: None, lambda: None)
        return fetch_credentials(taskcluster, secret, self._username, event, self._narrator.masker)
