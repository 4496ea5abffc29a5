"""A change of a secret: one key set and all others kept, told by fingerprints that say nothing of a value."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from console.domain.secret_record import Leaf, NoSecret, SecretBody, SecretRecord, name_of, walk
from console.domain.secret_shape import parsed
from runner.errors import UsageError
from runner.masking import Masked

if TYPE_CHECKING:
    from console.domain.secret_record import Path, SecretState

_LEAST_SALT: Final = 16  # bytes: tokens have a known format, a weaker salt would let them be guessed
_SHOWN: Final = 8
_OBJECTS: Final = frozenset({"docker", "dockercfg"})

Kind = Literal["+", "-", "~", "="]


@dataclass(frozen=True, slots=True)
class LeafChange:
    """What becomes of one value.

    Args:
        kind: comes, goes, changes, or stays.
        name: its key.
        before: the fingerprint of what was there, or "".
        after: the fingerprint of what will be there, or "".
    """

    kind: Kind
    name: str
    before: str = ""
    after: str = ""


class Fingerprints:
    """Tells whether two values are one without saying anything of them.

    Args:
        salt: random bytes of this session, at least 16; they are kept nowhere.
    """

    def __init__(self, salt: bytes) -> None:
        if len(salt) < _LEAST_SALT:
            raise ValueError(f"a salt has at least {_LEAST_SALT} bytes")
        self._salt = salt

    def of(self, secret: str, path: Path, value: object) -> str:
        """A value's fingerprint: the same value in another key or secret has another one."""
        message = json.dumps([secret, list(path), value], sort_keys=True).encode()
        return hmac.new(self._salt, message, hashlib.sha256).hexdigest()[:_SHOWN]


def leaves(body: SecretBody) -> tuple[Leaf, ...]:
    """Its values, in its own order."""
    return tuple(Leaf(path, _as_text(value)) for path, value in walk(body.reveal()))


def leaf(body: SecretBody, name: str) -> Leaf:
    """The value that a name names.

    Raises:
        UsageError: none, or an object, whose values are named.
    """
    found = leaves(body)
    for each in found:
        if each.name == name:
            return each
    within = [each.name for each in found if each.name.startswith(f"{name}.")]
    what = f"`{name[:80]}` holds several values" if within else f"There is no key `{name[:80]}`"
    listed = ", ".join(f"`{each[:80]}`" for each in within or [each.name for each in found])
    raise UsageError(f"{what}.", action=f"Reveal one of {listed}." if listed else "The secret is empty.")


def with_key(body: SecretBody, key: str, value: Masked) -> SecretBody:
    """The same secret with one key's value changed, or added; a value of another type than text is JSON.

    Args:
        body: as it is.
        key: at its top, or the name of a value deeper in it.
        value: what was typed.

    Raises:
        UsageError: the value is not of the type that the key has.
    """
    content = body.reveal()
    holder: Any = content
    last: Any = key
    if key not in content:
        for path, _ in walk(content):
            # A value that is there, or a new member of an object that is there.
            parent: Any = content
            for step in path[:-1]:
                parent = parent[step]
            if name_of(path) == key:
                holder, last = parent, path[-1]
                break
            prefix = f"{name_of(path[:-1])}."
            if len(path) > 1 and isinstance(parent, dict) and key.startswith(prefix):
                holder, last = parent, key.removeprefix(prefix)
    present = isinstance(holder, list) or last in holder
    holder[last] = _typed_as(holder[last] if present else _blank(key), value, key)
    return SecretBody(content)


def _blank(key: str) -> object:
    return {} if key in _OBJECTS else ""


def _typed_as(there: object, value: Masked, key: str) -> object:
    if there is None or isinstance(there, str):
        return value.reveal()
    kind = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}[
        type(there)
    ]
    found = parsed(value, f"`{key[:80]}` is {kind}")
    numbers = (int, float)
    fits = (
        isinstance(found, numbers) and not isinstance(found, bool)
        if isinstance(there, numbers) and not isinstance(there, bool)
        else type(found) is type(there)
    )
    if not fits:
        raise UsageError(f"`{key[:80]}` is {kind}, and the value is not: nothing was changed.")
    return found


def changes(
    name: str, before: SecretBody | None, after: SecretBody, fingerprints: Fingerprints
) -> tuple[LeafChange, ...]:
    """What becomes of each value; where what is there cannot be read, only what will be there.

    Args:
        name: the secret's.
        before: what is there, if known.
        after: what will be.
        fingerprints: of this session.
    """
    old = dict(walk(before.reveal())) if before else {}
    new = dict(walk(after.reveal()))
    told = []
    for path in [*old, *(path for path in new if path not in old)]:
        was = fingerprints.of(name, path, old[path]) if path in old else ""
        will = fingerprints.of(name, path, new[path]) if path in new else ""
        kind: Kind = "=" if was == will else "+" if not was else "-" if not will else "~"
        told.append(LeafChange(kind, name_of(path), was, will))
    return tuple(told)


def differences(one: SecretState, other: SecretState) -> tuple[str, ...]:
    """Where two states of a secret differ: names of keys, `expires`, or that it was created or deleted.

    Two that cannot be read are not known to differ.
    """
    if isinstance(one, SecretRecord) and isinstance(other, SecretRecord):
        old, new = dict(walk(one.body.reveal())), dict(walk(other.body.reveal()))
        keys = [*old, *(path for path in new if path not in old)]
        # Through SecretBody: 1 and true are two values.
        found = [
            name_of(path)
            for path in keys
            if (path in old) != (path in new) or SecretBody({"": old[path]}) != SecretBody({"": new[path]})
        ]
        if not found and one.body != other.body:
            found = ["an empty part"]
        return (*found, *(["expires"] if one.expires != other.expires else []))
    if isinstance(one, NoSecret) and isinstance(other, SecretRecord):
        return ("it was created",)
    if isinstance(one, SecretRecord) and isinstance(other, NoSecret):
        return ("it was deleted, or has expired",)
    return ()


def masked(body: SecretBody) -> dict[str, object]:
    """The content with a mask of one width in place of every value."""
    return {key: _masked(value) for key, value in body.reveal().items()}


def _masked(value: object) -> object:
    if isinstance(value, dict) and value:
        return {key: _masked(each) for key, each in value.items()}
    if isinstance(value, list) and value:
        return [_masked(each) for each in value]
    return str(Masked(""))


def _as_text(value: object) -> Masked:
    return Masked(value if isinstance(value, str) else json.dumps(value))
