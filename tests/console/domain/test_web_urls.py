"""Names with every awkward character lead to the right page."""

import pytest

from console.domain import web_urls

ROOT = "https://tc.example.org/"


@pytest.mark.parametrize(
    ("page", "url"),
    [
        (
            web_urls.secret_page(ROOT, "repo:github.com/a/b:x%"),
            "https://tc.example.org/secrets/repo%3Agithub.com%2Fa%2Fb%3Ax%25",
        ),
        (web_urls.role_page(ROOT, "repo:*"), "https://tc.example.org/auth/roles/repo%3A%2A"),
        (web_urls.client_page(ROOT, "a/b c"), "https://tc.example.org/auth/clients/a%2Fb%20c"),
        (web_urls.task_page(ROOT, "T"), "https://tc.example.org/tasks/T"),
        (web_urls.group_page(ROOT, "G"), "https://tc.example.org/tasks/groups/G"),
        (web_urls.audit_page(ROOT, "role", "r"), "https://tc.example.org/audit/role/r"),
    ],
)
def test_each_thing_has_its_page(page, url):
    assert page == url
