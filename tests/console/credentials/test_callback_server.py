"""The callback over loopback: what browsers and strangers send to it, cancelling, and the limit."""

import asyncio
import contextlib
import socket

import pytest

from console.credentials.callback_server import SignInEnded, listening
from runner.errors import Unavailable

pytestmark = pytest.mark.enable_socket


async def ask(port, target, *, host="127.0.0.1", raw=None):
    """What a request is answered until the connection is closed; "" where it is broken off, as what is too long."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(raw if raw is not None else f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    try:
        return (await asyncio.wait_for(reader.read(), 120)).decode()
    except ConnectionError:
        return ""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def path(listener):
    return listener.url.removeprefix(f"http://localhost:{listener.port}")


async def test_it_listens_on_both_families_and_tells_the_name_that_the_page_takes():
    async with listening() as listener:
        assert listener.url.startswith(f"http://localhost:{listener.port}/")
        hosts = ["127.0.0.1", "::1"] if socket.has_ipv6 and await has_ipv6() else ["127.0.0.1"]
        for host in hosts:
            assert (await ask(listener.port, "/favicon.ico", host=host)).startswith("HTTP/1.1 404")


async def has_ipv6():
    with socket.socket(socket.AF_INET6) as probe:
        return probe.connect_ex(("::1", 9)) != 99  # EADDRNOTAVAIL


async def test_noise_does_not_end_it_and_the_answer_does():
    async with listening() as listener:
        idle = await asyncio.open_connection("127.0.0.1", listener.port)  # a preconnect, which asks nothing
        for noise in (b"\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"x" * 70000):
            answer = await ask(listener.port, "", raw=noise)
            assert answer == "" or answer.startswith("HTTP/1.1 400")
        waiting = asyncio.create_task(listener.credentials())
        await ask(listener.port, "/favicon.ico")
        await ask(listener.port, path(listener))
        assert not waiting.done()
        answer = await ask(listener.port, f"{path(listener)}?clientId=me&accessToken=t0ken")
        assert answer.startswith("HTTP/1.1 303 See Other\r\n")
        assert "\r\nLocation: /signed-in\r\n" in answer
        assert (await waiting).client_id == "me"
        assert "can be closed" in await ask(listener.port, "/signed-in")
        port = listener.port
        idle[1].close()
        await idle[1].wait_closed()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_it_ends_with_a_connection_that_never_asked_anything():
    async with listening() as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        await ask(listener.port, "/")  # the idle one was accepted before
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_after_the_limit_it_says_that_nobody_pressed_save():
    async with listening(limit=0.01) as listener:
        with pytest.raises(SignInEnded, match="Nobody pressed Save"):
            await listener.credentials()
        answer = await ask(listener.port, f"{path(listener)}?clientId=me&accessToken=t0ken")
        assert answer.startswith("HTTP/1.1 410")


async def test_cancelling_leaves_no_port_open():
    ports: asyncio.Queue[int] = asyncio.Queue()

    async def wait():
        async with listening() as listener:
            await ports.put(listener.port)
            await listener.credentials()

    task = asyncio.create_task(wait())
    port = await ports.get()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=f"Port {port} cannot be listened on.*--port"):
            async with listening(port):
                raise AssertionError("it is taken")
