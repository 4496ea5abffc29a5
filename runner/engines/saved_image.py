"""The tar in which an engine gives an image away (`GET /images/{name}/get`), told apart by what its names promise.

Three writers, one reader (moby's `image/tarexport/save.go`, containerd's archive exporter, podman's docker-archive):

* until 24, classic store: `<v1 id>/{VERSION,json,layer.tar}`, `<config>.json`, `manifest.json`; a layer that comes
  again is a symbolic link;
* from 25, classic store: an OCI layout whose layers are not compressed, each named by its diffID;
* containerd store: an OCI layout, blobs as they are stored, compressed mostly;
* podman: `<diffID>.tar`, `<config>.json`.

Nothing is written under a name from the archive, and nothing counts that does not hash to what asked for it: so links
need not be followed.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from runner.errors import IntegrityFailure, Unavailable
from runner.image.digest import Digest
from runner.image.tar_stream import ArchiveCut, BadArchive, TarStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runner.image.tar_stream import TarEntry

_HEX: Final = "[0-9a-f]{64}"
_NAMED_BY_DIGEST: Final = re.compile(rf"(?:blobs/sha256/({_HEX})|({_HEX})\.(?:tar|json))\Z")
_V1_LAYER: Final = re.compile(rf"({_HEX})/layer\.tar\Z")
_V1_JSON: Final = re.compile(rf"({_HEX})/json\Z")
_LONGEST_DOCUMENT: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SavedPart:
    """One file of the archive.

    Args:
        name: its path.
        size: bytes.
        digest: what its name promises that its bytes hash to, or None.
        diff_id: of a layer of the old format, if its id commits to it; its bytes are still to be hashed.
        is_layer: whether it is a layer of the old format, known or not.
        pieces: its content, to be read before the next part is asked for.
    """

    name: str
    size: int
    digest: Digest | None
    diff_id: Digest | None
    is_layer: bool
    pieces: Iterator[bytes]


def saved_parts(chunks: Iterable[bytes], diff_ids: Sequence[Digest]) -> Iterator[SavedPart]:
    """The files of the archive, in order.

    Args:
        chunks: of the archive.
        diff_ids: of the image's layers, the lowest first.

    Raises:
        Unavailable: the archive is cut off.
        IntegrityFailure: it is none, or names what lies outside of it.
    """
    stream = TarStream(chunks)
    ids = V1Ids(diff_ids)
    with _translated():
        for entry, pieces in stream.entries():
            _check_name(entry)
            if not entry.is_file:
                continue
            json_of = _V1_JSON.match(entry.name)
            if json_of and entry.size <= _LONGEST_DOCUMENT:
                ids.learn(json_of[1], b"".join(pieces))
                continue
            yield _part(entry, _read(pieces), ids)
        stream.drain()


def _read(pieces: Iterator[bytes]) -> Iterator[bytes]:
    with _translated():
        yield from pieces


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ArchiveCut as error:
        raise Unavailable(
            "The engine stopped in the middle of giving the image away.",
            cause="It was stopped or killed, or its disk is full.",
            action="Run the task again; look at the engine's own log if it happens again.",
        ) from error
    except BadArchive as error:
        raise IntegrityFailure(f"The engine gave an image away that cannot be read: {error}.") from error


def _part(entry: TarEntry, pieces: Iterator[bytes], ids: V1Ids) -> SavedPart:
    named, layer = _NAMED_BY_DIGEST.match(entry.name), _V1_LAYER.match(entry.name)
    return SavedPart(
        entry.name,
        entry.size,
        Digest(f"sha256:{named[1] or named[2]}") if named else None,
        ids.diff_id(layer[1]) if layer else None,
        layer is not None,
        pieces,
    )


def _check_name(entry: TarEntry) -> None:
    names = [entry.name]
    if entry.is_link:
        target = PurePosixPath(entry.target)
        # A symbolic link's target is seen from the link's folder, a hard link's from the archive's root.
        symbolic = entry.kind == b"2"
        names.append(str(PurePosixPath(entry.name).parent / target) if symbolic else entry.target)
        if target.is_absolute():
            raise BadArchive(f"{entry.name[:200]!r} links to {entry.target[:200]!r}")
    for name in names:
        depth = 0
        for part in PurePosixPath(name).parts:
            depth += -1 if part == ".." else 1
            if depth < 0 or part == "/" or "\0" in part:
                raise BadArchive(f"{name[:200]!r} lies outside of it")


class V1Ids:
    """The layer that an id of the old format stands for.

    The id is the sha256 of the layer's JSON with its chain id (moby's `image/v1/imagev1.go`, `CreateID`), so that
    which layer follows is known before it is read; where an id cannot be explained, nothing is.

    Args:
        diff_ids: of the image's layers, the lowest first.
    """

    def __init__(self, diff_ids: Sequence[Digest]) -> None:
        self._layers = dict(zip(_chain_ids(diff_ids), diff_ids, strict=True))
        self._found: dict[str, Digest] = {}

    def learn(self, v1_id: str, content: bytes) -> None:
        """Take a layer's JSON, which comes before the layer."""
        try:
            document = json.loads(content)
            parent = document.pop("parent", None)
            document.pop("id", None)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return
        if parent is not None:
            document["parent"] = f"sha256:{parent}"
        for chain_id, diff_id in self._layers.items():
            document["layer_id"] = chain_id
            # `os` is set after the id was made, on all layers but the last.
            others = {key: value for key, value in document.items() if key != "os"}
            if v1_id in {hashlib.sha256(_go_json(tried)).hexdigest() for tried in (document, others)}:
                self._found[v1_id] = diff_id
                return

    def diff_id(self, v1_id: str) -> Digest | None:
        """The layer's diffID, if its id could be explained."""
        return self._found.get(v1_id)


def _chain_ids(diff_ids: Sequence[Digest]) -> Iterator[str]:
    chain = ""
    for diff_id in diff_ids:
        chain = str(Digest.of(f"{chain} {diff_id}".encode())) if chain else str(diff_id)
        yield chain


def _go_json(document: dict[str, object]) -> bytes:
    """As Go's encoding/json writes a map of raw values: keys sorted, the values as they were."""
    text = json.dumps(dict(sorted(document.items())), separators=(",", ":"), ensure_ascii=False)
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escaped)
    return text.encode("utf-8", "surrogatepass")
