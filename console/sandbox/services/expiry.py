"""What the services clear away now and then: secrets and clients whose time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from console.sandbox.deployment import Deployment

_SECRETS_CLIENT: Final = "static/taskcluster/secrets"


def clear(deployment: Deployment) -> None:
    """Delete expired secrets, which their history tells, and expired clients that are to be deleted then.

    Until then an expired secret is only not found, and an expired client is told to be one.
    """
    store, now = deployment.store, deployment.time()
    with store.transaction():
        for row in store.all("select name from secrets where expires < ?", now):
            store.run("delete from secrets where name = ?", row["name"])
            deployment.audit("secret", row["name"], "expired", _SECRETS_CLIENT)
        store.run("delete from clients where delete_on_expiration and expires < ?", now)
