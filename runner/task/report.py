"""The build report: what the run did, how long it took and what it moved; the console draws it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.narration import Step

REPORT_NAME: Final = "docker-build-report.json"
PLAN_NAME: Final = "docker-plan.json"
REPORT_VERSION: Final = 1


def build_report(
    steps: Sequence[Step],
    warnings: Sequence[str],
    *,
    outcome: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> bytes:
    """The report as JSON.

    Args:
        steps: with their times in seconds.
        warnings: that were told.
        outcome: `exitCode`, and for a failure `error`.
        facts: engine, tags and their state, bytes.
    """
    document = {
        "version": REPORT_VERSION,
        "outcome": dict(outcome),
        **facts,
        "steps": [vars(step) for step in steps],
        "warnings": list(warnings),
    }
    return (json.dumps(document, indent=2, sort_keys=False) + "\n").encode()


def reported_statement(content: bytes | None) -> str | None:
    """The digest of the statement's bytes that a report has, or None if it has none or cannot be read."""
    try:
        document = json.loads(content or b"")
    except (ValueError, RecursionError):
        return None
    digest = document.get("statement") if isinstance(document, dict) else None
    return digest if isinstance(digest, str) else None
