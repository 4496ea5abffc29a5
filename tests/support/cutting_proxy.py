"""A TCP proxy on loopback that drops its first connection after so many bytes, and lets the others be."""

import socket
import struct
import threading
from contextlib import contextmanager, suppress

PIECE = 65536


@contextmanager
def cutting_proxy(target, after):
    """Forward to `target` (host:port); yields the proxy's own `host:port`.

    Args:
        target: where to.
        after: bytes from the client to the server, all connections together, after which one is dropped.
    """
    ends: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))
    budget = _Budget(after)
    threads = []

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            host, _, port = target.partition(":")
            server = socket.create_connection((host, int(port)))
            ends.extend((client, server))
            for source, sink, limit in ((client, server, budget), (server, client, None)):
                thread = threading.Thread(target=_forward, args=(source, sink, limit))
                thread.start()
                threads.append(thread)

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        # Closed only when nobody uses them: another's socket may have the same number at once.
        for thread in threads:
            thread.join()
        for end in ends:
            end.close()


class _Budget:
    def __init__(self, left):
        self._left = left
        self._lock = threading.Lock()

    def take(self, piece):
        """What of the piece may pass, and whether the connection ends there."""
        with self._lock:
            if self._left is None or len(piece) < self._left:
                self._left = self._left and self._left - len(piece)
                return piece, False
            passed, self._left = piece[: self._left], None
            return passed, True


def _forward(source, sink, budget):
    with suppress(OSError):
        while piece := source.recv(PIECE):
            passed, ends = budget.take(piece) if budget else (piece, False)
            sink.sendall(passed)
            if ends:
                # A reset, as a client that still sends would otherwise wait for a window that never opens.
                source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                source.close()
                break
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
