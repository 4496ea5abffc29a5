"""The text of `.taskcluster.yml`: YAML as Taskcluster-Github reads it, and where each value stands in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from console.domain.core_yaml import BadYaml, load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FILE_NAME: Final = ".taskcluster.yml"
_MOST_STEPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the file.

    Args:
        line: from 1.
        column: from 1.
    """

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Args:
        reason: what, as the service words it where it does.
        position: where, or None where it is nowhere in particular.
        pointer: which value, as `/policy/pullRequests`; "" for the file as a whole.
    """

    reason: str
    position: Position | None = None
    pointer: str = ""

    def __str__(self) -> str:
        return self.told_of(FILE_NAME)

    def told_of(self, name: str) -> str:
        """One line, as compilers write them; `name` is the file's."""
        place = f":{self.position.line}:{self.position.column}" if self.position else ""
        subject = self.pointer.removeprefix("/").replace("/", ".")
        return f"{name}{place}: {subject + ' ' if subject else ''}{self.reason}"


class BadTaskclusterYml(ValueError):
    """The file does not become tasks.

    Args:
        problems: every problem that was found; at least one.
    """

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class YamlText:
    """The file's text, read.

    Args:
        text: the file.
        root: its outermost node.
        value: what it says: objects, lists, texts, numbers, booleans, None.
    """

    text: str
    root: yaml.Node
    value: Any

    def position(self, path: Sequence[str | int], hint: str | None = None) -> Position:
        """Where the value with this path is, or the nearest that there is.

        Args:
            path: as in the rendered file: steps that json-e's operators add to the template are looked
                through.
            hint: a word of the value to point at.
        """
        _depth, node = _nearest(self.root, tuple(path), iter(range(_MOST_STEPS)))
        if hint:
            start, end = node.start_mark.index, node.end_mark.index
            found = re.compile(rf"(?<!\w){re.escape(hint)}(?!\w)").search(self.text, start, end)
            if found:
                return self.at(found.start())
        return Position(node.start_mark.line + 1, node.start_mark.column + 1)

    def at(self, index: int) -> Position:
        """Where a character of the text is."""
        before = self.text[:index]
        return Position(before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1)


def read_yaml(text: str) -> YamlText:
    """Read the text.

    Raises:
        BadTaskclusterYml: it is no YAML, or holds what JSON does not.
    """
    try:
        root, value = load(text)
    except BadYaml as error:
        mark = error.mark
        position = Position(mark.line + 1, mark.column + 1) if mark else None
        raise BadTaskclusterYml(Problem(str(error), position)) from error
    return YamlText(text, root, value)


def _nearest(node: yaml.Node, path: tuple[str | int, ...], steps: Iterator[int]) -> tuple[int, yaml.Node]:
    """How many steps of the path lead somewhere, and where to."""
    if not path or next(steps, None) is None:
        return 0, node
    for key, child in _children(node):
        if key == path[0]:
            depth, found = _nearest(child, path[1:], steps)
            return depth + 1, found
    through = _children(node) if _is_looked_through(node, path[0]) else ()
    tried = [_nearest(child, path, steps) for _key, child in through]
    return (
        max(tried, key=lambda reached: reached[0], default=(0, node))
        if any(d for d, _ in tried)
        else (0, node)
    )


def _children(node: yaml.Node) -> Iterator[tuple[str | int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from enumerate(node.value)


def _is_looked_through(node: yaml.Node, step: str | int) -> bool:
    """Whether json-e would put something in the node's place: an operator's object, or a list of parts."""
    if isinstance(node, yaml.SequenceNode):
        return isinstance(step, str)
    keys = [str(key) for key, _child in _children(node)]
    return any(key.startswith(("$", "each(")) or key in {"then", "else", "in"} for key in keys) or (
        isinstance(step, int)
    )
