"""A hook's `triggerSchema`: what a payload must be, and what it is not, in the words of ajv."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft7Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jsonschema.exceptions import ValidationError

_WORDS: Final[Mapping[str, Callable[[Any], str]]] = {
    "type": lambda kinds: f"must be {','.join([kinds] if isinstance(kinds, str) else kinds)}",
    "enum": lambda _values: "must be equal to one of the allowed values",
    "const": lambda _value: "must be equal to constant",
    "pattern": lambda pattern: f'must match pattern "{pattern}"',
    "format": lambda name: f'must match format "{name}"',
    "minLength": lambda count: f"must NOT have fewer than {count} characters",
    "maxLength": lambda count: f"must NOT have more than {count} characters",
    "minItems": lambda count: f"must NOT have fewer than {count} items",
    "maxItems": lambda count: f"must NOT have more than {count} items",
    "minProperties": lambda count: f"must NOT have fewer than {count} properties",
    "maxProperties": lambda count: f"must NOT have more than {count} properties",
    "minimum": lambda bound: f"must be >= {bound}",
    "maximum": lambda bound: f"must be <= {bound}",
    "exclusiveMinimum": lambda bound: f"must be > {bound}",
    "exclusiveMaximum": lambda bound: f"must be < {bound}",
    "multipleOf": lambda number: f"must be multiple of {number}",
    "oneOf": lambda _schemas: "must match exactly one schema in oneOf",
    "anyOf": lambda _schemas: "must match a schema in anyOf",
    "not": lambda _schema: "must NOT be valid",
}
_ABSENT: Final = re.compile(r"^(['\"])(?P<name>.*)\1 is a required property$", re.DOTALL)


class BadSchema(ValueError):
    """What is wrong with a schema."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse what is no JSON schema.

    Raises:
        BadSchema: says where and why.
    """
    try:
        validator_for(schema, default=Draft7Validator).check_schema(schema)
    except SchemaError as error:
        raise BadSchema(f"triggerSchema{_place(error)} {error.message}") from error


def complaints(schema: Mapping[str, Any], payload: object) -> list[str]:
    """What the payload is not; defaults are not filled in, as measured.

    Raises:
        BadSchema: the schema cannot be used: a pattern that is none, a reference to somewhere else.
    """
    # Without a registry of its own, jsonschema would fetch what a reference names.
    registry: Registry[Any] = Registry()
    validator = validator_for(schema, default=Draft7Validator)(schema, registry=registry)
    try:
        return [text for error in validator.iter_errors(payload) for text in _worded(error)]
    except (re.error, Unresolvable, RecursionError) as error:
        raise BadSchema(f"triggerSchema cannot be used: {error}") from error


def _place(error: ValidationError | SchemaError) -> str:
    return "".join(f"/{step}" for step in error.absolute_path)


def _worded(error: ValidationError) -> list[str]:
    place, keyword = f"data{_place(error)}", str(error.validator)
    if keyword == "additionalProperties":
        return [f"{place} must NOT have additional properties"]
    if keyword == "required" and (found := _ABSENT.match(error.message)):
        return [f"{place} must have required property '{found['name']}'"]
    if keyword in _WORDS:
        return [f"{place} {_WORDS[keyword](error.validator_value)}"]
    return [f'{place} must pass "{keyword}" keyword validation']
