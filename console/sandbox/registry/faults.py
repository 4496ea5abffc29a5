"""Faults on demand: what real registries and networks do to a client, by request kind and count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.sandbox.registry.routes import Kind, Route


@dataclass(frozen=True)
class Answer:
    """Answer this instead; with a `code`, the body is the specification's JSON."""

    status: int
    code: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class CutRequest:
    """Drop the connection once `after` bytes of the request's body were kept."""

    after: int = 0


@dataclass(frozen=True)
class CutAnswer:
    """Do what was asked, then drop the connection after `after` bytes of the answer's body."""

    after: int = 0


@dataclass(frozen=True)
class Delay:
    """Wait so many seconds first."""

    seconds: float


@dataclass(frozen=True)
class MoveLocation:
    """Change the `Location` that is answered."""

    rewrite: Callable[[str], str]


@dataclass(frozen=True)
class ChangeAnswer:
    """Answer with other headers (None removes one) and, if given, another body."""

    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class ExpireTokens:
    """Refuse every token that was given out before this request."""


@dataclass(frozen=True)
class LoseUpload:
    """Forget the upload session, as a registry does that restarts."""


Effect = Answer | CutRequest | CutAnswer | Delay | MoveLocation | ChangeAnswer | ExpireTokens | LoseUpload


@dataclass
class Fault:
    """A rule: which requests are struck, and by what.

    Args:
        effect: what happens.
        kind: the kind of end-point, or None for all.
        method: the HTTP method, or None for all.
        reference: the digest, tag or upload that the request names, or None for all.
        skip: how many matching requests pass first.
        times: how many are struck then, or None for all.
    """

    effect: Effect
    kind: Kind | None = None
    method: str | None = None
    reference: str | None = None
    skip: int = 0
    times: int | None = 1

    def strikes(self, method: str, route: Route) -> bool:
        """Whether this request is struck; counts it."""
        if self.kind not in {None, route.kind} or self.method not in {None, method}:
            return False
        if self.reference not in {None, route.reference} or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True
