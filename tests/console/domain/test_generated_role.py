"""Roles that a program writes are changed in its configuration repository."""

import pytest
import yaml

from console.domain.access import Role
from console.domain.generated_role import configuration_grant, is_generated

SECRET = "secrets:get:repo:github.com/org/app:dockerhub"


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("*DO NOT EDIT* - This resource is configured automatically by ci-admin.", True),
        ("Please *DO NOT EDIT*", False),
        ("", False),
    ],
)
def test_a_generated_role_says_so_at_the_beginning_of_its_description(description, expected):
    assert is_generated(Role("r", (), description)) is expected


@pytest.mark.parametrize(
    ("job", "named"),
    [
        ("branch:main", "branch:main"),
        ("branch:feature/a, b", "branch:feature/a, b"),
        ("release:*", "release:*"),
        ("pull-request", "pull-request:*"),
        ("pull-request-untrusted", "pull-request:untrusted"),
    ],
)
def test_a_repository_is_granted_as_a_project_and_a_job(job, named):
    text = configuration_grant(f"repo:github.com/org/app:{job}", [SECRET])
    assert yaml.safe_load(text) == [
        {"grant": [SECRET], "to": [{"project": {"alias": "app", "job": [named]}}]}
    ]
    assert "as projects.yml names github.com/org/app" in text


@pytest.mark.parametrize(
    "role_id", ["hook-id:a/*", "repo:github.com/org/*", "repo:github.com/org/app:*", "a: b"]
)
def test_any_other_role_is_granted_by_its_id(role_id):
    assert yaml.safe_load(configuration_grant(role_id, [SECRET]))[0]["to"] == [{"role": role_id}]


def test_scopes_are_sorted_each_once_and_read_back_as_they_are():
    scopes = ["true", "*", "a: b", "a:#", "12:30", "secrets:get:", "- x", "'", '"', "a:b*", "a:b*"]
    assert yaml.safe_load(configuration_grant("r", scopes))[0]["grant"] == sorted(set(scopes))


def test_braces_are_doubled_because_they_are_filled_in_there():
    assert yaml.safe_load(configuration_grant("r", ["a:{level}"]))[0]["grant"] == ["a:{{level}}"]
