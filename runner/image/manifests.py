"""Manifests and configs: what a registry keeps of an image beside its layers.

A manifest's identity is its exact bytes, so a `Manifest` keeps the bytes and never writes them anew.
Formats: OCI image-spec 1.1 (manifest, index, config) and Docker's schema 2 with its list.
"""

from __future__ import annotations

import json
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from runner.image.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER_GZIP: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"

INDEX_TYPES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
ACCEPTED_TYPES: Final = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)
# Layers that registries do not hold: a reader fetches them from the URLs that they name.
FOREIGN_LAYER_TYPES: Final = frozenset(
    {
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    }
)
# The registries' own limit (distribution's maxManifestBodySize).
LONGEST_MANIFEST: Final = 4 * 1024 * 1024


class BadManifest(ValueError):
    """Bytes that are no manifest or config that can be read; the message says why."""


class Platform(NamedTuple):
    """What an image runs on; `variant` is "" where there is none."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class Descriptor(NamedTuple):
    """A reference to content: its media type, digest and size in bytes."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a descriptor as manifests write it.

        Raises:
            BadManifest: it is none.
        """
        entry = _object(value, "a descriptor")
        size = entry.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise BadManifest("a descriptor's size is not a number of bytes")
        platform = entry.get("platform")
        return cls(
            _text(entry, "mediaType"),
            _digest(entry.get("digest")),
            size,
            None if platform is None else _platform(_object(platform, "a platform")),
            _texts(entry.get("annotations"), "annotations"),
        )

    @property
    def is_foreign(self) -> bool:
        """Whether this is a layer that registries do not hold."""
        return self.media_type in FOREIGN_LAYER_TYPES


class Manifest:
    """A manifest, list or index: exact bytes under a media type; they are read when something is asked.

    Every property but `digest` and `descriptor` raises BadManifest if the bytes are not what the type says.

    Args:
        media_type: as it was served.
        content: the bytes.
    """

    def __init__(self, media_type: str, content: bytes) -> None:
        self.media_type = media_type
        self.content = content

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Manifest):
            return NotImplemented
        return (self.media_type, self.content) == (other.media_type, other.content)

    def __hash__(self) -> int:
        return hash((self.media_type, self.content))

    @cached_property
    def digest(self) -> Digest:
        """The digest of the exact bytes."""
        return Digest.of(self.content)

    @property
    def descriptor(self) -> Descriptor:
        """How an index or a tag refers to this manifest."""
        return Descriptor(self.media_type, self.digest, len(self.content))

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests (an OCI index or a Docker list) and is no image itself."""
        return self.media_type in INDEX_TYPES

    @cached_property
    def config(self) -> Descriptor:
        """The image's config."""
        return Descriptor.from_json(self._image.get("config"))

    @cached_property
    def layers(self) -> tuple[Descriptor, ...]:
        """The image's layers, the lowest first."""
        return _descriptors(self._image, "layers")

    @cached_property
    def entries(self) -> tuple[Descriptor, ...]:
        """The manifests that an index lists, with their platforms."""
        if not self.is_index:
            raise BadManifest(f"{self.digest} is the manifest of one image and lists no others")
        return _descriptors(self._document, "manifests")

    @cached_property
    def annotations(self) -> Mapping[str, str]:
        """The annotations of the manifest itself."""
        return _texts(self._document.get("annotations"), "annotations")

    @cached_property
    def subject(self) -> Descriptor | None:
        """The manifest that this one is about, if it is a referrer."""
        subject = self._document.get("subject")
        return None if subject is None else Descriptor.from_json(subject)

    def check(self) -> Self:
        """The manifest itself, if all of it can be read.

        Raises:
            BadManifest: it cannot.
        """
        _ = self.entries if self.is_index else (self.config, self.layers)
        return self

    @property
    def _image(self) -> Mapping[str, object]:
        if self.is_index:
            raise BadManifest(f"{self.digest} lists the manifests of several images and is none itself")
        return self._document

    @cached_property
    def _document(self) -> Mapping[str, object]:
        document = _object(_parsed(self.content, "the manifest"), "the manifest")
        if document.get("schemaVersion") == 1:
            raise BadManifest(
                "it is of Docker's schema 1, which signs no bytes that can be compared and which registries "
                "stopped serving; push the image again with a client made after 2016"
            )
        if document.get("schemaVersion") != 2:
            raise BadManifest("it has no schemaVersion 2")
        if self.media_type not in ACCEPTED_TYPES:
            raise BadManifest(f"{self.media_type[:100]!r} is no media type of an image or an index")
        if document.get("mediaType", self.media_type) != self.media_type:
            raise BadManifest(
                f"it was served as {self.media_type} but calls itself {str(document['mediaType'])[:100]!r}"
            )
        # Two readers could take such a document for two different things (CVE-2021-41190).
        if ("manifests" in document) != self.is_index or ("layers" in document) == self.is_index:
            raise BadManifest(f"its content is not that of {self.media_type}")
        return document


class ImageConfig(NamedTuple):
    """What an image's config says: its platform, the digests of its uncompressed layers, and labels.

    Args:
        platform: what the image runs on.
        diff_ids: digests of the uncompressed layers, the lowest first.
        labels: the image's labels.
        created: when it says it was made (RFC 3339), or "".
    """

    platform: Platform
    diff_ids: tuple[Digest, ...]
    labels: Mapping[str, str]
    created: str

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read a config blob.

        Raises:
            BadManifest: it is none.
        """
        document = _object(_parsed(content, "the config"), "the config")
        rootfs = _object(document.get("rootfs"), "the config's rootfs")
        diff_ids = rootfs.get("diff_ids")
        if not isinstance(diff_ids, list):
            raise BadManifest("the config's rootfs has no diff_ids")
        runtime = document.get("config")
        labels = {} if runtime is None else _object(runtime, "the config's config").get("Labels")
        created = document.get("created")
        return cls(
            _platform(document),
            tuple(map(_digest, diff_ids)),
            _texts(labels, "Labels"),
            created if isinstance(created, str) else "",
        )


def _parsed(content: bytes, what: str) -> object:
    try:
        return json.loads(content, object_pairs_hook=_without_repeats)
    except BadManifest:
        raise
    except (ValueError, RecursionError) as error:
        raise BadManifest(f"{what} is not JSON: {error}") from None


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # Readers differ on which of two equal keys counts: such a document has no one meaning.
    names = dict(pairs)
    if len(names) != len(pairs):
        raise BadManifest("an object has the same key twice")
    return names


def _object(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise BadManifest(f"{what} is not an object")
    return value


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise BadManifest(f"`{key}` is missing or is not a text")
    return value


def _texts(value: object, what: str) -> Mapping[str, str]:
    texts = {} if value is None else _object(value, f"`{what}`")
    if not all(isinstance(text, str) for text in texts.values()):
        raise BadManifest(f"`{what}` has a value that is not a text")
    return {key: str(text) for key, text in texts.items()}


def _digest(value: object) -> Digest:
    try:
        return Digest(value if isinstance(value, str) else "")
    except ValueError as error:
        raise BadManifest(str(error)) from None


def _platform(entry: Mapping[str, object]) -> Platform:
    variant = entry.get("variant")
    return Platform(
        _text(entry, "os"), _text(entry, "architecture"), variant if isinstance(variant, str) else ""
    )


def _descriptors(document: Mapping[str, object], key: str) -> tuple[Descriptor, ...]:
    entries = document.get(key)
    if not isinstance(entries, list):
        raise BadManifest(f"`{key}` is not a list")
    return tuple(map(Descriptor.from_json, entries))
