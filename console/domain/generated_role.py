"""Roles that a program writes from a configuration repository, and the text to put there instead of an edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.domain.access import Role


def is_generated(role: Role) -> bool:
    """Whether the next run of ci-admin will undo an edit: the description begins `*DO NOT EDIT*`."""
    return role.description.startswith("*DO NOT EDIT*")


def configuration_grant(role_id: str, scopes: Iterable[str]) -> str:
    """A grant for a file of the configuration repository, in the form of fxci-config's `grants.d/*.yml`."""
    raise NotImplementedError
