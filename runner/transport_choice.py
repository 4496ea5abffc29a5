"""`transport = auto`: whether an image goes by the engine's own push or directly, from facts that cost nothing.

The engine's push reads only what is new and compresses it alone on one core; `save` reads every layer, and lading
compresses on all cores. The speeds are of loopback on two cores (bytes of layer a second): what counts is
their proportion.
"""

from __future__ import annotations

import os
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.base_images import local_bases
from runner.image.compression import BLOCK, shrinks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.engines.docker_engine import LocalImage
    from runner.preparation import Preparation

_MB: Final = 1_000_000
_GO: Final = re.compile(r"go1\.(\d+)")
# The daemon's push of what shrinks, a layer on a core, and of what does not. Its gzip is Go's, another one since
# Go 1.27 (Debian's 28.5). Measured side by side on one core, MB/s for text, libraries and noise: Go 1.26 20, 21 and
# 46; Go 1.27 53, 59 and 2000; zlib-ng at our level 57 and 61. With all that a push does besides, Go 1.27's is 44 for
# one layer of text. A version that cannot be read is taken for quick: then the way that was always taken is kept.
_ENGINE_SHRINKING: Final = 44 * _MB
_ENGINE_STORED: Final = 230 * _MB
_OLD_ENGINE_SHRINKING: Final = 20 * _MB
_OLD_ENGINE_STORED: Final = 55 * _MB
_LAST_SLOW_GO: Final = 26
_SAVE: Final = 160 * _MB
_COMPRESS_ONE_CORE: Final = 90 * _MB
# Below this both take no time, and the engine's way is the one that was always taken.
_SMALLEST: Final = 8 * _MB
_ADVANTAGE: Final = 0.9
_LOOKED_AT: Final = 16


class Way(StrEnum):
    """Who pushes."""

    ENGINE = "engine"
    DIRECT = "direct"


class Cargo(NamedTuple):
    """What is known of an image that is to be pushed.

    Args:
        store: the engine's: `classic` or `containerd`.
        go_version: of the compiler that made the engine, such as `go1.24.4`.
        total: bytes of all layers, uncompressed.
        new: bytes of those that are not the base image's.
        stored: bytes of the new layers that do not shrink.
        layers: how many are new.
        cores: of this machine.
    """

    store: str
    go_version: str
    total: int
    new: int
    stored: int
    layers: int
    cores: int


def choose_way(cargo: Cargo) -> Way:
    """The way that is quicker.

    A containerd store's layers are compressed already, and its image's id is the manifest's digest: nothing is left
    but to send them. `save` gives them away at a fraction of the engine's own push (measured on 28.5: direct took
    4.6 x as long for 150 MB of files, 5.3 x for 300 MB of noise).
    """
    if cargo.store == "containerd" or cargo.new < _SMALLEST:
        return Way.ENGINE
    stored = min(cargo.stored, cargo.new)
    shrinking = cargo.new - stored
    found = _GO.match(cargo.go_version)
    quick = found is None or int(found[1]) > _LAST_SLOW_GO
    at_once = max(1, min(cargo.layers, cargo.cores))
    engine = (
        shrinking / (_ENGINE_SHRINKING * at_once) + stored / _ENGINE_STORED
        if quick
        else shrinking / (_OLD_ENGINE_SHRINKING * at_once) + stored / _OLD_ENGINE_STORED
    )
    direct = cargo.total / _SAVE + shrinking / (_COMPRESS_ONE_CORE * max(1, cargo.cores))
    return Way.DIRECT if direct < _ADVANTAGE * engine else Way.ENGINE


class ContextSample:
    """Looks at the build context on its way: how much of it does not shrink, and so what layers made of it will."""

    def __init__(self) -> None:
        self.seen = 0
        self._looked_at = 0
        self._stored = 0

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks; a sixteenth is looked at: a fourth took as long as all the rest of a context's reading."""
        for number, chunk in enumerate(chunks):
            self.seen += len(chunk)
            if number % _LOOKED_AT == 0:
                self._looked_at += len(chunk)
                self._stored += 0 if shrinks(chunk[:BLOCK]) else len(chunk)
            yield chunk

    @property
    def stored(self) -> int:
        """Bytes of the context that do not shrink, by what was looked at."""
        return self.seen * self._stored // self._looked_at if self._looked_at else 0


def way_of(preparation: Preparation, image: LocalImage, sample: ContextSample) -> Way:
    """Which way the image goes: as it was set, or whichever is quicker."""
    transport = preparation.job.settings.transport
    if transport != "auto":
        return Way(transport)
    facts, bases = preparation.engine.facts, local_bases(preparation)
    if facts.store == "classic" and len(bases) < len(preparation.bases):
        # BuildKit pulls a base image without making it one of the engine's images: its own push alone knows the blobs.
        return Way.ENGINE
    below = max((base for base in bases if _is_below(base, image)), key=lambda base: base.size, default=None)
    return choose_way(
        Cargo(
            store=facts.store,
            go_version=facts.go_version,
            total=image.size,
            new=max(0, image.size - (below.size if below else 0)),
            stored=sample.stored,
            layers=len(image.diff_ids) - (len(below.diff_ids) if below else 0),
            cores=os.cpu_count() or 1,
        )
    )


def _is_below(base: LocalImage, image: LocalImage) -> bool:
    return image.diff_ids[: len(base.diff_ids)] == base.diff_ids
