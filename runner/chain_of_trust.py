"""Chain of Trust: what a worker signed of its task, and the keys that are believed.

A worker hashes what it uploads from `payload.artifacts`, and signs that list with the task's definition by its ed25519
key: `public/chain-of-trust.json`, and beside it the 64 bytes of the signature over its exact bytes (generic-worker's
chain_of_trust_feature.go). What a task creates through the API is in no such list.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runner.image.digest import Digest

CHAIN_NAME: Final = "public/chain-of-trust.json"
SIGNATURE_NAME: Final = f"{CHAIN_NAME}.sig"
_KEY_BYTES: Final = 32
# generic-worker adds its own spelling of what docker-worker called otherwise.
_WORKERS_OWN: Final = ("docker-worker:", "generic-worker:")


class BadKeys(ValueError):
    """A file of keys that cannot be read, or pins none for this Taskcluster."""


def pinned_keys(text: str, root_url: str) -> tuple[bytes, ...]:
    """The keys that a file pins for a Taskcluster.

    Args:
        text: lines of `ROOT_URL KEY`, as known_hosts has them; KEY is the public key's 32 bytes in base64, as
            `generic-worker new-ed25519-keypair` prints them; `#` begins a comment.
        root_url: of the Taskcluster.

    Raises:
        BadKeys: a line is none, or there is none for this root URL.
    """
    found: list[bytes] = []
    roots: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        key = _key(words[1]) if len(words) == 2 else None
        if key is None:
            raise BadKeys(f"line {number} is not `ROOT_URL KEY`, KEY being 32 bytes in base64")
        roots.add(words[0].rstrip("/"))
        if words[0].rstrip("/") == root_url.rstrip("/"):
            found.append(key)
    if not found:
        raise BadKeys(
            f"it pins no key for {root_url}; it has keys for {', '.join(sorted(roots)) or 'nobody'}"
        )
    return tuple(dict.fromkeys(found))


def shown_key(key: bytes) -> str:
    """A key as it is pinned."""
    return base64.b64encode(key).decode()


def _key(text: str) -> bytes | None:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return key if len(key) == _KEY_BYTES else None


@dataclass(frozen=True, slots=True)
class SignedChain:
    """What a run left: the signed bytes and the signature, each b"" if it left none."""

    content: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def signer(self, keys: Iterable[bytes]) -> bytes | None:
        """The key, of these, that made the signature over these very bytes; None if none did."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        for key in keys:
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(self.signature, self.content)
            except InvalidSignature:
                continue
            return key
        return None


@dataclass(frozen=True, slots=True)
class Signed:
    """What must have been signed.

    Args:
        task_id: the task.
        run_id: its run.
        artifact: the statement's name.
        sha256: the digest of the statement's bytes.
        definition: the task's definition as the queue has it, or None where it cannot be read.
    """

    task_id: str | None
    run_id: int | None
    artifact: str
    sha256: Digest
    definition: Mapping[str, Any] | None


def signature_faults(chain: SignedChain, keys: Sequence[bytes], signed: Signed) -> list[str]:
    """What is wrong with a chain; nothing is read of bytes that no pinned key signed."""
    if not chain.content:
        return [f"the run left no {CHAIN_NAME}: the task's payload does not ask for chainOfTrust"]
    if not chain.signature:
        return [f"the run left no {SIGNATURE_NAME}"]
    if chain.signer(keys) is None:
        return [f"no pinned key made the signature of {CHAIN_NAME}"]
    try:
        document = json.loads(chain.content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return [f"{CHAIN_NAME} is signed, and no JSON object"]
    return [
        *_run_faults(document, signed),
        *_artifact_faults(document, signed),
        *_task_faults(document, signed),
    ]


def _run_faults(document: Mapping[str, Any], signed: Signed) -> list[str]:
    named = (document.get("taskId"), document.get("runId"))
    if named == (signed.task_id, signed.run_id) and not isinstance(named[1], bool):
        return []
    return [
        f"the signature is for task {named[0]} run {named[1]}, not task {signed.task_id} run {signed.run_id}"
    ]


def _artifact_faults(document: Mapping[str, Any], signed: Signed) -> list[str]:
    artifacts = document.get("artifacts")
    entry = artifacts.get(signed.artifact) if isinstance(artifacts, dict) else None
    sha256 = entry.get("sha256") if isinstance(entry, dict) else None
    if not isinstance(sha256, str):
        return [
            f"the signature does not cover {signed.artifact}: the worker did not upload it from `payload.artifacts`"
        ]
    if sha256 != signed.sha256.hex:
        return [f"the worker signed {signed.artifact} as sha256:{sha256}, and it is {signed.sha256}"]
    return []


def _task_faults(document: Mapping[str, Any], signed: Signed) -> list[str]:
    task = document.get("task")
    if signed.definition is None:
        return []
    if not isinstance(task, dict):
        return ["the signature covers no task definition"]
    faults = []
    for what, read in (("scopes", _scopes), ("pool", _pool)):
        stated, queued = read(task), read(signed.definition)
        if stated != queued:
            faults.append(f"the worker signed a task with the {what} {stated}, and the queue has {queued}")
    return faults


def _scopes(task: Mapping[str, Any]) -> str:
    scopes = task.get("scopes")
    found = scopes if isinstance(scopes, list) else []
    return (
        " ".join(sorted(str(scope) for scope in found if not str(scope).startswith(_WORKERS_OWN))) or "none"
    )


def _pool(task: Mapping[str, Any]) -> str:
    return str(task.get("taskQueueId") or f"{task.get('provisionerId')}/{task.get('workerType')}")
