"""What a secret is for: the images of this checkout whose settings name it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import RunnerError
from runner.settings import FILE_NAME, load_settings
from runner.task.checkout import Checkout
from runner.task.event import parse_repository

if TYPE_CHECKING:
    from pathlib import Path

    from runner.image.reference import Repository


@dataclass(frozen=True, slots=True)
class SecretUse:
    """What a secret is for.

    Args:
        repositories: where its images go.
        username: of the push, where the secret holds a password alone.
        insecure_registries: hosts to which plain HTTP is allowed.
    """

    repositories: tuple[Repository, ...] = ()
    username: str = ""
    insecure_registries: frozenset[str] = frozenset()


def use_of(folder: Path, name: str) -> SecretUse:
    """What a checkout's lading.toml, or the checkout itself, uses a secret for; nothing, where it does not.

    It reads files and asks git: call it in a thread.
    """
    try:
        text = (folder / FILE_NAME).read_text(encoding="utf-8")
        images = list(tomllib.loads(text).get("image", {})) or [None]
    except (OSError, ValueError, AttributeError):
        text, images = None, [None]
    remote = parse_repository(Checkout(folder).remote or "")
    host, slug = remote or ("github.com", None)
    found = []
    for image in images:
        try:
            settings = load_settings(text, {}, {}, image=image, slug=slug, host=host)
        except RunnerError:
            continue
        if settings.secret == name:
            found.append(settings)
    if not found:
        return SecretUse()
    return SecretUse(
        tuple(dict.fromkeys(settings.repository for settings in found)),
        found[0].username,
        found[0].insecure_registries,
    )
