"""A task that proves that a publish would get in, and publishes nothing: what publishes is made to plan."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner.findings import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.image.reference import Registry

_SHELL: Final = re.compile(r"(lading-runner['\"]?|-m\s+runner)\s+publish\b")
_PROVES: Final = ("plan", "--leave")
_INSERTS: Final = "index:insert-task:"
_LONGEST_SECONDS: Final = 900
_HUB_TOKENS: Final = "https://app.docker.com/settings/personal-access-tokens"
# What a token decides; the others tell of the checkout and the worker.
TOKEN_FINDINGS: Final = frozenset({"secret", "push"})


def proof_of(definition: Mapping[str, Any]) -> dict[str, Any] | None:
    """The task that proves what this one would do, or None if this one does not publish by `lading-runner publish`.

    It has the same pool, secret and checkout, and no routes: nobody is told of it, and nothing is put into the index.

    Args:
        definition: as it would be sent to createTask.
    """
    payload = definition.get("payload")
    if not isinstance(payload, dict):
        return None
    command = _planning(payload.get("command"))
    if command == payload.get("command"):
        return None
    longest = payload.get("maxRunTime")
    proof = {
        key: value for key, value in definition.items() if key not in {"routes", "dependencies", "requires"}
    }
    metadata = definition.get("metadata")
    return proof | {
        "scopes": [scope for scope in definition.get("scopes", ()) if not str(scope).startswith(_INSERTS)],
        "retries": 0,
        "payload": {key: value for key, value in payload.items() if key != "onExitStatus"}
        | {
            "command": command,
            "maxRunTime": min(longest, _LONGEST_SECONDS) if isinstance(longest, int) else _LONGEST_SECONDS,
        },
        "metadata": (metadata if isinstance(metadata, dict) else {})
        | {
            "name": "lading-doctor-prove",
            "description": "Reads the secret, opens an upload session and cancels it; publishes nothing",
        },
    }


def _planning(command: Any) -> Any:
    """A command with `plan` where it had `publish`: a shell's text, or words of their own."""
    if isinstance(command, str):
        return _SHELL.sub(lambda found: f"{found[1]} {' '.join(_PROVES)}", command)
    if not isinstance(command, list):
        return command
    words: list[Any] = []
    for word in command:
        before = words[-1] if words else None
        if word == "publish" and isinstance(before, str) and before.endswith(("lading-runner", "runner")):
            words.extend(_PROVES)
        else:
            words.append(_planning(word))
    return words


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proving task found.

    Args:
        task_id: the task.
        findings: as `lading-runner plan` has them; none if it left none.
        failure: why there are none, or "".
    """

    task_id: str
    findings: tuple[Finding, ...]
    failure: str = ""

    @property
    def is_good(self) -> bool | None:
        """Whether the token is taken and may push; None where that was not found out."""
        deciding = [finding for finding in self.findings if finding.name in TOKEN_FINDINGS]
        if any(finding.level is Level.PROBLEM for finding in deciding):
            return False
        good = len(deciding) == len(TOKEN_FINDINGS) and all(finding.level is Level.OK for finding in deciding)
        return True if good else None


def verdict_of(proofs: Sequence[Proof]) -> bool | None:
    """Whether the token was proved: yes, no, or None where that was not found out."""
    if any(proof.is_good is False for proof in proofs):
        return False
    return True if proofs and all(proof.is_good for proof in proofs) else None


def conclusion(proofs: Sequence[Proof], registry: Registry | None = None) -> str:
    """What to do with the old token after a rotation.

    Args:
        proofs: all that were made.
        registry: whose token it is, where that is known.
    """
    verdict = verdict_of(proofs)
    if verdict is None:
        return "Whether the secret's token may push was not found out: keep the old one."
    if not verdict:
        return "The secret's token may not push: keep the old one until this is mended."
    wrong = {each.name for proof in proofs for each in proof.findings if each.level is Level.PROBLEM}
    still = f" A publish would still fail: {', '.join(sorted(wrong))}." if wrong else ""
    return f"Proved: the token is taken and may push; nothing was published.{still} {revoke_words(registry)}"


def revoke_words(registry: Registry | None) -> str:
    """Where an old token is revoked."""
    if registry is None:
        return "After a rotation, now revoke the old token."
    place = _HUB_TOKENS if registry.is_docker_hub else f"in the account's settings at {registry}"
    return f"Now revoke the old token: {place}."


def findings_in(content: bytes) -> tuple[Finding, ...]:
    """The findings that a plan left.

    Raises:
        ValueError: it is none.
    """
    try:
        return tuple(
            Finding(str(each["name"]), Level(each["level"]), str(each["seen"]), str(each["action"]))
            for each in json.loads(content)["findings"]
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("it is no plan") from error
