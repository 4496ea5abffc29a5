"""What a service answers when it refuses: code, status and message as measured."""

from __future__ import annotations

from typing import Final

STATUSES: Final = {
    "MalformedPayload": 400,
    "InvalidRequestArguments": 400,
    "InputValidationError": 400,
    "InputError": 400,
    "AuthenticationFailed": 401,
    "InsufficientScopes": 403,
    "ResourceNotFound": 404,
    "NoMatchingMethod": 406,
    "RequestConflict": 409,
    "ResourceExpired": 410,
    "InputTooLarge": 413,
    "InternalServerError": 500,
    "NotImplemented": 501,
}


class ApiError(Exception):
    """A refusal; the layer adds the footer and `requestInfo`.

    Args:
        code: one of `STATUSES`.
        message: what is told.
        challenges: whether a 401 asks for Hawk; it does not where a token in the path was wrong.
    """

    def __init__(self, code: str, message: str, *, challenges: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.challenges = challenges

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUSES[self.code]


def footed(refusal: ApiError, method: str, time: str) -> str:
    """The message of a refusal as a caller of `method` is told it."""
    return (
        f"{refusal.message}\n\n---\n\n* method:     {method}\n* errorCode:  {refusal.code}\n"
        f"* statusCode: {refusal.status}\n* time:       {time}"
    )


def input_error(message: str) -> ApiError:
    """A body that the schema allows and the service does not: 400."""
    return ApiError("InputError", message)


def not_found(message: str) -> ApiError:
    """404."""
    return ApiError("ResourceNotFound", message)


def conflict(message: str) -> ApiError:
    """409."""
    return ApiError("RequestConflict", message)
