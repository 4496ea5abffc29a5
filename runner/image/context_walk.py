"""The entries of a folder that are in a build context: used by the Dockerfile and not ignored."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from runner.errors import Conflict, UsageError
from runner.image import archive
from runner.image.context_summary import shown
from runner.image.context_use import EVERYTHING, ContextUse, led_to

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from runner.image.dockerignore import IgnoreRules, Verdict

# Links to links to links: beyond this everything is sent.
_LINKS_IN_A_ROW: Final = 8


class Entry(NamedTuple):
    """One path of the folder, and what is used of it; of another kind than these three is a socket, say."""

    path: str
    use: ContextUse
    is_folder: bool = False
    is_link: bool = False
    is_file: bool = False


class ContextWalk:
    """A walk through the folder.

    Args:
        root: the folder, absolute.
        rules: of the ignore file.
        injected: paths that are not taken from the folder.
    """

    def __init__(self, root: bytes, rules: IgnoreRules, injected: Container[str]) -> None:
        self.root = root
        self.rules = rules
        self.injected = injected
        self.warnings: list[str] = []

    def entries(self, use: ContextUse) -> Iterator[Entry]:
        """Folders before what is in them, names in the order of their bytes; no folder is read that is not used.

        Raises:
            Conflict: a folder disappeared.
            UsageError: one cannot be read, or stands where something is injected.
        """
        return self._below(Entry(path="", use=use), self.rules.root, [])

    def with_links(self, use: ContextUse) -> ContextUse:
        """What is used, and what the links in it lead to.

        The builder follows a link that COPY names, and takes the hash of what any other leads to for the link's own, by
        which it finds a layer in its cache.
        """
        for _ in range(_LINKS_IN_A_ROW):
            if use.is_everything:
                break
            links = [entry.path for entry in self.entries(use) if entry.is_link]
            targets = [led_to(link, archive.decoded(self.target(link))) for link in links]
            missed = [target for target in targets if not use.covers(target)]
            if not missed:
                return use
            use = use.also(missed)
        return EVERYTHING

    def target(self, link: str) -> bytes:
        """What is written in a link."""
        try:
            return os.readlink(self.full(link))  # noqa: PTH115  names of any bytes
        except OSError:
            changed(link)

    def full(self, path: str) -> bytes:
        """The path from the root of the file system."""
        return os.path.join(self.root, archive.encoded(path))  # noqa: PTH118  names of any bytes

    def _below(self, folder: Entry, parent: Verdict, waiting: list[Entry]) -> Iterator[Entry]:
        """What is used and not ignored, and the ignored folders (`waiting`) of what an exception brings back."""
        for entry in self._listing(folder):
            verdict = self.rules.verdict(entry.path, parent)
            if verdict.ignored and not entry.is_folder:
                continue
            if verdict.ignored:
                if self.rules.may_except_below(entry.path):
                    waiting.append(entry)
                    yield from self._below(entry, verdict, waiting)
                    if waiting and waiting[-1] is entry:
                        waiting.pop()
            elif self._is_wanted(entry):
                yield from waiting
                waiting.clear()
                yield entry
                if entry.is_folder:
                    yield from self._below(entry, verdict, waiting)

    def _listing(self, folder: Entry) -> list[Entry]:
        prefix = f"{folder.path}/" if folder.path else ""
        try:
            with os.scandir(self.full(folder.path)) as found:
                return [
                    _entry(prefix, item, use)
                    for item in sorted(found, key=lambda item: item.name)
                    if (use := folder.use.below(archive.decoded(item.name))) is not None
                ]
        except FileNotFoundError:
            changed(folder.path)
        except OSError as error:
            raise unreadable(folder.path, error) from error

    def _is_wanted(self, entry: Entry) -> bool:
        if entry.path in self.injected:
            if entry.is_folder:
                raise UsageError(f"{shown(entry.path)} is a folder, and a file is to be put there.")
            return False
        if entry.is_folder or entry.is_link or entry.is_file:
            return True
        self.warnings.append(f"Left out {shown(entry.path)}: it is no file, folder or link.")
        return False


def _entry(prefix: str, item: os.DirEntry[bytes], use: ContextUse) -> Entry:
    """By the kind that the folder itself tells: no file is looked at."""
    return Entry(
        path=prefix + archive.decoded(item.name),
        use=use,
        is_folder=item.is_dir(follow_symlinks=False),
        is_link=item.is_symlink(),
        is_file=item.is_file(follow_symlinks=False),
    )


def changed(path: str) -> NoReturn:
    """Something was not as it had been.

    Raises:
        Conflict: always.
    """
    raise Conflict(
        f"{shown(path) or 'The build context'} changed while the build context was read.",
        cause="Something else writes into the checkout.",
        action="Stop it, or list the file in .dockerignore.",
    )


def unreadable(path: str, error: OSError) -> UsageError:
    """What says that something cannot be read."""
    return UsageError(
        f"{shown(path) or 'The build context'} cannot be read: {error.strerror}.",
        action="Make it readable, or list it in .dockerignore.",
    )
