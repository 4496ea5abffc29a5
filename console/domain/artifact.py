"""An artifact as a value, and where it may be saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from runner.chain_of_trust import CHAIN_NAME
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

OBJECT_SERVICE: Final = "object service"
CHAIN_OF_TRUST: Final = "Chain of Trust"
_LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact of a run.

    Args:
        task_id: of its task.
        run_id: of the run.
        name: such as `public/docker-image.json`.
        storage: `s3`, `object`, `reference`, `link` or `error`.
        content_type: as its creator gave it.
        expires: when it goes away.
        size: bytes as stored, where it is known.
    """

    task_id: str
    run_id: int
    name: str
    storage: str
    content_type: str
    expires: datetime | None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is.

    Args:
        received: bytes of the file so far.
        total: bytes of the file, or None where it is not known.
    """

    received: int
    total: int | None


@dataclass(frozen=True, slots=True)
class ToldHash:
    """What somebody says that the file of an artifact hashes to, after its content encoding was taken off.

    Args:
        by: who says so, OBJECT_SERVICE or CHAIN_OF_TRUST.
        algorithm: `sha256` or `sha512`.
        digits: hexadecimal.
    """

    by: str
    algorithm: str
    digits: str


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that is there, whole.

    Args:
        path: where.
        size: bytes of the file.
        sha256: of the file, 64 digits.
        encoding: the content encoding that was taken off before the file was hashed and written, or "".
        compared: whose hashes it was compared with, and found to be the same.
        uncompared: why there was no other, in words.
    """

    path: str
    size: int
    sha256: str
    encoding: str = ""
    compared: tuple[str, ...] = ()
    uncompared: str = ""

    @property
    def hashed(self) -> str:
        """Which bytes the hash is of, in words."""
        if self.encoding:
            return f"of the file as it is here, after {self.encoding} was taken off"
        return "of the file as it is here, which is as it is stored"

    @property
    def comparison(self) -> str:
        """What the hash was compared with, in words."""
        if self.compared:
            unsure = " (whose signature is not checked here)" if self.compared[-1] == CHAIN_OF_TRUST else ""
            return f"compared with the {' and the '.join(self.compared)}{unsure}: the same"
        return f"nothing to compare with: {self.uncompared}"


def artifact_of(task_id: str, run_id: int, found: Mapping[str, Any]) -> Artifact:
    """An artifact as the queue lists it.

    Raises:
        KeyError: a member is missing.
        ValueError: its expiry is no time.
    """
    length = found.get("contentLength")
    return Artifact(
        task_id,
        run_id,
        str(found["name"]),
        str(found["storageType"]),
        str(found.get("contentType", "")),
        datetime.fromisoformat(found["expires"]),
        length if isinstance(length, int) else None,
    )


def signed_hash(chain: object, artifact: Artifact) -> tuple[ToldHash | None, str]:
    """What a worker's Chain of Trust says of an artifact, or None and why not; no signature is checked.

    A worker hashes the file itself, before it is encoded (generic-worker's chain_of_trust.go).

    Args:
        chain: the JSON of `public/chain-of-trust.json`.
        artifact: which.
    """
    if not isinstance(chain, dict):
        return None, f"{CHAIN_NAME} is no JSON object"
    if (chain.get("taskId"), chain.get("runId")) != (artifact.task_id, artifact.run_id):
        return None, f"{CHAIN_NAME} is of another run"
    listed = chain.get("artifacts")
    entry = listed.get(artifact.name) if isinstance(listed, dict) else None
    digits = entry.get("sha256") if isinstance(entry, dict) else None
    if not isinstance(digits, str):
        return None, f"{CHAIN_NAME} does not list it"
    return ToldHash(CHAIN_OF_TRUST, "sha256", digits.lower().removeprefix("sha256:")), ""


def file_name(name: str) -> str:
    """The name of the file that an artifact is saved as: the last part of its own.

    Raises:
        UsageError: that part would be a folder, hidden, or no name of a file.
    """
    last = name.rpartition("/")[2]
    wrong = (
        last in {"", ".", ".."}
        or last.startswith((".", "-"))
        or "\\" in last
        or not last.isprintable()
        or len(last.encode()) > _LONGEST_NAME - len(".part")
    )
    if wrong:
        raise UsageError(
            f"The artifact {name!r} has no name that a file could have.", action="Give --output FILE."
        )
    return last
