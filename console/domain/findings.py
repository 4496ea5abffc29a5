"""Whether the next push will publish: the links of the chain, and what was found at each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from runner.errors import ExitCode
from runner.findings import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from console.domain.findings_fix import Fix


class Link(Enum):
    """One link of the chain from a push to a published image, in their order."""

    SIGN_IN = "sign-in"
    SETTINGS = "settings"
    FILE = "task-file"
    EVENT = "event"
    ENGINE = "engine"
    PROXY = "proxy"
    SCOPES = "task-scopes"
    ARTIFACTS = "artifacts"
    ROLE = "role"
    PULL_REQUESTS = "pull-requests"
    POOL = "worker-pool"
    SECRET = "secret"  # noqa: S105 - a link's name
    REGISTRY = "registry"
    TAGS = "tags"
    BUILD = "last-build"

    @property
    def title(self) -> str:
        """As a line begins."""
        return _TITLES.get(self, self.value.replace("-", " "))

    @property
    def decides(self) -> bool:
        """Whether a push may fail by it: the others are told beside."""
        return self not in {Link.SIGN_IN, Link.BUILD}


_TITLES: Final = {
    Link.SIGN_IN: "signed in",
    Link.SETTINGS: "lading.toml",
    Link.SCOPES: "task's scopes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(Finding):
    """A finding at a link of the chain.

    `name` is a code that does not change, such as `role-lacks-pool`; `seen` is the detail; `action` is the one thing
    to do, in words, for which `fixes` have the commands.

    Args:
        link: which link.
        fixes: the action's steps, for a program; empty where nothing is to be done, or only a person can.
        image: of lading.toml, that it is about; "" for what all of them share.
    """

    link: Link
    fixes: tuple[Fix, ...] = ()
    image: str = ""

    @property
    def title(self) -> str:
        """The link's."""
        return self.link.title

    @property
    def detail(self) -> str:
        """What was looked at, and what was seen."""
        return self.seen

    def __str__(self) -> str:
        return " ".join(part for part in (f"{self.title}: {self.seen}", self.action) if part)

    def as_json(self) -> dict[str, Any]:
        """The finding as data."""
        return {
            "link": self.link.value,
            "code": self.name,
            "level": str(self.level),
            "image": self.image,
            "detail": self.seen,
            "action": self.action,
            "fixes": [fix.as_json() for fix in self.fixes],
        }


def ok(link: Link, seen: str, code: str = "") -> Diagnosis:
    """Nothing is wrong there."""
    return Diagnosis(code or link.value, Level.OK, seen, link=link)


def broken(link: Link, code: str, seen: str, action: str, *fixes: Fix) -> Diagnosis:
    """What keeps a push from publishing."""
    return Diagnosis(code, Level.PROBLEM, seen, action, ExitCode.NO, link=link, fixes=fixes)


def doubtful(link: Link, code: str, seen: str, action: str, *fixes: Fix) -> Diagnosis:
    """What a push gets over, and somebody should see."""
    return Diagnosis(code, Level.WARNING, seen, action, link=link, fixes=fixes)


def untold(link: Link, seen: str, action: str = "", *fixes: Fix) -> Diagnosis:
    """What could not be looked at."""
    return Diagnosis(f"{link.value}-unknown", Level.UNKNOWN, seen, action, link=link, fixes=fixes)


def or_ok(found: Iterable[Diagnosis], link: Link, seen: str) -> Iterator[Diagnosis]:
    """What was found, or that nothing was."""
    listed = list(found)
    yield from listed or (ok(link, seen),)


def verdict(findings: Iterable[Diagnosis]) -> ExitCode:
    """0 the next push will publish, 1 it will not, 7 it cannot be told."""
    listed = list(findings)
    if any(finding.level is Level.PROBLEM for finding in listed):
        return ExitCode.NO
    if any(finding.level is Level.UNKNOWN and finding.link.decides for finding in listed):
        return ExitCode.CANNOT_TELL
    return ExitCode.OK
