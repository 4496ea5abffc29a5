"""Which paths of a build context a Dockerfile reads: nothing is sent that neither COPY nor ADD names.

The classic builder reads a context by COPY and ADD alone, and BuildKit by `RUN --mount` too. A source is a path, whose
folder is taken whole, or a pattern of Go's `filepath.Match` (moby, builder/dockerfile/copy.go). What is found here may
be more than what is read, never less: where a source cannot be known before the build, everything is used.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.image.dockerfile_syntax import instructions, triggered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.image.dockerfile import Dockerfile
    from runner.image.dockerfile_syntax import Instruction

# What the builder makes of a quote, an escape or a variable in a source is not done again here.
_NOT_PLAIN: Final = re.compile(r"[\"'`\\$]|[\ud800-\udfff]")
_QUOTED: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")
# Go's `*` and `?` stop at a slash, but a class need not: `[^a]` and `[+-9]` match one; these do not.
_CLASS: Final = re.compile(r"\[(?:[A-Za-z0-9]-[A-Za-z0-9]|[^]\[^/!-])+\]")
_WILDCARD: Final = re.compile(r"\*|\?|\[[^]]+\]")
_URL: Final = ("http://", "https://")
_KNOWN_FLAGS: Final = frozenset({"chown", "chmod", "link", "checksum", "from"})
_MOUNTS_OF_NO_CONTEXT: Final = frozenset({"cache", "secret", "ssh", "tmpfs"})

_Part = str | re.Pattern[str]


class _Unknown(Exception):
    """What an instruction reads cannot be known before the build."""


class ContextUse(NamedTuple):
    """What is used of a folder.

    Args:
        tails: paths relative to it, in parts, each a name or what matches one; an empty one is the folder itself, with
            all that is in it.
    """

    tails: frozenset[tuple[_Part, ...]]

    @property
    def is_everything(self) -> bool:
        """Whether the folder is used whole."""
        return () in self.tails

    def below(self, name: str) -> ContextUse | None:
        """What is used of an entry of the folder; None if neither it nor anything in it is."""
        if self.is_everything:
            return self
        rests = frozenset(tail[1:] for tail in self.tails if _matches(tail[0], name))
        if () in rests:
            return EVERYTHING
        return ContextUse(rests) if rests else None

    def covers(self, parts: Iterable[str]) -> bool:
        """Whether a path is used, whole."""
        use: ContextUse | None = self
        for part in parts:
            use = use.below(part) if use else None
        return use is not None and use.is_everything

    def also(self, paths: Iterable[tuple[_Part, ...]]) -> ContextUse:
        """The same and further paths."""
        wider = self.tails.union(paths)
        return EVERYTHING if () in wider else ContextUse(wider)


EVERYTHING: Final = ContextUse(frozenset({()}))


def context_use(dockerfile: Dockerfile, triggers: Iterable[str] = ()) -> ContextUse:
    """What a build of all stages reads of its context.

    Args:
        dockerfile: it.
        triggers: the `ONBUILD` instructions of the images that it builds on.
    """
    escape = "`" if dockerfile.directives.get("escape") == "`" else "\\"
    own = (triggered(instruction, escape) for instruction in dockerfile.instructions)
    inherited = (instruction for text in triggers for instruction in instructions(text))
    tails: set[tuple[_Part, ...]] = set()
    try:
        for instruction in (*own, *inherited):
            tails.update(map(_parts, _sources(instruction)))
    except _Unknown:
        return EVERYTHING
    return ContextUse(frozenset()).also(tails)


def led_to(link: str, target: str) -> tuple[str, ...]:
    """Where a link leads inside of the context, which the builder does not leave; () is the context itself.

    Args:
        link: its path.
        target: as it is written in it.
    """
    found = [] if target.startswith("/") else link.split("/")[:-1]
    descended = False
    for part in target.split("/"):
        if part == "..":
            if descended:  # a folder's `..` is elsewhere if the folder is itself a link
                return ()
            found = found[:-1]
        elif part not in {"", "."}:
            found.append(part)
            descended = True
    return tuple(found)


def _sources(instruction: Instruction) -> Iterator[str]:
    """The sources that are of the context."""
    if instruction.name == "RUN":
        if any(map(_mounts_context, instruction.flags)):
            raise _Unknown
        return
    if instruction.name not in {"ADD", "COPY"} or instruction.flag("from"):
        return
    flags = {flag.removeprefix("--").partition("=")[0] for flag in instruction.flags}
    if instruction.heredocs or flags - _KNOWN_FLAGS:
        raise _Unknown
    for source in _arguments(instruction.arguments)[:-1]:
        if not source.startswith(_URL):
            yield source


def _mounts_context(flag: str) -> bool:
    name, _, options = flag.partition("=")
    if name != "--mount":
        return False
    found = {key.lower(): value for key, _, value in (item.partition("=") for item in options.split(","))}
    return found.get("type", "bind") not in _MOUNTS_OF_NO_CONTEXT and not found.get("from")


def _arguments(text: str) -> list[str]:
    """The arguments, by the rule that what begins as a JSON list is one, whatever follows it."""
    if not text.startswith("["):
        return text.split()
    try:
        found, _end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        raise _Unknown from None
    if not all(isinstance(item, str) for item in found):
        raise _Unknown
    return list(found)


def _parts(source: str) -> tuple[_Part, ...]:
    quoted = _QUOTED.fullmatch(source)
    plain = (quoted[1] or quoted[2] or "") if quoted else source
    if _NOT_PLAIN.search(plain) or re.search(r"[][]", _CLASS.sub("", plain)):
        raise _Unknown
    names = [name for name in plain.split("/") if name not in {"", "."}]
    if ".." in names:
        # The builder's own answer depends on its version, and on links.
        raise _Unknown
    return tuple(_part(name) for name in names)


def _part(name: str) -> _Part:
    if not _WILDCARD.search(name):
        return name
    return re.compile(
        "".join(
            {"*": ".*", "?": "."}.get(piece, "." if piece.startswith("[") else re.escape(piece))
            for piece in re.split(f"({_WILDCARD.pattern})", name)
        ),
        re.DOTALL,
    )


def _matches(part: _Part, name: str) -> bool:
    return part == name if isinstance(part, str) else part.fullmatch(name) is not None
