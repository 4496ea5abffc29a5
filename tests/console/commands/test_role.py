"""`lading role`: what an edit would do is seen before it is made, and it is made only if nobody was faster."""

import json

import pytest

from console.sandbox.seed import BRANCH_ROLE
from tests.support.hosted_sandbox import Terminal

pytestmark = pytest.mark.enable_socket

NAME = "project:lading"


@pytest.fixture
def role(sandbox):
    sandbox.set_role("user:*", f"assume:{NAME}")
    sandbox.set_role(NAME, "a:b", "c:d", description="ours")
    return NAME


def scopes_of(sandbox, role_id=NAME):
    return sandbox.call("GET", "auth", "roles", role_id)["scopes"]


def test_all_roles_are_listed_by_id(sandbox, role):
    code, out, _ = sandbox.lading("role", "list")
    assert code == 0
    assert {BRANCH_ROLE, role, "anonymous"} <= set(out.splitlines())
    found = json.loads(sandbox.lading("role", "list", "--json")[1])
    assert [each["roleId"] for each in found] == out.splitlines()


def test_a_role_is_shown_with_its_expansion_and_last_change(sandbox, role):
    code, out, _ = sandbox.lading("role", "show", "user:*")
    assert code == 0
    assert "a:b" in out
    assert "created by static/taskcluster/root" in out


def test_a_role_is_shown_without_its_audit_to_who_may_not_read_that(sandbox, role):
    reader = sandbox.client("auth:get-role:*")
    assert "cannot be read: 403" in sandbox.lading("role", "show", role, by=reader)[1]
    code, out, _ = sandbox.lading("role", "show", role, "--json", by=reader)
    assert (code, json.loads(out)["history"]) == (0, None)


def test_a_role_that_is_not_there_is_told(sandbox):
    code, out, err = sandbox.lading("role", "show", "none")
    assert (code, out) == (1, "")
    assert "There is no role none." in err


def test_a_diff_says_who_gains_and_loses_and_changes_nothing(sandbox, role):
    code, out, _ = sandbox.lading("role", "diff", role, stdin="a:b  \n\ne:f\n")
    assert code == 1
    assert out.splitlines() == [
        f"role {role}",
        "  + e:f",
        "  - c:d",
        "By that:",
        *(f"  {role}", "    gains e:f", "    loses c:d"),
        *("  user:*", "    gains e:f", "    loses c:d"),
    ]
    assert scopes_of(sandbox) == ["a:b", "c:d"]


def test_a_diff_without_a_difference_exits_0(sandbox, role):
    code, out, _ = sandbox.lading("role", "diff", role, stdin="c:d\na:b\na:b\n")
    assert (code, out) == (0, f"role {role}\n  nothing changes\n")


def test_a_role_is_set_from_standard_input(sandbox, role):
    code, out, _ = sandbox.lading("role", "set", role, "--yes", stdin="e:f\na:b\n")
    assert code == 0
    assert "Written, last modified" in out
    after = sandbox.call("GET", "auth", "roles", role)
    assert (after["scopes"], after["description"]) == (["a:b", "e:f"], "ours")


def test_a_role_is_set_from_a_file_and_the_result_is_data(sandbox, role, tmp_path):
    file = tmp_path / "scopes"
    file.write_text("a:b\n")
    code, out, err = sandbox.lading("role", "set", role, str(file), "--yes", "--json")
    found = json.loads(out)
    assert (code, found["written"], found["removed"]) == (0, True, ["c:d"])
    assert "- c:d" in err
    assert scopes_of(sandbox) == ["a:b"]


def test_a_role_that_is_not_there_is_created(sandbox):
    code, out, _ = sandbox.lading("role", "set", "project:new", "--yes", stdin="a:b")
    assert code == 0
    assert "role project:new (new)" in out
    assert scopes_of(sandbox, "project:new") == ["a:b"]
    sandbox.call("DELETE", "auth", "roles", "project:new")


def test_a_dry_run_changes_nothing(sandbox, role):
    code, out, _ = sandbox.lading("role", "set", role, "--dry-run", stdin="e:f\n")
    assert code == 0
    assert "+ e:f" in out
    assert scopes_of(sandbox) == ["a:b", "c:d"]


