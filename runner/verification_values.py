"""What a verdict is made of: the evidence, the policy, the checks and the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.chain_of_trust import SignedChain
    from runner.errors import ExitCode
    from runner.image.digest import Digest
    from runner.task.statement import Statement

# Where an image is read.
REGISTRY, ENGINE, FOLDER = "the registry", "the engine", "the folder"


class Outcome(StrEnum):
    """What a check found."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One link of the chain, and what was seen there."""

    name: str
    outcome: Outcome
    seen: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What the caller demands.

    Args:
        task: the task that must have published the image, or None.
        source: the repository that it must come from, as (host, slug), or None.
        ref: the branch or tag it must come from, or None.
        pool: the taskQueueId that it must have run on, or None.
        scopes: further scopes that make a task the repository's.
        keys: one of which must have signed the statement, or None where no signature is demanded.
        keys_from: the file that pins them.
    """

    task: str | None = None
    source: tuple[str, str] | None = None
    ref: str | None = None
    pool: str | None = None
    scopes: frozenset[str] = frozenset()
    keys: tuple[bytes, ...] | None = None
    keys_from: str = ""

    def lines(self) -> list[str]:
        """The policy as it is enforced, a line each."""
        lines = [f"task = {self.task}"] if self.task else []
        if self.source:
            lines.append(f"source = {self.source[0]}/{self.source[1]}")
        lines += [f"{name} = {value}" for name, value in (("ref", self.ref), ("pool", self.pool)) if value]
        lines += [f"scope = {scope}" for scope in sorted(self.scopes)]
        if self.keys is not None:
            lines.append(f"signed by one of {len(self.keys)} keys of {self.keys_from}")
        return lines or ["none: what is found is shown as unattributed"]


class SeenImage(NamedTuple):
    """One platform's image of an index, as it is served.

    Args:
        platform: `linux/arm64`, as its config says.
        manifest: the digest of its manifest.
        config: of its config.
        layers: the digests of its layers.
        diff_ids: of the layers uncompressed, hashed as they are served, or None where that was not needed.
    """

    platform: str
    manifest: Digest
    config: Digest
    layers: tuple[Digest, ...]
    diff_ids: tuple[Digest, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was read, each part or the reason why it is missing.

    Args:
        digest: the digest that the registry serves, over bytes that were hashed.
        config: the config's digest in that manifest, or None for an index.
        layers: the digests of that manifest's layers, or None for an index.
        diff_ids: of the layers as the registry serves them, uncompressed and hashed, or None if not needed.
        images: of an index: each platform's image; None where they were not read, or where it is no index.
        revision: the commit that the image's label names, or None.
        statement: the run's statement, or None.
        why_no_statement: the reason, if there is none.
        broken_statement: what is wrong with it, if the run left one that is none.
        statement_sha256: the digest of the statement's own bytes.
        recorded_sha256: that digest as others recorded it when it was made, by who recorded it.
        task_id: the task, or None if none was found.
        run_id: its run.
        found_by: `given`, `index NAMESPACE`, `the image's label`.
        run_state: the run's state.
        definition: the task's definition, or None.
        why_no_definition: the reason, if there is none.
        place: where the image was read: `the registry`, `the engine`, `the folder`.
        contents: what of the image's blobs was read and hashed, or why that was not done.
        damage: each blob that is missing or is not what its digest says.
        unread: why the blobs could not be read, or "".
        artifact: the statement's name.
        chain: what the run left of Chain of Trust, or None where it was not asked for or cannot be read.
        why_no_chain: the reason, if it cannot be read.
    """

    digest: Digest
    config: Digest | None = None
    layers: tuple[Digest, ...] | None = None
    diff_ids: tuple[Digest, ...] | None = None
    images: tuple[SeenImage, ...] | None = None
    revision: str | None = None
    statement: Statement | None = None
    why_no_statement: str = ""
    broken_statement: str = ""
    statement_sha256: Digest | None = None
    recorded_sha256: Mapping[str, str] = field(default_factory=dict)
    task_id: str | None = None
    run_id: int | None = None
    found_by: str = ""
    run_state: str | None = None
    definition: Mapping[str, Any] | None = None
    why_no_definition: str = ""
    place: str = REGISTRY
    contents: str = ""
    damage: tuple[str, ...] = ()
    unread: str = ""
    artifact: str = ""
    chain: SignedChain | None = None
    why_no_chain: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, the checks it rests on, and what was trusted."""

    exit_code: ExitCode
    summary: str
    checks: tuple[Check, ...]
    trusted: tuple[str, ...]
    policy: tuple[str, ...]
    compared: str = ""
