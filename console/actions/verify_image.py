"""Verify an image: read what a verdict rests on, told how far, ended when nobody waits any more."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Final

from console.actions.closable_thread import in_thread
from runner.verification_sources import Listener, gathered

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from console.connection import ConnectionSettings
    from runner.evidence_reading import ReadSoFar
    from runner.verification_sources import VerifyRequest
    from runner.verification_values import Evidence

# Of all bytes; the end of a blob is always told.
_SHARE: Final = 200


class _LeftError(Exception):
    """Nobody waits any more."""


async def verify_image(
    request: VerifyRequest, environment: Mapping[str, str], clock: Callable[[], float]
) -> AsyncGenerator[ReadSoFar | str | Evidence, None]:
    """How far the reading is, each attempt that failed, and at last the evidence, which `decide` judges.

    Whoever cancels it waits for nothing: the thread ends by itself at its next piece or attempt.

    Args:
        request: what is verified, and what is demanded of it.
        environment: of Taskcluster's credentials, `docker login` and proxies.
        clock: seconds since the epoch.

    Raises:
        CannotTell: the image is not shown.
        IntegrityFailure: its manifest's bytes are not what their digest says.
        UsageError: a folder is none.
    """
    loop = asyncio.get_running_loop()
    steps: asyncio.Queue[ReadSoFar | str | None] = asyncio.Queue()
    left = threading.Event()
    told = _Told()

    def put(step: ReadSoFar | str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(steps.put_nowait, step)

    def hear(step: ReadSoFar | str) -> None:
        if left.is_set():
            raise _LeftError
        if isinstance(step, str) or told.is_news(step):
            put(step)

    reading = asyncio.ensure_future(
        in_thread(lambda: gathered(request, environment, clock, Listener(hear, hear)), lambda: put(None))
    )
    try:
        while (step := await steps.get()) is not None:
            yield step
        yield await reading
    finally:
        left.set()
        reading.cancel()
        await asyncio.wait({reading})
        if not reading.cancelled():
            reading.exception()  # it was raised above, or nobody is left to hear of it


class _Told:
    """Of many small steps, those that somebody can see."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None

    def is_news(self, step: ReadSoFar) -> bool:
        """Whether it is further than what was told last."""
        place = (step.ended, step.read * _SHARE // max(1, step.size))
        if place == self._last:
            return False
        self._last = place
        return True


def environment_of(settings: ConnectionSettings, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables with which a deployment is asked by the client that was chosen for it.

    Args:
        settings: whom to ask, and as whom.
        environment: of `docker login`, and of a task's proxy, which is for its own deployment.
    """
    given = environment.get("TASKCLUSTER_ROOT_URL", "").rstrip("/")
    kept = "TASKCLUSTER_PROXY_URL" if given == settings.root_url else ""
    found = {
        name: value
        for name, value in environment.items()
        if not name.startswith("TASKCLUSTER_") or name == kept
    }
    found["TASKCLUSTER_ROOT_URL"] = settings.root_url
    credentials = settings.credentials
    if credentials is not None:
        found["TASKCLUSTER_CLIENT_ID"] = credentials.client_id
        found["TASKCLUSTER_ACCESS_TOKEN"] = credentials.access_token.reveal()
        if credentials.certificate is not None:
            found["TASKCLUSTER_CERTIFICATE"] = credentials.certificate.reveal()
    return found
