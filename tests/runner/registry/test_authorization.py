"""Credentials go to the registry that they are for and to its token server, and nowhere else."""

from datetime import UTC, datetime

import pytest

from console.sandbox.registry.authentication import Account, BasicAuth, TokenAuth
from console.sandbox.registry.faults import Answer, ChangeAnswer, CutRequest, ExpireTokens, Fault
from runner.errors import Refused, Unavailable
from runner.image.digest import Digest
from runner.image.manifests import OCI_LAYER_GZIP, Descriptor
from runner.image.reference import Registry, Repository
from runner.registry.client import RegistryClient
from tests.support.registries import PASSWORD, USER, TestEffects, credentials_for, embedded_registry
from tests.support.tls import self_signed_context

pytestmark = pytest.mark.enable_socket

LARGE = bytes(range(256)) * 20_000
BLOB = Descriptor(OCI_LAYER_GZIP, Digest.of(LARGE), len(LARGE))
PUBLISHER = Account(USER, PASSWORD)
READER = Account("reader", PASSWORD, {"*": {"pull"}})


@pytest.fixture
def world():
    return TestEffects()


def read_from(offset):
    return iter((LARGE[offset:],))


def client_of(registry, world, credentials=None, **settings):
    return RegistryClient(Registry.parse(registry.host), credentials, effects=world.effects(), **settings)


def repository(registry, path="mozilla/balrog"):
    return Repository(Registry.parse(registry.host), path)


def auths():
    return [BasicAuth([PUBLISHER, READER]), TokenAuth([PUBLISHER, READER])]


@pytest.mark.parametrize("auth", auths(), ids=["basic", "token"])
def test_the_right_password_pushes_and_pulls(world, auth):
    with (
        embedded_registry(auth=auth) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
    ):
        where = repository(registry)
        client.check_push(where)
        client.upload_blob(where, BLOB, read_from)
        assert b"".join(client.open_blob(where, BLOB.digest, BLOB.size)) == LARGE
        assert world.slept == []


@pytest.mark.parametrize("auth", auths(), ids=["basic", "token"])
def test_a_wrong_password_is_refused_at_once_and_not_shown(world, auth):
    with (
        embedded_registry(auth=auth) as registry,
        client_of(registry, world, credentials_for(registry.host, "wrong horse")) as client,
        pytest.raises(
            Refused, match="does not accept the user name and password of user 'publisher'"
        ) as caught,
    ):
        client.check_push(repository(registry))
    assert "wrong" not in str(caught.value)
    assert world.slept == []


@pytest.mark.parametrize("auth", auths(), ids=["basic", "token"])
def test_who_may_pull_but_not_push_is_told_so(world, auth):
    with (
        embedded_registry(auth=auth) as registry,
        client_of(registry, world, credentials_for(registry.host, username="reader")) as client,
    ):
        assert client.tags(repository(registry)) == []
        with pytest.raises(Refused, match="User 'reader' may not push") as caught:
            client.check_push(repository(registry))
        assert "accepted" in caught.value.cause
        assert len(registry.seen) < 12


@pytest.mark.parametrize("auth", auths(), ids=["basic", "token"])
def test_without_credentials_it_says_that_some_are_wanted(world, auth):
    with (
        embedded_registry(auth=auth) as registry,
        client_of(registry, world) as client,
        pytest.raises(Refused, match=r"[Nn]one were given|No credentials were given"),
    ):
        client.check_push(repository(registry))


def test_nobody_may_pull_where_the_token_server_says_so(world):
    auth = TokenAuth([PUBLISHER], anonymous={"*": {"pull"}})
    with embedded_registry(auth=auth) as registry, client_of(registry, world) as client:
        registry.storage.put_blob("mozilla/balrog", LARGE)
        assert client.has_blob(repository(registry), BLOB.digest)


def test_credentials_for_another_registry_are_not_taken():
    with pytest.raises(Refused, match="not sent to"):
        RegistryClient(Registry.parse("docker.io.evil.example"), credentials_for("docker.io"))


@pytest.mark.parametrize("field_name", ["token", "access_token"])
def test_a_token_is_read_from_either_field_and_used_again(world, field_name):
    auth = TokenAuth([PUBLISHER], field_name=field_name)
    with (
        embedded_registry(auth=auth) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
    ):
        client.upload_blob(repository(registry), BLOB, read_from)
        assert sum(seen.kind == "token" for seen in registry.seen) == 1


@pytest.mark.parametrize("uses", [1, 2, 3])
def test_a_token_that_wears_out_is_renewed_in_the_middle(world, uses):
    auth = TokenAuth([PUBLISHER], uses=uses)
    with (
        embedded_registry(auth=auth) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
    ):
        client.upload_blob(repository(registry), BLOB, read_from)
        assert client.has_blob(repository(registry), BLOB.digest)
        assert world.slept == []


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_a_token_that_expires_in_an_upload_is_renewed(world, method):
    with (
        embedded_registry(auth=TokenAuth([PUBLISHER])) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
    ):
        registry.faults.append(Fault(ExpireTokens(), kind="upload", method=method))
        client.upload_blob(repository(registry), BLOB, read_from)
        assert client.has_blob(repository(registry), BLOB.digest)
        assert registry.storage.open_uploads == 0


def test_a_token_is_renewed_before_the_clock_says_that_it_is_over(world):
    auth = TokenAuth([PUBLISHER], lifetime=300, clock=lambda: world.now)
    with (
        embedded_registry(auth=auth) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
    ):
        client.tags(repository(registry))
        for _ in range(3):
            world.now += 280
            client.tags(repository(registry))
        assert sum(seen.kind == "token" for seen in registry.seen) == 4
        assert [seen.status for seen in registry.seen if seen.kind == "tags"] == [404] * 4


