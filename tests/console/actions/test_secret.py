"""Saving a secret: only what the registry takes, only over what was read, and told as done only where it is known."""

import asyncio
import threading

import pytest

from console.actions.secret_check import check
from console.actions.secret_draft import draft_account, draft_key, start
from console.actions.secret_save import save, undo
from console.actions.secret_use import SecretUse, use_of
from console.domain.secret_change import Fingerprints
from console.domain.secret_record import SecretBody
from console.domain.secret_shape import Account, registry_of
from console.failures import Unconfirmed
from console.sandbox.registry.authentication import Account as RegistryAccount
from console.sandbox.registry.authentication import BasicAuth, TokenAuth
from console.sandbox.registry.faults import Answer, Delay
from console.sandbox.registry.faults import Fault as RegistryFault
from console.sandbox.registry.server import EmbeddedRegistry
from runner.errors import Conflict, Refused, Unavailable, UsageError
from runner.image.reference import Repository
from runner.masking import Masked
from runner.retry import Backoff
from tests.support.front import CUT_AFTER, Fault

pytestmark = pytest.mark.enable_socket

NAME = "project/test:dockerhub"
PRINTS = Fingerprints(b"s" * 16)
JSON = {"Content-Type": "application/json"}
TOKEN = "dckr_pat_new"


async def put(place, content, name=NAME, expires="2999-01-01T00:00:00.000Z"):
    gateway = await place.gateway()
    await gateway.call("secrets", "set", name, payload={"secret": content, "expires": expires})


async def kept(place, name=NAME):
    gateway = await place.gateway()
    return (await gateway.call("secrets", "get", name))["secret"]


async def drafted(connection, key="a", value="new", expires=None):
    return draft_key(await start(connection, NAME), key, Masked(value), expires, PRINTS)


async def test_a_saved_change_is_read_back_and_can_be_undone(place):
    await put(place, {"a": "old", "b": 1})
    connection = await place.connection()
    saved = await save(connection, await drafted(connection))
    assert (saved.is_verified, saved.can_be_undone) == (True, True)
    assert await kept(place) == {"a": "new", "b": 1}
    again = await undo(connection, saved)
    assert again
    assert await kept(place) == {"a": "old", "b": 1}
    await undo(connection, again)
    assert await kept(place) == {"a": "new", "b": 1}


async def test_undoing_a_new_secret_deletes_it(place):
    connection = await place.connection()
    saved = await save(connection, await drafted(connection, expires="90d"))
    assert await kept(place) == {"a": "new"}
    assert await undo(connection, saved) is None
    assert (await start(connection, NAME)).body == SecretBody({})


async def test_pitfall_13_a_stale_change_is_stopped_with_the_changed_keys_and_who_changed_them(place):
    await put(place, {"a": "old", "b": 1})
    connection = await place.connection()
    draft = await drafted(connection)
    await put(place, {"a": "theirs", "b": 1, "c": 2})
    with pytest.raises(Conflict, match=r"changed by static/taskcluster/root at .* \(a, c\)") as stopped:
        await save(connection, draft)
    assert stopped.value.exit_code == 8
    assert await kept(place) == {"a": "theirs", "b": 1, "c": 2}


async def test_pitfall_13_what_was_saved_and_changed_since_is_not_undone(place):
    await put(place, {"a": "old"})
    connection = await place.connection()
    saved = await save(connection, await drafted(connection))
    await put(place, {"a": "theirs"})
    with pytest.raises(Conflict, match="since it was saved"):
        await undo(connection, saved)
    assert await kept(place) == {"a": "theirs"}


async def test_pitfall_13_without_get_the_audit_tells_that_somebody_was_faster(place):
    await put(place, {"a": "old"})
    writer = await place.client(f"secrets:set:{NAME}", "auth:audit-history:secret")
    connection = await place.connection(writer)
    draft = await drafted(connection, expires="90d")
    assert "cannot be checked" in draft.warnings[0]
    await put(place, {"a": "theirs"})
    with pytest.raises(Conflict, match="changed by static/taskcluster/root"):
        await save(connection, draft)
    draft = await drafted(connection, expires="90d")
    saved = await save(connection, draft)
    assert (saved.is_verified, saved.can_be_undone) == (False, False)
    assert await kept(place) == {"a": "new"}
    with pytest.raises(UsageError, match="could not be read"):
        await undo(connection, saved)


