"""Screens of what changes by itself: read again and again for as long as somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from console.screens.screen import ConsoleScreen
from runner.errors import Unavailable

if TYPE_CHECKING:
    from textual.timer import Timer

    from runner.retry import Backoff

_SOON_SECONDS: Final = 1.0


class LookingScreen(ConsoleScreen):
    """Looks later and later while nothing changes, and not at all while it is hidden.

    A subclass says how it is read once more (`look`), and calls `look_again` after each look.
    """

    _waits: Backoff | None = None
    _quiet = 0
    _timer: Timer | None = None

    def look(self) -> None:
        """Read once more."""

    def look_again(self, waits: Backoff | None, *, changed: bool) -> None:
        """Plan the next look.

        Args:
            waits: from the first after a change to the longest, or None where nothing more is to come.
            changed: whether the last look found something new, so that the waits begin anew.
        """
        self._waits = waits
        self._quiet = 1 if changed else min(self._quiet + 1, 10)
        if waits is not None:
            self._plan(waits.wait(self._quiet, None, 0.5))
        else:
            self._stop()

    def show_error(self, error: BaseException) -> None:
        """Show it; what may come back by itself is asked again."""
        super().show_error(error)
        if isinstance(error, Unavailable):
            self.look_again(self._waits, changed=False)

    def on_screen_suspend(self) -> None:
        """Nobody looks: nothing is asked."""
        self._stop()

    def on_screen_resume(self) -> None:
        """Somebody looks again, and is shown soon what came meanwhile."""
        if self._waits is not None:
            self._plan(_SOON_SECONDS)

    def _plan(self, seconds: float) -> None:
        self._stop()
        if self.app.screen is self:
            self._timer = self.set_timer(seconds, self._look_now)

    def _look_now(self) -> None:
        self._timer = None
        self.look()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
