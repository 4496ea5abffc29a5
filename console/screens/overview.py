"""The first screen: the images of this repository, known before anything is asked over a network."""

from __future__ import annotations

import asyncio
import tomllib
from functools import partial
from typing import TYPE_CHECKING

from console.screens.screen import ConsoleScreen
from console.widgets.filter_table import Cell, Column, FilterTable, Row
from runner.errors import RunnerError, SettingsError
from runner.settings import FILE_NAME, load_settings
from runner.task.checkout import Checkout
from runner.task.event import parse_repository

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.app import ComposeResult

    from console.shell import Session


def images_of(folder: Path) -> list[Row]:
    """A row for each image of a checkout's lading.toml, or for the one that follows from the checkout.

    Raises:
        SettingsError: the file cannot be read.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else None
        named = list(tomllib.loads(text or "").get("image", {})) or [None]
    except (OSError, ValueError, AttributeError) as error:
        raise SettingsError([f"{path}: {error}"]) from error
    remote = parse_repository(Checkout(folder).remote or "")
    rows = []
    for name in named:
        try:
            settings = load_settings(
                text,
                {},
                {},
                image=name,
                slug=remote[1] if remote else None,
                host=remote[0] if remote else "github.com",
            )
            rows.append(
                Row(
                    settings.image,
                    (settings.image, str(settings.repository), settings.secret or Cell("none", "quiet")),
                )
            )
        except RunnerError as error:
            rows.append(
                Row(
                    name or FILE_NAME, (name or FILE_NAME, Cell("✗ settings", "bad"), Cell(str(error), "bad"))
                )
            )
    return rows


class Overview(ConsoleScreen):
    """The images that this repository publishes."""

    TITLE = "Overview"

    def body(self) -> ComposeResult:
        """One table."""
        self.images = FilterTable(
            Column("image"), Column("goes to"), Column("with secret"), empty="No image."
        )
        yield self.images

    def load(self) -> None:
        """Read lading.toml."""
        folder = self.shell.folder
        if folder is not None:
            self.in_thread("Reading lading.toml", partial(images_of, folder), self.images.show)
        else:
            self.work("Reading lading.toml", self._read, self.images.show)

    async def _read(self, session: Session) -> Sequence[Row]:
        return await asyncio.to_thread(images_of, session.folder)

    def selected_id(self) -> str | None:
        """The image's name."""
        return self.images.selected
