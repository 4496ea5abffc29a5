"""What all services of one sandbox share: its address, state, time, randomness, and who may do what."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from console.domain.scopes import Roles
from console.sandbox.arrivals import Arrivals
from console.sandbox.moments import iso
from console.sandbox.pulse import Pulse
from console.sandbox.storage import Storage
from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from console.sandbox.store import Store

QUEUE_CLIENT: Final = "static/taskcluster/queue"
INDEX_CLIENT: Final = "static/taskcluster/index"
FAR_FUTURE: Final = "3000-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Client:
    """What authentication needs to know of a client."""

    client_id: str
    access_token: Masked
    scopes: tuple[str, ...]
    expires: str
    disabled: bool = False


@dataclass(slots=True)
class Deployment:
    """One Taskcluster.

    Args:
        root_url: without a slash at its end.
        store: the state.
        statics: clients that exist without the API, by id.
        now: the time, in UTC.
        random: so many random bytes.
        long_poll: how long `claimWork` waits for a task, in seconds.
        monotonic: the clock by which it waits.
        arrivals: how it learns of one.
        pulse: who hears of changes.
        on_changed: what to do with a task as it was, None if it is new, and as it is now; where anybody hears of it.
        on_completed: what to do with a task (`services.queue_model.Task`) that has been completed.
    """

    root_url: str
    store: Store
    statics: dict[str, Client]
    now: Callable[[], datetime]
    random: Callable[[int], bytes]
    long_poll: float = 20.0
    monotonic: Callable[[], float] = time.monotonic
    arrivals: Arrivals = field(default_factory=Arrivals)
    pulse: Pulse = field(default_factory=Pulse)
    on_changed: list[Callable[[Deployment, Any, Any], None]] = field(default_factory=list)
    on_completed: list[Callable[[Deployment, Any], None]] = field(default_factory=list)
    storage: Storage = field(init=False)
    _roles: Roles | None = None

    def __post_init__(self) -> None:
        self.storage = Storage(self.store, lambda: self.root_url, self.now, self.key("storage"))

    def key(self, name: str) -> Masked:
        """The deployment's own secret of that name; a database that is a file keeps it."""
        self.store.run("insert or ignore into keys values (?, ?)", name, self.token())
        row = self.store.one("select key from keys where name = ?", name)
        if row is None:
            raise LookupError(name)
        return Masked(row["key"])

    def time(self) -> str:
        """Now, as the services write it."""
        return iso(self.now())

    def slugid(self) -> str:
        """A new "nice" slugid: a UUID v4 whose first character is not `-`."""
        raw = bytearray(self.random(16))
        raw[0] &= 0x7F
        raw[6] = 0x40 | (raw[6] & 0x0F)
        raw[8] = 0x80 | (raw[8] & 0x3F)
        return base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")

    def token(self) -> str:
        """A new access token or seed, 44 characters."""
        return self.slugid() + self.slugid()

    def client(self, client_id: str) -> Client | None:
        """The client of that id, static or not."""
        if client_id in self.statics:
            return self.statics[client_id]
        row = self.store.one("select * from clients where client_id = ?", client_id)
        if row is None:
            return None
        scopes = tuple(json.loads(row["scopes"]))
        return Client(client_id, Masked(row["token"]), scopes, row["expires"], bool(row["disabled"]))

    @property
    def roles(self) -> Roles:
        """The roles as they are now."""
        if self._roles is None:
            rows = self.store.all("select role_id, scopes from roles")
            self._roles = Roles.of({row["role_id"]: json.loads(row["scopes"]) for row in rows})
        return self._roles

    def roles_changed(self) -> None:
        """Read the roles again when they are next needed."""
        self._roles = None

    def audit(self, entity_type: str, entity_id: str, action: str, client_id: str) -> None:
        """Note who did what to which entity."""
        self.store.run(
            "insert into audit (entity_type, entity_id, action, client_id, created) values (?, ?, ?, ?, ?)",
            *(entity_type, entity_id, action, client_id, self.time()),
        )


def dump(value: Any) -> str:
    """JSON for a column; members keep their order."""
    return json.dumps(value, separators=(",", ":"))
