"""Hawk signatures with Taskcluster credentials, for the one service that the proxy cannot sign for."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import mohawk

from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def hawk_authorizer(
    credentials: Mapping[str, Any], clock: Callable[[], float]
) -> Callable[[str, str, bytes], Mapping[str, str]]:
    """What signs a request (method, URL, body).

    Args:
        credentials: `clientId`, `accessToken` and, for temporary ones, `certificate`, as services give them.
        clock: seconds since the epoch.
    """
    client_id = str(credentials["clientId"])
    access_token = Masked(str(credentials["accessToken"]))
    certificate = credentials.get("certificate")
    ext = None
    if certificate:
        parsed = json.loads(certificate) if isinstance(certificate, str) else certificate
        ext = base64.b64encode(json.dumps({"certificate": parsed}).encode()).decode()

    def authorize(method: str, url: str, body: bytes) -> Mapping[str, str]:
        identity = {"id": client_id, "key": access_token.reveal(), "algorithm": "sha256"}
        sender = mohawk.Sender(
            identity,
            url,
            method,
            content=body,
            content_type="application/json" if body else "",
            ext=ext,
            _timestamp=int(clock()),
        )
        return {"Authorization": sender.request_header}

    return authorize
