"""Who may do what: no authentication, HTTP Basic, or tokens (distribution's token specification)."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import time
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aiohttp import web

from console.sandbox.registry.problems import RegistryProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

PUSH_AND_PULL = frozenset({"pull", "push"})


@dataclass(frozen=True)
class Account:
    """A user with a password, and what they may do in which repositories (`*` matches any text)."""

    username: str
    password: str = field(repr=False)
    actions: Mapping[str, Collection[str]] = field(default_factory=lambda: {"*": PUSH_AND_PULL})

    def may(self, name: str) -> frozenset[str]:
        """The actions allowed in a repository."""
        return allowed(self.actions, name)


def allowed(actions: Mapping[str, Collection[str]], name: str) -> frozenset[str]:
    """The actions that the patterns matching `name` allow."""
    return frozenset(
        action for pattern, some in actions.items() if fnmatchcase(name, pattern) for action in some
    )


def account_of(request: web.Request, accounts: Iterable[Account]) -> Account | None:
    """The account that a request's Basic header proves."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, _, password = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    for account in accounts:
        if account.username == username and hmac.compare_digest(account.password.encode(), password.encode()):
            return account
    return None


@dataclass
class BasicAuth:
    """HTTP Basic for every request."""

    accounts: Collection[Account]
    realm: str = "embedded registry"

    def check(self, request: web.Request, needed: Mapping[str, Collection[str]]) -> None:
        """Let the request through if its user may do what is needed.

        Raises:
            RegistryProblem: 401 without a valid user, 403 if they may not.
        """
        account = account_of(request, self.accounts)
        if account is None:
            raise RegistryProblem(
                401,
                "UNAUTHORIZED",
                "authentication required",
                {"WWW-Authenticate": f'Basic realm="{self.realm}"'},
            )
        for name, actions in needed.items():
            if not account.may(name).issuperset(actions):
                raise RegistryProblem(403, "DENIED", "requested access to the resource is denied")


@dataclass
class _Grant:
    expires: float
    access: dict[str, frozenset[str]]
    uses_left: int | None


@dataclass
class TokenAuth:
    """Bearer tokens from the registry's own `/token`.

    Args:
        accounts: the users; a token grants what was asked and is allowed, which may be less.
        anonymous: what a token without a user grants.
        lifetime: seconds after which a token is refused.
        uses: requests after which a token is refused, or None for no such limit.
        field_name: the answer's field that holds the token: `token` or `access_token`.
        realm: what the challenge names; `{host}` is the registry's own host and port.
    """

    accounts: Collection[Account]
    anonymous: Mapping[str, Collection[str]] = field(default_factory=dict)
    lifetime: float = 300
    uses: int | None = None
    field_name: str = "token"
    realm: str = "http://{host}/token"
    service: str = "embedded registry"
    clock: Callable[[], float] = time.monotonic
    _grants: dict[str, _Grant] = field(default_factory=dict, init=False)

    def check(self, request: web.Request, needed: Mapping[str, Collection[str]]) -> None:
        """Let the request through if its token grants what is needed.

        Raises:
            RegistryProblem: 401 with a challenge that names the missing scope.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self._grants.get(token) if scheme.lower() == "bearer" else None
        if grant is None or grant.expires <= self.clock() or grant.uses_left == 0:
            raise self._challenge(request, needed, "invalid_token")
        if grant.uses_left is not None:
            grant.uses_left -= 1
        for name, actions in needed.items():
            if not grant.access.get(name, frozenset()).issuperset(actions):
                raise self._challenge(request, {name: actions}, "insufficient_scope")

    def expire_all(self) -> None:
        """Refuse every token given out up to now."""
        self._grants.clear()

    def issue(self, request: web.Request) -> web.Response:
        """Answer a token request.

        Raises:
            RegistryProblem: 401, the user or the password is wrong; 405, it is asked by POST, the OAuth 2 form: clients
                that try that first then ask by GET.
        """
        if request.method == "POST":
            raise RegistryProblem(405, "UNSUPPORTED", "tokens are asked for by GET")
        account = account_of(request, self.accounts)
        if account is None and "Authorization" in request.headers:
            raise RegistryProblem(401, "UNAUTHORIZED", "incorrect username or password")
        actions = account.actions if account else self.anonymous
        access = {}
        for scope in " ".join(request.query.getall("scope", [])).split():
            kind, _, rest = scope.partition(":")
            name, _, asked = rest.rpartition(":")
            if kind == "repository":
                access[name] = allowed(actions, name) & frozenset(asked.split(","))
        token = secrets.token_urlsafe(24)
        self._grants[token] = _Grant(self.clock() + self.lifetime, access, self.uses)
        return web.json_response({self.field_name: token, "expires_in": int(self.lifetime)})

    def _challenge(
        self, request: web.Request, needed: Mapping[str, Collection[str]], error: str
    ) -> RegistryProblem:
        scope = " ".join(f"repository:{name}:{','.join(sorted(actions))}" for name, actions in needed.items())
        parts = [f'realm="{self.realm.format(host=request.host)}"', f'service="{self.service}"']
        parts += [f'scope="{scope}"'] if scope else []
        parts += [f'error="{error}"'] if "Authorization" in request.headers else []
        return RegistryProblem(
            401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": f"Bearer {','.join(parts)}"}
        )


Auth = BasicAuth | TokenAuth | None
