"""Digests: the identity of bytes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A sha256 digest as registries write it: `sha256:` and 64 lower-case hexadecimal digits."""

    text: str

    def __post_init__(self) -> None:
        if not _SHA256.match(self.text):
            raise ValueError(f"not a sha256 digest: {self.text[:100]!r}")

    @classmethod
    def of(cls, content: bytes) -> Self:
        """The digest of these bytes."""
        return cls(f"sha256:{hashlib.sha256(content).hexdigest()}")

    @property
    def hex(self) -> str:
        """The 64 digits alone."""
        return self.text.removeprefix("sha256:")

    @property
    def short(self) -> str:
        """The first 12 digits, as `docker images` shows them."""
        return self.hex[:12]

    def __str__(self) -> str:
        return self.text
