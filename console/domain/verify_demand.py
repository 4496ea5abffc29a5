"""What is demanded of a build's image, as the words of `lading verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runner.image.reference import BadReference, ImageReference, Repository, check_tag

if TYPE_CHECKING:
    from runner.task.statement import Statement

_LATEST = "latest"


class Known(NamedTuple):
    """What a checkout knows.

    Args:
        slug: `OWNER/NAME` of its repository, or "".
        repositories: where its images go.
        insecure: registries that may speak plain HTTP.
    """

    slug: str = ""
    repositories: tuple[Repository, ...] = ()
    insecure: frozenset[str] = frozenset()


def demand_of(task_id: str, statement: Statement | None, known: Known) -> list[str]:
    """The image that a task published, the task, and the repository where it is the checkout's.

    Args:
        task_id: of the task.
        statement: that it left, or None: then the checkout's first image is meant.
        known: of the checkout.
    """
    repository = _repository(statement) if statement is not None else next(iter(known.repositories), None)
    image = ""
    if repository is not None:
        image = repository.familiar if statement is None else _reference(repository, statement).familiar
    words = [image, "--task", task_id] if image else ["--task", task_id]
    if known.slug and (statement is None or statement.source.endswith(f"/{known.slug}")):
        words += ["--source", known.slug]
    if repository is not None and repository.registry.host in known.insecure:
        words += ["--insecure-registry", repository.registry.host]
    return words


def _repository(statement: Statement) -> Repository | None:
    try:
        return Repository.parse(statement.repository)
    except BadReference:
        return None


def _reference(repository: Repository, statement: Statement) -> ImageReference:
    """The most telling tag: the longest, as `main-2026-11-24` is beside `main`; `latest` only where it is alone."""
    tags = [tag for tag, state in statement.tags.items() if _is_tag(tag) and not state.startswith("failed")]
    named = [tag for tag in tags if tag != _LATEST] or tags
    return repository.tagged(max(named, key=len)) if named else repository.at(statement.published)


def _is_tag(text: str) -> bool:
    try:
        return bool(check_tag(text))
    except BadReference:
        return False
