"""Which request is which: the distribution-spec's end-points by method and path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["base", "token", "blob", "upload", "manifest", "tags", "referrers", "unknown"]

_NAME = r"(?P<name>[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)"
_PATTERNS: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("base", re.compile(r"/v2/?\Z")),
    ("token", re.compile(r"/token\Z")),
    ("upload", re.compile(rf"/v2/{_NAME}/blobs/uploads/(?P<reference>[A-Za-z0-9_-]*)\Z")),
    ("blob", re.compile(rf"/v2/{_NAME}/blobs/(?P<reference>[^/]+)\Z")),
    ("manifest", re.compile(rf"/v2/{_NAME}/manifests/(?P<reference>[^/]+)\Z")),
    ("tags", re.compile(rf"/v2/{_NAME}/tags/list\Z")),
    ("referrers", re.compile(rf"/v2/{_NAME}/referrers/(?P<reference>[^/]+)\Z")),
)


@dataclass(frozen=True, slots=True)
class Route:
    """A request's end-point: its kind, the repository, and the digest, tag or upload that it names."""

    kind: Kind
    name: str = ""
    reference: str = ""


def route_of(path: str) -> Route:
    """The end-point of a path, `unknown` if the specification has none."""
    for kind, pattern in _PATTERNS:
        if found := pattern.match(path):
            parts = found.groupdict()
            return Route(kind, parts.get("name") or "", parts.get("reference") or "")
    return Route("unknown")
