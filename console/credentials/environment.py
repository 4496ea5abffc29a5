"""Credentials and root URL from the variables that Taskcluster's own clients read.

`TASKCLUSTER_PROXY_URL` is not among them: a proxy is a task's, and the console runs in none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from console.credentials.root_url import normal_root_url
from console.credentials.value import Credentials
from runner.errors import UsageError
from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT_URL: Final = "TASKCLUSTER_ROOT_URL"
CLIENT_ID: Final = "TASKCLUSTER_CLIENT_ID"
ACCESS_TOKEN: Final = "TASKCLUSTER_ACCESS_TOKEN"  # noqa: S105 - the variable's name
CERTIFICATE: Final = "TASKCLUSTER_CERTIFICATE"


def root_url_of(environment: Mapping[str, str]) -> str | None:
    """The root URL, normalised, or None.

    Raises:
        UsageError: it is not one.
    """
    given = environment.get(ROOT_URL)
    return normal_root_url(given) if given else None


def credentials_of(environment: Mapping[str, str]) -> Credentials | None:
    """The credentials, or None where no variable names a client.

    Raises:
        UsageError: some variables are set and others that belong to them are not, or one is malformed.
    """
    client_id, token = environment.get(CLIENT_ID, ""), environment.get(ACCESS_TOKEN, "")
    certificate = environment.get(CERTIFICATE, "")
    if not (client_id or token or certificate):
        return None
    lacking = [name for name, value in ((CLIENT_ID, client_id), (ACCESS_TOKEN, token)) if not value]
    if lacking:
        raise UsageError(
            f"{' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not set, other credentials are.",
            action=f"Set both {CLIENT_ID} and {ACCESS_TOKEN}, or neither.",
        )
    return Credentials(client_id, Masked(token), Masked(certificate) if certificate else None)
