"""What a registry asks for in `WWW-Authenticate` (RFC 9110 §11.6.1, distribution's token specification)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'\s*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|\Z)')
_SCHEME = re.compile(rf"[\s,]*({_WORD})(?=[\s,]|\Z)")


class Challenge(NamedTuple):
    """One challenge: its scheme in lower case, and its parameters by lower-case name."""

    scheme: str
    parameters: Mapping[str, str]

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that it names."""
        return tuple(self.parameters.get("scope", "").split())


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """All challenges of these header values, in order; what cannot be read is left out."""
    return [challenge for header in headers for challenge in _challenges(header)]


def chosen_challenge(headers: Iterable[str]) -> Challenge | None:
    """The challenge to answer: Bearer before Basic, others not at all."""
    found = {challenge.scheme: challenge for challenge in reversed(parse_challenges(headers))}
    return found.get("bearer") or found.get("basic")


def _challenges(header: str) -> Iterator[Challenge]:
    position = 0
    while scheme := _SCHEME.match(header, position):
        position = scheme.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            name, quoted, plain = parameter.groups()
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters.setdefault(name.lower(), value)
            position = parameter.end()
        yield Challenge(scheme[1].lower(), parameters)


def with_scopes_first(missing: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """`known` with what a challenge found missing put first, as some registries read one scope only."""
    return tuple(dict.fromkeys((*missing, *known)))
