"""YAML as js-yaml 4 reads it, as far as it says what JSON can say."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

_TAG: Final = "tag:yaml.org,2002:"
# Aliases of aliases make a gigabyte of a hundred lines; the largest task files in use hold some thousand values.
_MOST_VALUES: Final = 100_000
_DEEPEST: Final = 100
_LARGEST_EXACT: Final = 2**53


class BadYaml(ValueError):
    """The text cannot be read.

    Args:
        reason: why.
        mark: where, or None where it is nowhere in particular.
    """

    def __init__(self, reason: str, mark: yaml.Mark | None = None) -> None:
        super().__init__(reason)
        self.mark = mark


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


def load(text: str) -> tuple[yaml.Node, Any]:
    """The outermost node, and what it says: objects, lists, texts, numbers, booleans, None.

    Raises:
        BadYaml: it is no YAML, is empty, or holds what JSON does not.
    """
    try:
        loader = _CoreLoader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
        if root is None:
            raise BadYaml("is empty")
        return root, _Values().of(root)
    except yaml.YAMLError as error:
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        raise BadYaml(f"is no YAML: {reason}", mark) from error
    except RecursionError as error:
        raise BadYaml("is nested too deeply") from error


def _bad(node: yaml.Node, reason: str) -> BadYaml:
    return BadYaml(reason, node.start_mark)


class _Values:
    """Makes values of nodes, and refuses what js-yaml refuses or what would not end."""

    def __init__(self) -> None:
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
