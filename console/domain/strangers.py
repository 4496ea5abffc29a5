"""Which holders of a scope are roles that anybody can take on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.domain.who_can import Holder

_REPOSITORIES: Final = "repo:"
# Taskcluster-GitHub's roles for a pull request, by one policy or the other.
_JOBS: Final = ("pull-request", "pull-request-untrusted")


def open_to_strangers(holders: Iterable[Holder]) -> tuple[str, ...]:
    """The roles among the holders that need no trust: `anonymous`, and those that a pull request assumes.

    A role with a wildcard counts where all names that it takes in hold the scope, and a pull request's is one.
    """
    return tuple(holder.principal.name for holder in holders if _is_open(holder))


def _is_open(holder: Holder) -> bool:
    role_id = holder.principal.name
    if role_id == "anonymous":
        return True
    if not role_id.endswith("*"):
        return role_id.startswith(_REPOSITORIES) and _job(role_id) in _JOBS
    stem = role_id[:-1]
    if holder.member is not None:
        return False
    if not stem.startswith(_REPOSITORIES):
        return _REPOSITORIES.startswith(stem)
    return any(job.startswith(_job(stem)) for job in _JOBS)


def _job(role_id: str) -> str:
    """What follows `repo:HOST/OWNER/NAME:`, or "" where nothing does."""
    return role_id.removeprefix(_REPOSITORIES).partition(":")[2]
