"""Whether the event's role lets the tasks be created, and who else may read the secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from console.domain.findings import Diagnosis, Link, broken, ok, or_ok, untold
from console.domain.findings_fix import ConfigureRole, EditFile, EditRole, RunCommand
from console.domain.generated_role import configuration_grant, is_generated
from console.domain.strangers import open_to_strangers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from console.domain.access import Access, Role
    from console.domain.nearest_miss import Miss
    from console.domain.who_can import Holder, Holders

# What a scope is for, by its beginning; the first that fits.
_KINDS: Final = {
    "queue:create-task:project:": ("role-lacks-project", "the project of its tasks"),
    "queue:create-task:": ("role-lacks-pool", "the worker pool at this priority"),
    "queue:route:": ("role-lacks-route", "the tasks' routes"),
    "queue:scheduler-id:": ("role-lacks-scheduler", "the tasks' scheduler"),
    "generic-worker:": ("role-lacks-engine", "the worker's Docker"),
    "docker-worker:": ("role-lacks-engine", "the worker's Docker"),
    "secrets:get:": ("role-lacks-secret", "the secret"),
    "index:insert-task:": ("role-lacks-index", "the index"),
    "github:trigger-hook:": ("role-lacks-hook", "the hooks"),
    "": ("role-lacks-scope", "the tasks' own scopes"),
}

_ALIKE: Final = 0.8  # of a scope, from its beginning: below that the nearest is another thing


def role_findings(
    role_id: str,
    lacking: Collection[str],
    nearest: Mapping[str, Miss],
    role: Role | None,
    *,
    unread: str = "",
) -> Iterator[Diagnosis]:
    """What the event's role lacks, by what it is for.

    Args:
        role_id: the event's role.
        lacking: scopes that creating its tasks needs, and that it does not hold.
        nearest: what other roles grant that is like them.
        role: as it is, or None where there is none.
        unread: why the role's own scopes are not known, or "".
    """
    by_kind: dict[tuple[str, str], list[str]] = {}
    for scope in sorted(lacking):
        kind = next(kind for beginning, kind in _KINDS.items() if scope.startswith(beginning))
        by_kind.setdefault(kind, []).append(scope)
    there = "" if role is not None or unread else " (there is no such role)"
    # Each command states the whole role: one that left out what another adds would undo it.
    edit = EditRole(
        role_id=role_id,
        add=tuple(sorted(lacking)),
        stated=None if unread else role.scopes if role else (),
    )
    found = (
        _lacks(
            code,
            f"The role {role_id}{there} does not grant {what}: it lacks {_listed(scopes)}.{_near(scopes, nearest)}",
            scopes,
            edit,
            is_written_by_program=role is not None and is_generated(role),
        )
        for (code, what), scopes in by_kind.items()
    )
    generated = ", which ci-admin writes" if role is not None and is_generated(role) else ""
    yield from or_ok(found, Link.ROLE, f"{role_id}{generated}: grants all that the tasks need")


def _lacks(
    code: str, seen: str, scopes: list[str], edit: EditRole, *, is_written_by_program: bool
) -> Diagnosis:
    if is_written_by_program:
        text = configuration_grant(edit.role_id, scopes)
        return broken(
            Link.ROLE,
            code,
            f"{seen} ci-admin writes this role, and would undo an edit.",
            f"Add to the configuration repository:\n{text}",
            ConfigureRole(edit.role_id, tuple(scopes), (), text),
        )
    all_of_it = ", with all else that it lacks" if len(edit.add) > len(scopes) else ""
    return broken(Link.ROLE, code, seen, f"Add {_listed(scopes)} to the role{all_of_it}.", edit)


def _listed(scopes: Sequence[str]) -> str:
    return " and ".join(f"`{scope}`" for scope in scopes)


def _near(scopes: list[str], nearest: Mapping[str, Miss]) -> str:
    for scope in scopes:
        miss = nearest.get(scope)
        if miss and miss.suffices:
            return f" It is granted to {miss.role_ids[0]}, by `{miss.granted}`."
        if miss and (miss.only_case or miss.common >= _ALIKE * len(scope)):
            return f" Nearest: `{miss.granted}`, of {miss.role_ids[0]}."
    return ""


def stranger_findings(
    access: Access, holders: Holders, event_role: str, granted: bool | None
) -> Iterator[Diagnosis]:
    """Whether somebody whom nobody trusts may read the secret: a pull request, or everyone.

    Args:
        access: the roles, as far as they could be read.
        holders: of the secret's scope.
        event_role: the role that is to have it.
        granted: what the server says of the pull requests' roles, or None where it could not be asked.
    """
    strangers = open_to_strangers(holders.roles)
    guilty = {
        holder.chain.links[-1].role_id if holder.chain.links else holder.principal.name: holder
        for holder in holders.roles
        if holder.principal.name in strangers
    }
    found = [_open(access, role_id, holder, event_role, holders.scope) for role_id, holder in guilty.items()]
    if not found and granted:
        how = RunCommand(("lading", "who-can", holders.scope))
        found = [
            broken(
                Link.PULL_REQUESTS,
                "secret-open-to-pull-requests",
                f"Pull requests may read the secret: their role holds `{holders.scope}`.",
                "Find which role grants it.",
                how,
            )
        ]
    if not found and (access.roles_unread or holders.unread) and granted is None:
        yield untold(
            Link.PULL_REQUESTS,
            f"Whether pull requests may read the secret: {access.roles_unread or holders.unread[0]}",
            "Sign in with a client that may list roles.",
        )
        return
    yield from or_ok(found, Link.PULL_REQUESTS, "they cannot read the secret, nor can everyone")


def _open(access: Access, role_id: str, holder: Holder, event_role: str, wanted: str) -> Diagnosis:
    stated = holder.chain.links[-1].stated if holder.chain.links else wanted
    who = "Everyone" if holder.principal.name == "anonymous" else "Pull requests"
    seen = f"{who} may read the secret: the role {role_id} grants `{stated}`."
    role = access.roles.get(role_id)
    if role is not None and is_generated(role):
        return broken(
            Link.PULL_REQUESTS,
            "secret-open-to-pull-requests",
            f"{seen} ci-admin writes this role, and would undo an edit.",
            f"Take `{stated}` out of {role_id} in the configuration repository.",
            ConfigureRole(role_id, (), (stated,), ""),
        )
    fixes = []
    event = access.roles.get(event_role)
    keeps = event is not None and wanted in event.scopes
    if role_id != event_role and not keeps:
        # A role for all of the repository's jobs: the one that publishes is to keep the scope.
        fixes.append(EditRole(role_id=event_role, add=(wanted,), stated=event.scopes if event else ()))
    fixes.append(EditRole(role_id=role_id, remove=(stated,), stated=role.scopes if role else None))
    first = "" if keeps else f"Add `{wanted}` to {event_role}, then take"
    return broken(
        Link.PULL_REQUESTS,
        "secret-open-to-pull-requests",
        seen,
        f"{first or 'Take'} `{stated}` out of {role_id}"
        + (": nothing else is in it, so delete the role." if fixes[-1].scopes == () else "."),
        *fixes,
    )


def pool_findings(
    pool: str, managed: bool | None, workers: int | None, unread: str, named: EditFile
) -> Iterator[Diagnosis]:
    """Whether somebody will run the task.

    Args:
        pool: the task queue.
        managed: whether worker-manager has such a pool; None where it was not told.
        workers: how many workers the queue knows there; None where it was not told.
        unread: why one of them is not known, or "".
        named: where the task file names it.
    """
    if managed or workers:
        seen = (
            f"{workers} worker{'s'[: workers != 1]} seen" if workers else "worker-manager starts its workers"
        )
        yield ok(Link.POOL, f"{pool}: {seen}")
    elif managed is False and workers == 0:
        yield broken(
            Link.POOL,
            "pool-unknown",
            f"Nobody knows a worker pool {pool}, and no worker has asked for its tasks: they would wait until their "
            "deadline.",
            f"Correct `taskQueueId`, {named.file}:{named.line}, or have the pool made.",
            named,
        )
    else:
        yield untold(Link.POOL, f"{pool}: {unread or 'the queue does not tell'}")
