"""The sandbox's worker signs what it uploaded, and what it signed is believed by its key alone."""

import json

import pytest

from console.sandbox.chain_of_trust import CERTIFIED_LOG, SigningKey
from runner.chain_of_trust import (
    CHAIN_NAME,
    SIGNATURE_NAME,
    Signed,
    SignedChain,
    pinned_keys,
    signature_faults,
)
from runner.image.digest import Digest
from tests.support.deployment import outcome

pytestmark = pytest.mark.enable_socket

STATEMENT = "public/docker-image.json"
SIGNED = {"chainOfTrust": True}
FILES = [
    {"name": "public", "path": "out", "type": "directory"},
    {"name": "public/none", "path": "none", "type": "file", "optional": True},
]


@pytest.fixture
async def signing(deployment):
    """The deployment with its worker at work, and what pins the worker's key."""
    key = SigningKey()
    worker = await deployment.start_worker(signing_key=key)
    yield deployment, key.pin(deployment.root_url)
    await worker.close()
    assert list(deployment.folder.iterdir()) == []


async def signed_chain(deployment, task_id):
    content, signature = [await raw(deployment, task_id, name) for name in (CHAIN_NAME, SIGNATURE_NAME)]
    return SignedChain(content, signature)


async def raw(deployment, task_id, name):
    url = f"{deployment.root_url}/api/queue/v1/task/{task_id}/artifacts/{name}"
    async with deployment.http.get(url) as response:
        assert response.status == 200, name
        return await response.read()


@pytest.mark.parametrize(("code", "ends"), [(0, "completed"), (3, "failed")])
async def test_what_it_uploaded_is_signed_whether_the_task_worked_or_not(signing, code, ends):
    deployment, pins = signing
    task_id = await deployment.create(
        f"mkdir out; printf '{{}}' > out/docker-image.json; exit {code}", artifacts=FILES, features=SIGNED
    )
    (run,) = await deployment.resolved(task_id)
    assert outcome(run) == (ends, ends)
    chain = await signed_chain(deployment, task_id)
    definition = await deployment.api.call("GET", "queue", "task", task_id)
    signed = Signed(task_id, 0, STATEMENT, Digest.of(b"{}"), definition)
    assert signature_faults(chain, pinned_keys(pins, deployment.root_url), signed) == []
    other = pinned_keys(SigningKey().pin(deployment.root_url), deployment.root_url)
    assert signature_faults(chain, other, signed) == [f"no pinned key made the signature of {CHAIN_NAME}"]
    document = json.loads(chain.content)
    assert document["task"] == definition
    assert document["artifacts"].keys() == {STATEMENT, CERTIFIED_LOG}
    log = await raw(deployment, task_id, CERTIFIED_LOG)
    assert document["artifacts"][CERTIFIED_LOG] == {"sha256": Digest.of(log).hex}
    assert f"Exit code: {code}" in log.decode()


async def test_a_task_adds_to_its_certificate_and_changes_nothing_of_it(signing):
    deployment, _pins = signing
    added = {"taskId": "mine", "environment": {"imageHash": "sha256:1", "instanceId": "mine"}, "more": [1]}
    script = f"echo '{json.dumps(added)}' > chain-of-trust-additional-data.json"
    task_id = await deployment.create(script, features=SIGNED)
    assert outcome((await deployment.resolved(task_id))[0]) == ("completed", "completed")
    document = json.loads((await signed_chain(deployment, task_id)).content)
    assert (document["taskId"], document["more"]) == (task_id, [1])
    environment = document["environment"]
    assert (environment["imageHash"], environment["instanceId"]) == ("sha256:1", "sandbox")


async def test_what_a_task_adds_must_be_an_object_and_a_pipe_is_not_read(signing):
    deployment, _pins = signing
    bad = await deployment.create("echo [] > chain-of-trust-additional-data.json", features=SIGNED)
    pipe = await deployment.create("mkfifo chain-of-trust-additional-data.json", features=SIGNED)
    assert outcome((await deployment.resolved(bad))[0]) == ("exception", "internal-error")
    assert "chain-of-trust-additional-data.json is no JSON object" in await deployment.log(bad)
    assert outcome((await deployment.resolved(pipe))[0]) == ("completed", "completed")


async def test_a_task_that_does_not_ask_for_it_has_none(signing):
    deployment, _pins = signing
    task_id = await deployment.create("true")
    await deployment.resolved(task_id)
    assert (await deployment.artifact(task_id, CHAIN_NAME))[0] == 404


async def test_a_log_is_called_as_the_payload_says(signing):
    deployment, _pins = signing
    logs = {"live": "public/mine.log", "backing": "public/kept.log"}
    task_id = await deployment.create("echo hello", logs=logs)
    await deployment.resolved(task_id)
    status, text = await deployment.artifact(task_id, "public/mine.log")
    assert (status, await deployment.artifact(task_id, "public/kept.log")) == (200, (200, text))
    assert "hello\n" in text


async def test_a_payload_with_misnamed_logs_is_malformed_and_its_log_tells_so(signing):
    deployment, _pins = signing
    task_id = await deployment.create("true", logs={"live": "a\nb"})
    assert outcome((await deployment.resolved(task_id))[0]) == ("exception", "malformed-payload")
    assert "payload.logs must name" in await deployment.log(task_id)
