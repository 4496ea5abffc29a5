"""The payload of docker-worker, turned into generic-worker's own, as that worker's d2g does.

Two things differ from d2g: the container has the machine's network, since the sandbox and a task's proxy are on
loopback alone; and a cache is always a new one.
"""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from console.domain.scopes import is_satisfied

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KEYS: Final = frozenset(
    [
        *("artifacts", "cache", "capabilities", "command", "env", "features", "image", "log", "maxRunTime"),
        "onExitStatus",
    ]
)
# What is always so, or changes nothing here.
_IMPLIED: Final = frozenset({"localLiveLog", "bulkLog", "artifacts"})
_FEATURES: Final = frozenset({*_IMPLIED, "taskclusterProxy", "allowPtrace", "chainOfTrust"})
_REFUSED: Final = {
    "features.interactive": "the sandbox's worker opens no shell in a task",
    **dict.fromkeys(("features.dind", "features.dockerSave"), "Taskcluster has had none since version 89"),
}
_CAPABILITIES: Final = frozenset({"privileged", "disableSeccomp"})
_TYPES: Final = ("file", "directory", "volume")
_OF_TASK: Final = (
    *("RUN_ID", "TASKCLUSTER_INSTANCE_TYPE", "TASKCLUSTER_ROOT_URL", "TASKCLUSTER_WORKER_LOCATION"),
    *("TASK_GROUP_ID", "TASK_ID"),
)
# Seconds between SIGTERM and SIGKILL, fewer than a worker leaves a task.
_STOP: Final = 4


def is_docker(payload: Mapping[str, Any]) -> bool:
    """Whether a payload is one of docker-worker's."""
    return "image" in payload


def is_log_name(name: object) -> bool:
    """Whether an artifact of a log can be called so."""
    return (
        isinstance(name, str)
        and name.isascii()
        and name.isprintable()
        and PurePosixPath(name).name not in {"", ".."}
    )


def docker_logs(payload: Mapping[str, Any]) -> dict[str, Any]:
    """generic-worker's `logs` of a payload, which has one name for both."""
    live = payload.get("log")
    if live is None or not is_log_name(live):
        return {}
    path = PurePosixPath(live)
    return {"live": live, "backing": str(path.with_name(f"{path.stem}_backing{path.suffix}"))}


def native(task: Mapping[str, Any], container: str, problems: list[str]) -> dict[str, Any]:
    """The payload of generic-worker that does what the task's own asks for.

    Args:
        task: a definition.
        container: what the container is to be called.
        problems: gets what is wrong, a sentence each.
    """
    payload = task["payload"]
    problems += [*_unsupported(payload), *_misshapen(payload)]
    if problems:
        return {}
    problems += _lacking_scopes(task)
    image = _image(payload["image"], problems)
    artifacts = list(_artifacts(payload, problems))
    if problems:
        return {}
    copies = [f"docker cp {container}:{shlex.quote(item['from'])} {item['to']['path']}" for item in artifacts]
    return {
        "command": [["bash", "-c", _script(payload, container, image, copies)]],
        "maxRunTime": payload.get("maxRunTime"),
        "features": {name: _has(payload, name) for name in ("taskclusterProxy", "chainOfTrust")},
        "logs": docker_logs(payload),
        "artifacts": [item["to"] for item in artifacts],
        "onExitStatus": payload.get("onExitStatus", {}),
    }


def _unsupported(payload: Mapping[str, Any]) -> Iterator[str]:
    named = [key for key in payload if key not in _KEYS]
    for member, known in (("features", _FEATURES), ("capabilities", _CAPABILITIES)):
        found = payload.get(member)
        asked = found.items() if isinstance(found, dict) else ()
        named += [f"{member}.{name}" for name, wanted in asked if wanted and name not in known]
    for name in named:
        reason = f": {_REFUSED[name]}" if name in _REFUSED else ""
        yield f"payload.{name} is not supported by the sandbox's worker{reason}"


def _misshapen(payload: Mapping[str, Any]) -> Iterator[str]:
    for name in ("artifacts", "cache", "capabilities", "env", "features"):
        if not isinstance(payload.get(name, {}), dict):
            yield f"payload.{name} must be an object"
    for name in ("cache", "env"):
        found = payload.get(name)
        if isinstance(found, dict) and not all(isinstance(value, str) for value in found.values()):
            yield f"payload.{name} must be an object of texts"
    if not is_log_name(payload.get("log", "x")):
        yield "payload.log must be the name of an artifact"
    command = payload.get("command", [])
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        yield 'payload.command must be a list of texts, such as ["bash", "-c", "make"]'


def _lacking_scopes(task: Mapping[str, Any]) -> Iterator[str]:
    payload, held = task["payload"], task["scopes"]
    if payload.get("capabilities", {}).get("privileged"):
        scope = "docker-worker:capability:privileged"
        if not is_satisfied({"AnyOf": [scope, f"{scope}:{task['taskQueueId']}"]}, held):
            yield f"payload.capabilities.privileged needs {scope} in the task's scopes"
    for name in payload.get("cache", {}):
        if not is_satisfied(f"docker-worker:cache:{name}", held):
            yield f"payload.cache needs docker-worker:cache:{name} in the task's scopes"


