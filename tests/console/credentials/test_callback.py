"""Of all that reaches the callback, only the page's own answer is taken, and once; the clock is passed in."""

import pytest

from console.credentials.callback import Callback, new_nonce
from console.credentials.request import SignInRequest, least_scopes, lifetime, new_name
from console.credentials.value import Credentials
from runner.errors import UsageError
from runner.masking import Masked

NONCE = "0123456789abcdef0123456789abcdef"
TOKEN = "t0ken-of-44-characters_"
ANSWER = f"/{NONCE}?clientId=github/1|you/lading-1&accessToken={TOKEN}"


@pytest.fixture
def callback():
    return Callback(NONCE, deadline=300.0)


def hear(callback, target=ANSWER, method="GET", now=0.0):
    return callback.hear(method, target, now)


def test_the_pages_answer_is_taken_and_the_browser_is_sent_where_no_token_is(callback):
    reply = hear(callback)
    assert callback.credentials == Credentials("github/1|you/lading-1", Masked(TOKEN))
    assert (reply.status, reply.headers["Location"]) == ("303 See Other", "/signed-in")
    encoded = reply.encode()
    assert b"Connection: close\r\n" in encoded
    assert b"Cache-Control: no-store\r\n" in encoded
    assert TOKEN.encode() not in encoded
    assert not callback.is_seen
    assert hear(callback, "/signed-in").status == "200 OK"
    assert callback.is_seen


def test_a_browser_may_encode_what_the_page_did_not_and_a_plus_stays_one(callback):
    hear(callback, f"/{NONCE}?clientId=github%2F1%7Cyou+me/x&accessToken={TOKEN}")
    assert callback.credentials.client_id == "github/1|you+me/x"


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/favicon.ico", "GET", "404"),
        ("/", "GET", "404"),
        ("/signed-in", "GET", "404"),
        (ANSWER.replace("/0", "/1", 1), "GET", "404"),
        (f"/{NONCE}/?clientId=a&accessToken=b", "GET", "404"),
        (f"/x/..{ANSWER}", "GET", "404"),
        (f"/%30{ANSWER[2:]}", "GET", "404"),
        (f"http://localhost{ANSWER}", "GET", "404"),
        (f"/\xe9{ANSWER}", "GET", "404"),
        ("/?clientId=a&accessToken=b", "GET", "404"),
        (ANSWER, "POST", "405"),
        (ANSWER, "HEAD", "405"),
        (ANSWER, "OPTIONS", "405"),
        (f"/{NONCE}", "GET", "400"),
        (f"/{NONCE}?", "GET", "400"),
        (f"/{NONCE}?clientId=a", "GET", "400"),
        (f"/{NONCE}?accessToken=b", "GET", "400"),
        (f"/{NONCE}?clientId=&accessToken=b", "GET", "400"),
        (f"/{NONCE}?clientId=a&accessToken=", "GET", "400"),
        (f"/{NONCE}?clientId=a&accessToken=b&accessToken=c", "GET", "400"),
        (f"/{NONCE}?clientId=a&clientId=b&accessToken=c", "GET", "400"),
        (f"/{NONCE}?clientId=a&accessToken=%C3%A9", "GET", "400"),
    ],
)
def test_nothing_else_is_taken_and_the_sign_in_goes_on(callback, target, method, status):
    assert hear(callback, target, method).status.startswith(status)
    assert callback.credentials is None
    assert hear(callback).status == "303 See Other"


def test_a_second_answer_is_refused_and_changes_nothing(callback):
    hear(callback)
    assert hear(callback, f"/{NONCE}?clientId=mallory&accessToken=x").status == "410 Gone"
    assert callback.credentials.client_id == "github/1|you/lading-1"


def test_after_five_minutes_nothing_is_taken(callback):
    assert hear(callback, now=300.0).status == "410 Gone"
    assert callback.credentials is None
    assert hear(callback, now=299.9).status == "303 See Other"


def test_a_nonce_is_of_128_bits_and_never_the_same():
    assert len({new_nonce() for _ in range(100)}) == 100
    assert len(bytes.fromhex(new_nonce())) == 16


def test_the_page_is_asked_for_the_scopes_and_told_where_to_answer():
    page = SignInRequest(("a:b c", "d"), "lading-1", "8h").page("https://tc.example", "http://localhost:1/n")
    assert page.startswith(
        "https://tc.example/auth/clients/create?scope=a%3Ab%20c&scope=d&name=lading-1&expires=8h"
    )
    assert "&callback_url=http%3A%2F%2Flocalhost%3A1%2Fn&" in page


def test_no_scope_is_wider_than_what_is_read_and_the_secrets_that_are_set():
    scopes = least_scopes(["repo:github.com/mozilla/balrog:dockerhub"])
    assert scopes[:2] == (
        "secrets:get:repo:github.com/mozilla/balrog:dockerhub",
        "secrets:set:repo:github.com/mozilla/balrog:dockerhub",
    )
    assert {scope for scope in scopes if scope.endswith("*")} == {"auth:get-client:*", "auth:get-role:*"}
    assert not [scope for scope in scopes if "update" in scope or "create" in scope or "assume" in scope]
    assert len(set(least_scopes([]))) == len(least_scopes([]))


def test_two_sign_ins_ask_for_two_clients():
    assert new_name() != new_name()


@pytest.mark.parametrize(("text", "hours"), [("8h", 8), ("1d", 24), ("30d", 720)])
def test_a_lifetime_is_of_hours_or_days(text, hours):
    assert lifetime(text).total_seconds() == hours * 3600


@pytest.mark.parametrize("text", ["", "0d", "1", "-1d", "1w", "1d1h", "99999d"])
def test_other_lifetimes_are_refused(text):
    with pytest.raises(UsageError, match="is no lifetime"):
        lifetime(text)
