"""Which paths a `.dockerignore` keeps out of the build context, as BuildKit reads it.

The rules are those of github.com/moby/patternmatcher, which the Docker CLI, BuildKit and the daemon share; its
documentation is https://docs.docker.com/build/concepts/context/#dockerignore-files. What it does in odd cases
(a `*` in a character class, a `^` outside one) is kept, because a build context must not depend on who reads it.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_BOM: Final = b"\xef\xbb\xbf"
# Go's unicode.IsSpace, which is not Python's str.isspace: U+001C to U+001F are no space there.
_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"  # noqa: E501  one set, one line
_LITERAL: Final = frozenset(".+()|{}$")
_IN_CLASS: Final = frozenset("[&~|")  # what Python's `re` may one day read as set operations
_ALPHANUMERIC: Final = re.compile(r"[A-Za-z0-9]|[^\x00-\x7f]")


class BadPattern(ValueError):
    """A pattern that Docker refuses too, or of which two readers would make two things."""


class _Group(NamedTuple):
    """Neighbouring patterns of one kind: the first that matches decides, so they are one expression."""

    exception: bool
    expression: re.Pattern[str]


class Verdict(NamedTuple):
    """Whether a path is ignored; `groups` is what its children's verdicts start from."""

    ignored: bool
    groups: tuple[bool, ...]


class IgnoreRules:
    """The patterns of one ignore file; the last that matches decides.

    Args:
        patterns: as `read_patterns` returns them.

    Raises:
        BadPattern: one of them is none; the message has it.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._groups: list[_Group] = []
        self._exceptions: list[list[str]] = []
        parts: list[str] = []
        was_exception = False
        for raw in patterns:
            pattern = raw.strip(_SPACE)
            if not pattern:
                continue
            pattern = _clean(pattern)
            exception = pattern.startswith("!")
            if exception:
                pattern = pattern[1:]
                if not pattern:
                    raise BadPattern("`!` alone excepts nothing")
                self._exceptions.append(pattern.split("/"))
            if parts and exception != was_exception:
                self._close(parts, exception=was_exception)
                parts = []
            parts.append(_expression(pattern))
            was_exception = exception
        if parts:
            self._close(parts, exception=was_exception)

    def _close(self, parts: list[str], *, exception: bool) -> None:
        self._groups.append(_Group(exception, re.compile(rf"(?:{'|'.join(parts)})\Z")))

    @property
    def root(self) -> Verdict:
        """The verdict on the context itself, from which a walk starts: it cannot be ignored."""
        return Verdict(ignored=False, groups=(False,) * len(self._groups))

    def verdict(self, path: str, parent: Verdict) -> Verdict:
        """Decide on one path of a walk.

        Args:
            path: relative to the context, with `/`.
            parent: the verdict on its folder.
        """
        ignored = False
        groups = []
        for group, of_parent in zip(self._groups, parent.groups, strict=True):
            matches = of_parent or (group.exception == ignored and group.expression.match(path) is not None)
            groups.append(matches)
            if matches:
                ignored = not group.exception
        return Verdict(ignored, tuple(groups))

    def ignores(self, path: str) -> bool:
        """Whether one path is ignored, itself or with a folder that it is in."""
        verdict = self.root
        parts = path.split("/")
        for depth in range(len(parts)):
            verdict = self.verdict("/".join(parts[: depth + 1]), verdict)
        return verdict.ignored

    def may_except_below(self, folder: str) -> bool:
        """Whether an exception could bring back something below an ignored folder; if not, it need not be read."""
        parts = folder.split("/")
        return any(_may_match_below(pattern, parts) for pattern in self._exceptions)


def read_patterns(content: bytes) -> list[str]:
    """The patterns of an ignore file: without comments, empty lines, and what is around a pattern.

    Args:
        content: the file's bytes; what is not UTF-8 stands for itself, as in file names.
    """
    text = content.removeprefix(_BOM).decode("utf-8", "surrogateescape")
    patterns = []
    for line in text.split("\n"):
        pattern = line.strip(_SPACE)
        if line.startswith("#") or not pattern:
            continue
        exception = pattern.startswith("!")
        if exception:
            pattern = pattern[1:].strip(_SPACE)
        if pattern:
            pattern = _clean(pattern)
        if len(pattern) > 1:
            pattern = pattern.removeprefix("/")
        patterns.append("!" + pattern if exception else pattern)
    return patterns


def pattern_for(path: str) -> str:
    """The pattern that matches this path and (being a file) no other."""
    return re.sub(r"([^A-Za-z0-9_./\x80-\U0010ffff-])", r"\\\1", path)


def _clean(path: str) -> str:
    """Go's `filepath.Clean`; `normpath` alone would keep two leading slashes, as POSIX allows."""
    return posixpath.normpath(re.sub("/{2,}", "/", path))