async def test_pitfall_15_a_write_whose_answer_is_lost_is_read_back_before_anything_is_told(place):
    await put(place, {"a": "old"})
    connection = await place.connection(backoff=Backoff(attempts=1))
    draft = await drafted(connection)
    same = Fault(200, JSON, {"secret": {"a": "old"}, "expires": "2999-01-01T00:00:00.000Z"})
    # aiohttp itself repeats a PUT once on a connection that it had open.
    place.front.faults = [same, Fault(CUT_AFTER), Fault(CUT_AFTER)]
    assert (await save(connection, draft)).is_verified
    assert await kept(place) == {"a": "new"}


async def test_pitfall_15_a_write_that_did_not_arrive_is_told_so(place):
    await put(place, {"a": "old"})
    connection = await place.connection()
    draft = await drafted(connection)
    same = Fault(200, JSON, {"secret": {"a": "old"}, "expires": "2999-01-01T00:00:00.000Z"})
    place.front.faults = [same, *(Fault(502) for _ in range(4))]
    with pytest.raises(Unavailable, match="was not changed: the write did not arrive"):
        await save(connection, draft)
    assert await kept(place) == {"a": "old"}


async def test_pitfall_15_a_write_that_cannot_be_read_back_is_told_as_unknown(place):
    writer = await place.client(f"secrets:set:{NAME}")
    connection = await place.connection(writer)
    draft = await drafted(connection, expires="90d")
    refused = Fault(403, JSON, {"code": "InsufficientScopes", "message": "no"})
    place.front.faults = [refused, refused, *(Fault(502) for _ in range(4))]
    with pytest.raises(Unconfirmed, match="does not answer"):
        await save(connection, draft)


async def test_another_write_at_the_same_time_is_told_after_the_write(place):
    await put(place, {"a": "old"})
    connection = await place.connection()
    draft = await drafted(connection)
    same = Fault(200, JSON, {"secret": {"a": "old"}, "expires": "2999-01-01T00:00:00.000Z"})
    theirs = Fault(200, JSON, {"secret": {"a": "theirs"}, "expires": "2999-01-01T00:00:00.000Z"})
    place.front.faults = [same, Fault(200, JSON, {}), theirs]
    with pytest.raises(Conflict, match=r"holds something else already \(a\)"):
        await save(connection, draft)


async def test_pitfall_11_an_expiry_counts_from_the_servers_clock(place):
    await put(place, {"a": "old"})
    connection = await place.connection()
    answer = {"secret": {"a": "old"}, "expires": "2999-01-01T00:00:00.000Z"}
    late = {**JSON, "Date": "Wed, 01 Jan 2031 00:00:00 GMT"}
    place.front.faults = [Fault(200, late, answer), Fault(200, late, {"auditHistory": []})]
    begun = await start(connection, NAME)
    with pytest.raises(UsageError, match="is past"):
        draft_key(begun, "a", Masked("new"), "2030-06-01", PRINTS)
    assert draft_key(begun, "a", Masked("new"), "90d", PRINTS).after.expires.year == 2031


async def test_an_answer_of_no_known_shape_is_told_without_its_content(place):
    await put(place, {"a": "old"})
    connection = await place.connection()
    for body in ({"secret": ["hunter2"]}, {"secret": {}, "expires": "hunter2"}, ["hunter2"]):
        place.front.faults = [Fault(200, JSON, body)]
        with pytest.raises(Unavailable) as told:
            await start(connection, NAME)
        assert "hunter2" not in str(told.value)


def body_for(registry, password=TOKEN, username="balrog"):
    docker = {"registry": registry.host, "username": username, "password": password}
    return SecretBody({"docker": docker})


def use_for(registry, path="mozilla/balrog"):
    return SecretUse((Repository.parse(f"{registry.host}/{path}"),))


ACCOUNTS = (
    RegistryAccount("balrog", TOKEN),
    RegistryAccount("reader", TOKEN, {"*": frozenset({"pull"})}),
)


