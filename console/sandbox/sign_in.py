"""The part of the web interface that signing in from a terminal needs: `/auth/clients/create`.

The page shows the scopes that the caller asked for and the person has, and a Save button, which creates the
client and sends the browser to the caller's address with the new credentials (clients/client-shell's `signin`,
the web interface's ViewClient). The person is always `USER`: whoever runs the sandbox is signed in as that.
"""

from __future__ import annotations

import hmac
import html
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import MultiDict

from console.domain.scopes import normalise, satisfies
from console.sandbox.failures import ApiError
from console.sandbox.loopback_peer import is_own
from console.sandbox.moments import iso
from console.sandbox.services.auth_clients import CLIENT_ID, new_client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multidict import MultiMapping

    from console.sandbox.deployment import Deployment

ROUTE: Final = "/auth/clients/create"
USER: Final = "sandbox-login/0|you"
"""The person's identity, in the form `provider/id|name` of real ones; what it may do says its role."""

ROLE: Final = f"login-identity:{USER}"
_CALLBACK: Final = re.compile(r"https?://localhost(:\d+)?(/|\Z)")
_OFFSET: Final = re.compile(
    r"(?:(\d{1,6})y(?:ears?|r)?)?(?:(\d{1,6})mo(?:nths?)?)?(?:(\d{1,6})w(?:eeks?|k)?)?"
    r"(?:(\d{1,6})d(?:ays?)?)?(?:(\d{1,6})h(?:ours?|r)?)?(?:(\d{1,6})m(?:in(?:utes?)?)?)?"
    r"(?:(\d{1,6})s(?:ec(?:onds?)?)?)?"
)
_LONGEST: Final = 10240
_DAYS: Final = (365, 30, 7, 1)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
}
_STYLE: Final = (
    "body{font:1rem/1.5 sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
    "code{overflow-wrap:anywhere}"
)


class BadRequest(ValueError):
    """What the page was asked for cannot be; the message says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for.

    Args:
        name: the client will be `<USER>/<name>`.
        scopes: those wanted.
        expires: when the client ends.
        expires_text: the same as the address has it, `1d`.
        callback: where its credentials go, on this machine.
        description: the client's.
    """

    name: str
    scopes: tuple[str, ...]
    expires: datetime
    expires_text: str
    callback: str
    description: str

    @classmethod
    def read(cls, values: MultiMapping[str], now: datetime) -> Asked:
        """Read a query or a form.

        Raises:
            BadRequest: a parameter is missing or not what it must be.
        """
        callback, name = values.get("callback_url", ""), values.get("name", "")
        if not (_CALLBACK.match(callback) and re.fullmatch(r"[!-~]+", callback)):
            raise BadRequest("callback_url must begin with http://localhost or https://localhost.")
        if not re.fullmatch(CLIENT_ID, name):
            raise BadRequest("name is missing, or holds what a client id cannot.")
        expires_text = values.get("expires", "1d")
        return cls(
            name=name,
            scopes=tuple(values.getall("scope", [])),
            expires=_after(now, expires_text),
            expires_text=expires_text,
            callback=callback,
            description=values.get("description", "")[:_LONGEST].replace("\r\n", "\n"),
        )

    @property
    def client_id(self) -> str:
        """The new client's."""
        return f"{USER}/{self.name}"

    def fields(self) -> Iterable[tuple[str, str]]:
        """What the form sends back."""
        yield from (("name", self.name), ("expires", self.expires_text), ("callback_url", self.callback))
        yield ("description", self.description)


def _after(now: datetime, text: str) -> datetime:
    found = _OFFSET.fullmatch("".join(text.split()))
    if found is None or not any(found.groups()):
        raise BadRequest("expires must be a time from now, such as 1d or 2 hours.")
    *days, hours, minutes, seconds = (int(count or 0) for count in found.groups())
    try:
        return now + timedelta(
            days=sum(map(int.__mul__, days, _DAYS)), hours=hours, minutes=minutes, seconds=seconds
        )
    except OverflowError as error:
        raise BadRequest("expires is too far away.") from error


def granted(asked: Iterable[str], held: Iterable[str]) -> list[str]:
    """The scopes that are both asked for and held, normalised: of `a*` and `ab` it is `ab`, either way round."""
    wanted, own = list(asked), list(held)
    both = [scope for scope in wanted if satisfies(own, scope)]
    return normalise([*both, *(scope for scope in own if satisfies(wanted, scope))])