def _may_match_below(pattern: list[str], folder: list[str]) -> bool:
    for depth, part in enumerate(pattern):
        if "**" in part or "[" in part or "\\" in part:  # a class may match a slash
            return True
        if depth == len(folder):
            return True
        if not ("*" in part or "?" in part or part == folder[depth]):
            return False
    return False


def _expression(pattern: str) -> str:
    """The regular expression for a pattern, without its anchors.

    Raises:
        BadPattern: the pattern is none.
    """
    _check(pattern)
    go, plain = _go_expression(pattern)
    if plain == "whole":
        return re.escape(pattern)
    if plain == "beginning":
        return re.escape(pattern[:-2]) + "(?s:.*)"
    if plain == "end":
        end = pattern[2:]
        return f"(?s:.*){re.escape(end)}" + (f"|{re.escape(end[1:])}" if end.startswith("/") else "")
    expression = _python_expression(go, pattern)
    try:
        re.compile(expression)
    except re.error as error:
        raise BadPattern(f"{pattern!r} is no pattern: {error}") from None
    return expression


def _go_expression(pattern: str) -> tuple[str, str]:
    """The expression that moby makes, and whether it compares text instead: whole, beginning, end or nothing."""
    made = []
    plain = "whole"
    at = 0
    while at < len(pattern):
        first = at == 0
        char = pattern[at]
        at += 1
        if pattern.startswith("**", at - 1):
            at += 1
            at += pattern.startswith("/", at)
            if at == len(pattern):
                plain = "beginning" if plain == "whole" else ""
                made.append(".*")
            else:
                made.append("(?:.*/)?")
                plain = ""
            if first:
                plain = "end"
        elif char in "*?":
            made.append("[^/]*" if char == "*" else "[^/]")
            plain = ""
        elif char in _LITERAL:
            made.append("\\" + char)
        elif char == "\\":
            made.append("\\" + pattern[at])
            at += 1
            plain = ""
        else:
            made.append(char)
            if char in "[]":
                plain = ""
    return "".join(made), plain


def _python_expression(go: str, pattern: str) -> str:
    """The same expression for Python's `re`; where Go's syntax has more, the pattern is refused."""
    made = []
    in_class = False
    at = 0
    while at < len(go):
        char = go[at]
        if char == "\\":
            escaped = go[at + 1]
            if _ALPHANUMERIC.match(escaped):
                raise BadPattern(
                    f"{pattern!r}: `\\{escaped}` does not stand for `{escaped}`; leave out the `\\`"
                )
            made.append(char + escaped)
            at += 2
            continue
        if in_class:
            if go.startswith("[:", at):
                raise BadPattern(
                    f"{pattern!r}: named character classes are read differently by different builders"
                )
            in_class = char != "]"
            made.append("\\" + char if char in _IN_CLASS else char)
        else:
            in_class = char == "["
            made.append(char)
            if in_class and go.startswith("^", at + 1):
                made.append("^")
                at += 1
        at += 1
    return "".join(made)


def _check(pattern: str) -> None:
    """Refuse what Go's `filepath.Match` refuses, by which moby checks a pattern first."""
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "\\":
            at = _after_one(pattern, at - 1)
        elif char == "[":
            at += pattern.startswith("^", at)
            members = 0
            while not (members and pattern.startswith("]", at)):
                at = _after_member(pattern, at)
                if pattern.startswith("-", at):
                    at = _after_member(pattern, at + 1)
                members += 1
            at += 1


def _after_member(pattern: str, at: int) -> int:
    if pattern.startswith(("-", "]"), at):
        raise BadPattern(f"{pattern!r}: a character class is not well formed")
    at = _after_one(pattern, at)
    if at >= len(pattern):
        raise BadPattern(f"{pattern!r}: a `[` is not closed")
    return at


def _after_one(pattern: str, at: int) -> int:
    at += pattern.startswith("\\", at)
    if at >= len(pattern):
        raise BadPattern(f"{pattern!r} ends too early")
    return at + 1
