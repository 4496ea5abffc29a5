"""A payload is refused in the words of the service's own validator."""

import pytest

from console.sandbox.trigger_schema import BadSchema, check_schema, complaints


@pytest.mark.parametrize(
    ("schema", "payload", "words"),
    [
        ({"additionalProperties": False}, {"z": 1}, ["data must NOT have additional properties"]),
        ({"required": ["it's"]}, {}, ["data must have required property 'it's'"]),
        ({"properties": {"a": {"type": ["string", "null"]}}}, {"a": 1}, ["data/a must be string,null"]),
        (
            {"properties": {"a": {"enum": [1]}}},
            {"a": 2},
            ["data/a must be equal to one of the allowed values"],
        ),
        (
            {"properties": {"a": {"items": {"minLength": 2}}}},
            {"a": ["x"]},
            ["data/a/0 must NOT have fewer than 2 characters"],
        ),
        ({"properties": {"a": {"maximum": 3}}}, {"a": 4}, ["data/a must be <= 3"]),
        ({"properties": {"a": {"default": 7}}}, {}, []),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, ["data must NOT have more than 1 characters"]),
        ({"contains": {"const": 1}}, [], ['data must pass "contains" keyword validation']),
    ],
)
def test_what_a_payload_is_not_is_told(schema, payload, words):
    assert complaints(schema, payload) == words


@pytest.mark.parametrize("schema", [{"type": "nope"}, {"properties": []}, {"type": 1}])
def test_what_is_no_schema_is_refused(schema):
    with pytest.raises(BadSchema):
        check_schema(schema)


@pytest.mark.parametrize("schema", [{"$ref": "http://127.0.0.1:1/schema.json"}, {"pattern": "("}])
def test_a_schema_that_cannot_be_used_is_named_and_nothing_is_fetched(schema):
    with pytest.raises(BadSchema, match="cannot be used"):
        complaints(schema, "text")
