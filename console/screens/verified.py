"""A verdict as it is drawn: the answer, what decided it, every link of the chain, and what was trusted."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from textual.containers import Grid, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from console.domain.verified_links import NAMES, Standing, answer_of, links_of
from console.widgets.content import line, lines
from runner.errors import ExitCode, IntegrityFailure
from runner.verification_values import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult

    from console.domain.verified_links import Link
    from console.widgets.content import Tone
    from runner.errors import RunnerError
    from runner.image.reference import ImageReference
    from runner.verification_values import Evidence, Verdict

_LOOKS: Final[dict[Standing, tuple[str, Tone]]] = {
    Standing.HOLDS: ("✓", "good"),
    Standing.FAILS: ("✗", "bad"),
    Standing.UNKNOWN: ("?", "warning"),
    Standing.NOT_ASKED: ("·", "quiet"),
}
_DECIDING: Final = {Standing.FAILS: Outcome.FAILS, Standing.UNKNOWN: Outcome.UNKNOWN}


class VerdictView(VerticalScroll):
    """Empty, until a verdict is shown."""

    DEFAULT_CSS = """
    VerdictView { padding: 0 1; }
    VerdictView Static { height: auto; }
    VerdictView Grid {
        display: none; grid-size: 2; grid-columns: 13 1fr; grid-rows: auto; height: auto; margin: 1 0;
    }
    """

    def compose(self) -> ComposeResult:
        """What decides, the chain, what was trusted."""
        self._answer = Static(markup=False)
        self._cells = [Static(markup=False) for _ in range(2 * len(NAMES))]
        self._below = Static(markup=False)
        yield self._answer
        yield Grid(*self._cells)
        yield self._below

    def clear(self) -> None:
        """Nothing is known."""
        self._answer.update("")
        self._below.update("")
        self.query_one(Grid).display = False

    def show(self, reference: ImageReference, evidence: Evidence, verdict: Verdict) -> None:
        """Show a verdict.

        Args:
            reference: as it was asked for.
            evidence: what was read.
            verdict: what was decided.
        """
        deciding = _deciding(verdict)
        told = [line(text) for text in deciding or [verdict.summary]]
        self._answer.update(Content("\n").join([_said(*answer_of(verdict)), *told]))
        links = links_of(reference, evidence, verdict)
        cells = chain.from_iterable(_cells(link, frozenset(deciding)) for link in links)
        for cell, content in zip(self._cells, cells, strict=True):
            cell.update(content)
        self.query_one(Grid).display = True
        self._below.update(Content("\n").join([*_below(reference, evidence, verdict)]))
        self.scroll_home(animate=False)

    def show_failure(self, error: RunnerError) -> None:
        """Show that the image itself was not shown, or is not what its digest says."""
        differs = isinstance(error, IntegrityFailure)
        words = "NOT verified: it differs" if differs else "Cannot tell: the image cannot be read"
        standing = Standing.FAILS if differs else Standing.UNKNOWN
        parts = [_said(standing, f"{words} (exit code {int(error.exit_code)})"), lines(error.what)]
        parts += [lines(text) for text in (error.cause, f"→ {error.action}" if error.action else "") if text]
        self._answer.update(Content("\n").join(parts))


def _said(standing: Standing, words: str) -> Content:
    glyph, tone = _LOOKS[standing]
    return line(f"{glyph} {words}", tone)


def _deciding(verdict: Verdict) -> list[str]:
    """What was seen where it differs, or else where it cannot be read."""
    outcome = _DECIDING.get(answer_of(verdict).standing)
    return [check.seen for check in verdict.checks if check.outcome is outcome]


def _cells(link: Link, above: frozenset[str]) -> tuple[Content, Content]:
    """A link's name and what was seen; what decided is told above already, and long."""
    glyph, tone = _LOOKS[link.standing]
    told = ["as told above" if text in above else text for text in link.seen]
    seen = [line(text, "quiet" if tone == "quiet" else "plain") for text in dict.fromkeys(told)]
    return line(f"{glyph} {link.name}", tone), Content("\n").join(seen)


def _below(reference: ImageReference, evidence: Evidence, verdict: Verdict) -> Iterator[Content]:
    if verdict.compared:
        yield line(f"compared  {verdict.compared}")
    for number, trusted in enumerate(verdict.trusted):
        yield line(f"{'trusted' if number == 0 else '':<9} {trusted}")
    if verdict.exit_code is ExitCode.OK:
        yield line(f"pinned    {reference.repository.at(evidence.digest).familiar}")
        yield line("          y copies it, Y the command", "quiet")
