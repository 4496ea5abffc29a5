"""The embedded registry speaks the distribution-spec: statuses, headers and error codes."""

import hashlib
import json
from io import BytesIO

import pytest
from aiohttp import ClientSession

from console.sandbox.registry.authentication import Account, BasicAuth, TokenAuth
from console.sandbox.registry.routes import Route, route_of
from console.sandbox.registry.server import EmbeddedRegistry
from runner.image.manifests import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST

pytestmark = pytest.mark.enable_socket

BLOB = b"some bytes"
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "config": {"mediaType": OCI_CONFIG, "digest": DIGEST, "size": len(BLOB)},
        "layers": [],
    }
).encode()
NAME = "/v2/mozilla/balrog"


@pytest.fixture
async def registry():
    async with EmbeddedRegistry(referrers=True) as running:
        yield running


@pytest.fixture
async def http(registry):
    async with ClientSession(f"http://{registry.host}") as session:
        yield session


async def code(response):
    return response.status, (await response.json())["errors"][0]["code"]


async def opened(http):
    async with http.post(f"{NAME}/blobs/uploads/") as response:
        assert response.status == 202
        assert response.headers["Range"] == "0-0"
        return response.headers["Location"]


async def put_image(http, tag="v1"):
    location = await opened(http)
    async with http.put(f"{location}&digest={DIGEST}", data=BLOB) as response:
        assert response.status == 201
    async with http.put(
        f"{NAME}/manifests/{tag}", data=MANIFEST, headers={"Content-Type": OCI_MANIFEST}
    ) as response:
        assert response.status == 201
        return response.headers["Docker-Content-Digest"]


async def test_the_base_says_which_api_it_is(http):
    async with http.get("/v2/") as response:
        assert response.status == 200
        assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


async def test_a_blob_is_uploaded_in_chunks(http):
    location = await opened(http)
    async with http.patch(location, data=BLOB[:4], headers={"Content-Range": "0-3"}) as response:
        assert (response.status, response.headers["Range"]) == (202, "0-3")
        location = response.headers["Location"]
    async with http.get(location) as response:
        assert (response.status, response.headers["Range"]) == (204, "0-3")
    async with http.patch(location, data=BLOB[4:], headers={"Content-Range": "4-9"}) as response:
        location = response.headers["Location"]
    async with http.put(f"{location}&digest={DIGEST}") as response:
        assert (response.status, response.headers["Docker-Content-Digest"]) == (201, DIGEST)
    async with http.get(f"{NAME}/blobs/{DIGEST}") as response:
        assert await response.read() == BLOB
    async with http.get(f"{NAME}/blobs/{DIGEST}", headers={"Range": "bytes=5-"}) as response:
        assert (response.status, await response.read()) == (206, BLOB[5:])
    async with http.head(f"{NAME}/blobs/{DIGEST}") as response:
        assert (response.status, response.headers["Content-Length"]) == (200, "10")


async def test_a_blob_is_uploaded_in_one_request(http):
    async with http.post(f"{NAME}/blobs/uploads/?digest={DIGEST}", data=BLOB) as response:
        assert response.status == 201


async def test_a_chunk_out_of_order_is_416_with_the_offset(http):
    location = await opened(http)
    async with http.patch(location, data=BLOB, headers={"Content-Range": "5-14"}) as response:
        assert response.headers["Range"] == "0-0"
        assert await code(response) == (416, "RANGE_INVALID")


async def test_other_bytes_are_400_and_the_session_is_over(http, registry):
    location = await opened(http)
    async with http.put(f"{location}&digest={DIGEST}", data=b"other") as response:
        assert await code(response) == (400, "DIGEST_INVALID")
    async with http.get(location) as response:
        assert await code(response) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert registry.storage.open_uploads == 0


async def test_a_cancelled_session_is_over(http, registry):
    location = await opened(http)
    async with http.delete(location) as response:
        assert response.status == 204
    assert registry.storage.open_uploads == 0


@pytest.mark.parametrize(("source", "status"), [("base", 201), ("other", 202)])
async def test_a_mount_is_made_only_from_where_the_blob_is(http, registry, source, status):
    registry.storage.put_blob("base", BLOB)
    async with http.post(f"{NAME}/blobs/uploads/?mount={DIGEST}&from={source}") as response:
        assert response.status == status


async def test_a_manifest_needs_its_blobs(http):
    async with http.put(
        f"{NAME}/manifests/v1", data=MANIFEST, headers={"Content-Type": OCI_MANIFEST}
    ) as response:
        assert await code(response) == (400, "MANIFEST_BLOB_UNKNOWN")


async def test_a_manifest_is_found_by_tag_and_by_digest(http):
    digest = await put_image(http)
    for name in ("v1", digest):
        async with http.get(f"{NAME}/manifests/{name}") as response:
            assert await response.read() == MANIFEST
            assert response.headers["Content-Type"] == OCI_MANIFEST
            assert response.headers["Docker-Content-Digest"] == digest
        async with http.head(f"{NAME}/manifests/{name}") as response:
            assert response.headers["Content-Length"] == str(len(MANIFEST))


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2/not/there/manifests/v1", (404, "NAME_UNKNOWN")),
        (f"{NAME}/manifests/v2", (404, "MANIFEST_UNKNOWN")),
        (f"{NAME}/blobs/sha256:{'0' * 64}", (404, "BLOB_UNKNOWN")),
        (f"{NAME}/blobs/sha256:0", (400, "DIGEST_INVALID")),
        ("/v2/not/there/tags/list", (404, "NAME_UNKNOWN")),
        ("/v2/UPPER/tags/list", (404, "NOT_FOUND")),
    ],
)
async def test_what_is_not_there_is_said_with_its_code(http, path, answer):
    await put_image(http)
    async with http.get(path) as response:
        assert await code(response) == answer


