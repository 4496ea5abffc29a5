"""Answers a registry's challenge: HTTP Basic, or tokens from the server that the challenge names."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from runner.errors import Refused
from runner.masking import Masked
from runner.registry.addresses import checked, origin, plain_http_allowed, with_query
from runner.registry.answers import Doing, Temporary, error_codes, failure, wrong_password
from runner.registry.challenges import Challenge, with_scopes_first
from runner.registry.connection import discard

if TYPE_CHECKING:
    from collections.abc import Collection

    from runner.credentials import RegistryCredentials
    from runner.registry.connection import Connection
    from runner.registry.effects import Effects

# What the token specification says where an answer has no `expires_in`.
_DEFAULT_LIFETIME: Final = 60.0
# A token is renewed when this share of its life is left: a request must still arrive in time.
_LEFT: Final = 0.1
_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403

Scopes = tuple[str, ...]


class _Token(NamedTuple):
    text: Masked
    expires: float


class Authorization:
    """Holds the challenge, the credentials and the tokens of one registry; safe for several threads.

    Args:
        url: the registry's own URL.
        credentials: whose, or None.
        insecure: hosts to which plain HTTP is allowed.
        connection: used for token requests.
        effects: the clock.
    """

    def __init__(
        self,
        url: str,
        credentials: RegistryCredentials | None,
        insecure: Collection[str],
        connection: Connection,
        effects: Effects,
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._insecure = insecure
        self._connection = connection
        self._effects = effects
        self._challenge: Challenge | None = None
        self._tokens: dict[Scopes, _Token] = {}
        self._asked: dict[Scopes, Scopes] = {}
        self._lock = threading.Lock()

    @property
    def is_basic(self) -> bool:
        """Whether the registry asks for HTTP Basic: then a 401 means that the password is wrong."""
        return self._challenge is not None and self._challenge.scheme == "basic"

    def learn(self, challenge: Challenge | None) -> None:
        """Keep what the registry asks for."""
        with self._lock:
            self._challenge = challenge

    def header(self, doing: Doing, scopes: Scopes) -> str | None:
        """The Authorization header for these scopes; a token is fetched if none is at hand or fresh.

        Raises:
            Refused: the credentials are missing or not accepted.
            Temporary: the token server is not available.
        """
        with self._lock:
            if self._challenge is None:
                return None
            if self._challenge.scheme == "basic":
                if self._credentials is None:
                    raise wrong_password(doing)
                return f"Basic {self._credentials.basic.reveal()}"
            token = self._tokens.get(scopes)
            if token is None or token.expires <= self._effects.clock():
                token = self._fetch(doing, self._challenge, self._asked.get(scopes, scopes))
                self._tokens[scopes] = token
            return f"Bearer {token.text.reveal()}"

    def refused(self, scopes: Scopes, sent: str | None, challenge: Challenge | None) -> bool:
        """Take note of a 401 to a request that carried `sent`; whether another attempt makes sense.

        Another attempt makes sense if nothing was sent yet, or a token: it may have expired, or the registry
        may want a scope that it names only now.
        """
        with self._lock:
            if challenge is None:
                return False
            self._challenge = challenge
            if challenge.scheme == "basic":
                return not (sent or "").startswith("Basic ")
            known = self._asked.get(scopes, scopes)
            self._asked[scopes] = with_scopes_first([s for s in challenge.scopes if s not in known], known)
            token = self._tokens.get(scopes)
            # Another thread may have renewed it meanwhile.
            if token is not None and sent == f"Bearer {token.text.reveal()}":
                del self._tokens[scopes]
            return True

    def _fetch(self, doing: Doing, challenge: Challenge, scopes: Scopes) -> _Token:
        asking = Doing(doing.registry, "GET", f"a token for {doing}", doing.user, pushes=doing.pushes)
        url = with_query(self._realm(challenge), service=challenge.parameters.get("service", ""))
        for scope in scopes:
            url = with_query(url, scope=scope)
        headers = {"Accept": "application/json"}
        if self._credentials is not None:
            headers["Authorization"] = f"Basic {self._credentials.basic.reveal()}"
        started = self._effects.clock()
        response = self._connection.exchange(asking, url, headers, None)
        body = discard(response)
        if response.status in {_UNAUTHORIZED, _FORBIDDEN}:
            raise wrong_password(asking, body)
        if response.status != _OK:
            raise failure(asking, response.status, response.headers, body, now=started)
        return _token_from(asking, body, started)

    def _realm(self, challenge: Challenge) -> str:
        realm = checked(challenge.parameters.get("realm", ""), self._insecure)
        # A registry elsewhere has no business with this machine's own services, nor with plain HTTP.
        ours = plain_http_allowed(urlsplit(self._url).netloc, self._insecure)
        if not ours and origin(realm)[0] != "https":
            raise Refused(
                "The registry sends the password to a token server over plain HTTP.",
                cause="The registry's setting is wrong, or somebody answers in its place.",
            )
        return realm


def _token_from(asking: Doing, body: bytes, started: float) -> _Token:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    token = (answer.get("token") or answer.get("access_token")) if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token or not token.isprintable():
        codes = error_codes(body)
        raise Temporary(f"The token server of {asking.registry} answered 200 without a token.{codes or ''}")
    lifetime = answer.get("expires_in")
    if not isinstance(lifetime, int | float) or isinstance(lifetime, bool) or lifetime <= 0:
        lifetime = _DEFAULT_LIFETIME
    return _Token(Masked(token), started + lifetime * (1 - _LEFT))
