"""A Taskcluster client's credentials: an id, a token and, if they are temporary, a certificate."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.masking import Masked


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of one client; the repr shows neither token nor certificate.

    Args:
        client_id: the client's id.
        access_token: its token.
        certificate: of temporary credentials, JSON as Taskcluster's clients exchange it; None for permanent ones.
        client_ends: when the client itself does, as far as it is known.

    Raises:
        UsageError: a part is empty, is not ASCII, or the certificate is not one.
    """

    client_id: str
    access_token: Masked
    certificate: Masked | None = None
    client_ends: datetime | None = None

    def __post_init__(self) -> None:
        token = self.access_token.reveal()
        # The public client puts a token that it cannot encode into its exception's text.
        if not self.client_id.isascii() or not token.isascii():
            raise UsageError("A client id and an access token have ASCII characters only.")
        if not self.client_id or not token:
            raise UsageError("Credentials are a client id and an access token; one of them is empty.")
        if self.certificate is not None and not isinstance(self._certified().get("expiry"), int | float):
            raise UsageError(
                "The certificate is not one of Taskcluster's: JSON with `expiry`, `scopes` and `signature`.",
                action="Sign in again, or unset TASKCLUSTER_CERTIFICATE for permanent credentials.",
            )

    @property
    def expires(self) -> datetime | None:
        """When they end, or None where nobody told."""
        ends = [end for end in (self._certificate_ends(), self.client_ends) if end is not None]
        return min(ends) if ends else None

    def _certificate_ends(self) -> datetime | None:
        if self.certificate is None:
            return None
        try:
            return datetime.fromtimestamp(self._certified()["expiry"] / 1000, UTC)
        except (OverflowError, ValueError, OSError):
            return None

    def _certified(self) -> dict[str, float]:
        text = self.certificate.reveal() if self.certificate else ""
        try:
            found = json.loads(text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) and text.isascii() else {}
