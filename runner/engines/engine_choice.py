"""`engine = auto`: the classic builder, or BuildKit by buildx where the classic one cannot do what is asked. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.engines.docker_engine import EngineFacts
    from runner.image.dockerfile import Need

_HOW_TO_HAVE_IT: Final = (
    "On Debian 13 or Ubuntu install docker-buildx, elsewhere Docker's docker-buildx-plugin; or put the program into "
    "$DOCKER_CONFIG/cli-plugins/docker-buildx"
)
# The Dockerfile language that an engine has built in: 1.4 has heredocs, 1.6 clones by ADD.
_HEREDOCS_SINCE: Final = 23
_GIT_SINCE: Final = 25


class Builder(StrEnum):
    """What builds."""

    CLASSIC = "docker"
    BUILDX = "buildx"


class Choice(NamedTuple):
    """What builds, and why."""

    builder: Builder
    why: str


class Wanted(NamedTuple):
    """What a build needs.

    Args:
        engine: the setting: `auto`, `docker` or `buildx`.
        needs: what of the Dockerfile only BuildKit does.
        platforms: that are asked for.
        has_buildx: whether the plugin is here.
    """

    engine: str
    needs: Sequence[Need]
    platforms: Sequence[str]
    has_buildx: bool


def choose_builder(wanted: Wanted) -> Choice:
    """The builder that can do what is asked.

    Raises:
        UsageError: there is none.
    """
    if wanted.engine == Builder.BUILDX:
        if not wanted.has_buildx:
            raise UsageError("The settings ask for buildx, and it is not here.", action=f"{_HOW_TO_HAVE_IT}.")
        return Choice(Builder.BUILDX, "the settings say so")
    reasons = []
    if wanted.needs:
        reasons.append(f"the Dockerfile needs BuildKit ({wanted.needs[0]})")
    if len(wanted.platforms) > 1:
        reasons.append(f"{len(wanted.platforms)} platforms are asked for")
    if not reasons:
        said = "the settings say so" if wanted.engine == Builder.CLASSIC else "it can do what is asked"
        return Choice(Builder.CLASSIC, said)
    if wanted.engine == Builder.CLASSIC or not wanted.has_buildx:
        raise _needs_buildx(wanted)
    return Choice(Builder.BUILDX, " and ".join(reasons))


def check_engine(choice: Choice, wanted: Wanted, facts: EngineFacts, syntax: str | None) -> None:
    """Whether this engine can build so.

    Args:
        choice: by `choose_builder`.
        wanted: what was asked of it.
        facts: of the engine.
        syntax: the Dockerfile's `# syntax=`, by which BuildKit takes another language than the engine's own.

    Raises:
        UsageError: it cannot.
    """
    if choice.builder is Builder.CLASSIC:
        return
    if facts.product != "docker":
        raise UsageError(
            f"buildx needs a Docker Engine, and {facts.product} answers at {facts.endpoint}.",
            action='Set DOCKER_HOST to a Docker Engine, or `engine = "docker"`.',
        )
    if len(wanted.platforms) > 1 and facts.store != "containerd":
        raise UsageError(
            f"The engine's {facts.store} store holds one platform of an image, and {', '.join(wanted.platforms)} are "
            "asked for.",
            action="Turn the engine's containerd image store on, or build each platform in a task of its own.",
        )
    too_new = [] if syntax else _too_new(wanted.needs, facts.version)
    if too_new:
        listed = "".join(f"\n  {need}" for need in too_new)
        raise UsageError(
            f"The BuildKit inside of Docker Engine {facts.version} does not know this:{listed}\n",
            cause="It takes the lines of a heredoc for instructions, and a repository for a file.",
            action="Write `# syntax=docker/dockerfile:1` as the first line, or use a newer engine.",
        )


def _needs_buildx(wanted: Wanted) -> UsageError:
    action = (
        'Set `engine = "auto"`'
        if wanted.has_buildx
        else "Rewrite these lines, or have buildx"
        if wanted.needs
        else "Have buildx"
    )
    how = "" if wanted.has_buildx else f": {_HOW_TO_HAVE_IT[0].lower()}{_HOW_TO_HAVE_IT[1:]}"
    if not wanted.needs:
        return UsageError(
            "The Docker Engine's classic builder builds for one platform, and several are asked for.",
            action=f"{action}{how}.",
        )
    listed = "".join(f"\n  {need}" for need in wanted.needs)
    return UsageError(
        f"The Dockerfile needs BuildKit, which the engine's classic builder is not:{listed}\n",
        cause="The classic builder refuses some of this, and silently does nothing for the rest.",
        action=f"{action}{how}.",
    )


def _too_new(needs: Sequence[Need], version: str) -> list[Need]:
    """The needs that an engine's built-in language would misread; what it does not know otherwise it refuses itself."""
    first = version.partition(".")[0]
    major = int(first) if first.isdecimal() else 0
    since = {"<<": _HEREDOCS_SINCE, "ADD ": _GIT_SINCE}
    return [
        need
        for need in needs
        if any(
            mark in need.feature and "--" not in need.feature and major < number
            for mark, number in since.items()
        )
    ]
