"""The proxy gives a task its scopes, and behaves as the real taskcluster-proxy was measured to."""

import asyncio
import datetime as dt
import json
import os
import subprocess
import sys

import aiohttp
import pytest
import taskcluster
from aiohttp import web

from console.sandbox.proxy import TaskProxy
from console.sandbox.signed_http import Api, Credentials
from console.sandbox.taskcluster import Sandbox
from runner.masking import Masked

pytestmark = pytest.mark.enable_socket

SECRET = "repo:github.com/mozilla/balrog:dockerhub"
READS_SECRET = f"secrets:get:{SECRET}"
PERMANENT = Credentials("someone", Masked("token"))


class Upstream:
    """A root URL that answers what the test says and remembers what it was asked."""

    def __init__(self):
        self.answers = []
        self.asked = []
        self.url = ""

    async def answer(self, request):
        self.asked.append((request, await request.read()))
        status, headers, body = self.answers.pop(0) if self.answers else (200, {}, b"{}")
        return web.Response(status=status, headers=headers, body=body)


@pytest.fixture
async def upstream():
    upstream = Upstream()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", upstream.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    upstream.url = "http://{}:{}".format(*runner.addresses[0][:2])
    yield upstream
    await runner.cleanup()


async def no_wait(_seconds):
    return None


@pytest.fixture
async def proxy(upstream):
    proxy = await TaskProxy.start(upstream.url, PERMANENT, ["a:scope"], sleep=no_wait)
    yield proxy
    await proxy.close()


@pytest.fixture
async def http():
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


async def curl(*words):
    process = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--show-error", "--path-as-is", *words, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode()


@pytest.mark.parametrize(
    ("asked", "forwarded"),
    [
        ("/api/secrets/v1/secret/a", "/api/secrets/v1/secret/a"),
        ("/secrets/v1/secret/a", "/api/secrets/v1/secret/a"),
        ("/secrets/v1/secret/repo%3Aa%2Fb", "/api/secrets/v1/secret/repo%3Aa%2Fb"),
        ("/secrets/v1/secret/repo:a/b", "/api/secrets/v1/secret/repo:a/b"),
        ("/queue/v1/task/x?limit=1&a=%2F+b", "/api/queue/v1/task/x?limit=1&a=%2F+b"),
        ("/nosuch/v9/x//y/../z", "/api/nosuch/v9/x//y/../z"),
    ],
)
async def test_both_url_shapes_reach_the_service_and_names_pass_as_sent(proxy, upstream, asked, forwarded):
    await curl(proxy.url + asked)
    assert [request.raw_path for request, _ in upstream.asked] == [forwarded]


async def test_method_body_and_headers_pass_but_the_clients_authorization_is_replaced(proxy, upstream, http):
    await http.put(
        f"{proxy.url}/queue/v1/x", data=b"body", headers={"Authorization": "Basic secret", "X-Mine": "1"}
    )
    ((request, body),) = upstream.asked
    assert (request.method, body, request.headers["X-Mine"]) == ("PUT", b"body", "1")
    assert request.headers["Authorization"].startswith("Hawk ")
    assert 'id="someone"' in request.headers["Authorization"]
    assert request.headers["Host"] == upstream.url.removeprefix("http://")


async def test_status_body_encoding_and_redirects_come_back_unchanged(proxy, upstream, http):
    upstream.answers = [(303, {"Location": "http://elsewhere/x", "Content-Encoding": "gzip"}, b"\x1f\x8bnot")]
    response = await http.get(f"{proxy.url}/queue/v1/x", allow_redirects=False)
    assert (response.status, await response.read()) == (303, b"\x1f\x8bnot")
    assert response.headers["Location"] == "http://elsewhere/x"
    assert response.headers["Content-Encoding"] == "gzip"


async def test_answers_say_what_they_were_signed_with(proxy, upstream, http):
    response = await http.get(f"{proxy.url}/queue/v1/x")
    assert response.headers["X-Taskcluster-Endpoint"] == f"{upstream.url}/api/queue/v1/x"
    assert json.loads(response.headers["X-Taskcluster-Authorized-Scopes"]) == ["a:scope"]
    assert response.headers["X-Taskcluster-Proxy-Perm-ClientId"] == "someone"
    assert response.headers["X-Taskcluster-Proxy-Version"]
    assert response.headers["X-Taskcluster-Proxy-Revision"]


async def test_temporary_credentials_are_told_with_their_scopes(proxy, http):
    certificate = json.dumps({"version": 1, "scopes": ["b"]})
    put = {"clientId": "t", "accessToken": "x", "certificate": certificate}
    await http.put(f"{proxy.url}/credentials", json=put)
    response = await http.get(f"{proxy.url}/queue/v1/x")
    assert response.headers["X-Taskcluster-Proxy-Temp-ClientId"] == "t"
    assert json.loads(response.headers["X-Taskcluster-Proxy-Temp-Scopes"]) == ["b"]


@pytest.mark.parametrize(
    ("request_line", "body", "status"),
    [
        ("GET /", None, 404),
        ("GET /secrets", None, 404),
        ("GET /api/secrets", None, 404),
        ("GET /credentials", None, 405),
        ("POST /credentials", b"{}", 405),
        ("PUT /credentials", b"no JSON", 400),
        ("PUT /credentials", b'"a text"', 400),
        ("PUT /credentials", b'{"certificate": "no JSON"}', 400),
        ("PUT /credentials", b'{"clientId": "x"}', 200),
        ("GET /bewit", None, 405),
        ("POST /bewit", b"no URL", 400),
        ("GET /registry-1.docker.io/v2/", None, 501),
    ],
)
async def test_what_is_no_service_call_is_answered_by_the_proxy_itself(
    proxy, http, request_line, body, status
):
    method, path = request_line.split()
    response = await http.request(method, proxy.url + path, data=body)
    assert response.status == status
    assert "X-Taskcluster-Endpoint" not in response.headers


