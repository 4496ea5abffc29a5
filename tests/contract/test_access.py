"""Who may do what, who did what, and what pushes become: against a sandbox, or with `--live` a deployment."""

import base64

import pytest
import requests
import taskcluster
from taskcluster.exceptions import TaskclusterRestFailure

from tests.support.checked_client import moment

pytestmark = [pytest.mark.enable_socket, pytest.mark.live]


@pytest.fixture
def client(service, target):
    """`client("name", scopes)`: a client for the time of a test: its id, and the client by which it calls."""
    made = []

    def make(name, scopes):
        client_id = f"{target.prefix}/{name}"
        body = {"description": "d", "expires": moment(hours=1), "scopes": scopes, "deleteOnExpiration": True}
        token = service("auth").createClient(client_id, body)["accessToken"]
        made.append(client_id)
        return client_id, lambda name: service(name, clientId=client_id, accessToken=token)

    yield make
    for client_id in made:
        service("auth").deleteClient(client_id)


def test_the_history_of_a_secret_names_who_did_what(service, target, client):
    name = f"{target.prefix}/audited"
    writer_id, writer = client("writer", [f"secrets:set:{name}"])
    before = moment(seconds=-60)
    service("secrets").set(name, {"secret": {"a": 1}, "expires": moment(hours=1)})
    writer("secrets").set(name, {"secret": {"a": 2}, "expires": moment(hours=1)})
    writer("secrets").remove(name)
    history = service("auth").getEntityHistory("secret", name)["auditHistory"]
    told = [(entry["clientId"], entry["actionType"]) for entry in history]
    assert told == [(target.client_id, "created"), (writer_id, "updated"), (writer_id, "deleted")]
    assert {(entry["entityType"], entry["entityId"]) for entry in history} == {("secret", name)}
    times = [entry["created"] for entry in history]
    assert before < times[0] <= times[1] <= times[2]


def test_the_history_of_a_client_names_each_change(service, client):
    client_id, _mine = client("changed", ["a:b"])
    auth = service("auth")
    auth.updateClient(client_id, {"description": "e", "expires": moment(hours=1)})
    auth.disableClient(client_id)
    auth.enableClient(client_id)
    auth.resetAccessToken(client_id)
    expected = ["created", "updated", "client disabled", "client enabled", "access token reset"]
    history = auth.getEntityHistory("client", client_id)["auditHistory"]
    assert [entry["actionType"] for entry in history] == expected
    first = auth.getEntityHistory("client", client_id, query={"limit": "2"})
    rest = auth.getEntityHistory("client", client_id, query={"continuationToken": first["continuationToken"]})
    assert [*first["auditHistory"], *rest["auditHistory"]] == history


def test_a_history_needs_a_scope_of_its_type(service, client, target):
    _client_id, mine = client("auditor", ["auth:audit-history:role"])
    assert mine("auth").getEntityHistory("role", f"{target.prefix}/none") == {"auditHistory": []}
    with pytest.raises(TaskclusterRestFailure, match="auth:audit-history:secret") as refused:
        mine("auth").getEntityHistory("secret", f"{target.prefix}/none")
    assert refused.value.status_code == 403
    with pytest.raises(TaskclusterRestFailure, match="entityType") as unknown:
        service("auth").getEntityHistory("nothing", "x")
    assert unknown.value.status_code == 400


def test_lists_are_walked_by_pages(service, client, target):
    ids = sorted(client(f"paged-{number}", [])[0] for number in range(3))
    auth, found, query = service("auth"), [], {"prefix": f"{target.prefix}/paged-", "limit": "2"}
    while True:
        page = auth.listClients(query=query)
        found += [entry["clientId"] for entry in page["clients"]]
        if "continuationToken" not in page:
            break
        query = {**query, "continuationToken": page["continuationToken"]}
    assert sorted(found) == ids
    with pytest.raises(TaskclusterRestFailure, match="is not supported"):
        auth.listClients(query={"zzz": "1"})


