"""The text of `.taskcluster.yml`: YAML as Taskcluster-Github reads it, and where each value stands in it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FILE_NAME: Final = ".taskcluster.yml"
_TAG: Final = "tag:yaml.org,2002:"
# Aliases of aliases make a gigabyte of a hundred lines; the largest files in use hold some thousand values.
_MOST_VALUES: Final = 100_000
_DEEPEST: Final = 100
_LARGEST_EXACT: Final = 2**53
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


class _CoreLoader(yaml.SafeLoader):
    """Scalars as js-yaml 4 reads them: `on` and `yes` are texts, `012` is twelve; YAML 1.1 says otherwise."""


_CoreLoader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?(?:0b[01]+|0x[0-9a-fA-F]+|0o[0-7]+|[0-9]+)$", "-+0123456789"),
    ("float", r"^(?:[-+]?[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+."),
    ("merge", r"^(?:<<)$", "<"),
):
    _CoreLoader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(_pattern), list(_first))


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
        loader = _CoreLoader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                raise BadTaskclusterYml(Problem("is empty", Position(1, 1)))
            return YamlText(text, root, _Values(loader).of(root))
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _no_yaml(error) from error
    except RecursionError as error:
        raise BadTaskclusterYml(Problem("is nested too deeply")) from error


def _no_yaml(error: yaml.YAMLError) -> BadTaskclusterYml:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
    position = Position(mark.line + 1, mark.column + 1) if mark else None
    return BadTaskclusterYml(Problem(f"is no YAML: {reason}", position))


def _bad(node: yaml.Node, reason: str) -> BadTaskclusterYml:
    mark = node.start_mark
    return BadTaskclusterYml(Problem(reason, Position(mark.line + 1, mark.column + 1)))


class _Values:
    """Makes values of nodes, and refuses what js-yaml refuses or what would not end."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._open: list[int] = []
        self._count = 0

    def of(self, node: yaml.Node) -> Any:
        self._count += 1
        if self._count > _MOST_VALUES:
            raise _bad(node, f"has more than {_MOST_VALUES} values, its aliases counted wherever they stand")
        if id(node) in self._open:
            raise _bad(node, "contains itself by an alias")
        if len(self._open) > _DEEPEST:
            raise _bad(node, "is nested too deeply")
        self._open.append(id(node))
        try:
            return self._value(node)
        finally:
            self._open.pop()

    def _value(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._object(node)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.of(item) for item in node.value]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        raise _bad(node, f"has the tag {node.tag}, of which nothing can be made")

    def _object(self, node: yaml.MappingNode) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                for part in self._merged(value):
                    merged = {**part, **merged}
                continue
            name = self._key(key)
            if name in own:
                raise _bad(key, f"has the key {name!r} twice in one object")
            own[name] = self.of(value)
        return {**merged, **own}

    def _merged(self, node: yaml.Node) -> Iterable[dict[str, Any]]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for part in parts:
            value = self.of(part)
            if not isinstance(value, dict):
                raise _bad(part, "merges what is no object")
            yield value

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _bad(node, "has a key that is no text")
        value = self._scalar(node)
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        return str(value)

    def _scalar(self, node: yaml.ScalarNode) -> str | float | bool | None:
        text = str(node.value)
        match node.tag.removeprefix(_TAG):
            case "str" | "merge":
                return text
            case "null":
                return None
            case "bool" if text.lower() in {"true", "false"}:
                return text.lower() == "true"
            case "int" | "float" as kind:
                return _number(node, kind)
            case _:
                pass
        raise _bad(node, f"has the tag {node.tag}, which a value may not have")


def _number(node: yaml.ScalarNode, kind: str) -> float:
    text = str(node.value).lower()
    body = text.lstrip("+-")
    try:
        if kind == "int":
            value = int(body, 0) if body[:2] in {"0x", "0b", "0o"} else int(body)
            return -value if text.startswith("-") else value
        number = float(text.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError as error:
        raise _bad(node, "has a number that cannot be read") from error
    if math.isnan(number) or math.isinf(number):
        raise _bad(node, "has a number that JSON does not have")
    # JavaScript has one kind of number: 1.0 is 1.
    return int(number) if number.is_integer() and abs(number) < _LARGEST_EXACT else number


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
