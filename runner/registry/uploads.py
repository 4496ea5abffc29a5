"""Uploads: sessions that are resumed where the registry says, restarted if it lost them, and never left open."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from runner.errors import IntegrityFailure, Refused, RunnerError, Unavailable
from runner.image.digest import Digest
from runner.image.manifests import Descriptor
from runner.registry.addresses import with_query
from runner.registry.answers import Temporary, error_codes
from runner.registry.connection import Sending, discard
from runner.registry.session import Call, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import urllib3

    Source = Callable[[int], Iterator[bytes]]
    Progress = Callable[[int], None]

# Below what proxies take in one request (Cloudflare 100 MB); what is lost at most by a registry that keeps
# nothing of a cut request.
CHUNK: Final = 64 * 1024 * 1024
# Of a stream that is read once this much is kept, twice, so that it can be sent again. Not below 5 MiB, the
# least that S3 takes as a part.
STREAM_CHUNK: Final = 6 * 1024 * 1024
# A blob this small goes in the request that commits it.
SMALL: Final = 1024 * 1024
_RESTARTS: Final = 3
_RANGE: Final = re.compile(r"(?:bytes=)?0-(\d+)\Z")
_BAD_REQUEST, _NOT_FOUND, _NO_METHOD, _RANGE_INVALID = 400, 404, 405, 416
_QUESTIONED: Final = frozenset({_BAD_REQUEST, _NOT_FOUND, _RANGE_INVALID})
_OCTETS: Final = {"Content-Type": "application/octet-stream"}


class LostUpload(Exception):
    """The registry no longer knows the session, or not with the bytes that it had."""


class UploadSession:
    """An open upload: where the next request goes, and how many bytes the registry has.

    Args:
        path: the repository's path.
        location: an absolute URL.
        offset: bytes that arrived.
        certain: whether the offset is as the registry said last.
    """

    def __init__(self, path: str, location: str, offset: int = 0) -> None:
        self.path = path
        self.location = location
        self.offset = offset
        self.certain = True
        self.resumed = False


def push_scope(path: str) -> str:
    """The scope that a push to a repository needs."""
    return f"repository:{path}:pull,push"


def pull_scope(path: str) -> str:
    """The scope that reading a repository needs."""
    return f"repository:{path}:pull"


class Uploads:
    """The upload end-points of a registry; safe for several threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def start(self, path: str) -> UploadSession:
        """Open an upload session."""
        target, thing = f"/v2/{path}/blobs/uploads/", f"an upload to {path}"
        call = Call("POST", target, thing, (push_scope(path),), accepts=frozenset({202}))
        response = self._session.call(call)
        discard(response)
        return self._session_from(path, call, response)

    def mount(self, path: str, digest: Digest, source: str) -> UploadSession | None:
        """Link a blob of another repository; None if that was done, else a session to send it."""
        query = urlencode({"mount": str(digest), "from": source})
        thing = f"mount of blob {digest.short} from {source} to {path}"
        call = Call(
            "POST",
            f"/v2/{path}/blobs/uploads/?{query}",
            thing,
            (push_scope(path), pull_scope(source)),
            accepts=frozenset({201, 202}),
        )
        try:
            response = self._session.call(call)
        except Refused:
            # Who may not read the source, or asks a registry that mounts nothing, can still send the bytes.
            return self.start(path)
        discard(response)
        return None if response.status == 201 else self._session_from(path, call, response)

    def cancel(self, upload: UploadSession) -> None:
        """Tell the registry that nothing more will come; that it cannot be told changes nothing."""
        call = self._call("DELETE", upload, upload.location, accepts=frozenset({200, 202, 204, 404, 405}))
        with suppress(RunnerError):
            discard(self._session.once(call))

    def send(
        self,
        path: str,
        blob: Descriptor,
        source: Source,
        upload: UploadSession | None,
        progress: Progress,
    ) -> None:
        """Send a blob that can be read again from any offset."""
        for _ in range(_RESTARTS):
            upload = upload or self.start(path)
            try:
                self._fill_from(upload, blob.size, source, progress)
                self._commit(upload, blob.digest, blob.size, source, progress)
            except LostUpload as lost:
                self._session.effects.notice(f"Upload of blob {blob.digest.short}: {lost}; it is sent anew.")
                self.cancel(upload)
                upload = None
            except BaseException:
                self.cancel(upload)
                raise
            else:
                return
        raise Unavailable(
            f"Registry {self._session.registry} lost the upload of blob {blob.digest.short} {_RESTARTS} times.",
            cause="Its storage is failing, or several registries that share none answer in turn.",
            action="Ask the registry's operators.",
        )

    def send_stream(
        self, path: str, pieces: Iterable[bytes], upload: UploadSession | None, progress: Progress
    ) -> tuple[Digest, int]:
        """Send a blob that is generated once; its digest and size are known at its end.

        The last chunk is kept until the registry has it, so that a broken request is resumed; a stream of one
        chunk can be sent anew as well.
        """
        chunks = _chunks(pieces, STREAM_CHUNK)
        first, second = next(chunks, b""), next(chunks, None)
        if second is None:
            blob = Descriptor("", Digest.of(first), len(first))
            self.send(path, blob, _held(first, 0), upload, progress)
            return blob.digest, blob.size
        upload = upload or self.start(path)
        sha256, size = hashlib.sha256(), 0
        try:
            for chunk in chain((first, second), chunks):
                sha256.update(chunk)
                begin, size = size, size + len(chunk)
                self._append(upload, size, _held(chunk, begin), progress, begin)
            digest = Digest(f"sha256:{sha256.hexdigest()}")
            self._commit(upload, digest, size, lambda _at: iter(()), progress)
        except LostUpload as lost:
            self.cancel(upload)
            raise Unavailable(
                f"Registry {self._session.registry} lost an upload to {path} after {upload.offset} bytes: {lost}.",
                cause="It was restarted, or its storage is failing.",
                action="Run again.",
            ) from lost
        except BaseException:
            self.cancel(upload)
            raise
        return digest, size

    def _fill_from(self, upload: UploadSession, size: int, source: Source, progress: Progress) -> None:
        if size <= SMALL:
            return
        while upload.offset < size:
            self._append(upload, min(size, upload.offset + CHUNK), source, progress, 0)

    def _append(
        self, upload: UploadSession, end: int, source: Source, progress: Progress, oldest: int
    ) -> None:
        """Bring the session to `end`; `oldest` is the first byte that the source can still give."""

        def attempt() -> None:
            self._ask_offset(upload)
            if upload.offset < oldest or upload.offset > end:
                raise LostUpload(f"it has {upload.offset} bytes where {oldest} to {end} are expected")
            if upload.offset < end:
                self._patch(upload, end, source, progress)

        self._session.retrying(attempt)

    def _patch(self, upload: UploadSession, end: int, source: Source, progress: Progress) -> None:
        begin = upload.offset
        headers = _OCTETS | {"Content-Range": f"{begin}-{end - 1}"}
        body = _part(source, begin, end, progress)
        call = self._call(
            "PATCH",
            upload,
            upload.location,
            headers=headers,
            body=body,
            accepts=frozenset({202}) | _QUESTIONED,
        )
        response = self._questioned(upload, call)
        kept = _offset_of(response)
        upload.offset = end if kept is None or (kept == 0 and end == 1) else kept
        if upload.offset < end:
            upload.resumed = True
            progress(upload.offset)
            raise Temporary(
                f"Registry {self._session.registry} kept {upload.offset} of {end} bytes of an upload."
            )

    def _commit(
        self, upload: UploadSession, digest: Digest, size: int, source: Source, progress: Progress
    ) -> None:
        uncertain = False

        def attempt() -> None:
            nonlocal uncertain
            if uncertain and self.has(upload.path, digest):
                return
            self._ask_offset(upload)
            if upload.offset > size:
                raise LostUpload(f"it has {upload.offset} bytes of {size}")
            if 0 < upload.offset < size:
                self._patch(upload, size, source, progress)
            uncertain = True
            body = _part(source, upload.offset, size, progress)
            call = self._call(
                "PUT",
                upload,
                with_query(upload.location, digest=str(digest)),
                headers=_OCTETS,
                body=body,
                accepts=frozenset({200, 201, 204}) | _QUESTIONED,
            )
            self._questioned(upload, call)

        self._session.retrying(attempt)

    def has(self, path: str, digest: Digest, scope: str = "") -> bool:
        """Whether the repository holds a blob; asked once, by the scope of the upload if no other is given."""
        call = Call(
            "HEAD",
            f"/v2/{path}/blobs/{digest}",
            f"blob {digest.short} of {path}",
            (scope or push_scope(path),),
            accepts=frozenset({200, _NOT_FOUND}),
        )
        response = self._session.once(call)
        discard(response)
        return response.status != _NOT_FOUND

    def _ask_offset(self, upload: UploadSession) -> None:
        """After a request without an answer: what the registry has of it."""
        if upload.certain:
            return
        call = self._call(
            "GET", upload, upload.location, accepts=frozenset({204, 200, _NO_METHOD}) | _QUESTIONED
        )
        response = self._questioned(upload, call)
        offset = _offset_of(response)
        upload.offset = 0 if offset is None else offset
        upload.resumed = True

    def _questioned(self, upload: UploadSession, call: Call) -> urllib3.BaseHTTPResponse:
        """Make a call once; find out from its answer whether the session still stands."""
        upload.certain = False
        response = self._session.once(call)
        body = discard(response)
        if response.status in _QUESTIONED | {_NO_METHOD}:
            codes = {code for code, _ in error_codes(body)}
            # go-containerregistry's server does not tell how far an upload came: it answers NAME_INVALID.
            untold = call.method == "GET"
            gone = (
                untold
                or response.status == _NOT_FOUND
                or codes & {"BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"}
            )
            if gone or response.status == _RANGE_INVALID or (upload.resumed and "DIGEST_INVALID" in codes):
                raise LostUpload("the registry does not know it any more, or not as far as it was sent")
            raise self._session.failure(call, response, body)
        upload.certain = True
        if call.method != "PUT":
            upload.location = self._session.located(call, response)
        return response

    def _call(
        self,
        method: str,
        upload: UploadSession,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: Sending | None = None,
        accepts: frozenset[int] = frozenset(),
    ) -> Call:
        thing = f"an upload to {upload.path}"
        return Call(method, target, thing, (push_scope(upload.path),), headers or {}, body, accepts)

    def _session_from(self, path: str, call: Call, response: urllib3.BaseHTTPResponse) -> UploadSession:
        if "Location" not in response.headers:
            raise IntegrityFailure(
                f"Registry {self._session.registry} opened an upload to {path} without saying where."
            )
        return UploadSession(path, self._session.located(call, response))


def _offset_of(response: urllib3.BaseHTTPResponse) -> int | None:
    """The offset of a `Range: 0-N`; 0-0 is what distribution's registry says of an empty session too."""
    found = _RANGE.match(response.headers.get("Range", ""))
    if not found:
        return None
    last = int(found[1])
    return last + 1 if last else 0


def _part(source: Source, begin: int, end: int, progress: Progress) -> Sending:
    def pieces() -> Iterator[bytes]:
        at = begin
        if at == end:
            return
        for piece in source(begin):
            part = piece[: end - at]
            at += len(part)
            yield part
            progress(at)
            if at == end:
                return

    return Sending(pieces, end - begin)


def _held(chunk: bytes, begin: int) -> Source:
    return lambda at: iter((chunk[at - begin :],))


def _chunks(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    pending = bytearray()
    for piece in pieces:
        pending += piece
        while len(pending) >= size:
            yield bytes(pending[:size])
            del pending[:size]
    if pending:
        yield bytes(pending)
