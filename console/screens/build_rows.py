"""Builds as rows, and what a row has no place for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from console.screens.build_words import ago, lasted, state_cell
from console.widgets.content import line
from console.widgets.filter_table import Column, Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from console.domain.builds import Build

# They fill 80 cells: of what is longer, and of the tags there, the lines below the table tell.
COLUMNS: Final = (
    Column("state", 11),
    Column("branch", 13),
    Column("commit", 8),
    Column("began", 10),
    Column("took", 9),
    Column("who", 17),
    Column("tags"),
)


def key_of(build: Build) -> str:
    """What a build is once in the list."""
    return build.task_id or build.group_id


def row_of(build: Build, now: datetime) -> Row:
    """A build as a row; what only a hook tells of has no tags, and is known by its hook."""
    named = build.name if build.origin == "hook" else ""
    return Row(
        key_of(build),
        (
            state_cell(build.state),
            build.branch or build.event,
            build.commit[:8],
            ago(build.created, now),
            lasted(build.seconds(now)),
            build.who,
            build.problem or ", ".join(tag for tag, _ in build.tags) or named,
        ),
    )


def about(build: Build) -> Content:
    """All that is known of a build, in four lines."""
    return Content("\n").join([*_lines(build)])


def _lines(build: Build) -> Iterator[Content]:
    event = build.event.removeprefix("github-")
    of = " of ".join(filter(None, (event, build.branch)))
    yield line(
        " · ".join(
            filter(None, (" at ".join(filter(None, (of, build.commit[:12]))), build.repository, build.name))
        )
    )
    began = f"{build.created:%Y-%m-%d %H:%M} UTC" if build.created else ""
    who = f"by {build.who}" if build.who else ""
    yield line(" · ".join(filter(None, (began, who, f"told by {build.origin}"))), "quiet")
    if build.problem:
        yield line(f"! {build.problem}", "bad")
        return
    tags = ", ".join(f"{tag} ({state})" for tag, state in build.tags)
    yield line(tags or "no tags are known", "plain" if tags else "quiet")
    yield line(build.digest or "no digest is known", "plain" if build.digest else "quiet")
