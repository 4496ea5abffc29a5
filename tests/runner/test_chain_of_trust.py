"""A signature counts if a pinned key made it over exactly this statement, run and task."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.chain_of_trust import BadKeys, Signed, SignedChain, pinned_keys, shown_key, signature_faults
from runner.image.digest import Digest
from tests.support.signatures import WorkerKey, chain
from tests.support.statements import TASK_ID

ROOT = "https://tc.example.com"
NAME = "public/docker-image.json"
STATEMENT = b'{"a": "statement"}'
DEFINITION = {
    "scopes": ["assume:repo:github.com/mozilla/balrog:branch:main"],
    "taskQueueId": "proj-balrog/ci",
}
WORKER, OTHER = WorkerKey(), WorkerKey()
SIGNED = Signed(TASK_ID, 0, NAME, Digest.of(STATEMENT), DEFINITION)


def made(content=None, key=WORKER, **changes):
    content = content or chain(TASK_ID, 0, DEFINITION, {NAME: STATEMENT}, **changes)
    return SignedChain(content, key.sign(content))


def test_a_statement_that_a_pinned_key_signed_has_no_fault():
    assert signature_faults(made(), (OTHER.public, WORKER.public), SIGNED) == []
    assert made().signer((OTHER.public, WORKER.public)) == WORKER.public


FAULTS = {
    "no chain": (SignedChain(b"", b""), "left no public/chain-of-trust.json: the task's payload"),
    "no signature": (SignedChain(made().content, b""), "left no public/chain-of-trust.json.sig"),
    "another key": (made(key=OTHER), "no pinned key made the signature"),
    "a longer signature": (SignedChain(made().content, made().signature + b"\n"), "no pinned key"),
    "one changed byte": (
        SignedChain(made().content.replace(b"w1", b"w2"), made().signature),
        "no pinned key",
    ),
    "no JSON": (made(b"not JSON"), "no JSON object"),
    "no object": (made(b"[]"), "no JSON object"),
    "another task": (made(taskId="A" * 22), f"for task {'A' * 22} run 0, not task {TASK_ID}"),
    "another run": (made(runId=1), "run 1, not"),
    "a run that is a truth value": (made(runId=False), "the signature is for"),
    "no artifacts": (made(artifacts=None), f"does not cover {NAME}"),
    "other artifacts": (made(artifacts={"public/x": {"sha256": "0"}}), f"does not cover {NAME}"),
    "an artifact without digest": (made(artifacts={NAME: {}}), f"does not cover {NAME}"),
    "another statement": (
        made(artifacts={NAME: {"sha256": Digest.of(b"x").hex}}),
        f"signed {NAME} as {Digest.of(b'x')}, and it is {Digest.of(STATEMENT)}",
    ),
    "no task": (made(task=None), "covers no task definition"),
    "other scopes": (
        made(task={**DEFINITION, "scopes": ["x"]}),
        "with the scopes x, and the queue has assume:",
    ),
    "another pool": (made(task={**DEFINITION, "taskQueueId": "a/b"}), "with the pool a/b, and the queue has"),
}


@pytest.mark.parametrize(("signed", "seen"), FAULTS.values(), ids=FAULTS)
def test_anything_else_is_a_fault_that_says_what_differs(signed, seen):
    faults = signature_faults(signed, (WORKER.public,), SIGNED)
    assert seen in " ".join(faults)


@given(st.integers(0, 63), st.integers(1, 255))
def test_any_changed_byte_of_the_signature_is_caught(position, change):
    good = made()
    changed = bytearray(good.signature)
    changed[position] ^= change
    assert signature_faults(SignedChain(good.content, bytes(changed)), (WORKER.public,), SIGNED)


def test_scopes_that_a_worker_translates_for_itself_are_not_compared():
    translated = {**DEFINITION, "scopes": [*DEFINITION["scopes"], "generic-worker:cache:x"]}
    assert signature_faults(made(task=translated), (WORKER.public,), SIGNED) == []


def test_a_definition_that_cannot_be_read_is_not_compared():
    assert (
        signature_faults(made(), (WORKER.public,), SIGNED.__class__(TASK_ID, 0, NAME, SIGNED.sha256, None))
        == []
    )


def test_keys_are_pinned_per_root_url():
    text = f"# pools\n\n{WORKER.line(ROOT)}{OTHER.line('https://other.example/')}{OTHER.line(ROOT + '/')}"
    assert pinned_keys(text, ROOT) == (WORKER.public, OTHER.public)
    assert pinned_keys(text, "https://other.example") == (OTHER.public,)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", "no key for https://tc.example.com; it has keys for nobody"),
        (OTHER.line("https://other.example"), "it has keys for https://other.example"),
        (OTHER.line("https://tc.example.com.evil"), "no key for"),
        (shown_key(OTHER.public), "line 1 is not `ROOT_URL KEY`"),
        (f"\n{ROOT} {shown_key(b'short')}", "line 2 is not"),
        (f"{ROOT} !!!", "line 1 is not"),
        (f"{ROOT} {shown_key(OTHER.public)} more", "line 1 is not"),
    ],
    # A key in an id would differ between the processes that run the tests.
    ids=["nothing", "another", "a longer one", "no root URL", "a short key", "no key", "more"],
)
def test_a_file_that_pins_nothing_for_this_taskcluster_is_refused(text, seen):
    with pytest.raises(BadKeys, match=r"key|line") as caught:
        pinned_keys(text, ROOT)
    assert seen in str(caught.value)
