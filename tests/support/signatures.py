"""Chain of Trust as a worker signs it, by a key pair of the test's own."""

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from runner.chain_of_trust import shown_key
from runner.image.digest import Digest


class WorkerKey:
    """A worker pool's key pair."""

    def __init__(self):
        self._key = Ed25519PrivateKey.generate()

    @property
    def public(self):
        """The 32 bytes that are pinned."""
        return self._key.public_key().public_bytes_raw()

    def line(self, root_url):
        """The key as a file pins it."""
        return f"{root_url} {shown_key(self.public)}\n"

    def sign(self, content):
        """The 64 bytes that stand beside what is signed."""
        return self._key.sign(content)


def chain(task_id, run_id, definition, uploaded, **changes):
    """The document that a worker signs: every artifact's sha256, and the task."""
    document = {
        "chainOfTrustVersion": 1,
        "artifacts": {name: {"sha256": Digest.of(content).hex} for name, content in uploaded.items()},
        "task": definition,
        "taskId": task_id,
        "runId": run_id,
        "workerGroup": "grp",
        "workerId": "w1",
        "environment": {"instanceId": "i-1"},
        **changes,
    }
    return json.dumps(document, indent=2).encode()
