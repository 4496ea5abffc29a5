"""Edits of `config.toml` that leave alone all that the user wrote in it."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final

from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_HEADER: Final = re.compile(r"\s*\[")


def check_name(name: str) -> None:
    """Refuse a profile's name that needs quotes in TOML or in a shell.

    Raises:
        UsageError: with what a name is made of.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a profile.", action="Use letters, digits, `-` and `_`.")


def with_profile(text: str, name: str, root_url: str, client_id: str) -> str:
    """The text with a profile set to these; its other keys and comments stay.

    Raises:
        UsageError: the name is none, or the text is written in a way that this cannot edit.
    """
    check_name(name)
    values = {"root-url": root_url, "client-id": client_id}
    wanted = _document(text)
    wanted.setdefault("profile", {}).setdefault(name, {}).update(values)
    lines = text.splitlines()
    place = _table(lines, name)
    if place is None:
        added = [f"[profile.{name}]", *_assignments(values)]
        lines += [*([""] if lines and lines[-1].strip() else []), *added]
    else:
        lines[place.start + 1 : place.stop] = [
            *_assignments(values),
            *(line for line in lines[place.start + 1 : place.stop] if _key(line) not in values),
        ]
    return _checked(lines, wanted)


def without_profile(text: str, name: str) -> str:
    """The text without a profile, and without it as the default.

    Raises:
        UsageError: the text is written in a way that this cannot edit.
    """
    wanted = _document(text)
    wanted.get("profile", {}).pop(name, None)
    if not wanted.get("profile"):
        wanted.pop("profile", None)
    is_default = wanted.get("default-profile") == name
    if is_default:
        del wanted["default-profile"]
    lines = text.splitlines()
    place = _table(lines, name)
    if place is not None:
        del lines[place.start : place.stop]
    if is_default:
        lines = list(_without_default(lines))
    return _checked(lines, wanted)


def with_default(text: str, name: str) -> str:
    """The text with a default profile.

    Raises:
        UsageError: the text is written in a way that this cannot edit.
    """
    wanted = {**_document(text), "default-profile": name}
    lines = [f"default-profile = {json.dumps(name)}", *_without_default(text.splitlines())]
    return _checked(lines, wanted)


def _document(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"config.toml: {error}", action="Correct it first.") from error


def _checked(lines: list[str], wanted: Mapping[str, Any]) -> str:
    """TOML has many ways to write the same: what the edit made is read again before it is believed."""
    text = "".join(f"{line}\n" for line in lines)
    try:
        found: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        found = None
    if found != wanted:
        raise UsageError(
            "config.toml is written in a way that cannot be edited safely; nothing was changed.",
            action='Write each profile as a table of its own: [profile.NAME], root-url = "…", client-id = "…".',
        )
    return text


def _assignments(values: Mapping[str, str]) -> Iterator[str]:
    # JSON's escapes of a one-line ASCII text are TOML's.
    return (f"{key} = {json.dumps(value)}" for key, value in values.items())


def _table(lines: list[str], name: str) -> range | None:
    """The lines of a profile's table, its header first, without the blank lines and comments before the next."""
    header = re.compile(rf"\s*\[\s*profile\s*\.\s*[\"']?{re.escape(name)}[\"']?\s*\]\s*(#.*)?")
    start = next((number for number, line in enumerate(lines) if header.fullmatch(line)), None)
    if start is None:
        return None
    end = next((at for at in range(start + 1, len(lines)) if _HEADER.match(lines[at])), len(lines))
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return range(start, end)


def _key(line: str) -> str:
    return line.partition("=")[0].strip().strip("\"'")


def _without_default(lines: list[str]) -> Iterator[str]:
    is_top = True
    for line in lines:
        is_top = is_top and not _HEADER.match(line)
        if not (is_top and _key(line) == "default-profile"):
            yield line
