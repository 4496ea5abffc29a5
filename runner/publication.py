"""Publishing: build, push, read back, tag, and leave a statement; what fails in between is told and kept."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from runner.ahead import Ahead
from runner.errors import Interrupted, RunnerError
from runner.image.digest import Digest
from runner.tag_law import Move
from runner.tag_placing import TagPlacing
from runner.task.artifacts import Artifact
from runner.task.image_metadata import image_labels
from runner.task.index_service import IndexEntry, insert_task
from runner.task.report import REPORT_NAME, build_report
from runner.task.statement import SHA256_NAME, STATEMENT_NAME, Statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.credentials import RegistryCredentials
    from runner.engines.docker_engine import LocalImage
    from runner.image.context_summary import ContextSummary
    from runner.image.manifests import Manifest
    from runner.job import Job
    from runner.narration import Step
    from runner.preparation import Preparation
    from runner.pushed_check import PushedImage
    from runner.transport_choice import ContextSample

_JSON: Final = "application/json"


class Publication:
    """One run of publish, and what is known of it so far.

    What builds is imported where a build begins: a rerun that builds nothing does not wait for it.

    Args:
        job: what is published.
        preparation: what was asked before.
    """

    def __init__(self, job: Job, preparation: Preparation) -> None:
        self.job = job
        self.preparation = preparation
        self.manifest: Manifest | None = None
        self.context: ContextSummary | None = None
        self.tag_states: dict[str, str] = {}
        self.failures: list[RunnerError] = []
        self.facts: dict[str, Any] = {}
        self.started = ""

    @cached_property
    def sample(self) -> ContextSample:
        """What is looked at of the context while it goes to the builder."""
        from runner.transport_choice import ContextSample

        return ContextSample()

    def run(self) -> str:
        """Publish, whatever of it is still to be done.

        Returns:
            `repository@digest`.

        Raises:
            RunnerError: the first failure; the report is left all the same.
        """
        self.started = _now(self.job)
        try:
            self._publish()
        except BaseException as error:
            self._leave_report(error)
            raise
        self._leave_report(None)
        return f"{self.job.settings.repository}@{self._published.digest}"

    def _publish(self) -> None:
        reused = self._prepare()
        built = self._build_and_push() if reused is None else self._take_published(reused)
        self._tag_the_rest()
        self._leave_statement(built)
        self._index()
        if self.failures:
            raise self.failures[0]

    @property
    def _placing(self) -> TagPlacing:
        return TagPlacing(self.job, self.preparation.registry, self.preparation.tags)

    @property
    def _published(self) -> Manifest:
        if self.manifest is None:
            raise RuntimeError("nothing is published yet")
        return self.manifest

    def _prepare(self) -> Statement | None:
        """Ask all that can be asked before a build; what an earlier run published needs no engine.

        Returns:
            The statement of what is published already.

        Raises:
            RunnerError: the first problem; an engine's is told before the secret's and the registry's.
        """
        self.preparation.check_event()
        if self.job.task.run_id == 0:
            # A later run mostly finds that an earlier one has published, and needs no engine.
            self.preparation.begin_engine()
        self._prepare_build()
        try:
            self._prepare_push()
        except Interrupted:
            raise
        except RunnerError:
            self._find_engine()
            raise
        reused = self.preparation.tags.published
        if reused is None:
            self._find_engine()
        return reused

    def _prepare_build(self) -> None:
        preparation, narrator = self.preparation, self.job.narrator
        from runner.building import put_back_version_file

        with narrator.step("Check the checkout and the Dockerfile"):
            put_back_version_file(self.job)
            preparation.check_checkout()
            narrator.say(f"  {self.job.event.source} at {self.job.revision[:12]}, {self.job.event.kind}")
            _ = preparation.builder, preparation.sink

    def _find_engine(self) -> None:
        preparation, narrator = self.preparation, self.job.narrator
        with narrator.step("Find the engine") as step:
            facts = preparation.engine.facts
            step.facts.update(product=facts.product, version=facts.version, store=facts.store)
            self.facts["engine"] = {"product": facts.product, "version": facts.version, "store": facts.store}
            narrator.say(f"  {facts.product} {facts.version} (API {facts.api_version}, {facts.store} store)")
            self.facts["builder"] = preparation.builder_name
            narrator.say(f"  built by {preparation.builder_name}: {preparation.builder.why}")

    def _prepare_push(self) -> None:
        preparation, narrator, settings = self.preparation, self.job.narrator, self.job.settings
        with narrator.step(f"Fetch the secret {settings.secret}"):
            credentials = preparation.credentials
            narrator.say(f"  credentials of {credentials.username} for {credentials.registry}")
        # Each takes the registry's time several times over: together they wait for it once.
        _ = preparation.registry
        proof = Ahead(preparation.check_push)
        try:
            with narrator.step("Look at the tags"):
                for decision in preparation.tags.decisions:
                    narrator.say(f"  {decision.tag}: {decision.move}")
        except Interrupted:
            raise
        except RunnerError:
            # Who may not push is told that first.
            proof.result()
            raise
        with narrator.step(f"Prove that {settings.repository} can be pushed to"):
            proof.result()

    def _take_published(self, reused: Statement) -> Statement:
        """Nothing is built: what an earlier run published is read back, and its statement made this run's."""
        narrator = self.job.narrator
        with narrator.step("Read back what is already published"):
            self.manifest = self._placing.confirmed(str(reused.published), reused.published)
            narrator.say(
                f"  {reused.published}, by run {reused.run_id} of task {reused.task_id}: nothing is built"
            )
        for decision in self.preparation.tags.decisions:
            if decision.move is Move.KEEP and decision.standing == reused.published:
                self.tag_states[decision.tag.name] = "already there"
        origin = reused.reused or {"taskId": reused.task_id, "runId": reused.run_id}
        return reused._replace(reused=origin)

    def _build_and_push(self) -> Statement:
        from runner.pushed_check import check_pushed

        image = self._build()
        first = self._placing.recheck(self.preparation.tags.decisions[0]).tag.name
        manifest = self._push(image, first)
        bases = Ahead(self._bases)
        images = check_pushed(self.preparation, self._placing, image, manifest)
        self.manifest = manifest
        self.tag_states[first] = "pushed"
        return self._statement(images, bases.result())

    def _pull_credentials(self) -> RegistryCredentials | None:
        return self.preparation.pull_credentials

    def _build(self) -> LocalImage:
        from runner.building import build_image
        from runner.engines.docker_engine import BuildRequest
        from runner.pushed_check import check_whole

        preparation, settings, narrator = self.preparation, self.job.settings, self.job.narrator
        context = preparation.context
        created = None if settings.reproducible else preparation.moment
        request = BuildRequest(
            dockerfile=context.files.dockerfile_name,
            build_args=settings.build_args,
            labels=image_labels(
                self.job.event, self.job.revision, preparation.build_url, created, settings.labels
            ),
            target=settings.target,
            platform=",".join(settings.platforms) or None,
            network=settings.network,
            pull_credentials=self._pull_credentials(),
        )
        with narrator.step("Build the image") as step:
            image, context = build_image(preparation, request, self.sample, step)
            summary = context.summary
            self.context = summary
            step.facts.update(contextFiles=summary.files, contextBytes=summary.bytes, imageBytes=image.size)
            step.facts["contextIsWhole"] = summary.is_whole
            for warning in context.warnings:
                narrator.warn(warning)
            narrator.say(f"  image {image.image_id} with {len(image.diff_ids)} layers")
            check_whole(preparation.engine.facts, image)
        return image

    def _push(self, image: LocalImage, tag: str) -> Manifest:
        """Push by the way that is set, or quicker."""
        from runner.engine_publication import push_by_engine
        from runner.transport_choice import Way, way_of

        way = way_of(self.preparation, image, self.sample)
        self.facts["transport"] = str(way)
        if way is Way.DIRECT:
            return self._push_directly(image, tag)
        return push_by_engine(self.preparation, self._placing, image, tag)

    def _push_directly(self, image: LocalImage, tag: str) -> Manifest:
        """Every digest is known before the tag is put; what is read back must be that."""
        from runner.direct_publication import push_directly

        packed = push_directly(self.preparation, image)
        return self._put_first_tag(packed.manifest, tag)

    def _put_first_tag(self, manifest: Manifest, tag: str) -> Manifest:
        repository = self.job.settings.repository
        with self.job.narrator.step(f"Tag {repository.tagged(tag)}, read back by tag and by digest"):
            self.preparation.registry.put_manifest(repository, tag, manifest)
            self._placing.confirmed(str(manifest.digest), manifest.digest)
            return self._placing.confirmed(tag, manifest.digest)

    def _tag_the_rest(self) -> None:
        """A further tag is one manifest PUT of the same bytes; `latest` is last."""
        manifest, settings = self._published, self.job.settings
        for decision in self.preparation.tags.decisions:
            tag = decision.tag.name
            if tag in self.tag_states:
                continue
            try:
                with self.job.narrator.step(f"Tag {settings.repository.tagged(tag)}"):
                    self.tag_states[tag] = self._placing.put(decision, manifest)
            except RunnerError as error:
                self.tag_states[tag] = f"failed: {self.job.narrator.masker(error.what)}"
                self.failures.append(error)
                self.job.narrator.say(f"  {error}")

    def _statement(self, images: Sequence[PushedImage], bases: Sequence[Mapping[str, str]] = ()) -> Statement:
        """The statement of what `self.manifest` names: one image, or one of each platform."""
        job, settings, published = self.job, self.job.settings, self._published
        manifest, config = images[0].manifest, images[0].config
        return Statement(
            repository=str(settings.repository),
            published=published.digest,
            manifest=manifest.digest,
            index=published.digest if published.is_index else None,
            config=manifest.config.digest,
            diff_ids=config.diff_ids,
            layers=tuple(layer.digest for layer in manifest.layers),
            images=tuple(image.stated() for image in images) if published.is_index else (),
            tags={},
            source=job.event.source,
            revision=job.revision,
            event={"kind": str(job.event.kind), "branch": job.event.branch, "tag": job.event.tag},
            task_id=job.task.task_id,
            run_id=job.task.run_id,
            root_url=job.task.root_url,
            bases=tuple(bases),
            parameters={
                "repository": str(settings.repository),
                "dockerfile": settings.dockerfile,
                "context": settings.context,
                "target": settings.target,
                "platforms": list(settings.platforms),
                # Values may be secrets that should not have been given: `docker history` is where they leak.
                "buildArgs": sorted(settings.build_args),
            },
            context=self.context.digest if self.context else None,
            context_is_whole=self.context is None or self.context.is_whole,
            builder=self._builder(),
        )

    def _bases(self) -> tuple[Mapping[str, str], ...]:
        from runner.base_images import stated_bases

        return stated_bases(self.preparation)

    def _builder(self) -> Mapping[str, str]:
        facts = self.preparation.engine.facts
        return {
            "engine": f"{facts.product} {facts.version}",
            "store": facts.store,
            "builder": self.preparation.builder_name,
        }

    def _leave_statement(self, built: Statement) -> None:
        sink, job = self.preparation.sink, self.job
        statement = built._replace(
            tags=dict(self.tag_states),
            run_id=job.task.run_id,
            times={"started": self.started, "finished": _now(job)},
            artifacts={"way": sink.way, "chainOfTrust": sink.signed},
        )
        with job.narrator.step("Leave the statement"):
            self._leave(SHA256_NAME, statement.sha256_line, "text/plain")
            content = statement.to_json()
            self._leave(STATEMENT_NAME, content, _JSON)
            self.facts["statement"] = str(Digest.of(content))

    def _index(self) -> None:
        namespace = self.job.settings.index
        if namespace is None:
            return
        digest = self._published.digest
        with self.job.narrator.step(f"Put the task into the index under {namespace}"):
            expires = self.preparation.expires.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            entry = IndexEntry(self.job.task.task_id, self.facts.get("statement"))
            insert_task(self.preparation.taskcluster, namespace, digest, entry, expires)

    def _leave_report(self, error: BaseException | None) -> None:
        outcome: dict[str, Any] = {"exitCode": 0}
        if isinstance(error, RunnerError):
            outcome = {"exitCode": int(error.exit_code), "error": self.job.narrator.masker(str(error))}
        elif error is not None:
            outcome = {"exitCode": 5, "error": type(error).__name__}
        facts: Mapping[str, Any] = {
            "image": self.job.settings.image,
            "repository": str(self.job.settings.repository),
            "digest": str(self.manifest.digest) if self.manifest else None,
            "tags": dict(self.tag_states),
            **self.facts,
        }
        steps: list[Step] = self.job.narrator.steps
        content = build_report(steps, self.job.narrator.warnings, outcome=outcome, facts=facts)
        try:
            self._leave(REPORT_NAME, content, _JSON)
        except RunnerError as failure:
            if error is None:
                raise
            self.job.narrator.say(f"The build report could not be left: {failure}")

    def _leave(self, name: str, content: bytes, content_type: str) -> None:
        full = f"{self.job.settings.artifact_prefix}{name}"
        self.preparation.sink.leave(Artifact(full, content, content_type))
        self.job.narrator.say(f"  {full} by {self.preparation.sink.way}")


def _now(job: Job) -> str:
    return datetime.fromtimestamp(job.clock(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
