"""What is asked of every request before its handler sees it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, Never

from console.sandbox.failures import ApiError
from console.sandbox.validation import rejection

if TYPE_CHECKING:
    from console.sandbox.call import Call

_QUERY_PATTERNS: Final = {"limit": r"^[0-9]+$", "quarantined": r"^(true|false)$"}


def read_payload(call: Call) -> None:
    """Read a JSON body where the endpoint looks at one; whether it must be there is asked later."""
    if call.endpoint.takes is None or not is_json(call.content_type):
        return
    try:
        call.payload = json.loads(call.content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        call.payload, call.is_malformed = call.content.decode(errors="replace"), True


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")


def is_json(content_type: str | None) -> bool:
    """Whether a body of this type is read; parameters such as a charset do not matter."""
    return (content_type or "").split(";")[0].strip().lower() == "application/json"


def check_params(call: Call) -> None:
    """Refuse path parameters that do not fit.

    Raises:
        ApiError: InvalidRequestArguments.
    """
    wrong = [
        f"URL parameter '{name}' given as '{call.params[name]}' must match regular expression: "
        f"'/{_escaped(pattern)}/'"
        for name, pattern in call.endpoint.patterns.items()
        if name in call.params and not re.search(pattern, call.params[name])
    ]
    if wrong:
        raise ApiError("InvalidRequestArguments", "\n".join(["Invalid URL patterns:", *wrong]))


def _escaped(pattern: str) -> str:
    """As JavaScript prints a regular expression: with its slashes escaped."""
    return pattern.replace("/", r"\/")


def check_query(call: Call) -> None:
    """Refuse unknown keys and values that do not fit.

    Raises:
        ApiError: InvalidRequestArguments.
    """
    wrong: list[str] = []
    for key, value in call.query.items():
        pattern = _QUERY_PATTERNS.get(key)
        if key == "bewit":
            continue
        if key not in call.endpoint.query:
            wrong.append(f"Query-string parameter: {key} is not supported!")
        elif pattern and not re.search(pattern, value):
            wrong.append(f'Query-string parameter: {key}="{value}" does not match expression: /{pattern}/')
    if wrong:
        raise ApiError("InvalidRequestArguments", "\n".join(wrong))


def check_payload(call: Call) -> None:
    """Refuse a body that is not what the endpoint takes; fill its defaults in.

    Raises:
        ApiError: MalformedPayload or InputValidationError.
    """
    shape = call.endpoint.takes
    if shape is None:
        return
    if not is_json(call.content_type):
        got = call.content_type or "null"
        raise ApiError(
            "MalformedPayload",
            f"Payload must be JSON with content-type: application/json got content-type: {got}",
        )
    if call.is_malformed:
        raise ApiError("MalformedPayload", "Failed to parse JSON: the body is not JSON")
    shape.fill(call.payload)
    message = rejection(shape, call.endpoint.schema, call.deployment.root_url, call.payload)
    if message:
        raise ApiError("InputValidationError", message)
