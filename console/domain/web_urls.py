"""Where the web interface shows what the console shows."""

from __future__ import annotations

from urllib.parse import quote


def secret_page(root_url: str, name: str) -> str:
    """A secret's page."""
    return _page(root_url, "secrets", name)


def role_page(root_url: str, role_id: str) -> str:
    """A role's page."""
    return _page(root_url, "auth", "roles", role_id)


def client_page(root_url: str, client_id: str) -> str:
    """A client's page."""
    return _page(root_url, "auth", "clients", client_id)


def task_page(root_url: str, task_id: str) -> str:
    """A task's page."""
    return _page(root_url, "tasks", task_id)


def group_page(root_url: str, group_id: str) -> str:
    """A task group's page."""
    return _page(root_url, "tasks", "groups", group_id)


def audit_page(root_url: str, entity: str, entity_id: str) -> str:
    """What was done to an entity (`secret`, `role`, `client`)."""
    return _page(root_url, "audit", entity, entity_id)


def _page(root_url: str, *parts: str) -> str:
    """Names hold `/`, `:`, `*` and `%`: all of them are quoted."""
    return "/".join((root_url.rstrip("/"), *(quote(part, safe="") for part in parts)))
