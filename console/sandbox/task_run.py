"""One run of a task on this machine: from the claim to the resolution."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from console.sandbox.chain_of_trust import BadAdditionalData, Certified, SigningKey, certify
from console.sandbox.live_log import LiveLog, TaskLog
from console.sandbox.proxy import TaskProxy
from console.sandbox.signed_http import Api, Credentials, TaskclusterFailure
from console.sandbox.task_artifacts import TEXT, Run
from console.sandbox.task_payload import MalformedPayload, Payload, log_names, parse_payload
from console.sandbox.task_process import Place, run_command, run_quietly

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from aiohttp import ClientSession

_CONFLICT: Final = 409
_LOG_OUTLIVES_RUN: Final = timedelta(minutes=15)
_FAREWELL_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What does not change from task to task.

    Args:
        root_url: the deployment's.
        task_queue_id: `<provisionerId>/<workerType>`.
        worker_group: how the queue calls this worker, with `worker_id`.
        worker_id: see `worker_group`.
        environment: what tasks get of this machine's: PATH, USER, DOCKER_HOST.
        folder: where the tasks' folders are made.
        grace: seconds that a task has between SIGTERM and SIGKILL.
        renew_every: seconds between reclaims, fewer if half of the claim is fewer. A reclaim is how a worker
            learns that its task was cancelled, and a person at a sandbox waits for it.
        signing_key: what it signs a Chain of Trust with.
        now: the clock, in UTC.
        say: takes narration, a line at a time.
    """

    root_url: str
    task_queue_id: str
    worker_group: str = "sandbox"
    worker_id: str = "local"
    environment: Mapping[str, str]
    folder: Path
    grace: float = 10.0
    renew_every: float = 10.0
    signing_key: SigningKey = field(default_factory=SigningKey)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    say: Callable[[str], None] = lambda _line: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run is resolved.

    Args:
        verb: `completed`, `failed` or `exception`, the last part of the queue's route.
        reason: of an exception.
    """

    verb: str
    reason: str | None = None


class TaskRun:
    """One claimed run."""

    def __init__(self, claim: Mapping[str, Any], settings: WorkerSettings, session: ClientSession) -> None:
        self._settings = settings
        self._claim = claim
        self._task: Mapping[str, Any] = claim["task"]
        self._taken_until = datetime.fromisoformat(claim["takenUntil"])
        self._api = Api(session, settings.root_url, Credentials.from_json(claim["credentials"]))
        self._run = Run(
            self._api, session, claim["status"]["taskId"], int(claim["runId"]), self._task["expires"]
        )
        self._log_names = log_names(self._task)
        self._proxy: TaskProxy | None = None
        self._base = Path(tempfile.mkdtemp(prefix="task_", dir=settings.folder))
        self._folder = self._base / "task"
        self._log = TaskLog(self._base / "live.log")

    async def execute(self) -> None:
        """Run it and resolve it; its folder, its processes and its servers are gone afterwards."""
        try:
            self._folder.mkdir()
            async with contextlib.AsyncExitStack() as stack:
                await self._execute(stack)
        except (TaskclusterFailure, aiohttp.ClientError) as error:
            self._settings.say(f"Task {self._run.task_id} could not be resolved: {error}")
        finally:
            self._log.close()
            await _to_the_end(asyncio.to_thread(_remove, self._base))

    async def _execute(self, stack: contextlib.AsyncExitStack) -> None:
        live = await LiveLog.start(self._log)
        stack.push_async_callback(live.close)
        work = asyncio.create_task(self._work(stack, live))
        renewal = asyncio.create_task(self._renew())
        try:
            await asyncio.wait({work, renewal}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _end(work)
            await _end(renewal)
            # Whatever the queue says, this worker ends; an unresolved claim runs out by itself.
            with contextlib.suppress(TaskclusterFailure, aiohttp.ClientError, TimeoutError):
                async with asyncio.timeout(_FAREWELL_SECONDS):
                    await self._resolve(Outcome("exception", "worker-shutdown"))
            raise
        if work.done():
            await _end(renewal)
            await _to_the_end(self._resolve(await work))
        else:
            await _end(work)
            self._note("Task was resolved by somebody else: cancelled, or past its deadline")
            await self._keep_log()

    async def _work(self, stack: contextlib.AsyncExitStack, live: LiveLog) -> Outcome:
        try:
            return await self._run_payload(stack, live)
        except MalformedPayload as error:
            for problem in error.problems:
                self._note(problem, level=":error")
            return Outcome("exception", "malformed-payload")
        except (TaskclusterFailure, aiohttp.ClientError, OSError, BadAdditionalData) as error:
            self._note(f"The worker failed: {error}", level=":error")
            return Outcome("exception", "internal-error")

    async def _run_payload(self, stack: contextlib.AsyncExitStack, live: LiveLog) -> Outcome:
        await self._show_log(live)
        settings = self._settings
        self._note(f"Task ID: {self._run.task_id}, run {self._run.run_id}")
        self._note(f"Worker: {settings.task_queue_id} {settings.worker_group}/{settings.worker_id}")
        payload = parse_payload(self._task, f"taskcontainer_{self._run.task_id}_{self._run.run_id}")
        if payload.container:
            stack.push_async_callback(self._remove_container, payload.container)
        if payload.proxy:
            await self._start_proxy(stack)
        outcome = await self._run_commands(payload)
        missing = [await self._run.upload_declared(artifact, self._folder) for artifact in payload.artifacts]
        for problem in filter(None, missing):
            self._note(problem, level=":error")
        if payload.chain_of_trust:
            await self._certify(payload)
        return Outcome("failed") if outcome.verb == "completed" and any(missing) else outcome

    async def _certify(self, payload: Payload) -> None:
        certified = Certified(
            claim=self._claim, artifacts=payload.artifacts, folder=self._folder, log=self._log.path
        )
        await certify(self._run, certified, self._settings.signing_key)

    async def _show_log(self, live: LiveLog) -> None:
        seconds = self._task["payload"].get("maxRunTime")
        run_time = timedelta(seconds=seconds if isinstance(seconds, int | float) else 0)
        expires = min(
            self._settings.now() + run_time + _LOG_OUTLIVES_RUN,
            datetime.fromisoformat(self._task["expires"]),
        )
        await self._run.create(
            self._log_names[0], "reference", url=live.url, contentType=TEXT, expires=expires.isoformat()
        )

    async def _start_proxy(self, stack: contextlib.AsyncExitStack) -> None:
        run = f"{self._run.task_id}/{self._run.run_id}"
        scopes = [*self._task["scopes"], f"queue:create-artifact:{run}"]
        self._proxy = await TaskProxy.start(self._settings.root_url, self._api.credentials, scopes)
        stack.push_async_callback(self._proxy.close)

    async def _run_commands(self, payload: Payload) -> Outcome:
        place = Place(self._folder, self._environment(payload), self._settings.grace)
        try:
            async with asyncio.timeout(payload.max_run_time):
                for number, argv in enumerate(payload.commands, start=1):
                    self._note(f"Command {number} of {len(payload.commands)}")
                    code = await run_command(argv, place, self._log.write)
                    self._note(f"Exit code: {code}")
                    if code in payload.retry_on:
                        return Outcome("exception", "intermittent-task")
                    if code != 0:
                        return Outcome("failed")
        except TimeoutError:
            self._note(f"maxRunTime of {payload.max_run_time:g} s exceeded", level=":error")
            return Outcome("failed")
        return Outcome("completed")

    def _environment(self, payload: Payload) -> dict[str, str]:
        own = {
            "TASK_ID": self._run.task_id,
            "RUN_ID": str(self._run.run_id),
            "TASK_GROUP_ID": self._task["taskGroupId"],
            "TASK_WORKDIR": str(self._folder),
            "TASKCLUSTER_ROOT_URL": self._settings.root_url,
        }
        if self._proxy is not None:
            own["TASKCLUSTER_PROXY_URL"] = self._proxy.url
        return {**self._settings.environment, "HOME": str(self._folder), **payload.env, **own}

    async def _remove_container(self, name: str) -> None:
        removal = ("docker", "rm", "--force", "--volumes", name)
        await _to_the_end(run_quietly(removal, self._settings.environment, self._base))

    async def _renew(self) -> None:
        """Reclaim until the queue says that the run is no longer ours."""
        parts = ("task", self._run.task_id, "runs", str(self._run.run_id), "reclaim")
        while True:
            left = (self._taken_until - self._settings.now()).total_seconds()
            await asyncio.sleep(max(0.05, min(self._settings.renew_every, left / 2)))
            try:
                claim = await self._api.call("POST", "queue", *parts, payload={})
            except TaskclusterFailure as error:
                if error.status == _CONFLICT:
                    return
                self._settings.say(f"Reclaim of task {self._run.task_id} failed: {error}")
            except aiohttp.ClientError as error:
                self._settings.say(f"Reclaim of task {self._run.task_id} failed: {error}")
            else:
                self._take_over(claim)

    def _take_over(self, claim: Mapping[str, Any]) -> None:
        self._taken_until = datetime.fromisoformat(claim["takenUntil"])
        self._api.credentials = Credentials.from_json(claim["credentials"])
        if self._proxy is not None:
            self._proxy.renew(self._api.credentials)

    async def _resolve(self, outcome: Outcome) -> None:
        result = outcome.verb if outcome.reason is None else f"{outcome.verb}, {outcome.reason}"
        self._note(f"Result: {result}")
        try:
            await self._keep_log()
        except (TaskclusterFailure, aiohttp.ClientError) as error:
            self._settings.say(f"The log of task {self._run.task_id} could not be kept: {error}")
            outcome, result = Outcome("exception", "internal-error"), "exception, internal-error"
        payload = None if outcome.reason is None else {"reason": outcome.reason}
        parts = ("task", self._run.task_id, "runs", str(self._run.run_id), outcome.verb)
        await self._api.call("POST", "queue", *parts, payload=payload)
        self._settings.say(f"Task {self._run.task_id} run {self._run.run_id}: {result}")

    async def _keep_log(self) -> None:
        self._log.close()
        live, backing = self._log_names
        await self._run.upload(backing, self._log.path, TEXT, compress=True)
        await self._run.create(live, "link", artifact=backing, contentType=TEXT)

    def _note(self, text: str, level: str = "") -> None:
        stamp = self._settings.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._log.write(f"[taskcluster{level} {stamp}] {text}\n".encode())


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Await what must not be left half done: cancelled, it still gets its time."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_FAREWELL_SECONDS)
        raise


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancel a task and see its end, even if cancelled meanwhile: what it started must not outlive the run."""
    task.cancel()
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _remove(folder: Path) -> None:
    """Remove a folder whose content may forbid it: a task may leave folders without write permission."""

    def permit(remove: Callable[[str], object], path: str, _error: object) -> None:
        with contextlib.suppress(OSError):
            Path(path).parent.chmod(0o700)
            Path(path).chmod(0o700)
            remove(path)

    shutil.rmtree(folder, onerror=permit)
