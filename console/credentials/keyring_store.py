"""Tokens in the system's keyring; where nothing can be kept there, in memory until the program ends.

`keyring` takes 150 ms to import, drops passwords without a word where it has no keyring (its null backend, an empty
chain), prefers a file of plain text where `keyrings.alt` is installed, and waits for whoever is to unlock it.
"""

from __future__ import annotations

import json
import secrets
import threading
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from console.credentials.value import Credentials
from runner.errors import RunnerError, Unavailable
from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
LIMIT_SECONDS: Final = 30.0
_SERVICE: Final = "lading"
_PROBE: Final = "lading's own test, removed at once"
_OTHERWISE: Final = (
    "Set TASKCLUSTER_CLIENT_ID and TASKCLUSTER_ACCESS_TOKEN, or start a keyring (gnome-keyring, KWallet)."
)


class KeyringUnusable(Unavailable):
    """The keyring holds or gives nothing; the message says why."""


def system_keyring() -> Any:
    """The backend of `keyring` that keeps what it is given, encrypted.

    Raises:
        KeyringUnusable: there is none.
    """
    import keyring

    chosen = keyring.get_keyring()
    for backend in getattr(chosen, "backends", None) or [chosen]:
        if not _refusal(backend):
            return backend
    raise _unusable(_refusal(chosen) or "none of its backends keeps a token safely")


def no_keyring(reason: str) -> Callable[[], Any]:
    """For a store that is to keep nothing beyond the program.

    Args:
        reason: why, as the user is told.
    """

    def refuse() -> Any:
        raise KeyringUnusable(reason)

    return refuse


def _refusal(backend: Any) -> str:
    """Why a backend is not trusted with a token, or ""."""
    module, name = type(backend).__module__, type(backend).__name__
    if module.startswith("keyrings.alt"):
        return f"`{name}` of keyrings.alt keeps what it is given in a file that others can read"
    if module.endswith(("backends.fail", "backends.null")):
        return "there is no keyring here"
    if module.endswith("backends.chainer") and not backend.backends:
        return "there is no keyring here"
    return ""


def _unusable(reason: str) -> KeyringUnusable:
    return KeyringUnusable(f"The keyring cannot be used: {reason}.", action=_OTHERWISE)


class CredentialStore:
    """Keeps credentials by root URL and client id.

    Every method waits for the keyring, up to the limit: none is for a UI loop.

    Args:
        backend: gives the keyring's backend, as `system_keyring`.
        limit: seconds that the keyring, or who is to unlock it, may take.
    """

    def __init__(self, backend: Callable[[], Any] = system_keyring, *, limit: float = LIMIT_SECONDS) -> None:
        self._backend = backend
        self._limit = limit
        self._memory: dict[tuple[str, str], Credentials] = {}

    def trouble(self) -> str:
        """Why the keyring would keep nothing, or "": something is written, read back and removed."""
        probe = secrets.token_hex(16)

        def attempt() -> str:
            backend = self._backend()
            backend.set_password(_SERVICE, _PROBE, probe)
            found = backend.get_password(_SERVICE, _PROBE)
            if found == probe:
                backend.delete_password(_SERVICE, _PROBE)
            return (
                ""
                if found == probe
                else "The keyring cannot be used: it does not give back what it is given."
            )

        try:
            return self._in_time(attempt)
        except RunnerError as error:
            return error.what

    def keep(self, root_url: str, credentials: Credentials) -> str:
        """Keep credentials in the keyring, else in memory.

        Returns:
            "", or why the keyring does not have them.
        """
        service, client_id, text = _service(root_url), credentials.client_id, _as_text(credentials)

        def attempt() -> bool:
            backend = self._backend()
            backend.set_password(service, client_id, text.reveal())
            return bool(backend.get_password(service, client_id) == text.reveal())

        self._memory[root_url, client_id] = credentials
        try:
            is_kept = self._in_time(attempt)
        except RunnerError as error:
            return error.what
        if not is_kept:
            return "The keyring cannot be used: it does not give back what it is given."
        del self._memory[root_url, client_id]
        return ""

    def find(self, root_url: str, client_id: str) -> Credentials | None:
        """What was kept, or None.

        Raises:
            KeyringUnusable: nobody can tell.
        """
        if (root_url, client_id) in self._memory:
            return self._memory[root_url, client_id]
        text = self._in_time(lambda: self._backend().get_password(_service(root_url), client_id))
        return _from_text(client_id, text) if text else None

    def drop(self, root_url: str, client_id: str) -> bool:
        """Forget credentials; returns whether there were any.

        Raises:
            KeyringUnusable: they could not be removed, if they are there.
        """
        was_in_memory = self._memory.pop((root_url, client_id), None) is not None

        def attempt() -> bool:
            backend, service = self._backend(), _service(root_url)
            if backend.get_password(service, client_id) is None:
                return False
            backend.delete_password(service, client_id)
            return True

        try:
            return self._in_time(attempt) or was_in_memory
        except KeyringUnusable:
            if was_in_memory:
                return True
            raise

    def _in_time(self, use: Callable[[], T]) -> T:
        """Use the keyring in a thread that is left behind if it does not come back."""
        answers: SimpleQueue[tuple[T | None, Exception | None]] = SimpleQueue()

        def run() -> None:
            try:
                answers.put((use(), None))
            except Exception as error:  # noqa: BLE001 - backends raise what their libraries raise
                answers.put((None, error))

        threading.Thread(target=run, name="keyring", daemon=True).start()
        try:
            answer, error = answers.get(timeout=self._limit)
        except Empty as empty:
            raise _unusable(f"it did not answer within {self._limit:g} s, or was not unlocked") from empty
        if error is not None:
            raise _translated(error) from error
        return answer  # type: ignore[return-value]


def _translated(error: Exception) -> RunnerError:
    if isinstance(error, RunnerError):
        return error
    # Messages of backends tell of D-Bus and prompts; none holds what was to be kept.
    name, text = type(error).__name__, " ".join(str(error).split()).rstrip(".")
    if name == "KeyringLocked" or "dismissed" in text:
        return _unusable("it is locked, and was not unlocked")
    if name == "NoKeyringError":
        return _unusable("there is no keyring here")
    return _unusable(f"{name}: {text[:200]}" if text else name)


def _service(root_url: str) -> str:
    return f"{_SERVICE} {root_url}"


def _as_text(credentials: Credentials) -> Masked:
    kept = {
        "accessToken": credentials.access_token.reveal(),
        "certificate": credentials.certificate.reveal() if credentials.certificate else None,
        "ends": credentials.client_ends.isoformat() if credentials.client_ends else None,
    }
    return Masked(json.dumps(kept))


def _from_text(client_id: str, text: str) -> Credentials | None:
    """What another version or another program wrote there is as good as nothing."""
    try:
        kept = json.loads(text)
        certificate, ends = kept["certificate"], kept["ends"]
        return Credentials(
            client_id,
            Masked(kept["accessToken"]),
            Masked(certificate) if certificate else None,
            datetime.fromisoformat(ends) if ends else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RunnerError):
        return None
