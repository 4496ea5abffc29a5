"""A Dockerfile's instructions, by the line rules of BuildKit's parser (frontend/dockerfile/parser).

Nothing is refused here: what is wrong the builder says, with its own words.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIRECTIVE: Final = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_DIRECTIVES: Final = frozenset({"syntax", "escape", "check"})
_HEREDOC: Final = re.compile(r"([0-9]*)<<(-?)\s*([^<]*)")
_WITH_HEREDOCS: Final = frozenset({"ADD", "COPY", "RUN"})
_SPACE: Final = " \t\v\f\r"


class Instruction(NamedTuple):
    """One instruction.

    Args:
        name: in capitals.
        line: where it begins, from 1.
        flags: `--name` or `--name=value`, without quotes.
        arguments: the rest of it, continuation lines joined, flags removed.
        heredocs: the names of its here-documents.
    """

    name: str
    line: int
    flags: tuple[str, ...]
    arguments: str
    heredocs: tuple[str, ...] = ()

    def flag(self, name: str) -> str | None:
        """A flag's value, "" if it has none, None if it is not there."""
        for flag in self.flags:
            found, _, value = flag.removeprefix("--").partition("=")
            if found == name:
                return value
        return None


def directives(text: str) -> dict[str, str]:
    """The parser directives (`# syntax=`, `# escape=`, `# check=`) at the top."""
    found: dict[str, str] = {}
    for line in _lines(text):
        match = _DIRECTIVE.fullmatch(line.lstrip())
        if not match or match[1].lower() not in _DIRECTIVES:
            break
        found.setdefault(match[1].lower(), match[2])
    return found


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions, in their order; comments, empty lines and the contents of here-documents are passed over."""
    escape = "`" if directives(text).get("escape") == "`" else "\\"
    continued = re.compile(rf"(?:(?<!{re.escape(escape)})|^){re.escape(escape)}[ \t]*$")
    lines = _lines(text)
    at = 0
    while at < len(lines):
        start = at
        joined, more = "", True
        while more and at < len(lines):
            line = lines[at] if joined or at > start else lines[at].lstrip()
            at += 1
            if line.lstrip().startswith("#") or (not line.strip() and at - 1 > start):
                more = at - 1 > start
                continue
            kept = continued.sub("", line)
            more = kept != line
            joined += kept
        if not joined.strip():
            continue
        instruction = _instruction(joined, start + 1, escape)
        for chomped, name in _heredocs(joined) if _may_have_heredocs(instruction) else ():
            at = _after_heredoc(lines, at, name, chomped=chomped)
            instruction = Instruction(
                instruction.name,
                instruction.line,
                instruction.flags,
                instruction.arguments,
                (*instruction.heredocs, name),
            )
        yield instruction


def triggered(instruction: Instruction, escape: str = "\\") -> Instruction:
    """What an `ONBUILD` holds; another instruction is itself."""
    if instruction.name != "ONBUILD":
        return instruction
    inner = _instruction(instruction.arguments, instruction.line, escape)
    return Instruction(inner.name, inner.line, inner.flags, inner.arguments, instruction.heredocs)


def words(text: str) -> list[str] | None:
    """The words of a line with their quotes and escapes as they are; None if a quote or brace is not closed."""
    found: list[str] = []
    word = ""
    at = 0
    while at < len(text):
        if text[at].isspace():
            if word:
                found.append(word)
            word = ""
            at += 1
            continue
        end = _after_piece(text, at)
        if end is None:
            return None
        word += text[at:end]
        at = end
    return [*found, word] if word else found


def _after_piece(text: str, at: int) -> int | None:
    """Where what begins here ends: a quoted part, an escaped character, `${…}`, `<<` with spaces, a character."""
    char = text[at]
    if char == "'":
        return _after(text, "'", at + 1)
    if char == '"':
        end = at + 1
        while end < len(text) and text[end] != '"':
            end += 2 if text[end] == "\\" else 1
        return end + 1 if end < len(text) else None
    if text.startswith("${", at):
        return _after(text, "}", at + 2)
    if text.startswith("<<", at):
        end = at + 2
        while end < len(text) and text[end].isspace():
            end += 1
        return end
    return min(at + (2 if char == "\\" else 1), len(text))


def _after(text: str, end: str, at: int) -> int | None:
    found = text.find(end, at)
    return None if found < 0 else found + 1


def _lines(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]


def _instruction(line: str, number: int, escape: str) -> Instruction:
    name, _, rest = re.sub(r"\A(\S+)\s*", r"\1\n", line.strip()).partition("\n")
    flags = []
    while rest.startswith("--"):
        flag, rest = _first_flag(rest, escape)
        if flag == "--":
            break
        flags.append(flag)
    return Instruction(name.upper(), number, tuple(flags), rest)


def _first_flag(text: str, escape: str) -> tuple[str, str]:
    flag, quote, at = "", "", 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == escape and at < len(text):
            flag += text[at]
            at += 1
        elif char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif not quote and char.isspace():
            break
        else:
            flag += char
    return flag, text[at:].lstrip()


def _may_have_heredocs(instruction: Instruction) -> bool:
    inner = triggered(instruction)
    return inner.name in _WITH_HEREDOCS and not _is_json(inner.arguments)


def _is_json(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), list)
    except ValueError:
        return False


def _heredocs(line: str) -> Iterator[tuple[bool, str]]:
    for word in words(line) or ():
        match = _HEREDOC.fullmatch(word)
        name = match and words(match[3])
        if match and name and len(name) == 1:
            yield match[2] == "-", re.sub(r"\\(.)|['\"]", r"\1", name[0])


def _after_heredoc(lines: list[str], at: int, name: str, *, chomped: bool) -> int:
    while at < len(lines):
        line = lines[at].lstrip("\t") if chomped else lines[at]
        at += 1
        if line == name:
            break
    return at
