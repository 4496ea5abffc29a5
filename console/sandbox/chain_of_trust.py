"""Chain of Trust, as generic-worker signs it: a run's worker tells what it uploaded, and of which task.

A real worker keeps its key from its tasks. A task of the sandbox runs as the sandbox's own user and could read it: such
a signature shows how verification works, and proves nothing.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.task_artifacts import TEXT, files_of
from runner.chain_of_trust import CHAIN_NAME, SIGNATURE_NAME, shown_key
from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from console.sandbox.declared_artifacts import DeclaredArtifact
    from console.sandbox.task_artifacts import Run

CERTIFIED_LOG: Final = "public/logs/certified.log"
ADDITIONAL_DATA: Final = "chain-of-trust-additional-data.json"


class BadAdditionalData(Exception):
    """What the task adds to its certificate is no JSON object."""


def _new_seed() -> Masked:
    return Masked(base64.b64encode(secrets.token_bytes(32)).decode())


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A worker's ed25519 key pair; a new one unless a seed is given.

    Args:
        seed: the private key's 32 bytes, in base64.
    """

    seed: Masked = field(default_factory=_new_seed)

    def sign(self, content: bytes) -> bytes:
        """The 64 bytes of the signature."""
        signature: bytes = self._private().sign(content)
        return signature

    def pin(self, root_url: str) -> str:
        """The public key as a line of the file that `verify --keys` reads."""
        return f"{root_url} {shown_key(self._private().public_key().public_bytes_raw())}\n"

    def _private(self) -> Any:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(self.seed.reveal()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """What a worker can say of a run.

    Args:
        claim: of the run, as the queue answered it.
        artifacts: what was uploaded of `folder`.
        folder: the task's.
        log: the task's log until now.
    """

    claim: Mapping[str, Any]
    artifacts: Iterable[DeclaredArtifact]
    folder: Path
    log: Path


async def certify(run: Run, certified: Certified, key: SigningKey) -> None:
    """Upload the log as it is, the certificate, and its signature.

    Raises:
        BadAdditionalData: the task's own part cannot be read.
        TaskclusterFailure: the queue or the storage refuses.
        OSError: a file cannot be read.
    """
    log, certificate, signature = (
        certified.log.with_name(name) for name in ("certified.log", "certificate.json", "certificate.sig")
    )
    await asyncio.to_thread(shutil.copyfile, certified.log, log)
    content = await asyncio.to_thread(_certificate, certified, log)
    certificate.write_bytes(content)
    signature.write_bytes(key.sign(content))
    await run.upload(CERTIFIED_LOG, log, TEXT, compress=True)
    await run.upload(CHAIN_NAME, certificate, TEXT, compress=True)
    await run.upload(SIGNATURE_NAME, signature, "application/octet-stream", compress=True)


def _certificate(certified: Certified, log: Path) -> bytes:
    files = {
        name: file for artifact in certified.artifacts for name, file in files_of(artifact, certified.folder)
    }
    claim = certified.claim
    document = {
        "chainOfTrustVersion": 1,
        "artifacts": {
            name: {"sha256": _sha256(file)} for name, file in {**files, CERTIFIED_LOG: log}.items()
        },
        "task": claim["task"],
        "taskId": claim["status"]["taskId"],
        "runId": claim["runId"],
        "workerGroup": claim["workerGroup"],
        "workerId": claim["workerId"],
        "environment": {
            "privateIpAddress": "127.0.0.1",
            **dict.fromkeys(("instanceId", "instanceType", "region"), "sandbox"),
        },
    }
    return json.dumps(_merged(_additional_data(certified.folder), document), indent=2).encode()


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _additional_data(folder: Path) -> dict[str, Any]:
    file = folder / ADDITIONAL_DATA
    if not file.is_file():  # nor is a pipe read, which may never end
        return {}
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadAdditionalData(f"{ADDITIONAL_DATA} is no JSON object")
    return found


def _merged(added: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The worker's own members win, at every depth."""
    merged = {**added, **own}
    for name, value in own.items():
        beside = added.get(name)
        if isinstance(value, dict) and isinstance(beside, dict):
            merged[name] = _merged(beside, value)
    return merged
