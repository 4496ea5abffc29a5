"""Secrets as values: shapes, changes, fingerprints and expiries."""

import base64
import json
import pickle
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.secret_change import Fingerprints, changes, differences, leaf, leaves, masked, with_key
from console.domain.secret_expiry import NEVER, expiry, sent, shown
from console.domain.secret_record import HiddenSecret, NoSecret, SecretBody, SecretRecord
from console.domain.secret_shape import (
    Account,
    credentials_in,
    obstacles,
    registry_of,
    shape_of,
    with_account,
)
from console.domain.secret_value import LONGEST, value_of
from runner.errors import UsageError
from runner.masking import Masked

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOKEN = "dckr_pat_new-Token"
HUB = "https://index.docker.io/v1/"
PRINTS = Fingerprints(b"s" * 16)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=4)


def auth(pair):
    return base64.b64encode(pair.encode()).decode()


def account(registry="", username=""):
    return Account(Masked(TOKEN), registry_of(registry), username)


def rotated(content, **typed):
    return with_account(SecretBody(content), account(**typed)).reveal()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"dockerhub_password": "old", "x": 1}, {"dockerhub_password": TOKEN, "x": 1}),
        (
            {"dockerhub_username": "u", "dockerhub_password": "old"},
            {"dockerhub_username": "u", "dockerhub_password": TOKEN},
        ),
        (
            {"docker": {"registry": "r.example", "username": "u", "password": "old", "y": [2]}},
            {"docker": {"registry": "r.example", "username": "u", "password": TOKEN, "y": [2]}},
        ),
        (
            {"dockercfg": {"auths": {HUB: {"auth": auth("u:old"), "email": "e"}}, "z": None}},
            {"dockercfg": {"auths": {HUB: {"auth": auth(f"u:{TOKEN}"), "email": "e"}}, "z": None}},
        ),
        (
            {"dockercfg": {"r.example": {"auth": auth("u:o:ld")}}},
            {"dockercfg": {"r.example": {"auth": auth(f"u:{TOKEN}")}}},
        ),
        (
            {"dockercfg": {"r.example": {"username": "u", "password": "old"}}},
            {"dockercfg": {"r.example": {"username": "u", "password": TOKEN}}},
        ),
    ],
)
def test_a_token_is_rotated_in_the_shape_in_use_and_all_else_is_kept(before, after):
    assert rotated(before) == after
    credentials = credentials_in(SecretBody(rotated(before)), "default")
    assert credentials is not None
    assert credentials.password == Masked(TOKEN)


def test_pitfall_18_without_a_shape_the_configuration_that_docker_reads_is_written():
    for nothing in ({}, {"dockercfg": None}):
        found = rotated(nothing, username="u")
        assert found == {"dockercfg": {"auths": {HUB: {"auth": auth(f"u:{TOKEN}")}}}}
    found = rotated({"other": 1}, username="u", registry="r.example:5000")
    assert found["dockercfg"] == {"auths": {"r.example:5000": {"auth": auth(f"u:{TOKEN}")}}}
    assert found["other"] == 1


def test_pitfall_18_programs_for_credentials_do_nothing_in_a_task():
    assert "credHelpers" in obstacles(SecretBody({"dockercfg": {"credHelpers": {}, "auths": {}}}))[0]
    assert not obstacles(SecretBody({"dockercfg": {"auths": {}}}))


@pytest.mark.parametrize(
    ("content", "typed", "words"),
    [
        ({"dockerhub_password": "a", "docker": {}}, {}, "ambiguous"),
        ({"dockerhub_password": "a"}, {"registry": "r.example"}, "for docker.io, and a secret names one"),
        ({"dockercfg": {HUB: {}}}, {"registry": "r.example"}, "for docker.io, and a secret names one"),
        ({"dockercfg": {"a.example": {}, "b.example": {}}}, {}, "2 registries"),
        ({"dockercfg": "text"}, {}, "no object"),
        ({"docker": "text"}, {}, "no object"),
        ({}, {}, "names no user"),
        ({}, {"username": "a:b"}, "no colon"),
    ],
)
def test_what_a_shape_cannot_hold_is_refused_without_the_token(content, typed, words):
    with pytest.raises(UsageError, match=words) as refused:
        rotated(content, **typed)
    assert TOKEN not in str(refused.value)


def test_a_registry_is_read_as_it_is_typed():
    assert registry_of("  ") is None
    assert str(registry_of("docker.io")) == "docker.io"
    with pytest.raises(UsageError):
        registry_of("no registry/")


def test_a_secret_without_registry_credentials_has_no_shape():
    assert shape_of(SecretBody({"a": 1})) is None
    assert credentials_in(SecretBody({"a": 1})) is None
    with pytest.raises(UsageError, match="A task could not use this secret"):
        credentials_in(SecretBody({"dockercfg": {}}))


@given(OBJECTS, st.text())
def test_pitfall_12_setting_a_new_key_keeps_all_others(content, value):
    key = "a key that no content has by chance"
    after = with_key(SecretBody(content), key, Masked(value)).reveal()
    assert after.pop(key) == value
    assert SecretBody(after) == SecretBody(content)


@given(st.dictionaries(st.text("abc", min_size=1), JSON, max_size=4))
def test_pitfall_12_a_value_at_the_top_set_to_what_it_is_changes_nothing(content):
    body = SecretBody(content)
    for key, value in content.items():
        typed = value if isinstance(value, str) else json.dumps(value)
        if value is not None:
            assert with_key(body, key, Masked(typed)).reveal() == content


