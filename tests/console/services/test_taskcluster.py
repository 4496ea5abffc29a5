"""The gateway: every answer, fault and end of a Taskcluster becomes one result or one error of ours."""

import asyncio
import datetime as dt

import aiohttp
import pytest
import taskcluster

from console.credentials.value import Credentials
from console.failures import Absent, MissingScopes, ReadOnly, Rejected, SignInNeeded, Unconfirmed
from console.services.taskcluster import opened
from runner.errors import Conflict, ExitCode, Refused, Unavailable
from runner.masking import Masked
from runner.retry import Backoff
from tests.support.front import CUT, CUT_AFTER, HANG, Fault
from tests.support.tls import self_signed_context

pytestmark = pytest.mark.enable_socket

ROLE = "repo:github.com/mozilla/balrog:branch:a/b%c <..>*"
BODY = {"description": "d", "scopes": ["a:b"]}


async def limited(place, *scopes):
    """A gateway of a client that has just these scopes."""
    return await place.gateway(await place.client(*scopes))


async def test_a_role_comes_back_as_it_was_sent_whatever_its_name(place):
    gateway = await place.gateway()
    await gateway.call("auth", "createRole", ROLE, payload=BODY)
    found = await gateway.call("auth", "role", ROLE)
    assert (found["roleId"], found["scopes"]) == (ROLE, ["a:b"])


async def test_an_empty_answer_is_none(place):
    gateway = await place.gateway()
    assert await gateway.call("auth", "deleteRole", "absent") is None


async def test_too_many_requests_are_waited_out_as_the_server_says(place):
    gateway = await place.gateway()
    place.front.faults = [Fault(429, {"Retry-After": "7"}), Fault(429)]
    assert (await gateway.call("auth", "ping"))["alive"]
    assert place.slept == [7.0, 1.0]
    assert place.told == [
        "auth: status 429; attempt 2 in 7.0 s",
        "auth: status 429; attempt 3 in 1.0 s",
    ]


async def test_unavailable_for_a_while_is_waited_out_and_no_longer_than_the_longest_wait(place):
    gateway = await place.gateway()
    place.front.faults = [Fault(503, {"Retry-After": "3600"})]
    assert (await gateway.call("auth", "ping"))["alive"]
    assert place.slept == [30.0]


