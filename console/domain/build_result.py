"""What came of one image of a build, as its report and its statement have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from console.domain.builds import tells_result
from console.domain.tasks import texts


@dataclass(frozen=True, slots=True)
class BuildResult:
    """One image's.

    Args:
        repository: `docker.io/mozilla/balrog`, or "" where nothing names it.
        digest: that was published, `sha256:…`, or "".
        tags: with their states.
        error: why it failed, in the runner's words, or "".
        warnings: that were told.
    """

    repository: str = ""
    digest: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    error: str = ""
    warnings: tuple[str, ...] = ()


def result_of(report: object, statement: object) -> BuildResult:
    """What the two tell: what was published, the statement alone.

    Args:
        report: the JSON of `public/docker-build-report.json`, or None.
        statement: the JSON of `public/docker-image.json`, or None.
    """
    told: dict[str, Any] = report if isinstance(report, dict) else {}
    outcome = told.get("outcome")
    digest, tags = tells_result(statement)
    return BuildResult(
        repository=_subject(statement) or _text(told.get("repository")),
        digest=digest,
        tags=tags or _tags(told.get("tags")),
        error=_text(outcome.get("error")) if isinstance(outcome, dict) else "",
        warnings=texts(told, "warnings"),
    )


def _tags(found: object) -> tuple[tuple[str, str], ...]:
    return tuple((str(tag), str(state)) for tag, state in found.items()) if isinstance(found, dict) else ()


def _subject(statement: object) -> str:
    try:
        return _text(statement["subject"][0]["name"])  # type: ignore[index]
    except (KeyError, TypeError, IndexError):
        return ""


def _text(found: object) -> str:
    return found if isinstance(found, str) else ""
