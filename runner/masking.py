"""Secrets that cannot be printed by accident, and the masking of all output."""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, Never, Self
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK: Final = "[MASKED]"
_SHORTEST_MASKED = 4
_PERCENT: Final = re.compile("%[0-9A-F]{2}")
# Go's encoding/json, in which engines and registries are written, escapes HTML's characters as well.
_GO_JSON: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


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
    """The secret in every encoding in which a program would print it: raw, base64, URL, JSON, hexadecimal.

    Base64 of a longer text holds the secret's own base64 at one of three alignments, so each alignment's
    characters that depend on the secret alone are taken, with and without the end that a text's end gives.
    What is shorter than four characters is no secret that could be masked: every other word would be.
    """
    # A text that JSON gave may have half a surrogate pair, which UTF-8 has no bytes for.
    raw = secret.encode(errors="surrogatepass")
    forms = {secret, raw.hex(), raw.hex().upper(), repr(secret)[1:-1], repr(raw)[2:-1]}
    for escaped in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        forms |= {escaped, _PERCENT.sub(lambda found: found[0].lower(), escaped)}
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        forms |= {escaped, escaped.translate(_GO_JSON)}
    for alignment in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Bits of the filler reach into the first characters, bits of what follows into the last.
            encoded = encode(b"\0" * alignment + raw).decode().rstrip("=")
            first = (0, 2, 3)[alignment]
            last = len(encoded) if (alignment + len(raw)) % 3 == 0 else len(encoded) - 1
            forms |= {encoded[first:last], encoded[first:]}
    return frozenset(form for form in forms if len(form) >= _SHORTEST_MASKED)


class Masker:
    """Replaces the secrets it was told, in all their encodings.

    Secrets are added as they become known; what was printed before is not changed.
    """

    def __init__(self, secrets: Iterable[Masked] = ()) -> None:
        self._forms: list[str] = []
        self._longest = 0
        self._pattern: re.Pattern[str] | None = None
        self._heads: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Masked) -> None:
        """Mask this too, from now on; each line of a secret with several lines is masked as well."""
        text = secret.reveal()
        forms = set(self._forms)
        for part in {text, text.strip(), *map(str.strip, text.splitlines())}:
            forms |= encodings_of(part)
        if not forms:
            return
        self._forms = sorted(forms)
        self._longest = max(map(len, forms))
        # Looking ahead, forms that overlap are all found.
        self._pattern = re.compile(f"(?=({_any_of(forms)}))")
        self._heads = re.compile(f"(?={_any_of({form[:_SHORTEST_MASKED] for form in forms})})")

    def __call__(self, text: str) -> str:
        """The text with every secret replaced; secrets that overlap are replaced as one."""
        shown, end = [], 0
        for start, stop in self._spans(text):
            shown += [text[end:start], MASK]
            end = stop
        return "".join([*shown, text[end:]])

    def split_point(self, text: str) -> int:
        """Up to where `text` can be let go while more may follow: no secret may straddle the point."""
        point = self._unfinished(text)
        for start, stop in self._spans(text):
            if start < point < stop:
                return start
        return point

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the secrets are; those that overlap are one."""
        if self._pattern is None:
            return
        start, stop = 0, 0
        for found in self._pattern.finditer(text):
            if found.start() >= stop:
                if stop:
                    yield start, stop
                start = found.start()
            stop = max(stop, found.end(1))
        if stop:
            yield start, stop

    def _unfinished(self, text: str) -> int:
        """Where the first form begins that the text's end cuts off, or the text's length."""
        earliest = max(0, len(text) - self._longest + 1)
        sure = max(earliest, len(text) - _SHORTEST_MASKED + 1)
        starts = [found.start() for found in self._heads.finditer(text, earliest)] if self._heads else []
        starts += range(sure, len(text))
        for start in starts:
            tail = text[start:]
            near = bisect_right(self._forms, tail)
            if near < len(self._forms) and self._forms[near].startswith(tail):
                return start
        return len(text)


def _any_of(texts: Iterable[str], depth: int = 2) -> str:
    """A pattern for any of the texts, the longest first: one may be the beginning of another.

    Grouped by their first two characters, each place of a text is compared with few of them: a key of 28 lines
    has hundreds of forms.
    """
    ordered = sorted(texts, key=lambda text: (-len(text), text))
    if depth == 0:
        return "|".join(map(re.escape, ordered))
    groups: dict[str, list[str]] = {}
    for text in ordered:
        groups.setdefault(text[0], []).append(text[1:])
    return "|".join(f"{re.escape(first)}(?:{_any_of(rest, depth - 1)})" for first, rest in groups.items())


class MaskedStream:
    """Masks a stream that arrives in chunks, as if it had arrived in one."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._pending = ""

    def feed(self, chunk: str) -> str:
        """What of the text up to now can be shown."""
        text = self._pending + chunk
        point = self._masker.split_point(text)
        self._pending = text[point:]
        return self._masker(text[:point])

    def close(self) -> str:
        """What was held back."""
        rest, self._pending = self._pending, ""
        return self._masker(rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._pending = ""
