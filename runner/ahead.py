"""Work that is begun before its result is wanted, on a thread of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class Ahead(Generic[Result]):
    """Begins at once; a program that ends does not wait for it.

    Args:
        work: touches nothing that the caller uses meanwhile.
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._found: list[Result] = []
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self) -> Result:
        """What came of it, once it is done; raises what it raised."""
        self._thread.join()
        if self._failed is not None:
            raise self._failed
        return self._found[0]

    @property
    def found(self) -> list[Result]:
        """What came of it, if it is done and did not fail."""
        return self._found

    def _run(self) -> None:
        try:
            self._found.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is wanted
            self._failed = error
