"""The registry client: manifests, blobs, uploads and tags of one registry (distribution-spec 1.1)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from runner.errors import CannotTell, IntegrityFailure, Refused, RunnerError
from runner.image.digest import Digest
from runner.image.manifests import ACCEPTED_TYPES, LONGEST_MANIFEST, BadManifest, Descriptor, Manifest
from runner.registry.connection import discard
from runner.registry.effects import Effects
from runner.registry.reading import BlobReader
from runner.registry.session import Call, Session
from runner.registry.uploads import Uploads, UploadSession, pull_scope, push_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator
    from types import TracebackType

    import urllib3

    from runner.credentials import RegistryCredentials
    from runner.image.reference import Registry, Repository

_ACCEPT: Final = {"Accept": ", ".join(ACCEPTED_TYPES)}
_NEXT: Final = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')
_MOST_PAGES: Final = 1000
_LONGEST_PAGE: Final = 4 * 1024 * 1024
_NOT_FOUND: Final = 404
_FOUND_OR_NOT: Final = frozenset({200, _NOT_FOUND})
# How registries refuse to move a tag that must not move: Docker Hub by 403, others by 400, 409 or 412.
_IMMUTABLE: Final = frozenset({400, 403, 409, 412})
_CREATED: Final = frozenset({200, 201, 202, 204})
_SMALL_BLOB: Final = 4 * 1024 * 1024


def _nowhere(_sent: int) -> None:
    """Where nobody watches the progress."""


class RegistryClient:
    """One registry, as one user; safe for several threads. A context manager.

    Every method raises `Refused` (no permission, wrong credentials), `Unavailable` (down, too slow, rate limits,
    after the attempts of `effects.backoff`) or `IntegrityFailure`.

    Args:
        registry: which.
        credentials: whose; they are sent to this registry and the token server that it names.
        insecure: hosts (`host[:port]`) to which plain HTTP is allowed; loopback needs no permission.
        effects: time, chance and bounds.
    """

    def __init__(
        self,
        registry: Registry,
        credentials: RegistryCredentials | None = None,
        *,
        insecure: Collection[str] = (),
        effects: Effects | None = None,
    ) -> None:
        if credentials is not None and credentials.registry != registry:
            raise Refused(
                f"The credentials are for {credentials.registry} and are not sent to {registry}.",
                action="Name the secret that holds this registry's credentials.",
            )
        self.registry = registry
        self._session = Session(registry, credentials, insecure, effects or Effects())
        self._uploads = Uploads(self._session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def check_login(self) -> None:
        """Find out whether the user name and the password are accepted; what they may do is not asked."""
        discard(self._session.call(Call("GET", "/v2/", "/v2/")))

    def check_push(self, repository: Repository) -> None:
        """Find out whether a push would be let in: an upload session is opened and cancelled.

        A token server may grant less than was asked with a 200, so that only the registry's own answer counts.
        """
        self._uploads.cancel(self._uploads.start(self._path(repository)))

    def head_manifest(self, repository: Repository, name: str) -> Descriptor | None:
        """What a tag or digest names, as the registry says it (nothing is hashed); None if there is nothing."""
        response = self._session.call(self._manifest_call("HEAD", repository, name))
        discard(response)
        if response.status == _NOT_FOUND:
            return None
        media_type = _media_type(response)
        size = response.headers.get("Content-Length", "")
        digest = _stated_digest(response)
        if digest is None or not size.isdigit() or media_type not in ACCEPTED_TYPES:
            manifest = self.get_manifest(repository, name)
            return None if manifest is None else manifest.descriptor
        return Descriptor(media_type, digest, int(size))

    def get_manifest(self, repository: Repository, name: str) -> Manifest | None:
        """The manifest that a tag or digest names, hashed and read; None if there is none.

        Raises:
            IntegrityFailure: the bytes are not those of the digest asked for, or that the registry states.
            CannotTell: it is of a format that cannot be read (Docker's schema 1, or no image at all).
        """
        call = self._manifest_call("GET", repository, name)
        response, content = self._read(call, LONGEST_MANIFEST)
        if response.status == _NOT_FOUND:
            return None
        manifest = Manifest(_media_type(response), content)
        stated = _stated_digest(response)
        wanted = {Digest(name)} if ":" in name else set()
        for digest in wanted | ({stated} if stated else set()):
            if manifest.digest != digest:
                raise IntegrityFailure(
                    f"Registry {self.registry} answered other bytes for {call.thing}: "
                    f"their digest is {manifest.digest} and not {digest}.",
                    cause="They were damaged, converted or replaced there or on the way.",
                    action="Do not use the image.",
                )
        try:
            return manifest.check()
        except BadManifest as error:
            raise CannotTell(
                f"Registry {self.registry} has no image that can be read for {call.thing}: {error}."
            ) from error

    def put_manifest(self, repository: Repository, name: str, manifest: Manifest) -> None:
        """Put a manifest's exact bytes under a tag or its digest.

        Raises:
            IntegrityFailure: the tag must not move and names something else; or the registry hashed other bytes.
        """
        path = self._path(repository)
        call = Call(
            "PUT",
            f"/v2/{path}/manifests/{quote(name, safe=':')}",
            f"manifest `{name}` of {path}",
            (push_scope(path),),
            {"Content-Type": manifest.media_type},
            manifest.content,
            _CREATED | _IMMUTABLE,
        )
        response = self._session.call(call)
        body = discard(response)
        if response.status in _IMMUTABLE:
            self._settle_refusal(repository, name, manifest, self._session.failure(call, response, body))
        stated = _stated_digest(response)
        if response.status in _CREATED and stated not in {None, manifest.digest}:
            raise IntegrityFailure(
                f"Registry {self.registry} keeps {call.thing} as {stated} where {manifest.digest} was sent.",
                cause="It changed the bytes, or they were damaged on the way.",
            )

    def has_blob(self, repository: Repository, digest: Digest) -> bool:
        """Whether the repository holds a blob."""
        path = self._path(repository)
        return self._session.retrying(lambda: self._uploads.has(path, digest, pull_scope(path)))

    def get_blob(self, repository: Repository, digest: Digest, limit: int = _SMALL_BLOB) -> bytes:
        """A small blob, such as a config, hashed.

        Raises:
            IntegrityFailure: its bytes are others, more than `limit`, or not there.
        """
        return b"".join(BlobReader(self._session, self._path(repository), digest, None, limit).pieces())

    def open_blob(self, repository: Repository, digest: Digest, size: int) -> Generator[bytes, None, None]:
        """A blob in pieces; hash and size are compared before the last piece is given.

        Raises:
            IntegrityFailure: its bytes are others, or not there.
        """
        return BlobReader(self._session, self._path(repository), digest, size, size).pieces()

    def mount_blob(self, repository: Repository, digest: Digest, source: str) -> UploadSession | None:
        """Link a blob that another repository of this registry holds.

        Args:
            repository: where it shall be.
            digest: which.
            source: the path of the repository that holds it.

        Returns:
            None if it is mounted; else an open session, to be given to `upload_blob` or `cancel_upload`.
        """
        return self._uploads.mount(self._path(repository), digest, source)

    def upload_blob(
        self,
        repository: Repository,
        blob: Descriptor,
        source: Callable[[int], Iterator[bytes]],
        *,
        upload: UploadSession | None = None,
        progress: Callable[[int], None] = _nowhere,
    ) -> None:
        """Send a blob that can be read again; a broken request goes on where the registry says.

        Args:
            repository: where to.
            blob: its digest and size.
            source: opens the blob at an offset.
            upload: a session that a mount left open.
            progress: told how many bytes have been sent; it goes back if the registry lost some.

        Raises:
            IntegrityFailure: the source gave other bytes.
        """
        self._uploads.send(self._path(repository), blob, source, upload, progress)

    def upload_stream(
        self,
        repository: Repository,
        pieces: Iterable[bytes],
        *,
        upload: UploadSession | None = None,
        progress: Callable[[int], None] = _nowhere,
    ) -> tuple[Digest, int]:
        """Send a blob that is generated once; its last 12 MiB at most are kept until the registry has them.

        Returns:
            Its digest and its size.
        """
        return self._uploads.send_stream(self._path(repository), pieces, upload, progress)

    def cancel_upload(self, upload: UploadSession) -> None:
        """Tell the registry that an open session is not used."""
        self._uploads.cancel(upload)

    def tags(self, repository: Repository) -> list[str]:
        """All tags of a repository; none if there is no such repository."""
        path = self._path(repository)
        target = f"/v2/{path}/tags/list?n=1000"
        found: list[str] = []
        seen: set[str] = set()
        while target not in seen and len(seen) < _MOST_PAGES:
            seen.add(target)
            call = Call("GET", target, f"tags of {path}", (pull_scope(path),), accepts=_FOUND_OR_NOT)
            response, content = self._read(call, _LONGEST_PAGE)
            if response.status == _NOT_FOUND:
                return found
            found += _tags_in(content, call.thing)
            following = _NEXT.search(response.headers.get("Link", ""))
            if following is None:
                break
            target = self._session.resolved(call, following[1])
        return list(dict.fromkeys(found))

    def _settle_refusal(
        self, repository: Repository, name: str, manifest: Manifest, refusal: RunnerError
    ) -> None:
        """A tag that must not move, and names these very bytes already, is as it should be."""
        there = None if ":" in name else self.head_manifest(repository, name)
        if there is None:
            raise refusal
        if there.digest != manifest.digest:
            raise IntegrityFailure(
                f"Tag `{name}` of {repository} names {there.digest}, and the registry does not let it be moved "
                f"to {manifest.digest}. {refusal.what}",
                cause="The tag is immutable, or this user may not overwrite it.",
                action="Use another tag; a version belongs to one image.",
            )

    def _manifest_call(self, method: str, repository: Repository, name: str) -> Call:
        path = self._path(repository)
        return Call(
            method,
            f"/v2/{path}/manifests/{quote(name, safe=':')}",
            f"manifest `{name}` of {path}",
            (pull_scope(path),),
            _ACCEPT,
            accepts=_FOUND_OR_NOT,
        )

    def _read(self, call: Call, limit: int) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        def attempt() -> tuple[urllib3.BaseHTTPResponse, bytes]:
            response = self._session.once(call)
            try:
                content = response.read(limit + 1)
            except (HTTPError, OSError) as error:
                response.close()
                raise self._session.interrupted(call, error) from error
            if len(content) > limit:
                response.close()
                raise IntegrityFailure(
                    f"Registry {self.registry} answered more than {limit} bytes to {call.thing}."
                )
            response.release_conn()
            return response, content

        return self._session.retrying(attempt)

    def _path(self, repository: Repository) -> str:
        if repository.registry != self.registry:
            raise ValueError(f"{repository} is not in {self.registry}")
        return repository.path


def _media_type(response: urllib3.BaseHTTPResponse) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _stated_digest(response: urllib3.BaseHTTPResponse) -> Digest | None:
    try:
        return Digest(response.headers.get("Docker-Content-Digest", ""))
    except ValueError:
        return None


def _tags_in(content: bytes, thing: str) -> list[str]:
    try:
        page = json.loads(content)
        tags = page["tags"] or []
        return [tag for tag in tags if isinstance(tag, str)]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise CannotTell(f"The registry's answer for the {thing} is no list of tags.") from None