def _artifacts(payload: Mapping[str, Any], problems: list[str]) -> Iterator[dict[str, Any]]:
    """Each artifact: whence in the container, and what the worker is then to upload; none of it must be there."""
    for number, (name, item) in enumerate(payload.get("artifacts", {}).items()):
        if (
            not isinstance(item, dict)
            or item.get("type") not in _TYPES
            or not isinstance(item.get("path"), str)
        ):
            problems.append(f"payload.artifacts.{name} must have a type (file, directory) and a path")
            continue
        kept = {key: item[key] for key in ("expires", "contentType", "contentEncoding") if key in item}
        kind = "file" if item["type"] == "file" else "directory"
        declared = {"name": name, "type": kind, "path": f"artifact{number}", "optional": True, **kept}
        if "contentType" not in kept and kind == "file":
            declared["path"] += "".join(_suffixes(item["path"]))
        yield {"from": item["path"], "to": declared}


def _suffixes(path: str) -> tuple[str, ...]:
    """What tells a file's type, if it can stand in a script as it is."""
    _stem, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return (dot, suffix) if dot and suffix.isascii() and suffix.isalnum() else ()


def _script(payload: Mapping[str, Any], container: str, image: list[str], copies: list[str]) -> str:
    return "\n".join(
        [
            "set -u",
            *image,
            *(_image_in_certificate(payload["image"]) if _has(payload, "chainOfTrust") else []),
            _environment(payload),
            f"trap 'docker stop --time {_STOP} {container} > /dev/null' TERM",
            f"{_run(payload, container)} &",
            "client=$!",
            # A signal ends `wait` too.
            'while wait "$client"; code=$?; kill -0 "$client" 2> /dev/null; do :; done',
            *(f"{copy} > /dev/null || true" for copy in copies),
            'exit "$code"',
        ]
    )


def _image(image: object, problems: list[str]) -> list[str]:
    if isinstance(image, str):
        return [f"image={shlex.quote(image)}"]
    described = image if isinstance(image, dict) else {}
    if described.get("type") == "docker-image" and isinstance(described.get("name"), str):
        return [f"image={shlex.quote(described['name'])}"]
    place = {"task-image": ("queue", "taskId"), "indexed-image": ("index", "namespace")}.get(
        str(described.get("type"))
    )
    path = described.get("path")
    if place is None or not isinstance(path, str) or not isinstance(described.get(place[1]), str):
        problems.append("payload.image must be a name, or a docker-image, task-image or indexed-image")
        return []
    service, member = place
    url = f"/api/{service}/v1/task/{quote(described[member], safe='')}/artifacts/{quote(path)}"
    return [
        f'curl -sSL --fail --compressed --output image "$TASKCLUSTER_ROOT_URL"{shlex.quote(url)} || exit',
        "image=$(docker load --input image | sed -n 's/^Loaded image\\( ID\\)\\{0,1\\}: //p' | head -n 1)",
    ]


def _image_in_certificate(image: object) -> list[str]:
    """What d2g adds to a Chain of Trust: the image's id, and the digest of the artifact that it came in."""
    is_artifact = isinstance(image, dict) and image["type"] != "docker-image"
    loaded = ',"imageArtifactHash":"sha256:%s"' if is_artifact else ""
    return [
        """id=$(docker inspect --type image --format '{{.Id}}' "$image") || exit""",
        f"""printf '{{"environment":{{"imageHash":"%s"{loaded}}}}}' "$id\""""
        + (" \"$(sha256sum image | cut -d ' ' -f 1)\"" if is_artifact else "")
        + " > chain-of-trust-additional-data.json",
    ]


def _environment(payload: Mapping[str, Any]) -> str:
    plain = [f"{name}={value}" for name, value in payload.get("env", {}).items() if "\n" not in value]
    names = [*_OF_TASK, *(["TASKCLUSTER_PROXY_URL"] if _has(payload, "taskclusterProxy") else [])]
    return f"printf '%s\\n' {shlex.join([*plain, *names])} > env.list"


def _has(payload: Mapping[str, Any], feature: str) -> bool:
    return bool(payload.get("features", {}).get(feature))


def _run(payload: Mapping[str, Any], container: str) -> str:
    capabilities, features = payload.get("capabilities", {}), payload.get("features", {})
    flags = [
        *("--tty", "--name", container, "--memory-swap", "-1", "--pids-limit", "-1"),
        *("--pull=never", "--log-driver=none", "--network=host", "--add-host=taskcluster:127.0.0.1"),
        *("--add-host=localhost.localdomain:127.0.0.1", "--env-file", "env.list"),
        *(["--privileged"] if capabilities.get("privileged") else []),
        *(["--cap-add=SYS_PTRACE"] if features.get("allowPtrace") else []),
        *(["--security-opt=seccomp=unconfined"] if capabilities.get("disableSeccomp") else []),
    ]
    for path in payload.get("cache", {}).values():
        flags += ["--volume", path]
    for name, value in payload.get("env", {}).items():
        if "\n" in value:
            flags += ["--env", f"{name}={value}"]
    return f'docker run {shlex.join(flags)} -- "$image" {shlex.join(payload.get("command", []))}'
