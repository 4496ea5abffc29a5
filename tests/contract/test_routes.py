"""What the sandbox serves is what Taskcluster publishes, route by route."""

import pytest
import taskcluster

from console.sandbox.taskcluster import published_routes

# Answered by the services, and not in their references.
UNPUBLISHED = {("index", "POST", "/tasks/<namespace>"), ("index", "POST", "/namespaces/<namespace>")}
SERVED = [
    (service, endpoint)
    for service, endpoint in published_routes().served
    if (service, endpoint.method, endpoint.route) not in UNPUBLISHED
]


@pytest.mark.parametrize(
    ("service", "endpoint"), SERVED, ids=[f"{service}-{e.method}-{e.name}" for service, e in SERVED]
)
def test_a_served_route_is_in_the_public_client_with_the_same_method(service, endpoint):
    published = getattr(taskcluster, service.capitalize()).funcinfo[endpoint.name]
    assert (published["method"].upper(), published["route"]) == (endpoint.method, endpoint.route)
    assert set(published.get("query", [])) == set(endpoint.query)


@pytest.mark.parametrize(
    ("service", "endpoint"), SERVED, ids=[f"{service}-{e.method}-{e.name}" for service, e in SERVED]
)
def test_a_served_route_asks_for_the_published_scopes_and_body(service, endpoint, references):
    entries = references[f"references/{service}/v1/api.json"]["entries"]
    entry = next(entry for entry in entries if entry["name"] == endpoint.name)
    if endpoint.scopes is not None:
        assert endpoint.scopes == entry["scopes"]
    else:
        by_path = isinstance(entry.get("scopes"), str) and all(
            name in entry["route"] for name in _parameters(entry["scopes"])
        )
        assert not by_path, "the path decides it, so it is to be checked before all else"
    if endpoint.schema:
        assert endpoint.schema == f"{service}/{entry['input']}"


def _parameters(scope):
    return [part.partition(">")[0] for part in scope.split("<")[1:]]


def test_what_is_lacking_is_published():
    for service, endpoint in published_routes().lacking:
        assert endpoint.name in getattr(taskcluster, service.capitalize()).funcinfo
