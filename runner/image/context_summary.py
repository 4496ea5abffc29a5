"""What a build context has in it: its size, its digest, and what one should be warned of."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.image.archive import encoded
from runner.image.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE: Final = 100_000_000
_LIKE_SECRETS: Final = re.compile(
    r"\.env(\..+)?|id_(rsa|dsa|ecdsa|ed25519)|.+\.(pem|key|p12|pfx|keystore|jks|kdbx)"
    r"|\.(netrc|npmrc|pypirc|pgpass|git-credentials|htpasswd)|credentials(\.json)?|service[-_]account.*\.json"
)
_EXAMPLES: Final = re.compile(r".*\.(example|sample|template|dist)")
_NAMED_AT_MOST: Final = 5


class ContextSummary(NamedTuple):
    """What went by in a stream.

    Args:
        files: how many files, links and folders of the checkout.
        bytes: the size of the files' contents.
        digest: of their paths, kinds, executable bits, contents and link targets; nothing injected is in it.
        is_whole: whether these are all of the checkout's that are not ignored. If not, they are the Dockerfile, the
            ignore file, and what the Dockerfile's COPY and ADD name: two checkouts may have one digest that differ in
            what their build does not read.
    """

    files: int
    bytes: int
    digest: Digest
    is_whole: bool = True


class Tally:
    """What is counted and hashed while entries go by."""

    def __init__(self) -> None:
        self.hasher = hashlib.sha256()
        self.files = 0
        self.bytes = 0
        self._like_secrets: list[str] = []
        self._has_git = False

    def begin(self, kind: str, path: str, size: int) -> None:
        """Count an entry, whose `size` bytes of content are to be given to `hasher` next.

        Args:
            kind: folder, link, file, or program (an executable file).
            path: relative to the context.
            size: of the content, or of the link's target.
        """
        name = encoded(path)
        # Both lengths are written, so that no two different trees give the hasher the same bytes.
        self.hasher.update(f"{kind} {len(name)} {size}\n".encode() + name)
        self.files += 1
        if kind == "link":
            return
        self.bytes += size
        base = path.rpartition("/")[2]
        if kind != "folder" and _LIKE_SECRETS.fullmatch(base) and not _EXAMPLES.fullmatch(base):
            self._like_secrets.append(path)
        self._has_git = self._has_git or path == ".git"

    def summary(self, *, is_whole: bool) -> ContextSummary:
        """The sums so far."""
        digest = Digest(f"sha256:{self.hasher.hexdigest()}")
        return ContextSummary(self.files, self.bytes, digest, is_whole)

    def warnings(self) -> Iterator[str]:
        """What a maintainer may not have meant to send."""
        if self.bytes > LARGE:
            yield (
                f"The build context has {self.bytes / 1e6:.0f} MB in {self.files} files. "
                "List what the build does not need in .dockerignore."
            )
        if self._has_git:
            yield "The build context contains .git: it is large, and may hold credentials. Add it to .dockerignore."
        if self._like_secrets:
            named = ", ".join(map(shown, self._like_secrets[:_NAMED_AT_MOST]))
            more = len(self._like_secrets) - _NAMED_AT_MOST
            yield (
                f"The build context contains what looks like secrets: {named}"
                f"{f' and {more} more' if more > 0 else ''}. A COPY can publish them; add them to .dockerignore."
            )


def shown(path: str) -> str:
    """A path for a message: it may have bytes that are no text, and control characters."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in path)
