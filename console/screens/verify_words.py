"""What is typed on the Verify screen: the words of `lading verify`, read as the command reads them."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, NoReturn

from runner.arguments import add_verify_arguments
from runner.errors import UsageError
from runner.narration import printable
from runner.verify_request import request_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.verification_sources import VerifyRequest


class _Words(argparse.ArgumentParser):
    """Raises where a program would end."""

    def error(self, message: str) -> NoReturn:
        """What is wrong with the words."""
        raise UsageError(
            f"{printable(message)[:1].upper()}{printable(message)[1:]}.",
            action="Type an image and what is demanded of it, as `lading verify --help` has it.",
        )


def request_of(text: str, environment: Mapping[str, str]) -> VerifyRequest:
    """What is to be verified; it reads the file of `--keys`.

    Args:
        text: as it would be typed after `lading verify`.
        environment: names the Taskcluster that is trusted.

    Raises:
        UsageError: a word is wrong.
    """
    parser = _Words(add_help=False)
    add_verify_arguments(parser)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"The words cannot be read: {error}.", action="Close the quotation.") from None
    return request_from(parser.parse_args(words), environment)