def test_pitfall_12_a_number_stays_a_number_and_null_takes_a_text():
    body = SecretBody({"n": 1, "f": 1.5, "b": True, "l": [1], "o": {"p": "q"}, "z": None})
    for key, typed, value in (
        ("n", "2", 2),
        ("f", "2", 2),
        ("b", "false", False),
        ("l", "[]", []),
        ("l.0", "7", [7]),
        ("o.p", "r", {"p": "r"}),
        ("o.new", "s", {"p": "q", "new": "s"}),
        ("o", '{"x": 1}', {"x": 1}),
        ("z", "t", "t"),
    ):
        assert with_key(body, key, Masked(typed)).reveal()[key.partition(".")[0]] == value
    for key, typed in (("n", "true"), ("b", "1"), ("n", "x"), ("l", "{}"), ("docker", "text")):
        with pytest.raises(UsageError):
            with_key(body, key, Masked(typed))


def test_pitfall_16_a_fingerprint_needs_a_salt_and_tells_neither_value_nor_length():
    with pytest.raises(ValueError, match="16"):
        Fingerprints(b"short")
    one, other = Fingerprints(b"a" * 16), Fingerprints(b"b" * 16)
    values = ["x", "x" * 100, "", 1, None]
    prints = [one.of("name", ("key",), value) for value in values]
    assert len({len(found) for found in prints}) == 1
    assert len(set(prints)) == len(values)
    assert one.of("name", ("key",), "x") == prints[0]
    assert prints[0] not in {
        other.of("name", ("key",), "x"),
        one.of("another", ("key",), "x"),
        one.of("name", ("another",), "x"),
    }


def test_a_diff_tells_what_comes_goes_changes_and_stays():
    before, after = SecretBody({"a": "1", "b": "2", "c": "3"}), SecretBody({"a": "1", "b": "x", "d": "4"})
    told = {change.name: change.kind for change in changes("n", before, after, PRINTS)}
    assert told == {"a": "=", "b": "~", "c": "-", "d": "+"}
    assert [change.kind for change in changes("n", None, after, PRINTS)] == ["+", "+", "+"]


def test_pitfall_13_states_that_differ_name_the_keys():
    one = SecretRecord(SecretBody({"a": 1, "b": {"c": "x"}}), NOW)
    other = SecretRecord(SecretBody({"a": True, "b": {"c": "y"}, "d": []}), NOW + timedelta(1))
    assert differences(one, one) == ()
    assert differences(one, other) == ("a", "b.c", "d", "expires")
    assert differences(NoSecret(), one) == ("it was created",)
    assert differences(one, NoSecret()) == ("it was deleted, or has expired",)
    assert differences(HiddenSecret("s"), one) == ()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("90d", "2026-05-30T12:00:00.000Z"),
        ("2W", "2026-03-15T12:00:00.000Z"),
        (" 1y ", "2027-03-01T12:00:00.000Z"),
        ("never", "3000-01-01T00:00:00.000Z"),
        ("9999-12-31", "3000-01-01T00:00:00.000Z"),
        ("2026-03-01", "2026-03-01T23:59:59.000Z"),
        ("2026-03-01T14:00:00+01:00", "2026-03-01T13:00:00.000Z"),
        ("2026-04-01T10:00:00.123456Z", "2026-04-01T10:00:00.123Z"),
    ],
)
def test_pitfall_11_an_expiry_is_typed_in_many_ways_and_sent_in_one(typed, expected):
    assert sent(expiry(typed, NOW)) == expected


@pytest.mark.parametrize(
    "typed", ["", "0d", "-1d", "soon", "2026-02-30", "1999-01-01", "2026-03-01T12:00Z", "9" * 99]
)
def test_pitfall_11_what_is_past_or_no_time_is_refused(typed):
    with pytest.raises(UsageError, match="90d, 1y, never"):
        expiry(typed, NOW)


def test_pitfall_11_never_is_shown_as_never():
    assert shown(NEVER, NOW) == "never"
    assert shown(NOW + timedelta(90), NOW) == "2026-05-30 (in 90 d)"
    assert shown(NOW + timedelta(hours=3), NOW) == "2026-03-01 (in 3 h)"
    assert shown(NOW, NOW) == "2026-03-01 (expired)"


def test_pitfall_8_a_value_keeps_all_but_the_last_line_end():
    assert value_of(b"a\n\r\n") == Masked("a\n")
    assert value_of(b"a\r\n", raw=True) == Masked("a\r\n")
    for content in (b"", b"\r\n", b"\xc3", b"\0", b"x" * (LONGEST + 1)):
        with pytest.raises(UsageError):
            value_of(content)


def test_pitfall_5_a_body_shows_nothing_of_itself():
    body = SecretBody({"key": TOKEN})
    record = SecretRecord(body, NOW)
    for text in (
        repr(body),
        str(body),
        f"{body}",
        repr(record),
        repr(leaves(body)),
        json.dumps(masked(body)),
    ):
        assert TOKEN not in text
    with pytest.raises(TypeError):
        pickle.dumps(body)
    body.reveal()["key"] = "changed"
    assert body == SecretBody({"key": TOKEN})


def test_a_leaf_is_found_by_its_name():
    body = SecretBody({"a": {"b": "x"}, "c": [1]})
    assert leaf(body, "a.b").value == Masked("x")
    assert leaf(body, "c.0").value == Masked("1")
    for name in ("a", "c", "d"):
        with pytest.raises(UsageError):
            leaf(body, name)
