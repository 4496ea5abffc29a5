"""What stands between the runner and others: it cuts, slows down, or answers in the other's place."""

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PIECE = 65536


@dataclass
class Interference:
    """What is done to some requests.

    Args:
        path: is in the request's path.
        status: is answered; 0 cuts the connection before the request is forwarded, -1 after it was answered.
        method: the HTTP method, or None for all.
        skip: how many of them pass first.
        times: how many of them, or None for all.
        body: what is answered.
    """

    path: str
    status: int
    method: str | None = None
    skip: int = 0
    times: int | None = None
    body: bytes = b""
    struck: bool = field(default=False, init=False)

    def strikes(self, method, path):
        """Whether this request is meant; counts it."""
        if self.path not in path or self.method not in {None, method} or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        self.struck = True
        return True


def refusal(code, message):
    """A body as Taskcluster's services write it."""
    return json.dumps({"code": code, "message": message, "requestInfo": {}}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, target, interferences, tls):
        self.target, self.interferences = urlsplit(target), interferences
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls is not None:
            # The thread of a connection shakes hands, at its first read.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, _request, _address):
        """A client that was killed is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        meant = (each for each in self.server.interferences if each.strikes(self.command, self.path))
        found = next(meant, None)
        if found is None:
            self._answer(*self._forward(body))
            return
        if found.status > 0:
            self._answer(found.status, {"Retry-After": "0"}, found.body)
            return
        if found.status < 0:
            self._forward(body)
        self.close_connection = True

    def _forward(self, body):
        upstream = HTTPConnection(self.server.target.hostname, self.server.target.port, timeout=60)
        try:
            upstream.request(self.command, self.path, body or None, dict(self.headers.items()))
            answer = upstream.getresponse()
            own = _OWN - {"content-length"} if self.command == "HEAD" else _OWN
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in own}
            return answer.status, headers, answer.read()
        finally:
            upstream.close()

    def _answer(self, status, headers, content):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        self._serve()

    def do_HEAD(self):
        self._serve()

    def do_PUT(self):
        self._serve()

    def do_PATCH(self):
        self._serve()

    def do_DELETE(self):
        self._serve()

    def do_POST(self):
        self._serve()

    def log_message(self, *_arguments):
        """Say nothing."""


_OWN = {"content-length", "transfer-encoding", "connection", "date"}


@contextmanager
def http_middleman(target, interferences, tls=None):
    """Forward HTTP to the URL `target`, but for what the list of interferences strikes; yields its own URL.

    Args:
        target: without a path.
        interferences: what is done to requests.
        tls: the context of a server that speaks TLS.
    """
    server = _Server(target, interferences, tls)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="middleman")
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Forwarder:
    """Connections in pairs, each with two threads."""

    def __init__(self, listener, connect, forward):
        self._listener, self._connect, self._forward = listener, connect, forward
        self._ends, self._threads = [], []
        self._acceptor = threading.Thread(target=self._accept, name="forwarder")
        self._acceptor.start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = self._connect()
            except OSError:
                client.close()
                continue
            self._ends += [client, server]
            for work in self._forward(client, server):
                thread = threading.Thread(target=self._one, args=(work, client, server))
                thread.start()
                self._threads.append(thread)

    @staticmethod
    def _one(work, *ends):
        with suppress(OSError):
            work()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        # Closed only when nobody uses them: another's socket may have the same number at once.
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()


@contextmanager
def slow_proxy(target, rate):
    """Forward TCP to `target` (host:port), from the client at so many bytes a second; yields `host:port`."""
    host, _, port = target.partition(":")

    def slowly(source, sink):
        while piece := source.recv(rate // 20):
            time.sleep(len(piece) / rate)
            sink.sendall(piece)

    def at_once(source, sink):
        while piece := source.recv(PIECE):
            sink.sendall(piece)

    listener = socket.create_server(("127.0.0.1", 0))
    forwarder = _Forwarder(
        listener,
        lambda: socket.create_connection((host, int(port))),
        lambda client, server: (lambda: slowly(client, server), lambda: at_once(server, client)),
    )
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        forwarder.close()


class EngineFront:
    """What stands before an engine.

    Args:
        host: as DOCKER_HOST names it.
        die: ends it as a killed engine ends: connections are cut, the socket stays and nobody listens.
    """

    def __init__(self, host, die):
        self.host, self.die = host, die


@contextmanager
def engine_front(socket_path, place, request="NONE /", after=0):
    """Stand before an engine's socket, and cut the answer to one kind of request; yields an EngineFront.

    Args:
        socket_path: the engine's.
        place: the path of a new socket.
        request: such as `POST /build`, without the API's version.
        after: bytes of the answer that pass.
    """
    method, _, path = request.partition(" ")

    def connect():
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(socket_path))
        return server

    def forward(client, server):
        left: list[int] = []

        def there():
            while piece := client.recv(PIECE):
                line = piece.partition(b"\r\n")[0].decode(errors="replace")
                if line.startswith(f"{method} /v") and path in line:
                    left[:] = [after]
                server.sendall(piece)

        def back():
            while piece := server.recv(PIECE):
                if not left:
                    client.sendall(piece)
                    continue
                client.sendall(piece[: left[0]])
                left[0] -= len(piece)
                if left[0] <= 0:
                    return

        return there, back

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    listener.listen()
    forwarder = _Forwarder(listener, connect, forward)
    try:
        yield EngineFront(f"unix://{place}", forwarder.close)
    finally:
        forwarder.close()
        place.unlink(missing_ok=True)
