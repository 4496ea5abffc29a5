"""A storage that never ends what it begins to send, and a task's artifact that is there."""

import contextlib
import datetime as dt
import socket
import threading


@contextlib.contextmanager
def storage_that_hangs(size):
    """A server that answers half of what it says is to come; its URL."""

    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                kept.append(connection)
                # Who asked may have gone.
                with contextlib.suppress(OSError):
                    connection.recv(65536)
                    connection.sendall(head + bytes(size // 2))

    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in kept:
                connection.close()


def artifact_elsewhere(builds, url, name="public/big.bin"):
    """A task that the test works, which left something that is elsewhere."""
    task_id = builds.create("true", queue="proj-balrog/nobody")
    run = ("queue", "task", task_id, "runs", "0")
    builds.call("POST", *run, "claim", payload={"workerGroup": "g", "workerId": "w"})
    expires = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    payload = {
        "storageType": "reference",
        "url": url,
        "contentType": "text/x-\x1b[2Jplain",
        "expires": expires,
    }
    builds.call("POST", *run, "artifacts", name, payload=payload)
    return task_id
