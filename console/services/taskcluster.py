"""The gateway to a Taskcluster, over its public asyncio client.

The client is given one attempt at a time: by itself it neither waits for a `Retry-After`, nor repeats after a
time limit, and lets `aiohttp`'s exceptions through.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from console.failures import ReadOnly, Unconfirmed
from console.services.attempt import Asked, Failed, answer_of, hear, listen, nonsense
from runner.errors import RunnerError, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import aiohttp

    from console.credentials.value import Credentials
    from console.services.pacing import Pace

# POSTs and a PUT that only ask: what they are asked does not fit a URL.
_ASKING: Final = frozenset(
    {
        ("auth", "expandScopes"),
        ("auth", "testAuthenticate"),
        ("github", "renderTaskclusterYml"),
        ("index", "findTasksAtIndex"),
        ("object", "startDownload"),
        ("queue", "statuses"),
        ("queue", "taskQueueCountsBatch"),
        ("queue", "tasks"),
    }
)
# They log headers, payloads and answers, secrets among them: where logging is on, or DEBUG_TASKCLUSTER_CLIENT is set.
_TELLTALE: Final = ("taskcluster.aio.asyncutils", "mohawk.base", "mohawk.sender", "mohawk.util")
_CONNECT_SECONDS: Final = 10.0
_AT_ONCE: Final = 8


class Taskcluster:
    """An open gateway to one deployment; `opened` makes one.

    Args:
        root_url: of the deployment, normalised.
        credentials: of the client that asks, or None for `anonymous`.
        session: the connections.
        pace: time limits and attempts.
        read_only: whether calls that change something are refused here.
    """

    def __init__(
        self,
        root_url: str,
        credentials: Credentials | None,
        session: aiohttp.ClientSession,
        pace: Pace,
        *,
        read_only: bool,
    ) -> None:
        self.root_url = root_url
        self.clock_skew: float | None = None
        """Seconds that the server's clock is ahead of this machine's, as of the last answer."""
        self._credentials = credentials
        self._session = session
        self._pace = pace
        self._read_only = read_only
        self._clients: dict[str, Any] = {}

    @property
    def client_id(self) -> str | None:
        """Who asks, or None for `anonymous`."""
        return self._credentials.client_id if self._credentials else None

    def by(self, credentials: Credentials) -> Taskcluster:
        """The same deployment over the same connections, asked by somebody else, who changes nothing."""
        return Taskcluster(self.root_url, credentials, self._session, self._pace, read_only=True)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The connections, for bytes that no entry answers; nothing on it is signed."""
        return self._session

    @property
    def pace(self) -> Pace:
        """Time limits and waits."""
        return self._pace

    def time(self) -> float:
        """The server's time as far as known, in seconds since the epoch."""
        return self._pace.now() + (self.clock_skew or 0.0)

    async def call(
        self,
        service: str,
        entry: str,
        *names: str | int,
        payload: object = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON that an entry of a service answers, or None for an empty answer.

        Args:
            service: `auth`, `queue`, `worker-manager` and so on.
            entry: as the public client's `funcinfo` names it, e.g. `role`.
            names: its path parameters, in order, as they are.
            payload: what is sent as JSON.
            query: keys of the query string.

        Raises:
            SignInNeeded: 401.
            MissingScopes: 403.
            ReadOnly: the call would change something, and this gateway is read-only.
            Absent: 404 or 410.
            Conflict: 409.
            Rejected: 400 or 413.
            Unconfirmed: a change was sent, and whether it was made is not known.
            Unavailable: no answer, or none that makes sense, however often it is asked.
        """
        client = self._client(service)
        method = client.funcinfo[entry]["method"].upper()
        asks = method == "GET" or (service, entry) in _ASKING
        if self._read_only and not asks:
            raise ReadOnly(
                f"{service}.{entry} changes something, and this connection is read-only: it was not sent.",
                action="Leave out --read-only to make the change.",
            )
        keywords: dict[str, Any] = {"params": {}}
        if payload is not None:
            keywords["payload"] = payload
        if query:
            keywords["query"] = dict(query)
        request = _Request(service, entry, names, keywords, asks=asks, repeatable=asks or method != "POST")
        return await self._patiently(client, request)

    async def pages(
        self,
        service: str,
        entry: str,
        *names: str | int,
        key: str,
        query: Mapping[str, str] | None = None,
    ) -> AsyncIterator[list[Any]]:
        """The pages of a list, to its end: an empty page is followed like any other.

        Args:
            service: as `call` takes it.
            entry: as `call` takes it.
            names: as `call` takes them.
            key: the member that holds a page's items.
            query: keys of the query string, `limit` among them.

        Raises:
            Unavailable: the service gives a token again that it gave before, so that there is no end.
            RunnerError: as `call`.
        """
        asked = dict(query or {})
        seen: set[str] = set()
        while True:
            answer = await self.call(service, entry, *names, query=asked)
            page = answer.get(key) if isinstance(answer, dict) else None
            if not isinstance(page, list):
                raise nonsense(service, self.root_url, f"a page without `{key}`")
            yield page
            token = answer.get("continuationToken")
            if not token:
                return
            if token in seen:
                raise nonsense(
                    service, self.root_url, "the same continuationToken twice, so that its list has no end"
                )
            seen.add(token)
            asked["continuationToken"] = token

    async def items(
        self, service: str, entry: str, *names: str | int, key: str, query: Mapping[str, str] | None = None
    ) -> list[Any]:
        """All items of a list; as `pages`."""
        return [
            item async for page in self.pages(service, entry, *names, key=key, query=query) for item in page
        ]

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            import taskcluster.aio  # half a second, for those who connect only

            for name in _TELLTALE:
                logging.getLogger(name).disabled = True
            name = "".join(word.capitalize() for word in service.split("-"))
            self._clients[service] = getattr(taskcluster.aio, name)(
                {"rootUrl": self.root_url, "credentials": _revealed(self._credentials), "maxRetries": 0},
                session=self._session,
            )
        return self._clients[service]

    async def _patiently(self, client: Any, request: _Request) -> Any:
        pace, attempt, unsure = self._pace, 1, False
        while True:
            try:
                return await self._attempt(client, request)
            except Failed as failed:
                unsure = unsure or (failed.may_have_acted and not request.asks)
                repeatable = request.repeatable or not failed.may_have_acted
                if attempt >= pace.backoff.attempts or not repeatable:
                    raise self._given_up(request, failed, unsure=unsure) from failed
                seconds = pace.backoff.wait(attempt, failed.wait, pace.jitter())
                pace.notice(f"{request.service}: {failed}; attempt {attempt + 1} in {seconds:.1f} s")
            await pace.sleep(seconds)
            attempt += 1

    async def _attempt(self, client: Any, request: _Request) -> Any:
        asked = Asked(request.service, self.client_id, self.root_url, self._pace)
        heard = listen()
        try:
            return await answer_of(
                getattr(client, request.entry)(*request.names, **request.keywords), asked, heard
            )
        finally:
            if heard.date is not None:
                self.clock_skew = heard.date - self._pace.now()

    def _given_up(self, request: _Request, failed: Failed, *, unsure: bool) -> RunnerError:
        what = f"{request.service} of {self.root_url} does not answer: {failed}."
        if unsure:
            return Unconfirmed(
                what,
                cause="The change was sent: it may have been made, or not.",
                action="Read it back before you try again.",
            )
        return Unavailable(
            what, cause="The service is down, or the network is.", action="Try again in a while."
        )


@dataclass(frozen=True, slots=True)
class _Request:
    service: str
    entry: str
    names: tuple[str | int, ...]
    keywords: Mapping[str, Any]
    asks: bool
    repeatable: bool


def _revealed(credentials: Credentials | None) -> dict[str, str]:
    # Always given: the client's defaults are this process's variables, as of its import.
    if credentials is None:
        return {}
    parts = {"clientId": credentials.client_id, "accessToken": credentials.access_token.reveal()}
    return {**parts, "certificate": credentials.certificate.reveal()} if credentials.certificate else parts


@contextlib.asynccontextmanager
async def opened(
    root_url: str,
    credentials: Credentials | None,
    *,
    read_only: bool,
    pace: Pace,
) -> AsyncIterator[Taskcluster]:
    """A gateway whose connections are closed when the context ends, by whatever end."""
    import aiohttp

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(hear)
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=pace.limit, sock_connect=min(_CONNECT_SECONDS, pace.limit)),
        connector=aiohttp.TCPConnector(limit_per_host=_AT_ONCE),
        trace_configs=[trace],
    ) as session:
        yield Taskcluster(root_url, credentials, session, pace, read_only=read_only)
