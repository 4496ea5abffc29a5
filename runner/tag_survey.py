"""What is under the wanted tags now, which statements speak for it, and so what is to be done with each tag."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from runner.errors import ExitCode, IntegrityFailure, RunnerError, UsageError
from runner.image.manifests import BadManifest, ImageConfig
from runner.image.tags import default_templates, fields_of, tags_of, template_problems
from runner.tag_law import Decision, Move, Relation, Standing, decide_tag
from runner.task.image_metadata import REVISION_LABEL
from runner.task.queue_service import run_artifact
from runner.task.statement import STATEMENT_NAME, BadStatement, Statement
from runner.task.taskcluster_http import TaskclusterError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from runner.image.digest import Digest
    from runner.image.manifests import Manifest
    from runner.image.tags import Tag
    from runner.job import Job
    from runner.registry.client import RegistryClient
    from runner.task.taskcluster_http import Taskcluster

_LONGEST_STATEMENT: Final = 4 << 20


class TagSurvey:
    """Asks the registry what the tags are at, and Taskcluster who published that.

    Args:
        job: whose tags.
        registry: of the image.
        taskcluster: the task's proxy.
        moment: the run's one time; asked for only if a tag has the date.
    """

    def __init__(
        self, job: Job, registry: RegistryClient, taskcluster: Taskcluster, moment: Callable[[], datetime]
    ) -> None:
        self._job = job
        self._registry = registry
        self._taskcluster = taskcluster
        self._moment = moment
        self._standings: dict[Digest, Standing] = {}
        self._relations: dict[str, Relation] = {}
        self._statements: dict[Digest, Statement | None] = {}
        # Manifests that statements of this repository name, of whichever commit: their layers are known.
        self.stated: list[Manifest] = []

    @cached_property
    def wanted(self) -> list[Tag]:
        """The tags that the event gives.

        Raises:
            UsageError: a template is wrong, or wants what the event does not have.
        """
        event, settings = self._job.event, self._job.settings
        templates = settings.tags if settings.tags is not None else default_templates(event.branch, event.tag)
        dated = any("{date}" in template for template in templates)
        moment = self._moment() if dated else None
        known = fields_of(event.branch, event.tag, event.version, self._job.revision, moment)
        problems = template_problems(templates, known)
        if problems:
            raise UsageError(
                f"The tags cannot be made: {'; '.join(problems)}.", action="Correct `tags` in lading.toml."
            )
        return tags_of(templates, known)

    @cached_property
    def decisions(self) -> list[Decision]:
        """What is to be done with each tag.

        Raises:
            IntegrityFailure: a tag would lose its meaning.
        """
        decisions = [self.decide(tag) for tag in self.wanted]
        refused = [decision.reason for decision in decisions if decision.move is Move.REFUSE]
        if refused:
            raise IntegrityFailure(
                f"Refused: {'; '.join(refused)}.",
                action="Publish under tags of this commit, or remove the tag if it should not be there.",
            )
        for decision in decisions:
            if decision.warning:
                self._job.narrator.warn(decision.reason)
        return decisions

    def decide(self, tag: Tag) -> Decision:
        """What is to be done with a tag, as it is this moment: another task may have moved it."""
        return decide_tag(tag, self.look, self._job.revision, self._relate)

    @cached_property
    def published(self) -> Statement | None:
        """The statement of what a tag is at already, made for this commit: then nothing is built."""
        kept = (decision.standing for decision in self.decisions if decision.move is Move.KEEP)
        return next((self._statements.get(digest) for digest in kept if digest is not None), None)

    def look(self, name: str) -> Standing | None:
        """What is under a tag now."""
        manifest = self._registry.get_manifest(self._job.settings.repository, name)
        if manifest is None:
            return None
        if manifest.digest not in self._standings:
            self._standings[manifest.digest] = self._standing_of(manifest)
        return self._standings[manifest.digest]

    def _standing_of(self, manifest: Manifest) -> Standing:
        config = self._config_of(manifest)
        statement = self._statements[manifest.digest] = self._statement_of(manifest, config)
        revision = config.labels.get(REVISION_LABEL) if config else None
        return Standing(manifest.digest, revision, statement is not None)

    def _config_of(self, manifest: Manifest) -> ImageConfig | None:
        repository = self._job.settings.repository
        try:
            if manifest.is_index:
                entry = self._registry.get_manifest(repository, str(manifest.entries[0].digest))
                return self._config_of(entry) if entry and not entry.is_index else None
            return ImageConfig.parse(self._registry.get_blob(repository, manifest.config.digest))
        except (BadManifest, IndexError, IntegrityFailure):
            return None

    def _relate(self, theirs: str) -> Relation:
        if theirs not in self._relations:
            self._relations[theirs] = self._relation_of(theirs)
        return self._relations[theirs]

    def _relation_of(self, theirs: str) -> Relation:
        checkout, ours = self._job.checkout, self._job.revision
        older = checkout.descends(ours, theirs)
        if older:
            return Relation.OLDER
        newer = checkout.descends(theirs, ours)
        if newer:
            return Relation.NEWER
        return Relation.UNKNOWN if newer is None or older is None else Relation.DIVERGED

    def _statement_of(self, manifest: Manifest, config: ImageConfig | None) -> Statement | None:
        """The statement for our commit that names this manifest."""
        statement = self._own_statement(manifest, config)
        if statement is None:
            return None
        self.stated.append(manifest)
        return statement if statement.revision == self._job.revision else None

    def _own_statement(self, manifest: Manifest, config: ImageConfig | None) -> Statement | None:
        """This repository's statement that names this manifest: of an earlier run of this task, or by the index."""
        for run_id in range(self._job.task.run_id - 1, -1, -1):
            statement = self._run_statement(run_id)
            if (
                statement
                and self._is_ours(statement, manifest)
                and statement.task_id == self._job.task.task_id
            ):
                return statement
        return self._indexed_statement(manifest, config)

    def _is_ours(self, statement: Statement, manifest: Manifest) -> bool:
        return statement.published == manifest.digest and statement.repository == str(
            self._job.settings.repository
        )

    def _run_statement(self, run_id: int) -> Statement | None:
        name = f"{self._job.settings.artifact_prefix}{STATEMENT_NAME}"
        try:
            content = run_artifact(
                self._taskcluster, self._job.task.task_id, run_id, name, _LONGEST_STATEMENT
            )
            return Statement.from_json(content) if content else None
        except (TaskclusterError, BadStatement, RunnerError):
            # What cannot be read is no statement.
            return None

    def _indexed_statement(self, manifest: Manifest, config: ImageConfig | None) -> Statement | None:
        """What the index leads to, if it is this repository's by the test that `verify --source` makes."""
        namespace, event = self._job.settings.index, self._job.event
        if namespace is None:
            return None
        from runner.evidence import gather_task
        from runner.evidence_task import Lookup
        from runner.verification import decide
        from runner.verification_values import Policy

        evidence = gather_task(self._taskcluster, Lookup(index=namespace), manifest, config)
        statement = evidence.statement
        if statement is None or not self._is_ours(statement, manifest):
            return None
        verdict = decide(evidence, Policy(source=(event.host, event.slug)))
        return statement if verdict.exit_code is ExitCode.OK else None
