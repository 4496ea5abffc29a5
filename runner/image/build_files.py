"""The two files of a build context that say how it is built: the Dockerfile and the ignore file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from runner.errors import UsageError
from runner.image.archive import encoded
from runner.image.context_summary import shown
from runner.image.digest import Digest
from runner.image.dockerignore import BadPattern, IgnoreRules, pattern_for, read_patterns

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

IGNORE_FILE: Final = ".dockerignore"


class BuildFiles(NamedTuple):
    """The Dockerfile and the ignore file as they are sent.

    Args:
        dockerfile: the Dockerfile's bytes, read once: what is parsed is what is sent.
        dockerfile_name: its path in the context, for the build request. A reserved one, if it is outside of the
            context or a link.
        ignore_path: the ignore file that holds: `<Dockerfile>.dockerignore`, else `.dockerignore`, else None.
        rules: what it says.
        replaced: contents for paths of the checkout that are in the context.
        reserved: contents that are sent although they are not in the context; the daemon takes them out of it.
        is_walked: whether the Dockerfile is itself in the context.
        original_ignore: the content of the context's `.dockerignore`, which alone the daemon reads, or None.
    """

    dockerfile: bytes
    dockerfile_name: str
    ignore_path: Path | None
    rules: IgnoreRules
    replaced: Mapping[str, bytes]
    reserved: Mapping[str, bytes]
    is_walked: bool
    original_ignore: bytes | None

    @classmethod
    def read(cls, root: Path, dockerfile: str | os.PathLike[str]) -> Self:
        """Read both.

        Args:
            root: the context, without links in its path.
            dockerfile: relative to it unless absolute.

        Raises:
            UsageError: there is no Dockerfile, one cannot be read, or the ignore file has a bad pattern.
        """
        given = root / dockerfile
        located = given.parent.resolve() / given.name
        content = _read(located)
        inside = located.is_relative_to(root) and not located.is_symlink()
        name = str(located.relative_to(root)) if inside else f".dockerfile.{Digest.of(content).short}"
        own, common = located.with_name(located.name + IGNORE_FILE), root / IGNORE_FILE
        ignore_path = next((path for path in (own, common) if path.is_file()), None)
        rules = _rules(ignore_path)
        original = _read(common) if common.is_file() else None
        removed = {
            name: not inside or rules.ignores(name),
            IGNORE_FILE: original is None or rules.ignores(IGNORE_FILE),
        }
        sent = {name: content, IGNORE_FILE: _for_the_daemon(original, removed)}
        present = {path: content for path, content in sent.items() if content is not None}
        return cls(
            content,
            name,
            ignore_path,
            rules,
            replaced={path: content for path, content in present.items() if not removed[path]},
            reserved={path: content for path, content in present.items() if removed[path]},
            is_walked=not removed[name],
            original_ignore=original,
        )

    def building(self, content: bytes) -> Self | None:
        """The same files with another Dockerfile, which the daemon takes out of the context without a trace.

        Args:
            content: the other Dockerfile.

        Returns:
            None where it cannot: then `.dockerignore` is in the context, and none of its patterns hides a name.
        """
        hides_itself = self.original_ignore is None or self.rules.ignores(IGNORE_FILE)
        name = f".dockerfile.{Digest.of(content).short}" if hides_itself else self._hidden_name()
        if name is None:
            return None
        removed = {name: True, IGNORE_FILE: hides_itself}
        ignore = _for_the_daemon(self.original_ignore, removed)
        hidden = {name: content, IGNORE_FILE: ignore} if hides_itself else {name: content}
        return self._replace(
            dockerfile_name=name,
            replaced={},
            reserved={path: sent for path, sent in hidden.items() if sent is not None},
        )

    def _hidden_name(self) -> str | None:
        """The name of a file that the context's own ignore file takes out, and that nothing in the context has."""
        patterns = read_patterns(self.original_ignore or b"")
        daemon = IgnoreRules(patterns)
        if daemon.ignores(
            IGNORE_FILE
        ):  # by `<Dockerfile>.dockerignore` it is in the context: it would be lost
            return None
        for pattern in patterns:
            name = re.sub(r"\A(\*\*/)+", "", pattern).replace("*", "lading").replace("?", "l")
            if (
                re.fullmatch(r"[A-Za-z0-9._-]+", name)
                and name not in {".", "..", IGNORE_FILE}
                and daemon.ignores(name)
                and self.rules.ignores(name)
                and not self.rules.may_except_below(name)
            ):
                return name
        return None


def _for_the_daemon(original: bytes | None, removed: Mapping[str, bool]) -> bytes | None:
    """An ignore file by which the daemon removes just these paths of these two; None if none is needed.

    The classic builder's daemon reads `.dockerignore` once more, to remove the Dockerfile and the ignore file
    themselves if that says so (moby, builder/remotecontext/detect.go). It knows no `<Dockerfile>.dockerignore`.
    """
    if original is None and not any(remove for path, remove in removed.items() if path != IGNORE_FILE):
        return None
    try:
        rules = IgnoreRules(read_patterns(original or b""))
    except BadPattern:  # of a file that does not hold, `<Dockerfile>.dockerignore` does
        original, rules = b"", IgnoreRules([])
    lines = [
        ("" if remove else "!") + pattern_for(path) + "\n"
        for path, remove in removed.items()
        if rules.ignores(path) != remove
    ]
    if not lines:
        return original
    kept = (original or b"").removesuffix(b"\n")
    return (kept + b"\n" if kept else b"") + encoded("".join(lines))


def _rules(path: Path | None) -> IgnoreRules:
    try:
        return IgnoreRules(read_patterns(_read(path) if path else b""))
    except BadPattern as error:
        raise UsageError(
            f"{shown(str(path))}: {error}.", action="Correct the pattern; Docker refuses it too."
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no {shown(str(path))}.", action="Correct `dockerfile` in lading.toml."
        ) from error
    except OSError as error:
        raise UsageError(f"{shown(str(path))} cannot be read: {error.strerror}.") from error
