"""Whether the task file renders, and whether the event makes a task of it that publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from console.domain.findings import Diagnosis, Link, broken, doubtful, ok
from console.domain.findings_fix import NEW_TASK_FILE, EditFile, RunCommand
from console.domain.taskcluster_yml import FILE_NAME
from console.domain.taskcluster_yml_advice import advise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from console.domain.taskcluster_yml import Problem, TaskclusterYml

# A finding of its own tells of these.
_OF_THE_ENGINE: Final = frozenset({"dind", "dockerSave"})


def absent_file() -> Diagnosis:
    """There is no task file."""
    return broken(
        Link.FILE,
        "file-absent",
        f"There is no {FILE_NAME}: nothing runs for a push.",
        "Write one: this shows it.",
        NEW_TASK_FILE,
    )


def unreadable_file(problems: Sequence[Problem], code: str = "file-does-not-render") -> Diagnosis:
    """The file does not become tasks, or the queue does not take them."""
    places = [problem.position.line for problem in problems if problem.position]
    line = places[0] if places else 0
    return broken(
        Link.FILE,
        code,
        "; ".join(map(str, problems)) + ".",
        f"Correct {FILE_NAME}{f', line {line}' if line else ''}; `lading task render` shows what comes of it.",
        EditFile(file=FILE_NAME, line=line),
    )


def file_findings(file: TaskclusterYml, *, is_committed: bool) -> Iterator[Diagnosis]:
    """What is out of date in a file that renders; a push takes along what is committed alone."""
    advice = [one for one in advise(file) if one.subject not in _OF_THE_ENGINE]
    if not advice:
        later = "" if is_committed else "; not committed yet as it is here"
        yield ok(Link.FILE, f"version {file.version}, renders{later}")
        return
    more = f" {len(advice) - 1} more of this kind." if len(advice) > 1 else ""
    first = advice[0]
    yield doubtful(
        Link.FILE,
        "file-out-of-date",
        f"{FILE_NAME}:{first.position.line}: {first.seen}.{more}",
        first.instead,
        NEW_TASK_FILE,
    )


def idle_event(what: str, elsewhere: str | None) -> Diagnosis:
    """Nothing of the file publishes when this happens.

    Args:
        what: what happens: "a push to `fix`".
        elsewhere: a branch whose pushes publish, or None.
    """
    if elsewhere is None:
        return broken(
            Link.EVENT,
            "event-publishes-nothing",
            f"{FILE_NAME} has no task that publishes at {what}, nor at a push to another branch.",
            "Have a task run `lading-runner publish`: this shows one.",
            NEW_TASK_FILE,
        )
    fix = RunCommand(("lading", "doctor", "--branch", elsewhere))
    return broken(
        Link.EVENT,
        "event-publishes-nothing",
        f"{FILE_NAME} has no task that publishes at {what}; a push to `{elsewhere}` has one.",
        f"Push to `{elsewhere}`, and ask about that.",
        fix,
    )


def asks_in_pull_requests(scope: str, line: int) -> Diagnosis:
    """A pull request makes a task that asks for the secret; that the role refuses it is told apart from this."""
    return doubtful(
        Link.PULL_REQUESTS,
        "pull-request-asks-for-secret",
        f"{FILE_NAME}:{line}: a pull request makes a task that asks for `{scope}`, which its role must not have.",
        'Let the task\'s `$if` name its events: tasks_for == "github-push" or "github-release".',
        EditFile(file=FILE_NAME, line=line),
    )
