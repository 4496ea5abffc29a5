"""What GitHub tells anybody of a public repository: the commit of a name, and files as a commit has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from console.services.artifacts import broken_is_failed
from console.services.attempt import Failed, listen
from runner.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp

    from console.services.taskcluster import Taskcluster

API: Final = "https://api.github.com"
"""https://docs.github.com/en/rest/commits/commits#get-a-commit: `heads/BRANCH`, `tags/TAG`, `pull/N/head`."""
RAW: Final = "https://raw.githubusercontent.com"
_MOST: Final = 1 << 20
# 404 of a repository that is private or not there, 422 of a name that is no commit.
_ABSENT: Final = frozenset({404, 422})
_ELSE: Final = "Begin in a checkout that has the commit, or give --commit and --file."


async def commit_at_github(taskcluster: Taskcluster, slug: str, ref: str) -> str:
    """The commit of `heads/BRANCH`, `tags/TAG` or `pull/NUMBER/head`.

    Args:
        taskcluster: whose connections are used; GitHub is sent no credentials.
        slug: `OWNER/NAME`.
        ref: below `refs/`.

    Raises:
        UsageError: GitHub shows no such commit to anybody.
        Unavailable: it does not answer, or has answered this address too often.
    """
    headers = {"Accept": "application/vnd.github+json"}
    text = await _read(taskcluster, f"{API}/repos/{slug}/commits/{quote(ref)}", headers)
    if text is None:
        raise UsageError(
            f"GitHub shows no {ref} of {slug}.",
            cause="There is none, or the repository is private.",
            action=_ELSE,
        )
    try:
        return str(json.loads(text)["sha"])
    except (ValueError, LookupError, TypeError) as error:
        raise Unavailable(f"GitHub tells of {ref} of {slug} in a shape that is not known.") from error


async def file_at_github(taskcluster: Taskcluster, slug: str, revision: str, name: str) -> str | None:
    """A file's text, or None where the commit has no such file.

    Raises:
        Unavailable: GitHub does not answer, or what it answers is no text of up to 1 MiB.
    """
    return await _read(taskcluster, f"{RAW}/{slug}/{revision}/{quote(name)}", {})


async def _read(taskcluster: Taskcluster, url: str, headers: Mapping[str, str]) -> str | None:
    from yarl import URL

    listen()
    try:
        with broken_is_failed():
            async with taskcluster.session.get(URL(url, encoded=True), headers=headers) as response:
                content = await _content(response)
    except Failed as failed:
        raise Unavailable(f"{url} cannot be read: {failed}.", action=_ELSE) from failed
    if content is None:
        return None
    if len(content) > _MOST:
        raise Unavailable(f"{url} has more than {_MOST} bytes.", action=_ELSE)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Unavailable(f"{url} is no UTF-8 text.", action=_ELSE) from error


async def _content(response: aiohttp.ClientResponse) -> bytes | None:
    if response.status in _ABSENT:
        return None
    if response.status != 200:
        # GitHub answers 403 or 429 to an address that has asked too often.
        raise Failed(f"it answered {response.status}")
    content = b""
    while len(content) <= _MOST and (more := await response.content.read(_MOST)):
        content += more
    return content
