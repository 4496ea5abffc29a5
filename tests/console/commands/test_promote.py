"""`lading promote` copies by digest with accounts out of secrets, asks first, and shows no password."""

import base64
import json
from contextlib import closing
from dataclasses import dataclass

import pytest

from console.sandbox.registry.authentication import Account, BasicAuth
from console.sandbox.registry.server import EmbeddedRegistry
from runner.image.reference import Registry, Repository
from runner.registry.client import RegistryClient
from tests.support.hosted_sandbox import HostedSandbox
from tests.support.registries import PASSWORD, USER, credentials_for, embedded_registry
from tests.support.verifiable import PLATFORMS, image, index_of

pytestmark = pytest.mark.enable_socket

IMAGES = [image(platform, "ours") for platform in PLATFORMS]
INDEX = index_of(IMAGES)
SECRETS = {"staging": "project/balrog/staging", "prod": "project/balrog/prod"}


@dataclass
class Place:
    """A registry that has an image, one that shall have it, and a secret for each."""

    sandbox: HostedSandbox
    staging: EmbeddedRegistry
    prod: EmbeddedRegistry

    @property
    def source(self):
        return f"{self.staging.host}/mozilla/balrog@{INDEX.digest}"

    def target(self, tag="v1"):
        return f"{self.prod.host}/mozilla/balrog:{tag}"

    @property
    def tags(self):
        found = self.prod.storage.repositories.get("mozilla/balrog")
        return dict(found.tags) if found else {}

    def promote(self, *words, secrets=("staging", "prod"), **more):
        named = (word for secret in secrets for word in ("--secret", SECRETS[secret]))
        return self.sandbox.lading("promote", self.source, *words, *named, **more)


@pytest.fixture
def place(sandbox):
    auth = BasicAuth([Account(USER, PASSWORD)])
    with embedded_registry(auth=auth) as staging, embedded_registry(auth=auth) as prod:
        made = Place(sandbox, staging, prod)
        for name, registry in (("staging", staging), ("prod", prod)):
            account = {"registry": registry.host, "username": USER, "password": PASSWORD}
            payload = {"secret": {"docker": account}, "expires": "3000-01-01T00:00:00.000Z"}
            sandbox.call("PUT", "secrets", "secret", SECRETS[name], payload=payload)
        client = RegistryClient(Registry.parse(staging.host), credentials_for(staging.host))
        repository = Repository(Registry.parse(staging.host), "mozilla/balrog")
        with closing(client):
            for each in IMAGES:
                each.push(client, repository)
            client.put_manifest(repository, "tested", INDEX)
        yield made


def test_it_copies_an_index_with_the_account_of_each_secret_and_again_copies_nothing(place):
    code, out, err = place.promote(place.target(), "--yes", "v1")
    assert (code, out) == (0, f"{place.target()}@{INDEX.digest}  pushed\n"), err
    assert f"{place.target()} will name {place.source}" in err
    assert place.tags == {"v1": INDEX.digest}
    for secret in (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()):
        assert secret not in out + err
    code, out, _ = place.promote(place.target(), "--yes", "v1", "--json")
    assert code == 0
    assert json.loads(out) == {
        "image": place.source,
        "digest": str(INDEX.digest),
        "tags": {place.target(): "already there"},
    }


@pytest.mark.parametrize("given", [(), ("--yes",), ("--yes", "v2")])
def test_without_the_tag_typed_nothing_is_asked_of_anybody(place, given):
    code, out, err = place.promote(place.target(), *given)
    assert (code, out) == (2, "")
    assert "Nothing was done" in err
    assert not place.prod.seen


def test_several_tags_are_agreed_to_together(place):
    code, out, _ = place.promote(place.target(), place.target("prod"), "--yes")
    assert (code, len(out.splitlines())) == (0, 2)
    assert set(place.tags) == {"v1", "prod"}


def test_who_may_not_read_a_secret_is_told_the_scope_and_nothing_is_copied(place):
    by = place.sandbox.client(f"secrets:get:{SECRETS['staging']}")
    code, _, err = place.promote(place.target(), "--yes", "v1", by=by)
    assert code == 3
    assert f"You lack `secrets:get:{SECRETS['prod']}`" in err
    assert not place.prod.seen


def test_a_secret_is_sent_to_its_own_registry_alone(place):
    other = f"{place.staging.host}/mozilla/other:v1"
    code, _, err = place.promote(other, "--yes", "v1", secrets=("staging", "prod"))
    assert code == 3
    assert "which nothing is copied to or from" in err
    assert not place.prod.seen


def test_without_a_secret_the_account_is_docker_logins_and_no_taskcluster_is_asked(place, tmp_path):
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    hosts = (place.staging.host, place.prod.host)
    (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": login} for host in hosts}}))
    code, out, err = place.promote(
        place.target(),
        "--yes",
        "v1",
        secrets=(),
        by={"TASKCLUSTER_ROOT_URL": "http://127.0.0.1:9"},
        DOCKER_CONFIG=str(tmp_path),
    )
    assert (code, out) == (0, f"{place.target()}@{INDEX.digest}  pushed\n"), err