@pytest.mark.parametrize(
    ("name", "media_type", "content", "answer"),
    [
        ("v1", OCI_MANIFEST, b"{}", (400, "MANIFEST_INVALID")),
        ("v1", OCI_INDEX, MANIFEST, (400, "MANIFEST_INVALID")),
        ("v1", OCI_MANIFEST, b" " * (4 * 1024 * 1024 + 1), (413, "SIZE_INVALID")),
        (".v1", OCI_MANIFEST, MANIFEST, (400, "TAG_INVALID")),
        (f"sha256:{'0' * 64}", OCI_MANIFEST, MANIFEST, (400, "DIGEST_INVALID")),
    ],
    ids=["no manifest", "another type", "too large", "no tag", "another digest"],
)
async def test_a_manifest_that_is_none_is_refused(http, name, media_type, content, answer):
    async with http.put(
        f"{NAME}/manifests/{name}", data=BytesIO(content), headers={"Content-Type": media_type}
    ) as response:
        assert await code(response) == answer


async def test_tags_come_in_pages(http):
    for tag in ("c", "a", "b"):
        await put_image(http, tag)
    async with http.get(f"{NAME}/tags/list?n=2") as response:
        assert (await response.json())["tags"] == ["a", "b"]
        following = response.links["next"]["url"]
    async with http.get(following) as response:
        assert (await response.json())["tags"] == ["c"]
        assert "next" not in response.links


async def test_a_deleted_tag_is_gone_and_a_deleted_digest_takes_its_tags(http):
    await put_image(http, "a")
    digest = await put_image(http, "b")
    async with http.delete(f"{NAME}/manifests/a") as response:
        assert response.status == 202
    async with http.get(f"{NAME}/tags/list") as response:
        assert (await response.json())["tags"] == ["b"]
    async with http.delete(f"{NAME}/manifests/{digest}") as response:
        assert response.status == 202
    async with http.get(f"{NAME}/tags/list") as response:
        assert (await response.json())["tags"] == []


async def test_referrers_are_found_by_their_subject(http):
    digest = await put_image(http)
    about = json.loads(MANIFEST) | {
        "subject": {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(MANIFEST)}
    }
    async with http.put(
        f"{NAME}/manifests/about", data=json.dumps(about), headers={"Content-Type": OCI_MANIFEST}
    ) as response:
        assert response.headers["OCI-Subject"] == digest
        referrer = response.headers["Docker-Content-Digest"]
    async with http.get(f"{NAME}/referrers/{digest}") as response:
        assert [entry["digest"] for entry in json.loads(await response.read())["manifests"]] == [referrer]


async def test_basic_authentication_wants_a_user_everywhere():
    async with (
        EmbeddedRegistry(auth=BasicAuth([Account("user", "right")])) as registry,
        ClientSession(f"http://{registry.host}") as http,
        http.get("/v2/") as response,
    ):
        assert response.headers["WWW-Authenticate"].startswith("Basic ")
        assert await code(response) == (401, "UNAUTHORIZED")


async def test_a_token_grants_what_was_asked_and_is_allowed():
    account = Account("user", "right", {"mozilla/*": {"pull"}})
    async with (
        EmbeddedRegistry(auth=TokenAuth([account])) as registry,
        ClientSession(f"http://{registry.host}") as http,
    ):
        async with http.post(f"{NAME}/blobs/uploads/") as response:
            challenge = response.headers["WWW-Authenticate"]
            assert f'realm="http://{registry.host}/token"' in challenge
            assert 'scope="repository:mozilla/balrog:pull,push"' in challenge
        basic = {"Authorization": "Basic dXNlcjpyaWdodA=="}
        async with http.get(
            "/token?service=s&scope=repository:mozilla/balrog:pull,push", headers=basic
        ) as response:
            bearer = {"Authorization": f"Bearer {(await response.json())['token']}"}
        async with http.get(f"{NAME}/tags/list", headers=bearer) as response:
            assert response.status == 404
        async with http.post(f"{NAME}/blobs/uploads/", headers=bearer) as response:
            assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]
            assert response.status == 401


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v2/", Route("base")),
        ("/v2", Route("base")),
        ("/v2/a/b/manifests/v1", Route("manifest", "a/b", "v1")),
        ("/v2/manifests/manifests/v1", Route("manifest", "manifests", "v1")),
        ("/v2/a/blobs/uploads/", Route("upload", "a", "")),
        ("/v2/a/blobs/uploads/x_-1", Route("upload", "a", "x_-1")),
        (f"/v2/a/blobs/{DIGEST}", Route("blob", "a", DIGEST)),
        ("/v2/a/tags/list", Route("tags", "a")),
        ("/v2/A/tags/list", Route("unknown")),
        ("/v2/../tags/list", Route("unknown")),
        ("/v1/", Route("unknown")),
    ],
)
def test_knows_a_request_by_its_path(path, route):
    assert route_of(path) == route
