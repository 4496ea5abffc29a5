"""What a worker says that the artifacts which it uploaded hash to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from console.domain.artifact import signed_hash
from console.failures import Absent
from console.services import artifacts
from runner.chain_of_trust import CHAIN_NAME, SIGNATURE_NAME
from runner.errors import RunnerError

if TYPE_CHECKING:
    from console.connection import Connection
    from console.domain.artifact import Artifact, ToldHash

_LONGEST_CHAIN: Final = 16 << 20


async def hashes_of_worker(connection: Connection, artifact: Artifact) -> tuple[tuple[ToldHash, ...], str]:
    """What the run's Chain of Trust has of an artifact, or none and why; its signature is for `verify --keys`."""
    if artifact.name in {CHAIN_NAME, SIGNATURE_NAME}:
        return (), "nothing tells the hash of what is itself the list of hashes"
    try:
        content = await artifacts.content(
            connection.taskcluster, artifact.task_id, artifact.run_id, CHAIN_NAME, most=_LONGEST_CHAIN
        )
        chain = json.loads(content)
    except Absent:
        return (), f"its storage has no hash of it, and its run no {CHAIN_NAME}"
    except RunnerError as error:
        return (), f"{CHAIN_NAME} cannot be read: {error.what}"
    except (ValueError, RecursionError):
        chain = None
    found, why = signed_hash(chain, artifact)
    return ((found,) if found else ()), why