def test_a_role_is_edited_with_the_scopes_that_are_new_alone(service, client, target):
    role = f"{target.prefix}:edited"
    _client_id, mine = client("editor", [f"auth:update-role:{role}", "a:new"])
    service("auth").createRole(role, {"description": "d", "scopes": ["a:old"]})
    try:
        changed = mine("auth").updateRole(role, {"description": "e", "scopes": ["a:new", "a:old"]})
        assert changed["scopes"] == ["a:new", "a:old"]
        with pytest.raises(TaskclusterRestFailure, match="a:other") as refused:
            mine("auth").updateRole(role, {"description": "e", "scopes": ["a:other"]})
        assert refused.value.status_code == 403
        with pytest.raises(TaskclusterRestFailure, match=r"must not end with `\*\*`") as bad:
            service("auth").updateRole(role, {"description": "e", "scopes": ["a**"]})
        assert bad.value.status_code == 400
    finally:
        service("auth").deleteRole(role)
    with pytest.raises(TaskclusterRestFailure, match="not found"):
        service("auth").role(role)


def test_a_client_holds_its_scopes_and_what_they_expand_to(service, client, target):
    role = f"{target.prefix}:held"
    service("auth").createRole(role, {"description": "d", "scopes": ["a:by-role"]})
    try:
        _client_id, mine = client("holder", [f"assume:{role}", "auth:current-scopes"])
        assert {"a:by-role", f"assume:{role}"} <= set(mine("auth").currentScopes()["scopes"])
    finally:
        service("auth").deleteRole(role)


def test_auth_tells_services_who_calls(service, target):
    request = {"method": "get", "resource": "/x", "host": "example.com", "port": 443}
    assert service("auth").authenticateHawk(request)["status"] == "no-auth"
    forged = 'Hawk id="no/such", ts="1", nonce="n", mac="AAAA"'
    failed = service("auth").authenticateHawk({**request, "authorization": forged})
    assert failed["status"] == "auth-failed"
    assert "no/such" in failed["message"]


TASK_FILE = """\
version: 1
tasks:
  - taskQueueId: proj-x/ci
    payload: {for: '${tasks_for}', ref: {$if: 'tasks_for == "github-push"', then: '${event.ref}'}}
    metadata: {name: n, description: d, owner: a@b.c, source: https://example.com/}
"""


@pytest.mark.parametrize(
    ("event", "role"),
    [
        ({"type": "github-push"}, "branch:main"),
        ({"type": "github-push", "overrides": {"ref": "refs/tags/v1"}}, "tag:v1"),
        ({"type": "github-pull-request", "action": "opened"}, "pull-request"),
        ({"type": "github-pull-request-untrusted", "action": "opened"}, "pull-request-untrusted"),
        ({"type": "github-release", "action": "published"}, "release:published"),
    ],
    ids=["push", "tag", "pull request", "untrusted pull request", "release"],
)
def test_a_task_file_renders_for_each_event(service, event, role):
    asked = {"body": TASK_FILE, "organization": "lading", "repository": "none", "fakeEvent": event}
    rendered = service("github").renderTaskclusterYml(asked)
    assert f"assume:repo:github.com/lading/none:{role}" in rendered["scopes"]
    (made,) = rendered["tasks"]
    assert made["task"]["payload"]["for"] == event["type"]
    assert made["task"]["taskGroupId"] == made["taskId"]


def test_a_task_file_that_is_none_is_refused(service):
    asked = {"body": "version: 1\nzzz: 1\n", "fakeEvent": {"type": "github-push"}}
    with pytest.raises(TaskclusterRestFailure, match="must NOT have additional properties") as refused:
        service("github").renderTaskclusterYml(asked)
    assert refused.value.status_code == 400


def test_builds_are_asked_for_from_the_outside_in(service, target):
    github, nobody = service("github"), f"{target.prefix}-nobody"
    assert github.builds(query={"organization": nobody}) == {"builds": []}
    assert github.repository(nobody, "x") == {"installed": False}
    with pytest.raises(TaskclusterRestFailure, match="Must provide `organization`"):
        github.builds(query={"repository": "x"})
    with pytest.raises(TaskclusterRestFailure, match="Installation not found"):
        github.createStatus(nobody, "x", "a" * 40, {"state": "success"})


def test_a_malformed_signature_is_401_whatever_anonymous_may_do(target):
    url = f"{target.root_url}/api/auth/v1/scopes/current"
    for header in ("Hawk", "Bearer x", 'Hawk id="a"', "Hawk " + base64.b64encode(b"x" * 40).decode()):
        answer = requests.get(url, headers={"Authorization": header}, timeout=20)
        assert (answer.status_code, answer.json()["code"]) == (401, "AuthenticationFailed")
        assert answer.headers["www-authenticate"] == "hawk"
    assert taskcluster.Auth({"rootUrl": target.root_url}).ping()["alive"]
