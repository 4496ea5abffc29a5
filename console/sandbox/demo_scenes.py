"""The scenes of the demo, in their order."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from console.sandbox import demo_checkout
from console.sandbox.container import run_image
from console.sandbox.pull import forget, pull
from console.sandbox.seed import DOCKERHUB, INDEX_NAMESPACE, SOURCE
from console.sandbox.serve import running
from console.sandbox.signed_http import Api, TaskclusterFailure
from console.sandbox.task_following import Task
from runner.errors import IntegrityFailure, Unavailable
from runner.image.digest import Digest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from console.sandbox.demo_story import Story
    from console.sandbox.engine import Engine
    from console.sandbox.serve import Running
    from runner.credentials import RegistryCredentials

SUM: Final = "public/docker-image-shasum256.txt"
_LIMIT_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Demo:
    """What the story is told with.

    Args:
        story: tells it.
        engine: builds, pushes and pulls.
        credentials: of the registry's one user.
        base: an image in the engine that the sample is built on, or None for a checkout.
        checkout: what to build in place of the sample, or None.
        environment: PATH and the like, for the sandbox and the commands.
    """

    story: Story
    engine: Engine
    credentials: RegistryCredentials
    base: str | None
    checkout: Path | None
    environment: Mapping[str, str]

    @property
    def image(self) -> str:
        """The image's repository, with its registry."""
        return f"{self.credentials.registry.host}/{demo_checkout.image_path(self.checkout)}"

    async def tell(self) -> Digest:
        """From the sandbox's start to its end; returns the digest that was pushed, pulled and verified.

        Raises:
            RunnerError: something went wrong.
        """
        try:
            async with asyncio.timeout(_LIMIT_SECONDS):
                return await self._tell()
        except TimeoutError as error:
            raise Unavailable(f"The demo is not at its end after {_LIMIT_SECONDS:.0f} s.") from error
        except (TaskclusterFailure, aiohttp.ClientError, OSError, CalledProcessError) as error:
            raise Unavailable(f"The sandbox failed: {error}.") from error

    async def _tell(self) -> Digest:
        self.story.chapter("A Taskcluster on this machine: lading sandbox")
        environment = {**self.environment, "DOCKER_HOST": self.engine.host}
        async with (
            running(
                ephemeral=True,
                registry=self.credentials.registry,
                environment=environment,
                say=self.story.say,
            ) as sandbox,
            aiohttp.ClientSession() as session,
        ):
            await self._keep_secret(Api(session, sandbox.root_url, sandbox.credentials))
            task = await self._push(session, sandbox)
            await self._follow(task)
            digest = await self._read(task)
            await self._pull(digest)
            await self._verify(sandbox, task.task_id, digest)
            return digest

    async def _keep_secret(self, api: Api) -> None:
        docker = {
            "registry": self.credentials.registry.host,
            "username": self.credentials.username,
            "password": self.credentials.password.reveal(),
        }
        expires = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="milliseconds")
        payload = {"secret": {"docker": docker}, "expires": expires.replace("+00:00", "Z")}
        await api.call("PUT", "secrets", "secret", DOCKERHUB, payload=payload)
        self.story.say(f"secret {DOCKERHUB} holds the registry's password")

    async def _push(self, session: aiohttp.ClientSession, sandbox: Running) -> Task:
        self.story.chapter("A push to master creates a task")
        if self.checkout is not None:
            host = self.credentials.registry.host
            demo_checkout.replace_with(sandbox.sample, self.checkout, host, host_network=self.engine.private)
            self.story.say(
                f"the sample repository takes the content of {self.checkout}, and keeps its own task"
            )
        elif self.base is not None:
            demo_checkout.put_on(sandbox.sample, self.base)
        words = ("sandbox", "push", "--branch", "master", "--repo", str(sandbox.sample), "--json")
        answer = json.loads(await self._lading(sandbox, words, show=False))
        task = Task(session, sandbox.root_url, _task_id(answer))
        self.story.good(f"task {task.task_id} created, by role repo:github.com/mozilla/balrog:branch:master")
        return task

    async def _follow(self, task: Task) -> None:
        self.story.chapter("The task: its log, live")
        await task.until(lambda state: state == "running")
        self.story.good("claimed by the sandbox's worker")
        async for line in task.log():
            self.story.log(line)
        state = await task.end()
        if state != "completed":
            self.story.bad(f"task {task.task_id} is {state}")
            raise Unavailable(f"The task is {state}.", cause="Its log, above, says why.")
        self.story.good(f"task {task.task_id} is completed")

    async def _read(self, task: Task) -> Digest:
        self.story.chapter("What the task left, for anybody to read")
        for name in await task.artifacts():
            self.story.say(name)
        digest = Digest((await task.artifact(SUM)).decode().strip())
        self.story.good(f"the digest as pushed: {digest}")
        return digest

    async def _pull(self, digest: Digest) -> None:
        self.story.chapter("A consumer pulls exactly that")
        await asyncio.to_thread(self.forget_images)
        self.story.say(f"$ docker pull {self.image}@{digest}")
        await asyncio.to_thread(pull, self.engine, self.image, digest, self.credentials, self.story.progress)
        forgotten = "the image and its base" if self.base else "the image"
        self.story.good(f"pulled, by an engine that had forgotten {forgotten}")
        if self.base is not None:
            self.story.say(f"$ docker run {self.image}@{digest}")
            ended = await asyncio.to_thread(run_image, self.engine, f"{self.image}@{digest}")
            for line in ended.output.splitlines():
                self.story.log(line)
            if ended.status:
                raise IntegrityFailure(f"The image ends with status {ended.status}.")
            self.story.good("it runs")

    def forget_images(self) -> None:
        """Remove what the demo brought into the engine."""
        forget(self.engine, self.image)
        if self.base is not None:
            forget(self.engine, self.base.partition(":")[0])

    async def _verify(self, sandbox: Running, task_id: str, digest: Digest) -> None:
        self.story.chapter("And checks that it is what that task built")
        named = f"{self.image}@{digest}"
        by_task = ("verify", named, "--task", task_id, "--source", SOURCE, "--keys", str(sandbox.keys))
        by_index = ("verify", named, "--index", INDEX_NAMESPACE, "--source", SOURCE)
        with self._logged_in() as configuration:
            await self._lading(sandbox, by_task, show=True, DOCKER_CONFIG=configuration)
            self.story.good("verified by its task, and by what that task's worker signed")
            await self._lading(sandbox, by_index, show=True, DOCKER_CONFIG=configuration)
            self.story.good("verified by its digest in the index, with no task id at hand")

    @contextmanager
    def _logged_in(self) -> Iterator[str]:
        """A folder with what `docker login` leaves; the password is worth nothing once the registry ends."""
        with tempfile.TemporaryDirectory(prefix="lading-demo.") as folder:  # 0700
            auths = {self.credentials.registry.auth_key: {"auth": self.credentials.basic.reveal()}}
            Path(folder, "config.json").write_text(json.dumps({"auths": auths}))
            yield folder

    async def _lading(
        self, sandbox: Running, words: Sequence[str], *, show: bool, **more_variables: str
    ) -> str:
        """Run one of our own commands as anybody would, and return what it printed."""
        self.story.say(f"$ lading {' '.join(words)}")
        program = shutil.which("lading", path=str(Path(sys.executable).parent))
        if program is None:
            raise Unavailable("The command `lading` is not installed beside this Python.")
        variables = {
            "TASKCLUSTER_ROOT_URL": sandbox.root_url,
            "TASKCLUSTER_CLIENT_ID": sandbox.credentials.client_id,
            "TASKCLUSTER_ACCESS_TOKEN": sandbox.credentials.access_token.reveal(),
        }
        async with _process(
            (program, *words), {**self.environment, **variables, **more_variables}
        ) as process:
            output, errors = await process.communicate()
        for line in (errors + (output if show else b"")).decode(errors="replace").splitlines():
            self.story.log(line)
        if process.returncode:
            self.story.bad(f"exit status {process.returncode}")
            raise IntegrityFailure(f"`lading {words[0]}` ended with exit status {process.returncode}.")
        return output.decode()


@asynccontextmanager
async def _process(
    command: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _task_id(answer: Mapping[str, Any]) -> str:
    """The one task that a push made, as `lading sandbox push --json` tells it."""
    tasks = answer["tasks"]
    if len(tasks) != 1:
        raise Unavailable(f"The push made {len(tasks)} tasks, and the demo follows one.")
    return str(tasks[0]["taskId"] if isinstance(tasks[0], dict) else tasks[0])