@pytest.mark.parametrize(
    ("answer", "expected"), [("y\n", (0, ["a:b"])), ("\n", (1, ["a:b", "c:d"]))], ids=["yes", "neither"]
)
def test_a_person_is_asked(sandbox, role, tmp_path, answer, expected):
    file = tmp_path / "scopes"
    file.write_text("a:b\n")
    found = sandbox.lading("role", "set", role, str(file), stdin=Terminal(answer))
    assert f"Change role {role}? [y/N]" in found[2]
    assert (found[0], scopes_of(sandbox)) == expected


def test_nobody_to_ask_is_no_consent(sandbox, role):
    code, _, err = sandbox.lading("role", "set", role, stdin="a:b\n")
    assert code == 2
    assert "--yes" in err
    assert scopes_of(sandbox) == ["a:b", "c:d"]


class SlowPerson(Terminal):
    """Answers once somebody else has changed the role."""

    def __init__(self, meanwhile):
        super().__init__()
        self.meanwhile = meanwhile

    def readline(self, _size=-1, /):
        self.meanwhile()
        return "y\n"


def test_an_edit_of_a_role_that_changed_meanwhile_is_a_conflict(sandbox, role, tmp_path):
    file = tmp_path / "scopes"
    file.write_text("a:b\n")
    person = SlowPerson(lambda: sandbox.set_role(role, "a:b", "c:d", "somebody:else"))
    code, out, err = sandbox.lading("role", "set", role, str(file), stdin=person)
    assert code == 8
    assert "added somebody:else" in err
    assert "Written" not in out
    assert "somebody:else" in scopes_of(sandbox)


def test_scopes_that_the_editor_lacks_are_named_before_the_call(sandbox, role):
    editor = sandbox.client(
        *("auth:list-roles", "auth:list-clients", "auth:get-role:*", "auth:current-scopes"),
        f"auth:update-role:{role}",
    )
    before = sandbox.call("GET", "auth", "audit", "role", role)["auditHistory"]
    code, out, err = sandbox.lading("role", "set", role, "--yes", stdin="a:b\nx:y\n", by=editor)
    assert code == 3
    assert "You lack x:y" in out
    assert "`x:y`" in err
    assert sandbox.call("GET", "auth", "audit", "role", role)["auditHistory"] == before
    assert sandbox.lading("role", "set", role, "--yes", stdin="a:b\n", by=editor)[0] == 0


def test_an_editor_whose_scopes_are_not_known_hears_it_from_the_server(sandbox, role):
    reader = sandbox.client("auth:get-role:*")
    code, out, err = sandbox.lading("role", "set", role, "--yes", stdin="a:b\nx:y\n", by=reader)
    assert code == 3
    assert "not known" in out
    assert "Others may be affected: the roles could not all be read" in out
    assert f"lacks `auth:update-role:{role}` and `x:y`" in err


def test_a_generated_role_is_answered_with_text_for_its_configuration(sandbox):
    generated = "repo:github.com/mozilla/lading:branch:main"
    sandbox.set_role(generated, "a:b", "c:d", description="*DO NOT EDIT* - by ci-admin")
    code, out, err = sandbox.lading("role", "set", generated, "--yes", stdin="a:b\nx:y\n")
    assert code == 3
    assert "- grant:" in out
    assert "- x:y" in out
    assert "and take out c:d" in out
    assert "configuration repository" in err
    assert scopes_of(sandbox, generated) == ["a:b", "c:d"]
    shown = json.loads(sandbox.lading("role", "diff", generated, "--json", stdin="a:b\nx:y\n")[1])
    assert (shown["generated"], "x:y" in shown["configuration"]) == (True, True)


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        ("a**\n", "must not end with"),
        (f"assume:{NAME}\n", f"assume:{NAME} -> assume:{NAME}"),
        (" \n", "not one"),
    ],
)
def test_what_auth_would_refuse_is_not_sent(sandbox, role, scopes, said):
    code, _, err = sandbox.lading("role", "set", role, "--yes", stdin=scopes)
    assert code == 2
    assert said in err
    assert scopes_of(sandbox) == ["a:b", "c:d"]


def test_read_only_changes_nothing(sandbox, role):
    code, _, err = sandbox.lading("role", "set", role, "--yes", "--read-only", stdin="a:b\n")
    assert code == 3
    assert "read-only" in err
    assert scopes_of(sandbox) == ["a:b", "c:d"]


def test_a_file_that_is_not_there_is_a_usage_error(sandbox, role, tmp_path):
    assert sandbox.lading("role", "set", role, str(tmp_path / "none"), "--yes")[0] == 2
