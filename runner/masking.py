"""Secrets that cannot be printed by accident, and the masking of all output."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Final, Never, Self
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK: Final = "[MASKED]"
_SHORTEST_MASKED = 4


class Masked:
    """A text whose repr, str, format and pickle do not show it; `reveal` does."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: to be called where it leaves the process, and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return f"Masked({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Masked) else NotImplemented

    def __hash__(self) -> int:
        return hash((Masked, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> Never:
        raise TypeError("a secret is not pickled")


def encodings_of(secret: str) -> frozenset[str]:
    """The secret in every encoding in which a program would print it: raw, base64, URL, JSON.

    Base64 of a longer text holds the secret's own base64 at one of three alignments, so each alignment's
    characters that depend on the secret alone are taken.
    """
    raw = secret.encode()
    forms = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]}
    forms |= {json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1], raw.hex()}
    for alignment in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Bits of the filler reach into the first characters, bits of what follows into the last.
            encoded = encode(b"\0" * alignment + raw).decode().rstrip("=")
            first = (0, 2, 3)[alignment]
            last = len(encoded) if (alignment + len(raw)) % 3 == 0 else len(encoded) - 1
            forms.add(encoded[first:last])
    return frozenset(form for form in forms if len(form) >= _SHORTEST_MASKED)


class Masker:
    """Replaces the secrets it was told, in all their encodings.

    Secrets are added as they become known; what was printed before is not changed.
    """

    def __init__(self, secrets: Iterable[Masked] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Masked) -> None:
        """Mask this too, from now on; each line of a secret with several lines is masked as well."""
        text = secret.reveal()
        for part in {text, *text.splitlines()}:
            self._forms |= encodings_of(part)
        # The longest first: a form may be the beginning of another.
        ordered = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """The text with every secret replaced."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    @property
    def longest(self) -> int:
        """The number of characters of the longest form."""
        return max(map(len, self._forms), default=0)

    def split_point(self, text: str) -> int:
        """Up to where `text` can be let go while more may follow: no secret may straddle the point."""
        earliest = max(0, len(text) - self.longest + 1)
        for start in range(earliest, len(text)):
            tail = text[start:]
            if any(form.startswith(tail) for form in self._forms):
                return start
        return len(text)


class MaskedStream:
    """Masks a stream that arrives in chunks, a secret split across chunks included."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._pending = ""

    def feed(self, chunk: str) -> str:
        """What of the text up to now can be shown."""
        text = self._masker(self._pending + chunk)
        point = self._masker.split_point(text)
        self._pending = text[point:]
        return text[:point]

    def close(self) -> str:
        """What was held back."""
        rest, self._pending = self._pending, ""
        return self._masker(rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._pending = ""
