"""The error bodies of the distribution-spec."""

from __future__ import annotations

import json

from aiohttp import web


class RegistryProblem(Exception):
    """An error answer: status, the specification's code, and a message."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def response(self) -> web.Response:
        """The error as registries write it."""
        body = {"errors": [{"code": self.code, "message": self.message, "detail": None}]}
        return web.Response(
            status=self.status,
            body=json.dumps(body).encode() + b"\n",
            headers=self.headers,
            content_type="application/json",
        )


def name_unknown(name: str) -> RegistryProblem:
    """The repository does not exist."""
    return RegistryProblem(404, "NAME_UNKNOWN", f"repository name {name} not known to registry")


def blob_unknown() -> RegistryProblem:
    """The repository does not hold that blob."""
    return RegistryProblem(404, "BLOB_UNKNOWN", "blob unknown to registry")


def upload_unknown() -> RegistryProblem:
    """There is no such upload session."""
    return RegistryProblem(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")


def upload_invalid(message: str) -> RegistryProblem:
    """The request does not fit the upload session."""
    return RegistryProblem(400, "BLOB_UPLOAD_INVALID", message)


def digest_invalid() -> RegistryProblem:
    """A digest does not match the content, or is none."""
    return RegistryProblem(400, "DIGEST_INVALID", "provided digest did not match uploaded content")


def unsupported() -> RegistryProblem:
    """The end-point or method is not there."""
    return RegistryProblem(405, "UNSUPPORTED", "the operation is unsupported")
