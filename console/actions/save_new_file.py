"""Write what is shown into a file that is not there yet."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def save_new_file(path: Path, pieces: Iterable[bytes]) -> Path:
    """Write; a file of that name is left alone, and the name gets a number.

    Returns:
        The path that was written.

    Raises:
        UsageError: the file cannot be written.
    """
    for number in count(1):
        chosen = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            with chosen.open("xb") as file:
                file.writelines(pieces)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"{chosen} cannot be written: {error.strerror}.") from error
        return chosen
    raise AssertionError
