"""Requests to one registry: authorised, following what it moves, retried at this one layer."""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from runner.errors import Refused, RunnerError
from runner.registry.addresses import moved, origin, plain_http_allowed
from runner.registry.answers import Doing, Temporary, failure, wait_for, wrong_password
from runner.registry.authorization import Authorization, Scopes
from runner.registry.challenges import Challenge, chosen_challenge
from runner.registry.connection import Connection, Sending, connection_failure, discard
from runner.retry import retrying

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import urllib3

    from runner.credentials import RegistryCredentials
    from runner.image.reference import Registry
    from runner.registry.effects import Effects

_UNAUTHORIZED, _NOT_FOUND = 401, 404
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_MOVED_WITH_BODY: Final = frozenset({307, 308})
_MOST_MOVES: Final = 5
_AGENT: Final = "lading-runner"

Result = TypeVar("Result")


class Call(NamedTuple):
    """A request to be made.

    Args:
        method: the HTTP method.
        target: a path on the registry, or a URL that the registry named.
        thing: what it is about, for messages.
        scopes: what its token must grant.
        headers: beside those that every request has.
        body: bytes, or a source that can be read again from its beginning.
        accepts: the statuses that are no failure.
    """

    method: str
    target: str
    thing: str
    scopes: Scopes = ()
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes | Sending | None = None
    accepts: frozenset[int] = frozenset({200})

    @property
    def pushes(self) -> bool:
        """Whether it needs more than the permission to pull."""
        return any("push" in scope.rpartition(":")[2].split(",") for scope in self.scopes)


