"""Pages of a list, by the two forms of `continuationToken` that the services use.

An opaque offset (secrets, clients, roles, index) and the last key in base64 (artifacts, pending, claimed; and
here a group's tasks, of which there may be very many). A token that is neither is silently page one, as measured.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST: Final = 1000
_OFFSET_MARK: Final = "offset"


def by_offset(items: Sequence[Any], query: Mapping[str, str]) -> tuple[list[Any], dict[str, str]]:
    """The page that the query asks for, and the token of the next one as a member, if there is one."""
    start, limit = _offset(query.get("continuationToken", "")), page_length(query)
    page = list(items[start : start + limit])
    following = start + limit
    return page, {"continuationToken": _offset_token(following)} if following < len(items) else {}


def by_key(
    items: Sequence[Any], query: Mapping[str, str], key: Callable[[Any], list[Any]]
) -> tuple[list[Any], dict[str, str]]:
    """The same for items sorted by `key`: the page starts after the key that the token holds."""
    after, limit = last_key(query), page_length(query)
    left = [item for item in items if after is None or key(item) > after]
    page = left[:limit]
    return page, key_token(key(page[-1])) if len(left) > limit else {}


def page_length(query: Mapping[str, str]) -> int:
    """How many items the query asks for, a thousand at most."""
    # limit=0 is a 500 upstream, not to be imitated: one item.
    digits = query.get("limit", str(MOST)).lstrip("0") or "0"
    return max(1, min(int(digits), MOST)) if len(digits) <= len(str(MOST)) else MOST


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def _decoded(token: str) -> Any:
    try:
        return json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None


def _offset_token(offset: int) -> str:
    return _encoded({_OFFSET_MARK: offset}).rstrip("=")


def _offset(token: str) -> int:
    found = _decoded(token + "=" * (-len(token) % 4))
    offset = found.get(_OFFSET_MARK) if isinstance(found, dict) else None
    return offset if isinstance(offset, int) and offset >= 0 else 0


def last_key(query: Mapping[str, str]) -> list[Any] | None:
    """The key after which the page that the query asks for starts; None for the first page."""
    found = _decoded(query.get("continuationToken", ""))
    return found if isinstance(found, list) else None


def key_token(key: list[Any]) -> dict[str, str]:
    """What an answer holds where there is more after the item with this key."""
    return {"continuationToken": _encoded(key)}
