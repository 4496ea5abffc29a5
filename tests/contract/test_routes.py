"""What the sandbox serves is what Taskcluster publishes, route by route."""

import pytest
import taskcluster

from console.sandbox.taskcluster import published_routes

# Answered by the services, and not in their references.
UNPUBLISHED = {("index", "POST", "/tasks/<namespace>"), ("index", "POST", "/namespaces/<namespace>")}
# How a simulated push is told to the sandbox, where GitHub would send a webhook.
OWN = {("github", "POST", "/sandbox/builds")}
SERVED = [
    (service, endpoint)
    for service, endpoint in published_routes().served
    if (service, endpoint.method, endpoint.route) not in UNPUBLISHED | OWN
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


# What the sandbox does not have, all of it, and why.
LACKING = {
    # Credentials of other clouds and services, which a sandbox has none of.
    "auth": {
        *("awsS3Credentials", "gcpCredentials", "githubRepoToken", "sentryDSN", "websocktunnelToken"),
        *("azureAccounts", "azureContainerSAS", "azureContainers", "azureTableSAS", "azureTables"),
    },
    "secrets": set(),
    # Experimental both: no worker declares itself here, and the second is not in the references yet.
    "queue": {"declareWorker", "taskQueueCountsBatch"},
    "index": set(),
    "object": set(),
    # A picture.
    "github": {"badge"},
    "hooks": set(),
}
# Published by the deployment, and not in the public client.
NOT_IN_CLIENT = {"azureAccounts", "azureContainerSAS", "azureContainers", "azureTableSAS", "azureTables"}


def test_the_client_knows_these_routes_that_the_sandbox_lacks():
    lacking = {
        service: {endpoint.name for name, endpoint in published_routes().lacking if name == service}
        for service in LACKING
    }
    assert lacking == {service: names - NOT_IN_CLIENT for service, names in LACKING.items()}


@pytest.mark.parametrize("service", LACKING)
def test_the_references_publish_these_routes_that_the_sandbox_lacks(service, references):
    published = {entry["name"] for entry in references[f"references/{service}/v1/api.json"]["entries"]}
    served = {endpoint.name for name, endpoint in SERVED if name == service}
    # A newer client may know routes that the references at hand do not have yet.
    assert published - served == LACKING[service] & published
    assert served - published <= getattr(taskcluster, service.capitalize()).funcinfo.keys()
