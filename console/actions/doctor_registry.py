"""What the doctor asks a registry: whether a push is let in, and what the tags point at. Nothing is pushed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from console.actions.closable_thread import in_thread
from console.domain.findings_registry import Push, RegistryFacts
from runner.errors import IntegrityFailure, Refused, RunnerError
from runner.image.manifests import BadManifest, ImageConfig
from runner.image.tags import default_templates, fields_of, tags_of, template_problems
from runner.registry.answers import WrongPassword
from runner.registry.client import RegistryClient
from runner.registry.effects import Effects
from runner.retry import Backoff
from runner.tag_law import Relation, Standing, decide_tag
from runner.task.image_metadata import REVISION_LABEL

if TYPE_CHECKING:
    from datetime import datetime

    from console.actions.doctor_checkout import ReadCheckout
    from runner.credentials import RegistryCredentials
    from runner.image.manifests import Manifest
    from runner.image.tags import Tag
    from runner.settings import Settings

# Somebody waits: one attempt, and each step of it within the time that a person has.
_EFFECTS: Final = Effects(backoff=Backoff(attempts=1), connect_timeout=10.0, read_timeout=20.0)


async def ask_registry(
    read: ReadCheckout, settings: Settings, credentials: RegistryCredentials | None, now: datetime
) -> RegistryFacts:
    """Ask the image's registry, in a thread that holds up neither a cancellation nor the program's end.

    Args:
        read: the checkout.
        settings: the image's.
        credentials: those of its secret, or None: then only the tags are asked for, as anybody may.
        now: the time of dated tags.
    """
    registry = settings.repository.registry
    client = RegistryClient(registry, credentials, insecure=settings.insecure_registries, effects=_EFFECTS)
    survey = _Survey(client, read, settings)
    return await in_thread(lambda: survey.facts(credentials, now), client.close)


class _Survey:
    def __init__(self, client: RegistryClient, read: ReadCheckout, settings: Settings) -> None:
        self._client = client
        self._read = read
        self._repository = settings.repository
        self._settings = settings

    def facts(self, credentials: RegistryCredentials | None, now: datetime) -> RegistryFacts:
        user = credentials.username if credentials else ""
        push, said = self._push() if credentials else (Push.UNKNOWN, None)
        if push is Push.WRONG_PASSWORD:
            # Each further attempt counts towards a locked account.
            return RegistryFacts(push, user, said, tags_unread="not asked with a wrong password")
        problems, tags = self._tags(now)
        if problems:
            return RegistryFacts(
                push,
                user,
                said,
                tags_unread=f"The tags cannot be made: {'; '.join(problems)}.",
                bad_tags=True,
            )
        try:
            decisions = [decide_tag(tag, self._look, self._read.revision, self._relate) for tag in tags]
        except RunnerError as error:
            return RegistryFacts(push, user, said, tags_unread=error.what)
        return RegistryFacts(push, user, said, decisions)

    def _push(self) -> tuple[Push, RunnerError | None]:
        try:
            self._client.check_push(self._repository)
        except WrongPassword as error:
            return Push.WRONG_PASSWORD, error
        except Refused as error:
            return Push.REFUSED, error
        except RunnerError as error:
            return Push.UNKNOWN, error
        return Push.GRANTED, None

    def _tags(self, now: datetime) -> tuple[list[str], list[Tag]]:
        happening = self._read.happening
        tag = happening.tag if happening.tag is not None else happening.release
        templates = self._settings.tags
        if templates is None:
            templates = default_templates(happening.branch, tag)
        version = tag.removeprefix("v") if tag else None
        known = fields_of(happening.branch, tag, version, self._read.revision, now)
        problems = template_problems(templates, known)
        return problems, [] if problems else tags_of(templates, known)

    def _look(self, name: str) -> Standing | None:
        manifest = self._client.get_manifest(self._repository, name)
        if manifest is None:
            return None
        config = self._config_of(manifest)
        return Standing(manifest.digest, config.labels.get(REVISION_LABEL) if config else None, stated=False)

    def _config_of(self, manifest: Manifest) -> ImageConfig | None:
        try:
            if manifest.is_index:
                entry = self._client.get_manifest(self._repository, str(manifest.entries[0].digest))
                return self._config_of(entry) if entry and not entry.is_index else None
            return ImageConfig.parse(self._client.get_blob(self._repository, manifest.config.digest))
        except (BadManifest, IndexError, IntegrityFailure):
            return None

    def _relate(self, theirs: str) -> Relation:
        ours, checkout = self._read.revision, self._read.checkout
        if checkout.descends(ours, theirs):
            return Relation.OLDER
        newer = checkout.descends(theirs, ours)
        if newer:
            return Relation.NEWER
        return Relation.UNKNOWN if newer is None else Relation.DIVERGED
