"""One request to one endpoint, as its handler sees it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from console.domain.scopes import is_satisfied, missing
from console.sandbox.authentication import Directory, Identity, Signed, authenticate, payload_hash
from console.sandbox.failures import ApiError
from console.sandbox.temporary import AuthenticationFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.domain.scopes import Expression
    from console.sandbox.deployment import Deployment
    from console.sandbox.routing import Endpoint


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer other than 200 with a JSON body."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


@dataclass(slots=True)
class Call:
    """One request to one endpoint, as its handler sees it."""

    deployment: Deployment
    endpoint: Endpoint
    signed: Signed
    content: bytes
    content_type: str | None
    params: dict[str, str]
    query: dict[str, str]
    is_gone: Callable[[], bool]
    payload: Any = field(default_factory=dict)
    is_malformed: bool = False
    _identity: Identity | None = None

    @property
    def identity(self) -> Identity:
        """The caller; found out when first asked for, so that a public endpoint ignores bad credentials."""
        if self._identity is None:
            self._identity = self._authenticated()
        return self._identity

    def _authenticated(self) -> Identity:
        deployment = self.deployment
        directory = Directory(deployment.client, deployment.roles, deployment.now())
        try:
            identity = authenticate(self.signed, directory)
        except AuthenticationFailed as refusal:
            raise ApiError("AuthenticationFailed", str(refusal)) from refusal
        if identity.payload_hash:
            computed = payload_hash(self.content, self.content_type or "")
            if computed != identity.payload_hash:
                raise ApiError(
                    "AuthenticationFailed",
                    f"Invalid payload hash: {{{{hash}}}}\nComputed payload hash: {computed}\n"
                    "This happens when your request carries a signed hash of the payload and the hash "
                    "doesn't match the hash we've computed on the server-side.",
                )
        return identity

    @property
    def client_id(self) -> str:
        """The caller's, for the audit."""
        return self.identity.client_id or "anonymous"

    def has(self, expression: Expression) -> bool:
        """Whether the caller satisfies the expression."""
        return is_satisfied(expression, self.identity.scopes)

    def authorize(self, expression: Expression) -> None:
        """Refuse a caller who does not satisfy the expression.

        Raises:
            ApiError: AuthenticationFailed, or InsufficientScopes with what is missing.
        """
        check_scopes(self.identity, expression)


def check_scopes(identity: Identity, expression: Expression) -> None:
    """Refuse an identity that does not satisfy the expression.

    Raises:
        ApiError: InsufficientScopes.
    """
    lacking = missing(expression, identity.scopes)
    if lacking is None:
        return
    wanted = f"satisfy the following scope expression:\n\n```\n{_shown(expression)}\n```"
    if identity.client_id is None:
        raise ApiError("InsufficientScopes", f"This request requires Taskcluster credentials that {wanted}")
    raise ApiError(
        "InsufficientScopes",
        f"Client ID {identity.client_id} does not have sufficient scopes and is missing the following "
        f"scopes:\n\n```\n{_shown(lacking)}\n```\n\nThis request requires the client to {wanted}",
    )


def _shown(expression: Expression) -> str:
    return expression if isinstance(expression, str) else json.dumps(expression, indent=2)


def filled(template: Expression, values: Mapping[str, str]) -> Expression:
    """The template with `<name>` replaced by each value."""
    if isinstance(template, str):
        return re.sub(r"<(\w+)>", lambda found: values[found[1]], template)
    return {kind: [filled(part, values) for part in parts] for kind, parts in template.items()}
