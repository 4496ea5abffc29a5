"""What a payload declares that the worker uploads when the commands have ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# A payload may hold what cannot be a key or in a set.
_TYPES: Final = ("file", "directory")
_ENCODINGS: Final = ("gzip", "identity")


@dataclass(frozen=True, slots=True)
class DeclaredArtifact:
    """What the worker uploads when the commands have ended.

    Args:
        name: the artifact's name; of a directory, what its files' names begin with.
        path: relative to the task's folder.
        directory: whether everything below `path` is meant.
        expires: when, or None for the task's own expiry.
        content_type: or None for what the file name says.
        gzip: True or False as the payload says, or None to decide by the content.
        optional: whether the task may succeed without it.
    """

    name: str
    path: str
    directory: bool
    expires: str | None
    content_type: str | None
    gzip: bool | None
    optional: bool


def declared(value: object, task: Mapping[str, Any], problems: list[str]) -> tuple[DeclaredArtifact, ...]:
    """Those of a payload that can be read.

    Args:
        value: `payload.artifacts`.
        task: the definition: no artifact outlives its task.
        problems: gets what is wrong, a sentence each.
    """
    if not isinstance(value, list):
        problems.append("payload.artifacts must be a list")
        return ()
    parsed = []
    for position, item in enumerate(value):
        before = len(problems)
        where = f"payload.artifacts[{position}]"
        _check_artifact(item, task, where, problems)
        if len(problems) == before:
            encoding = item.get("contentEncoding")
            parsed.append(
                DeclaredArtifact(
                    name=item.get("name") or item["path"],
                    path=item["path"],
                    directory=item["type"] == "directory",
                    expires=item.get("expires"),
                    content_type=item.get("contentType"),
                    gzip=encoding == "gzip" if encoding in _ENCODINGS else None,
                    optional=bool(item.get("optional")),
                )
            )
    return tuple(parsed)


def _check_artifact(item: Any, task: Mapping[str, Any], where: str, problems: list[str]) -> None:
    if not isinstance(item, dict):
        problems.append(f"{where} must be an object")
        return
    if item.get("type") not in _TYPES:
        problems.append(f"{where}.type must be `file` or `directory`")
    if not isinstance(item.get("path"), str) or not item["path"]:
        problems.append(f"{where}.path must be a path relative to the task's folder")
    if not isinstance(item.get("name", ""), str):
        problems.append(f"{where}.name must be a text")
    content_type = item.get("contentType", "")
    if content_type is not None and not (isinstance(content_type, str) and content_type.isprintable()):
        problems.append(f"{where}.contentType must be a text that fits into a header")
    expires = item.get("expires")
    if expires is None:
        return
    try:
        too_late = _moment(expires) > _moment(task["expires"])
    except (TypeError, ValueError):
        problems.append(f"{where}.expires is not a time such as 2026-11-24T03:29:36.992Z")
        return
    if too_late:
        problems.append(f"{where} expires after the task itself, which expires {task['expires']}")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