@pytest.mark.parametrize("auth", [TokenAuth(ACCOUNTS), BasicAuth(ACCOUNTS)], ids=["tokens", "basic"])
async def test_credentials_are_tested_for_login_and_for_the_push(auth):
    async with EmbeddedRegistry(auth=auth) as registry:
        told = str(await check(body_for(registry), use_for(registry)))
        assert told.endswith(f"accepts user 'balrog', who may push to {registry.host}/mozilla/balrog.")
        assert "not tested" in str(await check(body_for(registry), SecretUse()))
        with pytest.raises(Refused, match="does not accept the user name and password"):
            await check(body_for(registry, "wrong"), use_for(registry))
        with pytest.raises(Refused, match="does not accept the user name and password"):
            await check(body_for(registry, "wrong"), SecretUse())
        # Who may log in may not push for that.
        with pytest.raises(Refused, match="may not push") as denied:
            await check(body_for(registry, username="reader"), use_for(registry))
        assert "Nothing was saved." in denied.value.action
        assert not any(seen.kind == "manifest" for seen in registry.seen)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(429, "TOOMANYREQUESTS", "slow down"), Unavailable, "429"),
        (Answer(401, body=b'{"details": "personal access token is required: 2FA is on"}'), Refused, "2FA"),
        (Answer(401, body=b'{"details": "incorrect username or password"}'), Refused, "incorrect username"),
        (Answer(503), Unavailable, "503"),
    ],
)
async def test_pitfall_19_a_limit_two_factors_and_a_wrong_token_are_told_apart(answer, kind, words):
    async with EmbeddedRegistry(auth=TokenAuth(ACCOUNTS)) as registry:
        registry.faults = [RegistryFault(answer, kind="token")]
        with pytest.raises(kind, match=words) as told:
            await check(body_for(registry), use_for(registry))
        assert "Nothing was saved." in told.value.action
        causes = {
            429: "Too many requests",
            503: "overloaded",
        }
        expected = causes.get(answer.status, "two-factor" if b"2FA" in answer.body else "changed, revoked")
        assert expected in told.value.cause


async def test_pitfall_19_a_test_touches_no_configuration_of_docker(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".docker").mkdir()
    config = tmp_path / ".docker" / "config.json"
    config.write_text('{"auths": {"x": {"auth": "old"}}}')
    before = config.stat()
    async with EmbeddedRegistry(auth=TokenAuth(ACCOUNTS)) as registry:
        with pytest.raises(Refused):
            await check(body_for(registry, "wrong"), use_for(registry))
        await check(body_for(registry), use_for(registry))
    assert [path.name for path in tmp_path.rglob("*")] == [".docker", "config.json"]
    assert (config.stat().st_mtime_ns, config.read_text()) == (
        before.st_mtime_ns,
        '{"auths": {"x": {"auth": "old"}}}',
    )


async def test_credentials_for_another_registry_than_the_images_are_refused():
    use = SecretUse((Repository.parse("r.example/mozilla/balrog"),))
    with pytest.raises(Refused, match="sent to no other registry"):
        await check(SecretBody({"dockerhub_password": "x", "dockerhub_username": "u"}), use)


async def test_a_secret_that_is_no_registrys_needs_no_registry():
    assert "nothing was tested" in str(await check(SecretBody({"a": "b"}), SecretUse()))
    with pytest.raises(UsageError, match="A task could not use this secret"):
        await check(SecretBody({"dockercfg": {}}), SecretUse())


async def test_pitfall_33_a_test_that_hangs_is_cancelled_at_once_and_holds_nothing_up():
    async with EmbeddedRegistry(auth=TokenAuth(ACCOUNTS)) as registry:
        registry.faults = [RegistryFault(Delay(0.3))]
        asking = asyncio.create_task(check(body_for(registry), use_for(registry)))
        await asyncio.sleep(0)  # it begins, and waits for its thread
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        (thread,) = [each for each in threading.enumerate() if each.name == "registry check"]
        assert thread.daemon
        await asyncio.to_thread(thread.join)
        assert not any(seen.kind == "upload" for seen in registry.seen)


async def test_a_rotation_by_somebody_who_may_set_alone_is_a_new_secret(place):
    await put(place, {"dockerhub_password": "old", "other": 1})
    writer = await place.client(f"secrets:set:{NAME}")
    connection = await place.connection(writer)
    account = Account(Masked(TOKEN), registry_of("docker.io"), "balrog")
    draft = draft_account(await start(connection, NAME), account, "1y", PRINTS)
    assert "whatever else the secret holds is replaced" in draft.warnings[0]
    await save(connection, draft)
    assert list(await kept(place)) == ["dockercfg"]


def test_what_a_secret_is_for_is_read_from_the_checkout(tmp_path):
    (tmp_path / "lading.toml").write_text(
        'insecure-registries = ["r.example:5000"]\n'
        '[image.a]\nrepository = "r.example:5000/x/a"\nsecret = "s"\n'
        '[image.b]\nrepository = "r.example:5000/x/b"\nsecret = "s"\nusername = "u"\n'
        '[image.c]\nrepository = "x/c"\nsecret = "t"\n'
    )
    found = use_of(tmp_path, "s")
    assert [str(repository) for repository in found.repositories] == [
        "r.example:5000/x/a",
        "r.example:5000/x/b",
    ]
    assert found.insecure_registries == {"r.example:5000"}
    assert use_of(tmp_path, "none") == SecretUse()
    assert use_of(tmp_path / "none", "s") == SecretUse()
