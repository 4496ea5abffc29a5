"""The gateway to a Taskcluster, over its public asyncio client.

The client is given one attempt at a time: by itself it neither waits for a `Retry-After`, nor repeats after a
time limit, and lets `aiohttp`'s exceptions through.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from console.failures import ReadOnly, Unconfirmed
from console.services.answers import Refusal, error_of
from runner.errors import Refused, RunnerError, Unavailable
from runner.retry import TEMPORARY_STATUSES, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import SimpleNamespace

    import aiohttp

    from console.credentials.value import Credentials
    from console.services.pacing import Pace

_SERVICES: Final = {
    "auth": "Auth",
    "github": "Github",
    "hooks": "Hooks",
    "index": "Index",
    "object": "Object",
    "queue": "Queue",
    "secrets": "Secrets",
}
# POSTs that only ask: what they are asked does not fit a URL.
_ASKING: Final = frozenset(
    {
        ("auth", "expandScopes"),
        ("auth", "testAuthenticate"),
        ("github", "renderTaskclusterYml"),
        ("index", "findTasksAtIndex"),
        ("queue", "statuses"),
        ("queue", "taskQueueCountsBatch"),
        ("queue", "tasks"),
    }
)
_NOT_ACTED: Final = frozenset({429, 503})
_CONNECT_SECONDS: Final = 10.0
_AT_ONCE: Final = 8


@dataclass(slots=True)
class _Heard:
    """The headers of the answer to the attempt under way: the client hands out bodies alone."""

    headers: Mapping[str, str] = field(default_factory=dict)


_HEARD: ContextVar[_Heard] = ContextVar("heard")


class _Failed(Exception):
    """An attempt that another may follow.

    Args:
        reason: what to tell of it.
        wait: seconds that the server asked for, or None.
        may_have_acted: whether the service may have done what it was asked.
    """

    def __init__(self, reason: str, wait: float | None = None, *, may_have_acted: bool = True) -> None:
        super().__init__(reason)
        self.wait = wait
        self.may_have_acted = may_have_acted


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
            service: `auth`, `queue` and so on.
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
                raise self._nonsense(service, f"a page without `{key}`")
            yield page
            token = answer.get("continuationToken")
            if not token:
                return
            if token in seen:
                raise self._nonsense(service, "the same continuationToken twice, so that its list has no end")
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

            self._clients[service] = getattr(taskcluster.aio, _SERVICES[service])(
                {"rootUrl": self.root_url, "credentials": _revealed(self._credentials), "maxRetries": 0},
                session=self._session,
            )
        return self._clients[service]

    async def _patiently(self, client: Any, request: _Request) -> Any:
        pace, attempt, unsure = self._pace, 1, False
        while True:
            try:
                return await self._attempt(client, request)
            except _Failed as failed:
                unsure = unsure or (failed.may_have_acted and not request.asks)
                repeatable = request.repeatable or not failed.may_have_acted
                if attempt >= pace.backoff.attempts or not repeatable:
                    raise self._given_up(request, failed, unsure=unsure) from failed
                seconds = pace.backoff.wait(attempt, failed.wait, pace.jitter())
                pace.notice(f"{request.service}: {failed}; attempt {attempt + 1} in {seconds:.1f} s")
            await pace.sleep(seconds)
            attempt += 1

    async def _attempt(self, client: Any, request: _Request) -> Any:
        import aiohttp
        import taskcluster.exceptions

        heard = _Heard()
        _HEARD.set(heard)
        try:
            answer = await getattr(client, request.entry)(*request.names, **request.keywords)
        except taskcluster.exceptions.TaskclusterConnectionError as error:
            raise self._broken(error.superExc or error) from error
        except aiohttp.ClientResponseError as error:
            raise self._failed(error.status, heard) from error
        except TimeoutError as error:
            raise _Failed(f"no answer within {self._pace.limit:g} s") from error
        except (
            taskcluster.exceptions.TaskclusterRestFailure,
            taskcluster.exceptions.TaskclusterAuthFailure,
        ) as error:
            raise self._refused(error, request, heard) from error
        except UnicodeDecodeError as error:
            raise self._nonsense(request.service, "what is no text") from error
        finally:
            self._learn_time(heard)
        if isinstance(answer, dict) and isinstance(answer.get("response"), aiohttp.ClientResponse):
            raise self._nonsense(request.service, "what is no JSON")
        return answer

    def _refused(self, error: Any, request: _Request, heard: _Heard) -> Exception:
        if error.status_code in TEMPORARY_STATUSES:
            return self._failed(error.status_code, heard)
        return error_of(
            Refusal(error.status_code, error.body, request.service, self.client_id, self.root_url)
        )

    def _failed(self, status: int, heard: _Heard) -> Exception:
        if status not in TEMPORARY_STATUSES:
            return Unavailable(
                f"{self.root_url} answered {status}.",
                cause="It does not have what was asked for." if status == 501 else "It is in trouble.",
            )
        wait = retry_after_seconds(heard.headers.get("Retry-After"), self._pace.now())
        return _Failed(f"status {status}", wait, may_have_acted=status not in _NOT_ACTED)

    def _broken(self, cause: BaseException) -> Exception:
        import aiohttp

        match cause:
            case aiohttp.ClientConnectorCertificateError():
                return Refused(
                    f"The certificate of {self.root_url} is not accepted.",
                    cause="It is not its own, has expired, or is of an authority that this machine does not trust.",
                )
            case aiohttp.ClientSSLError():
                return Unavailable(
                    f"{self.root_url} does not speak TLS as https needs it.",
                    action="Check TASKCLUSTER_ROOT_URL or --root-url.",
                )
            case aiohttp.ClientConnectorError():
                return _Failed("no connection", may_have_acted=False)
            case TimeoutError():
                return _Failed("no answer in time")
            case _:
                return _Failed(f"the connection broke ({type(cause).__name__})")

    def _given_up(self, request: _Request, failed: _Failed, *, unsure: bool) -> RunnerError:
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

    def _nonsense(self, service: str, what: str) -> Unavailable:
        return Unavailable(
            f"{service} of {self.root_url} answers {what}.",
            cause="It may be no Taskcluster, or something between here and there answers in its place.",
            action="Check TASKCLUSTER_ROOT_URL or --root-url.",
        )

    def _learn_time(self, heard: _Heard) -> None:
        try:
            told = parsedate_to_datetime(heard.headers["Date"]).timestamp()
        except (KeyError, ValueError, TypeError, IndexError, OverflowError):
            return
        self.clock_skew = told - self._pace.now()


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
    trace.on_request_end.append(_hear)
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=pace.limit, sock_connect=min(_CONNECT_SECONDS, pace.limit)),
        connector=aiohttp.TCPConnector(limit_per_host=_AT_ONCE),
        trace_configs=[trace],
    ) as session:
        yield Taskcluster(root_url, credentials, session, pace, read_only=read_only)


async def _hear(_session: object, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams) -> None:
    _HEARD.get().headers = end.response.headers
