"""The user's configuration: `config.toml`, read once at the start, every problem told with its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import platformdirs

from console.credentials.root_url import normal_root_url
from runner.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

FILE_NAME: Final = "config.toml"
THEMES: Final = ("dark", "light", "high-contrast")
_TOP_LEVEL: Final = ("default-profile", "theme", "profile", "keymap")
_PROFILE: Final = ("root-url", "client-id")
_HEADER: Final = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")
_ASSIGNMENT: Final = re.compile(r"\s*(\"[^\"]+\"|'[^']+'|[A-Za-z0-9_.-]+)\s*=")


@dataclass(frozen=True, slots=True)
class Config:
    """What the user has set.

    Args:
        root_urls: of each profile, by its name.
        default_profile: the profile that is taken where none is named, or None.
        theme: one of THEMES.
        keymap: keys by the binding's id, as typed: `"f5"`, `"ctrl+r,f5"`.
        lines: the line of each setting, by its dotted name.
        client_ids: whom each profile is signed in as, by its name; their tokens are in the keyring.
    """

    root_urls: Mapping[str, str] = field(default_factory=dict)
    default_profile: str | None = None
    theme: str = THEMES[0]
    keymap: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    client_ids: Mapping[str, str] = field(default_factory=dict)

    def root_url(self, profile: str) -> str:
        """The root URL of a profile.

        Raises:
            UsageError: there is no such profile.
        """
        if profile not in self.root_urls:
            known = ", ".join(sorted(self.root_urls)) or "none"
            raise UsageError(
                f"There is no profile `{profile}`; {FILE_NAME} has {known}.",
                action=f'Add it to {config_path()}: [profile.{profile}] root-url = "https://…".',
            )
        return self.root_urls[profile]

    def where(self, name: str) -> str:
        """How a message begins that is about this setting."""
        return f"{FILE_NAME} line {self.lines[name]}" if name in self.lines else FILE_NAME


def config_path() -> Path:
    """Where the configuration is looked for on this system."""
    return platformdirs.user_config_path("lading") / FILE_NAME


def state_folder() -> Path:
    """The folder of what is kept between runs, never a credential; nobody else can look into it."""
    folder = platformdirs.user_state_path("lading")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder


def load_config(path: Path) -> Config:
    """The configuration, or the defaults where there is no file.

    Raises:
        UsageError: the file cannot be read.
        SettingsError: with every problem at once.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}.", action="Correct it, or move it out of the way."
        ) from error
    return parse_config(text)


def parse_config(text: str) -> Config:
    """The configuration that a text states.

    Raises:
        SettingsError: with every problem at once.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{FILE_NAME}: {error}"]) from error
    lines = lines_of(text)
    problems: list[str] = []

    def complain(name: str, what: str) -> None:
        problems.append(f"{Config(lines=lines).where(name)}: `{name}` {what}")

    for key in document:
        if key not in _TOP_LEVEL:
            complain(key, f"is not known{_nearest(key, _TOP_LEVEL)}")
    root_urls = _profiles(document.get("profile", {}), complain)
    client_ids = _client_ids(document.get("profile", {}), complain)
    default = document.get("default-profile")
    if default is not None and (not isinstance(default, str) or default not in root_urls):
        complain("default-profile", f"is {default!r}, and there is no [profile.{default}]")
    theme = document.get("theme", THEMES[0])
    if theme not in THEMES:
        complain("theme", f"is {theme!r}, and must be one of {', '.join(THEMES)}")
    keymap = _keymap(document.get("keymap", {}), complain)
    if problems:
        raise SettingsError(problems)
    return Config(root_urls, default, theme, keymap, lines, client_ids)


def _profiles(table: Any, complain: Callable[[str, str], None]) -> dict[str, str]:
    root_urls: dict[str, str] = {}
    if not isinstance(table, dict):
        complain("profile", "must be tables with a name: [profile.NAME]")
        return root_urls
    for name, profile in table.items():
        if not isinstance(profile, dict):
            complain(f"profile.{name}", "must be a table: [profile.NAME]")
            continue
        for key in profile:
            if key not in _PROFILE:
                complain(f"profile.{name}.{key}", f"is not known{_nearest(key, _PROFILE)}")
        try:
            root_urls[name] = normal_root_url(str(profile.get("root-url", "")))
        except UsageError as error:
            # A profile that is wrong is there all the same.
            root_urls[name] = ""
            complain(
                f"profile.{name}.root-url" if "root-url" in profile else f"profile.{name}",
                f"needs a root URL: {error}",
            )
    return root_urls


def _client_ids(table: Any, complain: Callable[[str, str], None]) -> dict[str, str]:
    client_ids: dict[str, str] = {}
    for name, profile in table.items() if isinstance(table, dict) else ():
        client_id = profile.get("client-id") if isinstance(profile, dict) else None
        if isinstance(client_id, str) and client_id and client_id.isascii():
            client_ids[name] = client_id
        elif client_id is not None:
            complain(f"profile.{name}.client-id", "must be a client's id, such as `github/1|you/lading`")
    return client_ids


def _keymap(table: Any, complain: Callable[[str, str], None]) -> dict[str, str]:
    if not isinstance(table, dict):
        complain("keymap", "must be a table of keys by the id of an action")
        return {}
    # An id has a dot, which TOML reads as a table in a table.
    flat = dict(_flat("", table))
    for name, keys in flat.items():
        if not isinstance(keys, str) or not keys.strip():
            complain(f"keymap.{name}", 'must be a key, such as "f5" or "ctrl+r"')
    return {name: keys for name, keys in flat.items() if isinstance(keys, str)}


def _flat(prefix: str, table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in table.items():
        pairs.extend(_flat(f"{prefix}{key}.", value) if isinstance(value, dict) else [(prefix + key, value)])
    return pairs


def _nearest(key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(known)}"


def lines_of(text: str) -> dict[str, int]:
    """The line on which each table and each key of a TOML text stands, by its dotted name."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = re.sub(r"[\"'\s]", "", header[1])
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            key = assignment[1].strip("\"'")
            lines.setdefault(f"{table}.{key}" if table else key, number)
    return lines
