"""What the contract suite talks to: a sandbox in a thread of its own, or with `--live` a real deployment."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import pytest
import referencing
import referencing.jsonschema

from console.sandbox.taskcluster import Sandbox
from runner.masking import Masked
from tests.support.checked_client import Checked
from tests.support.loops import loop_on_thread

REPOSITORY = Path(__file__).parents[2]
REFERENCES = Path(os.environ.get("TASKCLUSTER_REFERENCES", REPOSITORY.parent / "shared/taskcluster"))
EXCHANGES = REPOSITORY.parent / "shared/tools/exchanges/exchanges.py"


@dataclass(frozen=True)
class Target:
    """A deployment and a client of it with scope `*`."""

    root_url: str
    client_id: str
    access_token: str
    prefix: str
    certificate: str | None = None

    def options(self, **credentials):
        own = {"clientId": self.client_id, "accessToken": self.access_token}
        if self.certificate:
            own["certificate"] = self.certificate
        given = credentials or own
        return {"rootUrl": self.root_url, "credentials": given, "maxRetries": 0}


@pytest.fixture(scope="session")
def references():
    published = REFERENCES / "references.json"
    if not published.exists():
        pytest.skip(f"{published} is not here")
    return {entry["filename"]: entry["content"] for entry in json.loads(published.read_text())}


@pytest.fixture(scope="module")
def target(request):
    prefix = f"lading-contract-{secrets.token_hex(4)}"
    if request.config.getoption("--live"):
        names = ("TASKCLUSTER_ROOT_URL", "TASKCLUSTER_CLIENT_ID", "TASKCLUSTER_ACCESS_TOKEN")
        root_url, client_id, access_token = (os.environ[name] for name in names)
        certificate = os.environ.get("TASKCLUSTER_CERTIFICATE")
        yield Target(root_url.rstrip("/"), client_id, access_token, prefix, certificate)
        return
    yield from _sandbox(prefix)


@pytest.fixture(scope="module")
def sandbox_target():
    yield from _sandbox("unused")


def _sandbox(prefix):
    token = secrets.token_urlsafe(33)
    with loop_on_thread("sandbox") as wait:
        sandbox = wait(Sandbox.start(root_access_token=Masked(token), long_poll=0.2))
        try:
            yield Target(sandbox.root_url, sandbox.root_client_id, token, prefix)
        finally:
            wait(sandbox.close())


@pytest.fixture(scope="module")
def schemas(references):
    resources = [
        (f"http://references.test/{name}#", referencing.jsonschema.DRAFT6.create_resource(content))
        for name, content in references.items()
        if name.startswith("schemas/")
    ]
    resources += [(uri.removesuffix("#"), resource) for uri, resource in resources]
    return referencing.Registry().with_resources(resources)


@pytest.fixture
def service(target, schemas):
    """`service("queue").status(...)`: calls through the client and checks the answer by its schema."""

    def make(name, **credentials):
        return Checked(name, target.options(**credentials), schemas)

    return make
