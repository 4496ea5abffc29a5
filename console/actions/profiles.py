"""Profiles: which deployments there are, and as whom; `config.toml` names them, the keyring has their tokens."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from console.config import load_config
from console.connection import profile_for
from console.credentials.profile_text import with_default, with_profile, without_profile
from runner.errors import RunnerError, UsageError

if TYPE_CHECKING:
    from console.config import Config
    from console.credentials.keyring_store import CredentialStore
    from console.credentials.value import Credentials


@dataclass(frozen=True, slots=True)
class Profile:
    """One of `config.toml`.

    Args:
        name: how it is called.
        root_url: of its deployment.
        client_id: who is signed in, or "".
        is_default: whether it is taken where none is named.
        credentials: from the keyring, or None.
        trouble: why the keyring could not be asked, or "".
    """

    name: str
    root_url: str
    client_id: str
    is_default: bool
    credentials: Credentials | None = None
    trouble: str = ""


def profiles(config: Config, store: CredentialStore) -> list[Profile]:
    """All profiles, by name, with what the keyring has of them; it waits for the keyring."""
    found, trouble = [], ""
    for name, root_url in sorted(config.root_urls.items()):
        client_id, credentials = config.client_ids.get(name, ""), None
        if client_id and not trouble:
            try:
                credentials = store.find(root_url, client_id)
            except RunnerError as error:
                # Whoever did not unlock it once is not asked again for each.
                trouble = error.what
        is_default = name == config.default_profile
        found.append(
            Profile(name, root_url, client_id, is_default, credentials, trouble if client_id else "")
        )
    return found


def name_for(config: Config, root_url: str) -> str:
    """The profile that a root URL has, or what a new one would be called: by the host's first name."""
    known = profile_for(config, root_url)
    if known:
        return known
    parts = urlsplit(root_url)
    host = parts.hostname or ""
    is_name = bool(re.search("[a-z]", host)) and ":" not in host
    first = host.partition(".")[0] if is_name else host
    name = re.sub("[^A-Za-z0-9]+", "-", first).strip("-") or "taskcluster"
    names = (f"{name}-{number}" if number else name for number in (0, *range(2, 1000)))
    return next(free for free in names if free not in config.root_urls)


def record(path: Path, name: str, root_url: str, client_id: str, store: CredentialStore) -> bool:
    """Write whom a profile is signed in as; the first profile becomes the default.

    The token of whom it was signed in as before is dropped.

    Args:
        path: of the configuration.
        name: the profile's.
        root_url: of its deployment.
        client_id: who is signed in.
        store: the keyring's.

    Returns:
        Whether it was made the default.

    Raises:
        UsageError: the file cannot be read, edited or written.
    """
    before = load_config(path)
    text = with_profile(_read(path), name, root_url, client_id)
    is_first = before.default_profile is None
    _write(path, with_default(text, name) if is_first else text)
    former = before.client_ids.get(name, "")
    if former and (former, before.root_urls[name]) != (client_id, root_url):
        # What cannot be dropped ends by itself.
        with contextlib.suppress(RunnerError):
            store.drop(before.root_urls[name], former)
    return is_first


def use(path: Path, name: str) -> None:
    """Make a profile the default one.

    Raises:
        UsageError: there is none of that name, or the file cannot be edited.
    """
    load_config(path).root_url(name)
    _write(path, with_default(_read(path), name))


def sign_out(config: Config, name: str, store: CredentialStore) -> bool:
    """Remove a profile's token from the keyring; the profile and the client stay.

    Returns:
        Whether there was one.

    Raises:
        UsageError: there is no such profile.
        KeyringUnusable: the keyring cannot be asked.
    """
    root_url, client_id = config.root_url(name), config.client_ids.get(name, "")
    return bool(client_id) and store.drop(root_url, client_id)


def remove(path: Path, name: str, store: CredentialStore) -> bool:
    """Remove a profile and its token.

    Returns:
        Whether there was a token.

    Raises:
        UsageError: there is no such profile, or the file cannot be edited.
        KeyringUnusable: the keyring cannot be asked; the profile stays.
    """
    text = without_profile(_read(path), name)
    had_token = sign_out(load_config(path), name, store)
    _write(path, text)
    return had_token


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error


def _write(path: Path, text: str) -> None:
    """Whole or not at all; a link stays one."""
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o600)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error}.", action="Check its owner and mode.") from error
