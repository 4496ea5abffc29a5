"""The two files of a build context that say how it is built: the Dockerfile and the ignore file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

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


@dataclass(frozen=True, slots=True)
class BuildFiles:
    """The Dockerfile and the ignore file as they are sent.

    Args:
        dockerfile: the Dockerfile's bytes, read once: what is parsed is what is sent.
        dockerfile_name: its path in the context, for the build request. A reserved one, if it is outside of the
            context or a link.
        ignore_path: the ignore file that holds: `<Dockerfile>.dockerignore`, else `.dockerignore`, else None.
        rules: what it says.
        replaced: contents for paths of the checkout that are in the context.
        reserved: contents that are sent although they are not in the context; the daemon takes them out of it.
    """

    dockerfile: bytes
    dockerfile_name: str
    ignore_path: Path | None
    rules: IgnoreRules
    replaced: Mapping[str, bytes]
    reserved: Mapping[str, bytes]

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
        )


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
