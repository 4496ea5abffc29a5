"""What a checkout says of its repository: its name, its images and their secrets."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import RunnerError
from runner.settings import FILE_NAME, Settings, load_settings
from runner.task.checkout import Checkout
from runner.task.event import parse_repository

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class BadImage:
    """An image whose settings are wrong.

    Args:
        name: as lading.toml has it, or the file's own name.
        problem: what is wrong, fit to show.
    """

    name: str
    problem: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository.

    Args:
        host: of its remote.
        slug: `OWNER/NAME`, or "" where the checkout has no remote.
        images: of lading.toml, or the one that follows from the checkout.
    """

    host: str
    slug: str
    images: tuple[Settings | BadImage, ...]

    @property
    def role_prefix(self) -> str:
        """With what the ids of its roles begin, or "" where its name is not known."""
        return f"repo:{self.host}/{self.slug}:" if self.slug else ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets of its images, each once."""
        settings = (image for image in self.images if isinstance(image, Settings))
        return tuple(dict.fromkeys(image.secret for image in settings if image.secret))


def repository_of(folder: Path) -> Repository:
    """What can be read of a checkout; what is wrong is said of each image."""
    host, slug = parse_repository(Checkout(folder).remote or "") or ("github.com", "")
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else None
        names = list(tomllib.loads(text or "").get("image", {})) or [None]
    except (OSError, ValueError, AttributeError) as error:
        return Repository(host, slug, (BadImage(FILE_NAME, str(error)),))
    images: list[Settings | BadImage] = []
    for name in names:
        try:
            images.append(load_settings(text, {}, {}, image=name, slug=slug or None, host=host))
        except RunnerError as error:
            images.append(BadImage(name or FILE_NAME, str(error)))
    return Repository(host, slug, tuple(images))