async def test_a_retry_after_can_be_a_date(place):
    gateway = await place.gateway(now=lambda: 784111770.0)
    place.front.faults = [Fault(503, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"})]
    await gateway.call("auth", "ping")
    assert place.slept == [7.0]


async def test_a_server_that_stays_in_trouble_is_given_up(place):
    gateway = await place.gateway()
    place.front.faults = [Fault(500) for _ in range(9)]
    with pytest.raises(Unavailable, match=r"auth of .* does not answer: status 500"):
        await gateway.call("auth", "ping")
    assert len(place.front.requests) == 4
    assert place.slept == [0.5, 1.0, 2.0]


async def test_jitter_adds_up_to_a_quarter(place):
    gateway = await place.gateway(jitter=lambda: 1.0)
    place.front.faults = [Fault(502)]
    await gateway.call("auth", "ping")
    assert place.slept == [0.625]


async def test_a_server_that_hangs_meets_the_time_limit_and_is_asked_again(place):
    gateway = await place.gateway(limit=1.0)
    place.front.faults = [Fault(HANG)]
    assert (await gateway.call("auth", "ping"))["alive"]
    assert place.told[0] == "auth: no answer within 1 s; attempt 2 in 0.5 s"


async def test_a_connection_that_breaks_is_made_again(place):
    gateway = await place.gateway()
    place.front.faults = [Fault(CUT), Fault(CUT)]  # the HTTP library repeats a GET once by itself
    assert (await gateway.call("auth", "ping"))["alive"]
    assert "the connection broke" in place.told[0]


async def test_a_machine_where_nobody_listens_is_told(place, unused_tcp_port):
    async with opened(
        f"http://127.0.0.1:{unused_tcp_port}", None, read_only=True, pace=place.pace()
    ) as gateway:
        with pytest.raises(Unavailable, match="no connection"):
            await gateway.call("auth", "ping")


def temporary(place, start, end):
    """Credentials of the root client that are valid from `start` to `end`, in minutes from now."""
    now = dt.datetime.now(dt.UTC)
    made = taskcluster.createTemporaryCredentials(
        place.root.client_id,
        place.root.access_token.reveal(),
        now + dt.timedelta(minutes=start),
        now + dt.timedelta(minutes=end),
        ["auth:current-scopes"],
    )
    text = {name: value.decode() if isinstance(value, bytes) else value for name, value in made.items()}
    return Credentials(text["clientId"], Masked(text["accessToken"]), Masked(text["certificate"]))


async def test_a_port_without_tls_is_told_at_once(place):
    root_url = place.front.root_url.replace("http:", "https:")
    async with opened(root_url, None, read_only=True, pace=place.pace()) as gateway:
        with pytest.raises(Unavailable, match="does not speak TLS"):
            await gateway.call("auth", "ping")
    assert place.slept == []


async def test_a_certificate_that_is_not_trusted_is_told_at_once(place, tmp_path):
    server = await asyncio.start_server(
        lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=self_signed_context(tmp_path)
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with opened(f"https://localhost:{port}", None, read_only=True, pace=place.pace()) as gateway:
            with pytest.raises(Refused, match=r"certificate of .* is not accepted"):
                await gateway.call("auth", "ping")
    assert place.slept == []


async def test_expired_credentials_ask_for_a_sign_in(place):
    expired = temporary(place, -120, -60)
    gateway = await place.gateway(expired)
    with pytest.raises(SignInNeeded, match=r"certificate\.expiry < now") as caught:
        await gateway.call("auth", "currentScopes")
    assert caught.value.exit_code is ExitCode.REFUSED
    assert expired.access_token.reveal() not in str(caught.value)


async def test_temporary_credentials_are_taken(place):
    gateway = await place.gateway(temporary(place, -1, 60))
    assert "auth:current-scopes" in (await gateway.call("auth", "currentScopes"))["scopes"]


async def test_a_wrong_token_asks_for_a_sign_in_and_is_not_tried_twice(place):
    gateway = await place.gateway(Credentials(place.root.client_id, Masked("wrong-token")))
    with pytest.raises(SignInNeeded, match="static/taskcluster/root"):
        await gateway.call("auth", "listRoles")
    assert len(place.front.requests) == 1


async def test_a_clock_that_is_off_is_told_as_such(place):
    gateway = await place.gateway()
    message = {"code": "AuthenticationFailed", "message": "Unauthorized: Stale timestamp\n\n---\n\n* method"}
    place.front.faults = [Fault(401, {"Content-Type": "application/json"}, message)]
    with pytest.raises(SignInNeeded, match="clock"):
        await gateway.call("auth", "listRoles")


async def test_the_missing_scope_is_read_out_of_a_refusal(place):
    gateway = await limited(place, "auth:get-role:x")
    with pytest.raises(MissingScopes) as caught:
        await gateway.call("auth", "role", "y")
    assert caught.value.scopes == ("auth:get-role:y",)
    assert "client test/limited lacks `auth:get-role:y`" in str(caught.value)


async def test_several_missing_scopes_are_all_read(place):
    root = await place.gateway()
    await root.call("auth", "createRole", "r", payload=BODY)
    gateway = await limited(place, "auth:nothing")
    with pytest.raises(MissingScopes) as caught:
        await gateway.call("auth", "updateRole", "r", payload={**BODY, "scopes": ["new:one", "new:two"]})
    assert caught.value.scopes == ("auth:update-role:r", "new:one", "new:two")


async def test_nobodys_refusal_says_that_nobody_is_signed_in(place):
    gateway = await place.gateway(anonymous=True)
    with pytest.raises(MissingScopes, match="not signed in") as caught:
        await gateway.call("auth", "role", "y")
    assert caught.value.scopes == ("auth:get-role:y",)


async def test_anonymous_takes_no_credentials_from_the_process(place, monkeypatch):
    monkeypatch.setitem(
        taskcluster.client._defaultConfig, "credentials", {"clientId": "stray", "accessToken": "token"}
    )
    gateway = await place.gateway(anonymous=True)
    with pytest.raises(MissingScopes, match="anonymous"):
        await gateway.call("auth", "role", "y")


async def test_what_is_not_there_is_absent(place):
    gateway = await place.gateway()
    with pytest.raises(Absent, match="Role not found") as caught:
        await gateway.call("auth", "role", "none")
    assert caught.value.exit_code is ExitCode.NO


async def test_what_exists_in_another_form_is_a_conflict(place):
    gateway = await place.gateway()
    await gateway.call("auth", "createRole", "r", payload=BODY)
    with pytest.raises(Conflict, match="already exists"):
        await gateway.call("auth", "createRole", "r", payload={**BODY, "description": "other"})


async def test_what_a_service_does_not_take_is_told_in_its_words(place):
    gateway = await place.gateway()
    with pytest.raises(Rejected, match=r"scopes must not end with `\*\*`") as caught:
        await gateway.call("auth", "createRole", "r", payload={**BODY, "scopes": ["a**"]})
    assert caught.value.exit_code is ExitCode.USAGE
    assert "---" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(404, {"Content-Type": "text/html"}, b"<h1>Not here</h1>"), "no such route"),
        (Fault(404, {}, {"error": "Not found"}), "no such route"),
        (Fault(200, {"Content-Type": "text/html"}, b"<h1>Welcome</h1>"), "no JSON"),
        (Fault(200, {"Content-Type": "application/json"}, b"{"), "no JSON"),
        (Fault(200, {"Content-Type": "application/json; charset=utf-8"}, b"\xff\xfe"), "no text"),
        (Fault(302, {"Location": "https://elsewhere.invalid/"}), "no JSON"),
        (Fault(501), "does not have what was asked for"),
        (Fault(418, {}, b"tea"), "answered 418"),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
async def test_what_is_no_taskcluster_is_told_once_with_what_to_check(place, fault, said):
    gateway = await place.gateway()
    place.front.faults = [fault]
    with pytest.raises(Unavailable, match=said):
        await gateway.call("auth", "listRoles2")
    assert len(place.front.requests) == 1


async def test_a_read_only_gateway_sends_no_change(place):
    gateway = await place.gateway(read_only=True)
    for entry, names, payload in (
        ("createRole", ["r"], BODY),
        ("updateRole", ["r"], BODY),
        ("deleteRole", ["r"], None),
        ("resetAccessToken", ["c"], None),
    ):
        with pytest.raises(ReadOnly, match="not sent"):
            await gateway.call("auth", entry, *names, payload=payload)
    assert place.front.requests == []
    assert (await gateway.call("auth", "expandScopes", payload={"scopes": ["a"]})) == {"scopes": ["a"]}


async def test_a_change_that_can_be_repeated_is_sent_again(place):
    gateway = await place.gateway()
    place.front.faults = [Fault(CUT_AFTER)]
    await gateway.call("auth", "createRole", "r", payload=BODY)
    assert len(place.front.requests) == 2


async def test_a_change_that_may_have_been_made_is_not_sent_twice(place):
    gateway = await place.gateway()
    await gateway.call("auth", "createRole", "r", payload=BODY)
    place.front.requests.clear()
    place.front.faults = [Fault(CUT_AFTER)]
    with pytest.raises(Unconfirmed, match="Read it back"):
        await gateway.call("auth", "updateRole", "r", payload={**BODY, "scopes": ["c:d"]})
    assert len(place.front.requests) == 1
    assert (await gateway.call("auth", "role", "r"))["scopes"] == ["c:d"]


async def test_a_change_that_was_surely_not_made_is_sent_again(place):
    gateway = await place.gateway()
    await gateway.call("auth", "createRole", "r", payload=BODY)
    place.front.faults = [Fault(429)]
    await gateway.call("auth", "updateRole", "r", payload={**BODY, "scopes": ["c:d"]})
    assert (await gateway.call("auth", "role", "r"))["scopes"] == ["c:d"]


async def test_pages_are_followed_to_the_end(place):
    gateway = await place.gateway()
    for number in range(5):
        await gateway.call("auth", "createRole", f"r{number}", payload=BODY)
    pages = [
        [role["roleId"] for role in page]
        async for page in gateway.pages("auth", "listRoles2", key="roles", query={"limit": "2"})
    ]
    assert pages == [["r0", "r1"], ["r2", "r3"], ["r4"]]


def page(token, *names):
    body = {"roleIds": list(names)} | ({"continuationToken": token} if token else {})
    return Fault(200, {"Content-Type": "application/json"}, body)


async def test_an_empty_page_is_not_the_end(place):
    gateway = await place.gateway()
    place.front.faults = [page("x", "a"), page("y"), page("", "b")]
    assert await gateway.items("auth", "listRoleIds", key="roleIds") == ["a", "b"]
    assert [request.partition("?")[2] for request in place.front.requests] == [
        "",
        "continuationToken=x",
        "continuationToken=y",
    ]


async def test_a_list_without_an_end_is_ended(place):
    gateway = await place.gateway()
    place.front.faults = [page("x", "a"), page("y", "b"), page("x", "a")]
    with pytest.raises(Unavailable, match="same continuationToken"):
        await gateway.items("auth", "listRoleIds", key="roleIds")
    assert len(place.front.requests) == 3


async def test_a_page_of_another_shape_is_told(place):
    gateway = await place.gateway()
    place.front.faults = [Fault(200, {"Content-Type": "application/json"}, {"roles": {}})]
    with pytest.raises(Unavailable, match="a page without `roles`"):
        await gateway.items("auth", "listRoles2", key="roles")


async def test_the_servers_clock_is_known_from_its_answers(place):
    gateway = await place.gateway(now=lambda: 784111777.0 - 42)
    assert gateway.time() == 784111777.0 - 42
    place.front.faults = [page("", "a")]
    place.front.faults[0].headers["Date"] = "Sun, 06 Nov 1994 08:49:37 GMT"
    await gateway.call("auth", "listRoleIds")
    assert gateway.time() == 784111777.0


async def test_a_call_that_is_cancelled_leaves_no_connection_open(place):
    place.front.faults = [Fault(HANG)]
    sessions = []

    async def ask():
        async with opened(place.front.root_url, None, read_only=True, pace=place.pace()) as gateway:
            sessions.append(gateway._session)
            await gateway.call("auth", "ping")

    asking = asyncio.create_task(ask())
    await asyncio.wait_for(place.front.arrived.wait(), 120)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert sessions[0].closed
    assert isinstance(sessions[0], aiohttp.ClientSession)


async def test_a_wait_before_another_attempt_can_be_cancelled(place):
    waiting = asyncio.Event()

    async def sleep(_seconds):
        waiting.set()
        await asyncio.Event().wait()

    gateway = await place.gateway(sleep=sleep)
    place.front.faults = [Fault(503)]
    asking = asyncio.create_task(gateway.call("auth", "ping"))
    await asyncio.wait_for(waiting.wait(), 120)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_calls_at_the_same_time_keep_their_own_answers(place):
    gateway = await place.gateway(backoff=Backoff(attempts=2))
    place.front.faults = [Fault(429, {"Retry-After": "3"}), Fault(429, {"Retry-After": "5"})]
    await asyncio.gather(gateway.call("auth", "ping"), gateway.call("auth", "ping"))
    assert sorted(place.slept) == [3.0, 5.0]


async def test_the_audit_tells_who_did_what(place):
    gateway = await place.gateway()
    await gateway.call("auth", "createRole", "r/", payload=BODY)
    [entry] = await gateway.items("auth", "getEntityHistory", "role", "r/", key="auditHistory")
    assert (entry["actionType"], entry["clientId"]) == ("created", "static/taskcluster/root")