def test_a_scope_that_only_the_challenge_names_is_added_first(world):
    asked = 'Bearer realm="http://{host}/token",service="s",scope="repository:more/rights:pull"'
    with (
        embedded_registry(auth=TokenAuth([PUBLISHER])) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
    ):
        challenge = Answer(401, headers={"WWW-Authenticate": asked.format(host=registry.host)})
        registry.faults.append(Fault(challenge, kind="tags"))
        client.tags(repository(registry))
        last = [seen for seen in registry.seen if seen.kind == "token"][-1]
        assert last.query.endswith("scope=repository:more/rights:pull&scope=repository:mozilla/balrog:pull")


def test_a_mount_asks_for_both_repositories(world):
    with (
        embedded_registry(auth=TokenAuth([PUBLISHER])) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
    ):
        registry.storage.put_blob("base", LARGE)
        assert client.mount_blob(repository(registry), BLOB.digest, "base") is None


def test_who_may_not_read_the_source_of_a_mount_sends_the_blob(world):
    account = Account(USER, PASSWORD, {"mozilla/*": {"pull", "push"}})
    with (
        embedded_registry(auth=TokenAuth([account])) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
    ):
        registry.storage.put_blob("private/base", LARGE)
        upload = client.mount_blob(repository(registry), BLOB.digest, "private/base")
        client.upload_blob(repository(registry), BLOB, read_from, upload=upload)
        assert registry.storage.open_uploads == 0


@pytest.mark.parametrize(
    "effect", [Answer(429), Answer(503), CutRequest(), ChangeAnswer(body=b"{}")], ids=repr
)
def test_a_token_server_that_fails_once_is_asked_again(world, effect):
    with (
        embedded_registry(auth=TokenAuth([PUBLISHER])) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
    ):
        registry.faults.append(Fault(effect, kind="token"))
        client.check_push(repository(registry))
        assert len(world.slept) == 1


def test_a_token_server_that_is_down_is_unavailable(world):
    with (
        embedded_registry(auth=TokenAuth([PUBLISHER])) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
    ):
        registry.faults.append(Fault(Answer(503), kind="token", times=None))
        with pytest.raises(Unavailable, match="a token for"):
            client.check_push(repository(registry))


@pytest.mark.parametrize(
    "realm",
    [
        "http://token.example/",
        "http://127.0.0.1.example/token",
        "ftp://127.0.0.1/",
        "/token",
        "",
        "http://a@127.0.0.1/",
    ],
)
def test_the_password_is_not_sent_to_a_realm_that_is_not_safe(world, realm):
    with (
        embedded_registry(auth=TokenAuth([PUBLISHER], realm=realm)) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
        pytest.raises(Refused),
    ):
        client.check_push(repository(registry))


# Rate limits, time


def test_waits_as_long_as_the_registry_asks(world):
    with embedded_registry() as registry, client_of(registry, world) as client:
        registry.faults.append(Fault(Answer(429, headers={"Retry-After": "17"}), kind="tags"))
        registry.faults.append(Fault(Answer(503, headers={"Retry-After": "3600"}), kind="tags", skip=0))
        client.tags(repository(registry))
        assert world.slept[0] == 17
        assert all(seconds <= 60 for seconds in world.slept)


def test_waits_until_the_date_that_the_registry_names(world):
    when = datetime.fromtimestamp(world.now + 25, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with embedded_registry() as registry, client_of(registry, world) as client:
        registry.faults.append(Fault(Answer(429, headers={"Retry-After": when}), kind="tags"))
        client.tags(repository(registry))
        assert world.slept == [25]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(429), "limit against abuse"),
        (Answer(429, headers={"ratelimit-limit": "100;w=21600"}), r"limit on pulls \(100;w=21600\)"),
        (Answer(429, "TOOMANYREQUESTS", "You have reached your pull rate limit."), "limit on pulls"),
        (Answer(429, headers={"Retry-After": "30"}), "asks to wait 30 s"),
    ],
)
def test_tells_which_limit_was_reached(world, answer, told):
    with embedded_registry() as registry, client_of(registry, world) as client:
        registry.faults.append(Fault(answer, kind="manifest", times=None))
        with pytest.raises(Unavailable, match=told):
            client.get_manifest(repository(registry), "latest")


# TLS


@pytest.fixture
def self_signed(tmp_path):
    return self_signed_context(tmp_path)


def test_a_certificate_that_is_not_trusted_is_refused_with_its_reason(world, self_signed):
    with (
        embedded_registry(tls=self_signed, auth=BasicAuth([PUBLISHER])) as registry,
        client_of(registry, world, credentials_for(registry.host)) as client,
        pytest.raises(Refused, match=r"certificate is not trusted .*self-signed"),
    ):
        client.check_push(repository(registry))
    assert world.slept == []
    assert not registry.seen


def test_a_registry_that_is_down_is_unavailable(world):
    with embedded_registry() as registry:
        pass
    with (
        client_of(registry, world) as client,
        pytest.raises(Unavailable, match="connection was refused"),
    ):
        client.check_push(repository(registry))
    assert len(world.slept) == 4


def test_a_host_that_is_no_registry_is_refused(world):
    with embedded_registry() as registry, client_of(registry, world) as client:
        registry.faults.append(Fault(Answer(404), kind="base", times=None))
        with pytest.raises(Refused, match="no registry"):
            client.check_push(repository(registry))