async def test_the_root_says_that_it_knows_no_such_service(proxy, http):
    response = await http.get(f"{proxy.url}/")
    assert "Unkown taskcluster service" in await response.text()


async def test_a_service_in_trouble_is_asked_again_with_the_same_body(proxy, upstream, http):
    upstream.answers = [(503, {}, b""), (500, {}, b""), (200, {}, b"done")]
    response = await http.post(f"{proxy.url}/queue/v1/x", data=b"body")
    assert await response.text() == "done"
    assert [body for _, body in upstream.asked] == [b"body"] * 3


async def test_trouble_without_end_is_passed_on(proxy, upstream, http):
    upstream.answers = [(502, {}, b"bad")] * 5
    response = await http.get(f"{proxy.url}/queue/v1/x")
    assert (response.status, await response.text()) == (502, "bad")


@pytest.mark.parametrize("status", [400, 403, 404, 409, 501])
async def test_a_refusal_is_not_asked_again(proxy, upstream, http, status):
    upstream.answers = [(status, {}, b"no")]
    assert (await http.get(f"{proxy.url}/queue/v1/x")).status == status
    assert len(upstream.asked) == 1


async def test_an_unreachable_root_url_ends_in_an_answer_and_does_not_block_credentials(http):
    waits = []

    async def wait(seconds):
        waits.append(seconds)
        put = await http.put(f"{lonely.url}/credentials", json={"clientId": "x"})
        assert put.status == 200

    lonely = await TaskProxy.start("http://127.0.0.1:1", PERMANENT, [], sleep=wait)
    try:
        assert (await http.get(f"{lonely.url}/queue/v1/x")).status == 500
        assert len(waits) == 4
    finally:
        await lonely.close()


@pytest.fixture
async def sandbox():
    sandbox = await Sandbox.start()
    yield sandbox
    await sandbox.close()


@pytest.fixture
async def task_proxy(sandbox, http):
    """The proxy of a task that may read the secret, with credentials that may do more."""
    root = Credentials(sandbox.root_client_id, sandbox.root_access_token)
    expires = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    payload = {"secret": {"dockerhub_password": "hunter2"}, "expires": expires}
    await Api(http, sandbox.root_url, root).call("PUT", "secrets", "secret", SECRET, payload=payload)
    proxy = await TaskProxy.start(
        sandbox.root_url, temporary(sandbox, READS_SECRET, "secrets:set:*"), [READS_SECRET]
    )
    yield proxy
    await proxy.close()


def temporary(sandbox, *scopes):
    now = dt.datetime.now(dt.UTC)
    made = taskcluster.createTemporaryCredentials(
        sandbox.root_client_id,
        sandbox.root_access_token.reveal(),
        now - dt.timedelta(minutes=1),
        now + dt.timedelta(minutes=20),
        list(scopes),
    )
    return Credentials.from_json(
        {name: value.decode() if isinstance(value, bytes) else value for name, value in made.items()}
    )


@pytest.mark.parametrize("name", [SECRET, SECRET.replace(":", "%3A").replace("/", "%2F")])
async def test_curl_gets_the_secret_as_the_script_of_2016_did(task_proxy, name):
    port = task_proxy.url.rpartition(":")[2]
    output = await curl(
        "--fail",
        "--connect-to",
        f"taskcluster:80:127.0.0.1:{port}",
        f"http://taskcluster/secrets/v1/secret/{name}",
    )
    assert json.loads(output)["secret"] == {"dockerhub_password": "hunter2"}


async def test_scopes_that_are_not_authorized_are_not_had(task_proxy, http):
    payload = {"secret": {}, "expires": "2030-01-01T00:00:00.000Z"}
    response = await http.put(f"{task_proxy.url}/secrets/v1/secret/x", json=payload)
    assert response.status == 403
    assert (await response.json())["code"] == "InsufficientScopes"


async def test_new_credentials_sign_the_next_request(task_proxy, sandbox, http):
    await http.put(f"{task_proxy.url}/credentials", json={"clientId": "no/such", "accessToken": "x"})
    response = await http.get(f"{task_proxy.url}/secrets/v1/secret/{SECRET}")
    assert response.status == 401
    task_proxy.renew(temporary(sandbox, READS_SECRET))
    response = await http.get(f"{task_proxy.url}/secrets/v1/secret/{SECRET}")
    assert response.status == 200


async def test_a_bewit_lets_anybody_read_the_url(task_proxy, sandbox, http):
    url = f"{sandbox.root_url}/api/secrets/v1/secret/{SECRET.replace(':', '%3A').replace('/', '%2F')}"
    response = await http.post(f"{task_proxy.url}/bewit", data=url, allow_redirects=False)
    signed = await response.text()
    assert response.status == 303
    assert response.headers["Location"] == signed
    assert "hunter2" in await curl("--fail", signed)


async def test_the_public_client_works_in_a_task(task_proxy, sandbox):
    program = f"""
import taskcluster.helper
config = taskcluster.helper.TaskclusterConfig()
print(config.get_service("secrets").get({SECRET!r})["secret"]["dockerhub_password"])
"""
    environment = {
        "PATH": os.environ["PATH"],
        "TASK_ID": "AULwDfvWTe6jAvPHgMIHQQ",
        "TASKCLUSTER_ROOT_URL": sandbox.root_url,
        "TASKCLUSTER_PROXY_URL": task_proxy.url,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=subprocess.PIPE, env=environment
    )
    output, _ = await process.communicate()
    assert output == b"hunter2\n"
