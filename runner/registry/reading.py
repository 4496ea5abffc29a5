"""Blobs read from a registry: hashed on the way, resumed after a cut, believed only at their end."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError

from runner.errors import IntegrityFailure
from runner.registry.answers import Temporary
from runner.registry.connection import PIECE
from runner.registry.session import Call
from runner.registry.uploads import pull_scope

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import urllib3

    from runner.image.digest import Digest
    from runner.registry.session import Session

_PARTIAL, _NOT_FOUND, _RANGE_INVALID = 206, 404, 416


class BlobReader:
    """Reads one blob.

    Args:
        session: the registry.
        path: the repository's path.
        digest: what the bytes must hash to.
        size: how many bytes there must be, or None if that is not known.
        limit: more bytes than this are not read.
    """

    def __init__(self, session: Session, path: str, digest: Digest, size: int | None, limit: int) -> None:
        self.session = session
        self.path = path
        self.digest = digest
        self.size = size
        self.limit = limit
        self._read = 0

    def pieces(self) -> Generator[bytes, None, None]:
        """The blob's bytes; the last piece comes only if hash and size are right.

        Raises:
            IntegrityFailure: they are not, or the registry does not hold the blob.
            Unavailable: it was cut again and again.
        """
        sha256 = hashlib.sha256()
        held = b""
        for piece in self._resumed():
            self._check_length()
            sha256.update(piece)
            if held:
                yield held
            held = piece
        if self.size is not None and self._read != self.size:
            raise self._wrong(f"{self._read} bytes where {self.size} are stated")
        if sha256.hexdigest() != self.digest.hex:
            raise self._wrong(f"bytes whose sha256 is {sha256.hexdigest()}")
        if held:
            yield held

    def _resumed(self) -> Generator[bytes, None, None]:
        failures = 0
        while True:
            before = self._read
            try:
                yield from self._from_here()
            except Temporary as cut:
                # Progress makes a new start: only failures in a row use up the attempts.
                failures = 1 if self._read > before else failures + 1
                backoff = self.session.effects.backoff
                if failures >= backoff.attempts:
                    raise
                self.session.effects.notice(f"{cut.what} It is read on from byte {self._read}.")
                self.session.effects.sleep(
                    backoff.wait(failures, cut.retry_after, self.session.effects.jitter())
                )
            else:
                return

    def _from_here(self) -> Iterator[bytes]:
        call = self._call()
        response = self.session.once(call)
        if response.status in {_NOT_FOUND, _RANGE_INVALID}:
            response.close()
            raise self._wrong("no such blob")
        skip = 0 if response.status == _PARTIAL else self._read
        try:
            for piece in response.stream(PIECE, decode_content=False):
                part = piece[skip:]
                skip -= len(piece) - len(part)
                self._read += len(part)
                if part:
                    yield part
            self._check_not_cut(call, response)
        except (HTTPError, OSError) as error:
            raise self.session.interrupted(call, error) from error
        finally:
            response.close()

    def _call(self) -> Call:
        headers = {"Range": f"bytes={self._read}-"} if self._read else {}
        return Call(
            "GET",
            f"/v2/{self.path}/blobs/{self.digest}",
            f"blob {self.digest.short} of {self.path}",
            (pull_scope(self.path),),
            headers,
            accepts=frozenset({200, _PARTIAL, _NOT_FOUND, _RANGE_INVALID}),
        )

    def _check_length(self) -> None:
        if self._read > self.limit:
            raise self._wrong(f"more than {self.limit} bytes")

    def _check_not_cut(self, call: Call, response: urllib3.BaseHTTPResponse) -> None:
        """An answer without a length that ends early looks like one that is whole."""
        if self.size is not None and self._read < self.size and response.length_remaining is None:
            raise Temporary(f"Registry {self.session.registry} ended the answer to {call.method} early.")

    def _wrong(self, found: str) -> IntegrityFailure:
        return IntegrityFailure(
            f"Registry {self.session.registry} has {found} for blob {self.digest} of {self.path}.",
            cause="It was damaged or replaced there or on the way, or its upload never ended.",
            action="Do not use the image; push it again.",
        )
