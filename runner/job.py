"""One job: everything that was decided before anything is asked, and the edges it may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from runner.narration import Narrator
    from runner.settings import Settings
    from runner.task.checkout import Checkout
    from runner.task.event import Event
    from runner.task.identity import TaskIdentity


class Job(NamedTuple):
    """What a command works on.

    Args:
        settings: for one image.
        event: behind the task.
        revision: the commit.
        task: which task this is.
        checkout: what is built.
        artifacts: the declared directory, or None.
        environment: for the engine's own variables.
        narrator: tells and masks.
        clock: seconds since the epoch.
        sleep: waits so many seconds.
    """

    settings: Settings
    event: Event
    revision: str
    task: TaskIdentity
    checkout: Checkout
    artifacts: Path | None
    environment: Mapping[str, str]
    narrator: Narrator
    clock: Callable[[], float]
    sleep: Callable[[float], None]
