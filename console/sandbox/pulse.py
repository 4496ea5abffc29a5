"""Pulse, as far as the sandbox has one: the queue's messages, and who is bound to them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Name = tuple[str, str]

_LONGEST: Final = 50
"""Messages that wait for one listener; more push the oldest out, as the services declare their queues."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published.

    Args:
        exchange: where, `exchange/taskcluster-queue/v1/task-completed`.
        keys: its routing key, and after it those that it is copied to, `route.<route>`.
        payload: what it tells.
    """

    exchange: str
    keys: tuple[str, ...]
    payload: Mapping[str, Any]


@dataclass(slots=True)
class Pulse:
    """Keeps messages until they are taken, for each listener in the order in which they came."""

    _bindings: dict[Name, list[tuple[str, str]]] = field(default_factory=dict)
    _waiting: dict[Name, deque[Mapping[str, Any]]] = field(default_factory=dict)

    def bind(self, name: Name, bindings: Iterable[Mapping[str, str]]) -> None:
        """From now on a listener hears what these name, and nothing else.

        Args:
            name: whose they are.
            bindings: of each its `exchange` and `routingKeyPattern`.
        """
        found = [(binding["exchange"], binding["routingKeyPattern"]) for binding in bindings]
        if found:
            self._bindings[name] = found
        else:
            self._bindings.pop(name, None)
            self._waiting.pop(name, None)

    @property
    def is_heard(self) -> bool:
        """Whether anybody is bound to anything."""
        return bool(self._bindings)

    def publish(self, message: Message) -> None:
        """Keep it for each that is bound to it, once however many bindings it matches."""
        for name, bindings in self._bindings.items():
            if any(
                exchange == message.exchange and matches(pattern, key)
                for exchange, pattern in bindings
                for key in message.keys
            ):
                self._waiting.setdefault(name, deque(maxlen=_LONGEST)).append(message.payload)

    def take(self) -> list[tuple[Name, Mapping[str, Any]]]:
        """All that waits, which it then does no more."""
        waiting, self._waiting = self._waiting, {}
        return [(name, payload) for name, payloads in waiting.items() for payload in payloads]


def matches(pattern: str, key: str) -> bool:
    """Whether a topic exchange routes the key so (AMQP 0-9-1, 3.1.3.3): `*` is one word, `#` any number, none too."""
    words = key.split(".")
    reached = {0}
    for part in pattern.split("."):
        if part == "#":
            reached = set(range(min(reached, default=len(words) + 1), len(words) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(words) and part in {"*", words[at]}}
    return len(words) in reached
