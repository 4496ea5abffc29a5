"""Bytes are taken and given by signed URLs only, public artifacts excepted."""

import gzip
import io

import aiohttp
import pytest

pytestmark = pytest.mark.enable_socket
TEXT = {"Content-Type": "text/plain"}


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def storage(sandbox):
    return sandbox._deployment.storage


async def test_an_upload_needs_the_content_type_that_was_signed(http, storage):
    url = storage.upload_url("object/a", "text/plain")
    async with http.put(url, data=b"x", headers={"Content-Type": "text/html"}) as answer:
        assert answer.status == 403
    async with http.put(url, data=b"x", headers=TEXT) as answer:
        assert answer.status == 200
    assert storage.get("object/a").data == b"x"


async def test_an_upload_url_ends_after_45_minutes(http, storage, clock):
    url = storage.upload_url("object/a", "text/plain")
    clock.advance(minutes=46)
    async with http.put(url, data=b"x", headers=TEXT) as answer:
        assert answer.status == 403


async def test_a_download_url_ends_after_half_an_hour_and_names_one_object(http, storage, clock):
    async with http.put(storage.upload_url("object/a", "text/plain"), data=b"x", headers=TEXT):
        pass
    url = storage.download_url("object/a")
    async with http.get(url) as answer:
        assert (answer.status, await answer.read()) == (200, b"x")
    async with http.get(url.replace("object/a", "object/b")) as answer:
        assert answer.status == 403
    clock.advance(minutes=31)
    async with http.get(url) as answer:
        assert answer.status == 403


async def test_a_public_artifact_needs_no_signature(http, storage):
    name = "s3/task/0/public/a b"
    async with http.put(storage.upload_url(name, "text/plain"), data=b"x", headers=TEXT):
        pass
    async with http.get(storage.download_url(name, public=True)) as answer:
        assert (answer.status, await answer.read()) == (200, b"x")


@pytest.mark.parametrize("name", ["s3/task/0/private/x", "object/public/x", "s3/task/0/publicx", "s3/public"])
async def test_what_only_looks_public_is_not(http, storage, name):
    async with http.get(storage.download_url(name, public=True)) as answer:
        assert answer.status == 403


async def test_a_body_larger_than_the_api_takes_is_stored(http, storage):
    content = b"x" * (11 * 1024 * 1024)
    async with http.put(
        storage.upload_url("object/big", "text/plain"), data=io.BytesIO(content), headers=TEXT
    ) as answer:
        assert answer.status == 200
    assert len(storage.get("object/big").data) == len(content)


async def test_a_range_is_of_the_bytes_that_are_kept_and_one_behind_them_is_refused(http, storage):
    url, packed = storage.upload_url("object/a", "text/plain"), gzip.compress(b"text " * 20)
    async with http.put(url, data=packed, headers={**TEXT, "Content-Encoding": "gzip"}) as answer:
        assert answer.status == 200
    url = storage.download_url("object/a")
    for wanted, body, told in (
        ("bytes=10-", packed[10:], f"bytes 10-{len(packed) - 1}/{len(packed)}"),
        ("bytes=1-4", packed[1:5], f"bytes 1-4/{len(packed)}"),
    ):
        async with http.get(url, headers={"Range": wanted}, auto_decompress=False) as answer:
            assert (answer.status, await answer.read()) == (206, body)
            assert (answer.headers["Content-Range"], answer.headers["Content-Encoding"]) == (told, "gzip")
    async with http.get(url, headers={"Range": f"bytes={len(packed)}-"}) as answer:
        assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(packed)}")
