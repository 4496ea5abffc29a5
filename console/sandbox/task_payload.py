"""The payload of a task: generic-worker's own on POSIX, or docker-worker's, which is turned into that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.declared_artifacts import DeclaredArtifact, declared
from console.sandbox.docker_payload import docker_logs, is_docker, is_log_name, native

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KEYS: Final = frozenset(
    ["command", "env", "maxRunTime", "artifacts", "features", "logs", "mounts", "onExitStatus", "osGroups"]
)
# The last three change nothing for a task that runs as the sandbox's own user, and always has a live log.
_FEATURES: Final = frozenset(
    ["taskclusterProxy", "chainOfTrust", "liveLog", "backingLog", "runTaskAsCurrentUser"]
)
LIVE_LOG: Final = "public/logs/live.log"
BACKING_LOG: Final = "public/logs/live_backing.log"
_LONGEST_RUN: Final = 86400


class MalformedPayload(Exception):
    """The run ends as `exception`, `malformed-payload`.

    Args:
        problems: each problem of the payload, a sentence.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Payload:
    """What a task runs.

    Args:
        commands: argument lists, run one after another until one fails.
        env: the task's own variables.
        max_run_time: seconds, for all commands together.
        artifacts: what is uploaded at the end.
        proxy: whether the task gets a proxy.
        chain_of_trust: whether its worker signs what it uploaded.
        retry_on: exit codes that end the run as `exception`, `intermittent-task`.
        container: what is to be removed from the engine at the end, if anything.
    """

    commands: tuple[tuple[str, ...], ...]
    env: Mapping[str, str]
    max_run_time: float
    artifacts: tuple[DeclaredArtifact, ...]
    proxy: bool
    chain_of_trust: bool
    retry_on: frozenset[int]
    container: str = ""


def parse_payload(task: Mapping[str, Any], container: str = "") -> Payload:
    """Read the payload of a task's definition.

    Args:
        task: the definition.
        container: what a container of docker-worker's payload is to be called.

    Raises:
        MalformedPayload: with every problem at once.
    """
    if any(_is_unspeakable(text) for text in _texts(task["payload"])):
        raise MalformedPayload(
            ["payload holds a NUL or half of a surrogate pair, which no process can be told"]
        )
    if not is_docker(task["payload"]):
        return _parse(task, task["payload"])
    problems: list[str] = []
    payload = native(task, container, problems)
    if problems:
        raise MalformedPayload(problems)
    return replace(_parse(task, payload), container=container)


def _texts(value: object) -> Iterator[str]:
    """All texts in it, names of members too, however deep."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            waiting += [*found, *found.values()]
        elif isinstance(found, list):
            waiting += found


def _is_unspeakable(text: str) -> bool:
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


def _parse(task: Mapping[str, Any], payload: Mapping[str, Any]) -> Payload:
    problems = [
        f"payload.{key} is not supported by the sandbox's worker" for key in payload if key not in _KEYS
    ]
    problems += _misnamed_logs(payload.get("logs", {}))
    if payload.get("mounts"):
        problems.append("payload.mounts is not supported by the sandbox's worker")
    features = _features(payload.get("features", {}), problems)
    parsed = Payload(
        commands=_commands(payload.get("command"), problems),
        env=_env(payload.get("env", {}), problems),
        max_run_time=_max_run_time(payload.get("maxRunTime"), problems),
        artifacts=declared(payload.get("artifacts", []), task, problems),
        proxy="taskclusterProxy" in features,
        chain_of_trust="chainOfTrust" in features,
        retry_on=_retry_on(payload.get("onExitStatus", {}), problems),
    )
    if problems:
        raise MalformedPayload(problems)
    return parsed


def log_names(task: Mapping[str, Any]) -> tuple[str, str]:
    """What the log is called while the task runs, and then; a malformed payload has a log of the usual names."""
    payload = task["payload"]
    logs = docker_logs(payload) if is_docker(payload) else payload.get("logs", {})
    if _misnamed_logs(logs):
        logs = {}
    return logs.get("live") or LIVE_LOG, logs.get("backing") or BACKING_LOG


def _misnamed_logs(logs: object) -> list[str]:
    if not isinstance(logs, dict) or not all(
        is_log_name(logs.get(name, "x")) for name in ("live", "backing")
    ):
        return ["payload.logs must name the artifacts `live` and `backing`"]
    return []


def _commands(value: object, problems: list[str]) -> tuple[tuple[str, ...], ...]:
    well_formed = (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(argv, list) and argv and all(isinstance(word, str) for word in argv) for argv in value
        )
    )
    if not (isinstance(value, list) and well_formed):
        problems.append('payload.command must be a list of argument lists, such as [["bash", "-c", "make"]]')
        return ()
    return tuple(tuple(argv) for argv in value)


def _env(value: object, problems: list[str]) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        problems.append("payload.env must be an object of texts")
        return {}
    problems += [f"payload.env: {name!r} is no variable's name" for name in value if not name or "=" in name]
    return dict(value)


def _max_run_time(value: object, problems: list[str]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST_RUN:
        problems.append(f"payload.maxRunTime must be a number of seconds from 1 to {_LONGEST_RUN}")
        return 0
    return value


def _features(value: object, problems: list[str]) -> frozenset[str]:
    if not isinstance(value, dict):
        problems.append("payload.features must be an object")
        return frozenset()
    asked = frozenset(name for name, wanted in value.items() if wanted)
    problems += [
        f"payload.features.{name} is not supported by the sandbox's worker"
        for name in sorted(asked - _FEATURES)
    ]
    if {"chainOfTrust", "runTaskAsCurrentUser"} <= asked:
        problems.append(
            "payload.features.chainOfTrust excludes runTaskAsCurrentUser: the task could read the worker's key"
        )
    return asked


def _retry_on(value: object, problems: list[str]) -> frozenset[int]:
    codes = value.get("retry", []) if isinstance(value, dict) else None
    if not isinstance(codes, list) or not all(isinstance(code, int) for code in codes):
        problems.append("payload.onExitStatus.retry must be a list of exit codes")
        return frozenset()
    return frozenset(codes)
