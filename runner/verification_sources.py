"""Where a verdict's evidence comes from: a registry and Taskcluster, or a folder."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from runner.docker_config import docker_login
from runner.errors import CannotTell, UsageError
from runner.evidence import gather
from runner.evidence_image import Reading, unwatched
from runner.registry.client import RegistryClient
from runner.registry.contents import manifests_in
from runner.registry.effects import Effects
from runner.task.hawk import hawk_authorizer
from runner.task.taskcluster_http import Taskcluster
from runner.verification_folder import IMAGE_FOLDER, SavedImage, SavedTask, SavingTask, save_image
from runner.verification_values import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from runner.evidence_reading import ReadSoFar
    from runner.evidence_task import Lookup
    from runner.image.reference import ImageReference
    from runner.task.queue_service import TaskSource
    from runner.verification_values import Evidence, Policy


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is to be verified, and against what.

    Args:
        reference: the image.
        lookup: how the task is found.
        policy: what is demanded.
        root_url: of the Taskcluster that is trusted, or "" where only a folder is.
        insecure: registries that may speak plain HTTP.
        layers: whether they are read and hashed.
        offline: the folder that everything is read from, or None.
        save: the folder that everything is kept in, or None.
    """

    reference: ImageReference
    lookup: Lookup
    policy: Policy
    root_url: str
    insecure: frozenset[str]
    layers: bool = True
    offline: Path | None = None
    save: Path | None = None


def _silent(_text: str) -> None:
    """Where nobody waits."""


class Listener(NamedTuple):
    """Who waits; what either of them raises ends the reading.

    Args:
        watch: told how far the reading of layers is.
        notice: told of each failed attempt that is followed by another, one sentence.
    """

    watch: Callable[[ReadSoFar], None] = unwatched
    notice: Callable[[str], None] = _silent


def gathered(
    request: VerifyRequest,
    environment: Mapping[str, str],
    clock: Callable[[], float],
    listener: Listener | None = None,
) -> Evidence:
    """Gather the evidence, from the network or a folder.

    Args:
        request: what is verified.
        environment: for credentials.
        clock: seconds since the epoch.
        listener: who waits, if somebody does.

    Raises:
        CannotTell: the image is not shown.
        IntegrityFailure: its manifest's bytes are not what their digest says.
    """
    listener = listener or Listener()
    if request.offline is not None:
        return _from_folder(request, request.offline, listener)
    return _from_network(request, environment, clock, listener)


def _from_folder(request: VerifyRequest, folder: Path, listener: Listener) -> Evidence:
    if not folder.is_dir():
        raise UsageError(f"--offline {folder} is no folder.")
    image, task = SavedImage(folder / IMAGE_FOLDER), SavedTask(folder)
    lookup = replace(request.lookup, saved=task.task_id)
    reading = Reading(FOLDER, request.layers, image.holds, listener.watch)
    return gather(request.reference, image, task, lookup, reading)


def _from_network(
    request: VerifyRequest,
    environment: Mapping[str, str],
    clock: Callable[[], float],
    listener: Listener,
) -> Evidence:
    registry = request.reference.repository.registry
    effects = Effects(notice=listener.notice)
    with (
        closing(taskcluster_for(request.root_url, environment, clock, listener.notice)) as taskcluster,
        RegistryClient(
            registry, docker_login(environment, registry), insecure=request.insecure, effects=effects
        ) as client,
    ):
        source: TaskSource = taskcluster
        if request.save is not None:
            _save_image(request.reference, client, request.save)
            source = SavingTask(taskcluster, request.save)
        return gather(
            request.reference,
            client,
            source,
            request.lookup,
            Reading(layers=request.layers, watch=listener.watch),
        )


def _save_image(reference: ImageReference, client: RegistryClient, folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--save {folder} is not empty, and is not written over.")
    repository = reference.repository
    manifest = client.get_manifest(repository, reference.manifest_name)
    if manifest is None:
        raise CannotTell(f"There is no {reference}.", action="Check the name, the tag and the digest.")
    manifests = manifests_in(client, repository, manifest)
    configs = {image.config.digest for image in manifests if not image.is_index}
    contents = tuple((digest, client.get_blob(repository, digest)) for digest in sorted(configs, key=str))
    save_image(folder / IMAGE_FOLDER, manifests, contents)


def taskcluster_for(
    root_url: str,
    environment: Mapping[str, str],
    clock: Callable[[], float],
    notice: Callable[[str], None] = _silent,
) -> Taskcluster:
    """Taskcluster through the task's proxy, or with the caller's credentials, or with none: `anonymous` may read."""
    proxy = environment.get("TASKCLUSTER_PROXY_URL")
    if proxy and root_url == environment.get("TASKCLUSTER_ROOT_URL"):
        return Taskcluster(proxy, notice=notice)
    client_id, token = environment.get("TASKCLUSTER_CLIENT_ID"), environment.get("TASKCLUSTER_ACCESS_TOKEN")
    if not (client_id and token) or root_url != environment.get("TASKCLUSTER_ROOT_URL"):
        return Taskcluster(root_url, notice=notice)
    credentials = {"clientId": client_id, "accessToken": token}
    if environment.get("TASKCLUSTER_CERTIFICATE"):
        credentials["certificate"] = environment["TASKCLUSTER_CERTIFICATE"]
    return Taskcluster(root_url, notice=notice, authorize=hawk_authorizer(credentials, clock))