class SignIn:
    """Answers GET and POST of the page."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def _held(self) -> list[str]:
        return self._deployment.roles.expand([f"assume:{ROLE}", "assume:anonymous"])

    async def show(self, request: web.Request) -> web.Response:
        """The page."""
        try:
            self._check_peer(request)
            asked = Asked.read(request.query, self._deployment.now())
        except BadRequest as error:
            return _page("Cannot create a client", f"<p>{html.escape(str(error))}</p>", 400)
        scopes = granted(asked.scopes, self._held())
        return _page("Create a client", _form(asked, scopes, self._seal(asked)), 200)

    async def save(self, request: web.Request) -> web.Response:
        """The Save button."""
        try:
            self._check_peer(request)
            sent = (await request.read()).decode(errors="replace")
            form = MultiDict(parse_qsl(sent, keep_blank_values=True))
            asked = Asked.read(form, self._deployment.now())
            self._check_seal(asked, form.get("seal", ""))
            token = self._create(asked)
        except BadRequest as error:
            return _page("Cannot create a client", f"<p>{html.escape(str(error))}</p>", 400)
        except ApiError as error:
            return _page("Cannot create a client", f"<pre>{html.escape(error.message)}</pre>", error.status)
        # As the web interface builds it: what is in the client id is not encoded, and a `?` is always added.
        location = f"{asked.callback}?clientId={asked.client_id}&accessToken={token}"
        return web.Response(status=303, headers={**_HEADERS, "Location": location})

    def _create(self, asked: Asked) -> str:
        held = self._held()
        if not satisfies(held, f"auth:create-client:{asked.client_id}"):
            raise ApiError("InsufficientScopes", f"{USER} lacks auth:create-client:{asked.client_id}")
        body = {
            "description": asked.description,
            "expires": iso(asked.expires),
            "scopes": granted(asked.scopes, held),
            "deleteOnExpiration": True,
        }
        return new_client(self._deployment, asked.client_id, body, by=USER)

    def _seal(self, asked: Asked) -> str:
        """What only a page of this sandbox knows: another site can make a browser send the form, not read it."""
        text = repr((asked.name, asked.expires_text, asked.callback)).encode()
        return hmac.new(self._deployment.key("sign-in").reveal().encode(), text, "sha256").hexdigest()

    def _check_seal(self, asked: Asked, given: str) -> None:
        if not hmac.compare_digest(given.encode(), self._seal(asked).encode()):
            raise BadRequest("The form was not filled in on this page.")

    def _check_peer(self, request: web.Request) -> None:
        port = self._deployment.root_url.rpartition(":")[2]
        if request.headers.get("Host", "") not in {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}:
            # A name that leads here is another site's.
            raise BadRequest(f"Open the page at {self._deployment.root_url}.")
        if not is_own(request.transport):
            raise BadRequest("Only the user who runs the sandbox can sign in to it.")


def _form(asked: Asked, scopes: list[str], seal: str) -> str:
    refused = [scope for scope in asked.scopes if not satisfies(scopes, scope)]
    hidden = [*asked.fields(), ("seal", seal), *(("scope", scope) for scope in scopes)]
    inputs = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">\n' for name, value in hidden
    )
    return (
        f"<p>Signed in as <code>{html.escape(USER)}</code>.</p>\n"
        f"<dl><dt>Client</dt><dd><code>{html.escape(asked.client_id)}</code></dd>\n"
        f"<dt>Description</dt><dd>{html.escape(asked.description)}</dd>\n"
        f"<dt>Expires</dt><dd>{iso(asked.expires)}, and is then deleted</dd>\n"
        f"<dt>Its credentials go to</dt><dd><code>{html.escape(asked.callback)}</code></dd>\n"
        f"<dt>Scopes</dt><dd>{_listed(scopes)}</dd>\n"
        + (f"<dt>Asked for, and not yours to give</dt><dd>{_listed(refused)}</dd>\n" if refused else "")
        + f'</dl>\n<form method="post" action="{ROUTE}">\n{inputs}<button type="submit">Save</button>\n</form>'
    )


def _listed(scopes: list[str]) -> str:
    items = "".join(f"<li><code>{html.escape(scope)}</code></li>" for scope in scopes)
    return f"<ul>{items}</ul>" if items else "none"


def _page(title: str, body: str, status: int) -> web.Response:
    text = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )
    return web.Response(status=status, text=text, content_type="text/html", charset="utf-8", headers=_HEADERS)
