"""Digests: the identity of bytes."""

from __future__ import annotations

import hashlib
import re
from typing import Self

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}\Z")


class Digest:
    """A sha256 digest as registries write it: `sha256:` and 64 lower-case hexadecimal digits.

    Args:
        text: the whole of it.

    Raises:
        ValueError: it is none.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        if not _SHA256.match(text):
            raise ValueError(f"not a sha256 digest: {text[:100]!r}")
        self.text = text

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

    def __repr__(self) -> str:
        return f"Digest({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, Digest) else NotImplemented

    def __lt__(self, other: Digest) -> bool:
        return self.text < other.text

    def __hash__(self) -> int:
        return hash(self.text)
