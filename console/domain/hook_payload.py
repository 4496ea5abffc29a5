"""What a hook is given: read from JSON or YAML, filled in and checked by the hook's `triggerSchema`."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

from console.domain.core_yaml import BadYaml, load
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsonschema.exceptions import ValidationError


def read_payload(name: str, text: str) -> dict[str, Any]:
    """A payload as somebody writes it.

    Args:
        name: of the file, for messages.
        text: a JSON or YAML object; an empty text is an empty one.

    Raises:
        UsageError: it is neither, or no object.
    """
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else None
    except ValueError:
        found = None  # YAML has objects in braces too, and tells where it ends being any
    try:
        if found is None and text.strip():
            _, found = load(text)
    except BadYaml as error:
        place = f" at line {error.mark.line + 1}, column {error.mark.column + 1}" if error.mark else ""
        raise UsageError(f"The payload in {name} {error}{place}, and no JSON.") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UsageError(f"The payload in {name} is no object.", action="Write it as `name: value` lines.")
    return found


def filled_in(schema: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with the schema's defaults for what it leaves out: the service fills in none."""
    answer: dict[str, Any] = copy.deepcopy(dict(payload))
    properties = schema.get("properties")
    for name, own in properties.items() if isinstance(properties, dict) else ():
        if not isinstance(own, dict):
            continue
        if name not in answer and "default" in own:
            answer[name] = copy.deepcopy(own["default"])
        if isinstance(answer.get(name), dict):
            answer[name] = filled_in(own, answer[name])
    return answer


def complaints(schema: Mapping[str, Any], payload: Mapping[str, Any]) -> tuple[str, ...]:
    """What the service would refuse of the payload, each by its member: `payload.word: 3 is not of type 'string'`.

    Raises:
        ValueError: the schema cannot be used, so that this cannot be told.
    """
    # A tenth of a second, where a hook is looked at only.
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # Without a registry of its own, jsonschema would fetch what a reference names.
    registry: Registry[Any] = Registry()
    try:
        kind = validator_for(schema, default=Draft7Validator)
        kind.check_schema(schema)
        found = sorted(kind(schema, registry=registry).iter_errors(payload), key=_place)
    except SchemaError as error:
        raise ValueError(f"it is no JSON schema: {error.message}") from error
    except (re.error, Unresolvable, RecursionError) as error:
        raise ValueError(str(error)) from error
    return tuple(f"{_place(error)}: {error.message}" for error in found)


def _place(error: ValidationError) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return "payload" + "".join(steps)
