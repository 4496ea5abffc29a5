"""Whom a question is asked of, as people type it."""

import pytest

from console.domain.principal import Kind, Principal, parse_principal


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("repo:github.com/org/app:branch:feature/a", Kind.ROLE, "repo:github.com/org/app:branch:feature/a"),
        ("assume:repo:github.com/org/app:branch:main", Kind.ROLE, "repo:github.com/org/app:branch:main"),
        ("client:ci/app:x", Kind.CLIENT, "ci/app:x"),
        ("scope:assume:a*", Kind.SCOPE, "assume:a*"),
        ("client-group", Kind.ROLE, "client-group"),
        (" client ", Kind.ROLE, "client"),
        ("Client:x", Kind.ROLE, "Client:x"),
    ],
)
def test_a_principal_is_a_role_a_client_or_a_scope(text, kind, name):
    assert parse_principal(text) == Principal(kind, name)


@pytest.mark.parametrize("text", ["", " ", "client:", "scope:", "assume:"])
def test_a_principal_without_a_name_is_refused_with_the_forms(text):
    with pytest.raises(ValueError, match="`client:ID` or `scope:SCOPE`"):
        parse_principal(text)


def test_a_principal_prints_as_it_is_typed():
    for text in ("repo:github.com/org/app:branch:main", "client:ci/app", "scope:a*"):
        assert str(parse_principal(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("repo:github.com/org/*", True), ("scope:a*", True), ("client:a*", False), ("a*b", False)],
)
def test_a_typed_final_star_is_told_so_that_a_face_can_ask(text, expected):
    assert parse_principal(text).is_wildcard is expected
