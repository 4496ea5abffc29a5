"""Everything that can be known before a build: `plan` shows it, `publish` begins with it.

Each property asks once and keeps the answer; each raises what would end a publish.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self

from runner.ahead import Ahead
from runner.engines.buildx_plugin import find_buildx
from runner.engines.engine_choice import Builder, Choice, Wanted, check_engine, choose_builder
from runner.errors import IntegrityFailure, Refused, UsageError
from runner.image.context import BuildContext
from runner.image.dockerfile import Dockerfile, looks_secret
from runner.image.reference import BadReference, ImageReference
from runner.registry.client import RegistryClient
from runner.registry.effects import Effects
from runner.tag_survey import TagSurvey
from runner.task.artifacts import DeclaredFolder, QueueUpload
from runner.task.event import EventKind, parse_time
from runner.task.image_metadata import VERSION_FILE, build_url, version_json
from runner.task.queue_service import own_definition
from runner.task.secrets_service import check_registry, fetch_credentials, fetch_text
from runner.task.taskcluster_http import Taskcluster

if TYPE_CHECKING:
    from typing import Any

    from runner.credentials import RegistryCredentials
    from runner.engines.buildx import Buildx
    from runner.engines.docker_engine import DockerEngine
    from runner.image.reference import Registry
    from runner.job import Job
    from runner.masking import Masked

_YEAR: Final = timedelta(days=365)


class Preparation:
    """Asks what publish needs to know; to be closed."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closing.close()

    def check_event(self) -> None:
        """A pull request's code would run beside the secret.

        Raises:
            Refused: this is one.
        """
        if self.job.event.kind is EventKind.PULL_REQUEST:
            raise Refused(
                "This is a pull request, and publish is refused.",
                cause="Its code would run beside the secret: anything in the build can ask the task's proxy for it.",
                action="Use `lading-runner build --output DIR`, in a task without `secrets:get:`.",
            )

    def check_checkout(self) -> None:
        """What is checked out must be the commit that the event names.

        Raises:
            IntegrityFailure: it is another.
        """
        head = self.job.checkout.head
        if head is None:
            self.job.narrator.warn(
                "the checkout is no git checkout: that it is the event's commit is not checked"
            )
        elif head != self.job.revision:
            raise IntegrityFailure(
                f"The checkout is at commit {head[:12]}, and the event is about {self.job.revision[:12]}.",
                action="Check out the commit that the event names, or correct LADING_REVISION.",
            )
        elif self.job.checkout.is_changed:
            self.job.narrator.warn(
                "tracked files were changed after the checkout: the image is not the commit alone"
            )

    @property
    def build_url(self) -> str:
        """Where the build can be looked at."""
        job = self.job
        return build_url(job.event, job.revision, job.task.url, reproducible=job.settings.reproducible)

    @cached_property
    def context(self) -> BuildContext:
        """What is sent to the builder, version.json included; nothing of it but the Dockerfile is read yet.

        Raises:
            UsageError: the folder or the Dockerfile cannot be read.
        """
        folder, settings = self.job.checkout.folder, self.job.settings
        injected = {VERSION_FILE: self.version_json}
        return BuildContext(folder / settings.context, folder / settings.dockerfile, injected=injected)

    @property
    def version_json(self) -> bytes:
        """What is put into the context."""
        return version_json(self.job.event, self.job.revision, self.build_url)

    @cached_property
    def dockerfile(self) -> Dockerfile:
        """The Dockerfile.

        Raises:
            UsageError: it cannot be read.
        """
        settings = self.job.settings
        dockerfile = Dockerfile(self.context.files.dockerfile)
        for name in sorted(settings.build_args):
            if looks_secret(name):
                self.job.narrator.warn(
                    f"the build argument {name} looks like a secret: `docker history` shows its value"
                )
            if name not in dockerfile.args:
                self.job.narrator.warn(f"the Dockerfile has no ARG {name}")
        return dockerfile

    @cached_property
    def wanted(self) -> Wanted:
        """What a builder must be able to do."""
        settings = self.job.settings
        needs = self.dockerfile.needs_buildkit(settings.build_args.keys())
        has_buildx = find_buildx(self.job.environment) is not None
        return Wanted(settings.engine, needs, settings.platforms, has_buildx)

    @cached_property
    def builder(self) -> Choice:
        """What builds, and why.

        Raises:
            UsageError: nothing here can build what is asked.
        """
        return choose_builder(self.wanted)

    @cached_property
    def buildx(self) -> Buildx:
        """The buildx plugin.

        Raises:
            UsageError: it is not here.
            Unavailable: it does not run.
        """
        from runner.engines.buildx import Buildx

        program = find_buildx(self.job.environment)
        if program is None:
            raise UsageError("buildx is not here any more.")
        return Buildx(program, self.job.environment)

    @property
    def builder_name(self) -> str:
        """Which builder it is, with its version where it has one of its own."""
        if self.builder.builder is Builder.BUILDX:
            return f"buildx {self.buildx.version}"
        return "the classic builder"

    @property
    def bases(self) -> list[str]:
        """The images that the build pulls, as far as they can be known before it."""
        found = self.dockerfile.base_images(self.job.settings.build_args)
        return [str(base.reference) for base in found if base.reference is not None]

    def begin_engine(self) -> None:
        """Let the engine be looked for while others are asked: the SDK's import and its answers take 0.1 s."""
        _ = self._connecting

    @cached_property
    def _connecting(self) -> Ahead[DockerEngine]:
        self._closing.callback(self._close_engine)
        return Ahead(self._connect)

    def _close_engine(self) -> None:
        for engine in self._connecting.found:
            engine.close()

    def _connect(self) -> DockerEngine:
        from runner.engines.docker_engine import DockerEngine  # with the SDK, 0.1 s

        return DockerEngine(self.job.environment)

    @cached_property
    def engine(self) -> DockerEngine:
        """The engine.

        Raises:
            Unavailable: there is none, or it does not answer.
            Refused: its socket may not be used.
            UsageError: it cannot build what is asked.
        """
        engine = self._connecting.result()
        check_engine(self.builder, self.wanted, engine.facts, self.dockerfile.directives.get("syntax"))
        return engine

    @cached_property
    def taskcluster(self) -> Taskcluster:
        """The task's proxy.

        Raises:
            Refused: the task has none.
        """
        if self.job.task.proxy_url is None:
            raise Refused(
                "This task has no Taskcluster proxy: TASKCLUSTER_PROXY_URL is not set.",
                cause="The secret is read through it.",
                action="Set `features: {taskclusterProxy: true}` in the task's payload.",
            )
        taskcluster = Taskcluster(self.job.task.proxy_url, sleep=self.job.sleep, notice=self.job.narrator.say)
        self._closing.callback(taskcluster.close)
        return taskcluster

    @cached_property
    def definition(self) -> dict[str, Any] | None:
        """The task's own definition, where it may be read."""
        if self.job.task.proxy_url is None:
            return None
        return own_definition(self.taskcluster, self.job.task.task_id)

    @cached_property
    def credentials(self) -> RegistryCredentials:
        """The registry's credentials, out of the secret.

        Raises:
            Refused: the secret cannot be had, has no known shape, or is for another registry.
        """
        settings = self.job.settings
        credentials = fetch_credentials(
            self.taskcluster, settings.secret, settings.username, self.job.event, self.job.narrator.masker
        )
        check_registry(credentials, settings.repository.registry, settings.secret)
        return credentials

    @cached_property
    def build_secrets(self) -> dict[str, Masked]:
        """What `RUN --mount=type=secret` gets, by id.

        Raises:
            Refused: this is a pull request, whose code would get them; or one cannot be had.
        """
        secrets = self.job.settings.build_secrets
        if secrets and self.job.event.kind is EventKind.PULL_REQUEST:
            raise Refused("This is a pull request, and its code would get the `build-secrets`.")
        found = {}
        for identity, place in secrets.items():
            name, _, key = place.rpartition("#")
            found[identity] = fetch_text(
                self.taskcluster, name, key, self.job.event, self.job.narrator.masker
            )
        return found

    @cached_property
    def registry(self) -> RegistryClient:
        """A client of the image's registry, with the secret's credentials."""
        client = RegistryClient(
            self.job.settings.repository.registry,
            self.credentials,
            insecure=self.job.settings.insecure_registries,
            effects=Effects(sleep=self.job.sleep, notice=lambda text: self.job.narrator.say(f"  {text}")),
        )
        self._closing.callback(client.close)
        return client

    def check_push(self) -> None:
        """Open an upload session and cancel it: a token server may grant less than was asked, with a 200.

        Raises:
            Refused: the user name or password is wrong, or the user may not push.
            Unavailable: the registry does not answer.
        """
        self.registry.check_push(self.job.settings.repository)

    @cached_property
    def moment(self) -> datetime:
        """The one time of this run: the task's creation, so that a retry says the same."""
        if self.job.event.created:
            return self.job.event.created
        if self.definition and isinstance(self.definition.get("created"), str):
            return parse_time(self.definition["created"])
        commit_time = self.job.checkout.commit_time
        if commit_time is None:
            self.job.narrator.warn(
                "neither the task's nor the commit's time can be read: the clock's is taken"
            )
            return datetime.fromtimestamp(self.job.clock(), UTC)
        self.job.narrator.warn(
            "the task's creation cannot be read: the commit's time is taken; set LADING_CREATED"
        )
        return commit_time

    @cached_property
    def sink(self) -> DeclaredFolder | QueueUpload:
        """Where the artifacts go.

        Raises:
            Refused: the declared directory cannot be written, or there is neither it nor a proxy.
        """
        if self.job.artifacts is not None:
            folder = DeclaredFolder(self.job.artifacts)
            folder.check()
            return folder
        self.job.narrator.warn(
            "no directory is declared (LADING_ARTIFACTS): artifacts go through the API, where Chain of Trust "
            "does not sign them"
        )
        return QueueUpload(
            self.taskcluster,
            self.job.task.root_url,
            self.job.task.task_id,
            self.job.task.run_id,
            expires=self.expires,
            clock=self.job.clock,
        )

    @cached_property
    def expires(self) -> datetime:
        """Until when what the task leaves is wanted: the task's own expiry, where it can be read."""
        if self.definition and isinstance(self.definition.get("expires"), str):
            return parse_time(self.definition["expires"])
        return datetime.fromtimestamp(self.job.clock(), UTC) + _YEAR

    @cached_property
    def tags(self) -> TagSurvey:
        """What is under the wanted tags, and what is to be done with each."""
        return TagSurvey(self.job, self.registry, self.taskcluster, lambda: self.moment)

    @property
    def pull_credentials(self) -> RegistryCredentials | None:
        """The credentials, if a base image is in their registry; no other registry gets them."""
        if self.builder.builder is Builder.BUILDX:
            # It asks when it has met an image of this registry, and for no other.
            return self.credentials
        own = self.credentials.registry
        return self.credentials if own in {_registry_of(base) for base in self.bases} else None


def _registry_of(base: str) -> Registry | None:
    try:
        return ImageReference.parse(base).repository.registry
    except BadReference:
        return None