class Session:
    """Makes calls to a registry; safe for several threads.

    Args:
        registry: which.
        credentials: whose, or None.
        insecure: hosts to which plain HTTP is allowed, beside loopback.
        effects: time, chance and bounds.
    """

    def __init__(
        self,
        registry: Registry,
        credentials: RegistryCredentials | None,
        insecure: Collection[str],
        effects: Effects,
    ) -> None:
        self.registry = registry
        self.effects = effects
        self.insecure = insecure
        self._credentials = credentials
        self._connection = Connection(effects)
        self._lock = threading.Lock()
        self._known: tuple[str, Authorization] | None = None

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def call(self, call: Call) -> urllib3.BaseHTTPResponse:
        """Make a call, again while it fails for a while.

        Raises:
            RunnerError: Unavailable, Refused or IntegrityFailure with what the registry said.
        """
        return self.retrying(lambda: self.once(call))

    def retrying(self, work: Callable[[], Result]) -> Result:
        """Do some work whose `once` calls may fail for a while, again while they do."""
        return retrying(
            work,
            wait_for=wait_for,
            backoff=self.effects.backoff,
            sleep=self.effects.sleep,
            jitter=self.effects.jitter,
            notice=lambda error, attempt, seconds: self.effects.notice(
                f"{error.what if isinstance(error, RunnerError) else error} "
                f"Attempt {attempt} of {self.effects.backoff.attempts}; again in {seconds:.1f} s."
            ),
        )

    def once(self, call: Call) -> urllib3.BaseHTTPResponse:
        """Make a call once: with a new token if the registry wants one, and where it has moved to.

        Raises:
            Temporary: another attempt may succeed.
            RunnerError: none will.
        """
        doing = self._doing(call)
        base, authorization = self._connected(doing)
        url = call.target if "://" in call.target else base + call.target
        for _ in range(_MOST_MOVES):
            response = self._authorized(call, doing, base, url, authorization)
            if not _leads_elsewhere(call, response):
                return self._accepted(call, doing, response, authorization)
            discard(response)
            url = moved(url, response.headers.get("Location", ""), self.insecure)
        raise Refused(f"Registry {self.registry} redirects {doing} again and again.")

    def located(self, call: Call, response: urllib3.BaseHTTPResponse) -> str:
        """The absolute URL of an answer's `Location`; the call's own if it has none."""
        return self.resolved(call, response.headers.get("Location", ""))

    def resolved(self, call: Call, location: str) -> str:
        """The absolute URL of an address, relative or not, in the answer to a call."""
        base, _ = self._connected(self._doing(call))
        target = call.target if "://" in call.target else base + call.target
        return moved(target, location, self.insecure)

    def _authorized(
        self, call: Call, doing: Doing, base: str, url: str, authorization: Authorization
    ) -> urllib3.BaseHTTPResponse:
        headers = {"User-Agent": _AGENT, "Accept-Encoding": "identity"} | dict(call.headers)
        if isinstance(call.body, Sending):
            headers["Content-Length"] = str(call.body.size)
        if origin(url) != origin(base):
            return self._connection.exchange(doing, url, headers, call.body)
        for last in (False, True):
            sent = authorization.header(doing, call.scopes)
            proof = {} if sent is None else {"Authorization": sent}
            response = self._connection.exchange(doing, url, headers | proof, call.body)
            if response.status != _UNAUTHORIZED or last:
                return response
            if not authorization.refused(call.scopes, sent, _challenge_of(response)):
                return response
            discard(response)
        raise AssertionError  # the loop returns

    def _accepted(
        self, call: Call, doing: Doing, response: urllib3.BaseHTTPResponse, authorization: Authorization
    ) -> urllib3.BaseHTTPResponse:
        if response.status in call.accepts:
            return response
        body = discard(response)
        if response.status == _UNAUTHORIZED and authorization.is_basic:
            raise wrong_password(doing, body)
        raise self.failure(call, response, body)

    def failure(self, call: Call, response: urllib3.BaseHTTPResponse, body: bytes) -> RunnerError:
        """What an answer means that a caller accepted and then found wanting."""
        return failure(self._doing(call), response.status, response.headers, body, now=self.effects.clock())

    def interrupted(self, call: Call, error: BaseException) -> RunnerError:
        """What it means that an answer's body ended before its end."""
        return connection_failure(self._doing(call), error)

    def _doing(self, call: Call) -> Doing:
        user = self._credentials.username if self._credentials else ""
        return Doing(str(self.registry), call.method, call.thing, user, pushes=call.pushes)

    def _connected(self, doing: Doing) -> tuple[str, Authorization]:
        with self._lock:
            if self._known is None:
                self._known = self._connect(doing)
            return self._known

    def _connect(self, doing: Doing) -> tuple[str, Authorization]:
        """Find the registry's scheme and what it asks for, by the request that needs no permission."""
        asking = Doing(doing.registry, "GET", "/v2/", doing.user)
        endpoint = self.registry.endpoint
        urls = [f"https://{endpoint}"]
        if plain_http_allowed(endpoint, self.insecure):
            urls.insert(0, f"http://{endpoint}")
        for url in urls:
            authorization = Authorization(
                url, self._credentials, self.insecure, self._connection, self.effects
            )
            try:
                response = self._connection.exchange(asking, url + "/v2/", {"User-Agent": _AGENT}, None)
            except Temporary:
                if url == urls[-1]:
                    raise
                continue
            body = discard(response)
            if response.status == _UNAUTHORIZED:
                authorization.learn(_challenge_of(response))
            elif url != urls[-1] and response.status == 400:
                continue
            elif response.status == _NOT_FOUND:
                raise Refused(
                    f"{self.registry} answered 404 to GET of /v2/: it is no registry.",
                    action="Check the registry's name.",
                )
            elif response.status in _MOVED or response.status >= 400:
                raise failure(asking, response.status, response.headers, body, now=self.effects.clock())
            return url, authorization
        raise AssertionError  # the last URL returns or raises


def _leads_elsewhere(call: Call, response: urllib3.BaseHTTPResponse) -> bool:
    if response.status in call.accepts or "Location" not in response.headers:
        return False
    return response.status in (_MOVED if call.method in {"GET", "HEAD"} else _MOVED_WITH_BODY)


def _challenge_of(response: urllib3.BaseHTTPResponse) -> Challenge | None:
    return chosen_challenge(response.headers.getlist("WWW-Authenticate"))
