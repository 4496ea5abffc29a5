"""Roles that a program writes from a configuration repository, and the text to put there instead of an edit."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.domain.access import Role

_REPOSITORY_JOB: Final = re.compile(
    r"repo:(?P<host>[\w.-]+)/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+):(?P<job>(?!\*$)[ -~]+)"
)
_PULL_REQUESTS: Final = {"pull-request": "pull-request:*", "pull-request-untrusted": "pull-request:untrusted"}
_PLAIN: Final = re.compile(r"[A-Za-z][\w./*-]*(:[\w./*-]+)+")


def is_generated(role: Role) -> bool:
    """Whether the next run of ci-admin will undo an edit: the description begins `*DO NOT EDIT*`."""
    return role.description.startswith("*DO NOT EDIT*")


def configuration_grant(role_id: str, scopes: Iterable[str]) -> str:
    """A grant for a file of the configuration repository, in the form of fxci-config's `grants.d/*.yml`.

    A repository's role is named there by its project's alias, which is not always the repository's name, and by
    the job; any other role by its id. Braces are doubled, because ci-admin fills in `{level}` and the like.
    """
    listed = "".join(f"    - {_quoted(scope)}\n" for scope in sorted(set(scopes)))
    return f"- grant:\n{listed}  to:\n{_grantee(role_id)}"


def _grantee(role_id: str) -> str:
    found = _REPOSITORY_JOB.fullmatch(role_id)
    if found is None:
        return f"    - role: {json.dumps(role_id)}\n"
    job = _PULL_REQUESTS.get(found["job"], found["job"])
    return (
        "    - project:\n"
        f"        alias: {found['name']}  # as projects.yml names {found['host']}/{found['owner']}/{found['name']}\n"
        f"        job: [{json.dumps(job)}]\n"
    )


def _quoted(scope: str) -> str:
    """A scope that YAML reads as it stands, or in quotes."""
    scope = scope.replace("{", "{{").replace("}", "}}")
    return scope if _PLAIN.fullmatch(scope) else json.dumps(scope)
