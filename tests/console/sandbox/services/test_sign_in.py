"""Signing in from a terminal: the page that a browser is sent to, and what it sends back."""

import html
import re
from urllib.parse import parse_qsl, urlencode

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.scopes import satisfies
from console.sandbox.loopback_peer import owner
from console.sandbox.sign_in import ROLE, ROUTE, USER, granted

pytestmark = pytest.mark.enable_socket
CALLBACK = "http://localhost:40123/4f1c9c5e"
ASKED = [("name", "lading-abc123"), ("expires", "1d"), ("description", "d"), ("callback_url", CALLBACK)]


@pytest.fixture
async def browser(sandbox, service):
    scopes = [f"auth:create-client:{USER}/*", "secrets:get:a/*", "auth:current-scopes"]
    await service("auth").createRole(ROLE, {"description": "d", "scopes": scopes})
    async with aiohttp.ClientSession(sandbox.root_url) as session:

        async def opens(asked, **headers):
            async with session.get(f"{ROUTE}?{urlencode(asked)}", headers=headers) as answer:
                return answer.status, await answer.text()

        async def saves(fields, **headers):
            sent = urlencode(fields)
            form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
            async with session.post(ROUTE, data=sent, headers=form, allow_redirects=False) as answer:
                return answer.status, answer.headers.get("Location", await answer.text())

        yield opens, saves


def _fields(page):
    return [
        (name, html.unescape(value))
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    ]


async def test_save_makes_a_client_and_sends_its_credentials_to_the_callback(browser, service, clock):
    opens, saves = browser
    asked = [*ASKED, ("scope", "secrets:get:a/b"), ("scope", "secrets:get:z"), ("scope", "auth:*")]
    status, page = await opens(asked)
    assert (status, "<button" in page) == (200, True)
    assert "not yours to give" in page
    status, location = await saves(_fields(page))
    assert status == 303
    # As the real page does: after a `?`, and the client id as it is.
    head, _, token = location.partition("&accessToken=")
    assert (head, len(token)) == (f"{CALLBACK}?clientId={USER}/lading-abc123", 44)
    client = await service("auth").client(f"{USER}/lading-abc123")
    assert client["scopes"] == [f"auth:create-client:{USER}/*", "auth:current-scopes", "secrets:get:a/b"]
    assert client["deleteOnExpiration"]
    assert clock.at(hours=23) < client["expires"] <= clock.at(days=1)
    assert client["description"] == "d"
    history = (await service("auth").getEntityHistory("client", f"{USER}/lading-abc123"))["auditHistory"]
    assert [(entry["clientId"], entry["actionType"]) for entry in history] == [(USER, "created")]
    mine = service("auth", clientId=f"{USER}/lading-abc123", accessToken=token)
    assert "secrets:get:a/b" in (await mine.currentScopes())["scopes"]


async def test_the_form_gives_nothing_that_the_person_lacks_even_if_it_is_altered(browser, service):
    opens, saves = browser
    _status, page = await opens([*ASKED, ("scope", "secrets:get:a/b")])
    status, _location = await saves([*_fields(page), ("scope", "secrets:get:z")])
    assert status == 303
    assert (await service("auth").client(f"{USER}/lading-abc123"))["scopes"] == ["secrets:get:a/b"]


@pytest.mark.parametrize(
    "callback",
    [
        "http://127.0.0.1:1/",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "ftp://localhost/",
        " http://localhost/",
        "http://localhost/\r\nSet-Cookie: a=b",
        "",
    ],
)
async def test_credentials_go_to_localhost_only(browser, callback):
    opens, saves = browser
    asked = [pair for pair in ASKED if pair[0] != "callback_url"]
    assert (await opens([*asked, ("callback_url", callback)]))[0] == 400
    _status, page = await opens(ASKED)
    sealed = [pair for pair in _fields(page) if pair[0] != "callback_url"]
    assert (await saves([*sealed, ("callback_url", callback)]))[0] == 400


@pytest.mark.parametrize("callback", ["http://localhost", "https://localhost:8443", "http://localhost:1/a?b"])
async def test_any_address_of_localhost_will_do(browser, callback):
    opens, _saves = browser
    asked = [pair for pair in ASKED if pair[0] != "callback_url"]
    assert (await opens([*asked, ("callback_url", callback)]))[0] == 200


async def test_a_form_of_another_site_is_refused(browser, service):
    opens, saves = browser
    _status, page = await opens(ASKED)
    fields = dict(_fields(page))
    assert (await saves({**fields, "seal": "0" * 64}))[0] == 400
    del fields["seal"]
    assert (await saves(fields))[0] == 400
    seal = dict(_fields(page))["seal"]
    assert (await saves({**fields, "seal": seal, "callback_url": "http://localhost:9/"}))[0] == 400
    assert (await saves({**fields, "seal": seal}, Host="evil.example:80"))[0] == 400
    assert (await opens(ASKED, Host="evil.example:80"))[0] == 400
    assert [
        c["clientId"] for c in (await service("auth").listClients(query={"prefix": USER}))["clients"]
    ] == []


async def test_hostile_text_is_shown_and_not_obeyed(browser):
    opens, saves = browser
    text = '"><script>alert(1)</script>'
    status, page = await opens([*ASKED[:2], ("description", text), ASKED[3], ("scope", text)])
    assert (status, "<script" in page) == (200, False)
    assert (await saves(_fields(page)))[0] == 303


@pytest.mark.parametrize("expires", ["", "soon", "1", "-1d", "9999999999y", "1d\n2h x"])
async def test_an_end_that_is_no_time_from_now_is_refused(browser, expires):
    opens, _saves = browser
    assert (await opens([ASKED[0], ("expires", expires), ASKED[3]]))[0] == 400


async def test_a_name_twice_is_a_conflict(browser):
    opens, saves = browser
    _status, page = await opens(ASKED)
    assert (await saves(_fields(page)))[0] == 303
    altered = {**dict(_fields(page)), "description": "another"}
    assert (await saves(altered))[0] == 409


async def test_without_the_right_to_make_clients_there_is_none(browser, service):
    opens, saves = browser
    _status, page = await opens(ASKED)
    await service("auth").deleteRole(ROLE)
    assert (await saves(_fields(page)))[0] == 403


SCOPE = st.text("ab:*", max_size=5)


@given(st.lists(SCOPE, max_size=5), st.lists(SCOPE, max_size=5))
def test_what_is_granted_is_asked_for_and_held(asked, held):
    given_scopes = granted(asked, held)
    assert all(satisfies(asked, scope) and satisfies(held, scope) for scope in given_scopes)
    assert all(satisfies(given_scopes, scope) for scope in asked if satisfies(held, scope))


LINE = " 0: 0100007F:1F90 0100007F:A2C4 01 00000000:00000000 00:00000000 00000000  1000        0 1 1 x"
MAPPED = (
    " 0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:A2C4 01 "
    "00000000:00000000 00:00000000 00000000  1001        0 1 1 x"
)


@pytest.mark.parametrize(("line", "user"), [(LINE, 1000), (MAPPED, 1001), ("sl local_address", None)])
def test_a_loopback_socket_has_an_owner(line, user):
    assert owner([line], ("127.0.0.1", 8080), ("127.0.0.1", 41668)) == user
    assert owner([line], ("127.0.0.1", 8081), ("127.0.0.1", 41668)) is None


def test_the_query_of_the_callback_reads_back():
    assert dict(parse_qsl(f"clientId={USER}/x&accessToken=t")) == {
        "clientId": f"{USER}/x",
        "accessToken": "t",
    }
