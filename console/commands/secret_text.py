"""Secrets and their changes as lines and as JSON; no value is in either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from console.domain.secret_change import leaves, masked
from console.domain.secret_expiry import sent, shown
from runner.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from console.actions.secret_draft import SecretDraft
    from console.actions.secret_list import SecretLine
    from console.actions.secret_read import ShownSecret
    from console.commands.paint import Paint

_LATEST: Final = 5
_STYLES: Final = {"+": "good", "-": "bad", "~": "unsure", "=": "aside"}
_WORDS: Final = {"+": "added", "-": "removed", "~": "changed", "=": "kept"}


def line_json(line: SecretLine) -> dict[str, Any]:
    """A secret of a list; what could not be read is null."""
    return {
        "name": line.name,
        "expires": sent(line.expires) if line.expires else None,
        "lastChange": line.last.time if line.last else None,
        "by": line.last.client_id if line.last else None,
        "unread": line.unread or None,
    }


def line_text(line: SecretLine, now: datetime, paint: Paint) -> str:
    """A secret of a list for a person."""
    expires = f"expires {shown(line.expires, now)}" if line.expires else line.unread
    last = f"{line.last.action} {line.last.time} by {line.last.client_id}" if line.last else ""
    parts = [paint(line.name, "name"), paint(expires), paint(last, "aside") if last else ""]
    return "  ".join(part for part in parts if part)


def shown_json(found: ShownSecret) -> dict[str, Any]:
    """A secret with its values masked."""
    history = [
        {"action": entry.action, "clientId": entry.client_id, "time": entry.time}
        for entry in found.history or ()
    ]
    return {
        "name": found.name,
        "expires": sent(found.record.expires),
        "secret": masked(found.record.body),
        "history": None if found.history is None else history,
    }


def shown_lines(found: ShownSecret, now: datetime, paint: Paint) -> Iterator[str]:
    """A secret with its values masked, for a person."""
    yield paint(found.name, "name")
    yield f"expires {paint(shown(found.record.expires, now))}"
    values = leaves(found.record.body)
    yield from (f"  {paint(leaf.name)}  {MASK}" for leaf in values)
    if not values:
        yield "  it is empty"
    if found.history is None:
        yield paint(f"Its changes cannot be read: {found.history_unread}", "unsure")
    elif not found.history:
        yield "No change is in the audit, which keeps 30 days by default."
    else:
        yield "last changes:"
        for entry in reversed(found.history[-_LATEST:]):
            yield f"  {paint(entry.time)} {paint(entry.action)} by {paint(entry.client_id, 'name')}"


def draft_lines(draft: SecretDraft, now: datetime, paint: Paint) -> Iterator[str]:
    """What a change does, for a person."""
    yield f"secret {paint(draft.name, 'name')}"
    if draft.changes_nothing:
        yield "  nothing changes"
        return
    for change in draft.changes:
        prints = " → ".join(part for part in dict.fromkeys((change.before, change.after)) if part)
        yield paint(f"  {change.kind} {change.name}  {_WORDS[change.kind]} ({prints})", _STYLES[change.kind])
    yield f"  expires {paint(shown(draft.after.expires, now))}"
    yield from (paint(f"{warning}.", "unsure") for warning in draft.warnings)


def draft_json(draft: SecretDraft) -> dict[str, Any]:
    """What a change does; fingerprints are a session's, and say nothing to another one."""
    return {
        "name": draft.name,
        "expires": sent(draft.after.expires),
        "changes": [{"key": change.name, "change": _WORDS[change.kind]} for change in draft.changes],
        "warnings": list(draft.warnings),
    }
