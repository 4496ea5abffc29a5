"""Who sits at the other end of a loopback connection: the system knows, and tells by user id.

A page that grants scopes without a password is for the user who runs the sandbox, not for all of the machine.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_USER: Final = 7


def is_own(transport: Any) -> bool:
    """Whether the peer's process is this user's, or root's; True where the system does not tell (macOS).

    Args:
        transport: the connection's asyncio transport, or None when it is gone.
    """
    if transport is None:
        return False
    if not _TABLES[0].exists():
        return True
    ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    # A table that changes while it is read may lack a line for once.
    found = (owner(_lines(), theirs, ours) for _attempt in range(3))
    return next((user for user in found if user is not None), None) in {0, os.getuid()}


def _lines() -> Iterator[str]:
    for table in _TABLES:
        if table.exists():
            yield from table.read_text().splitlines()


def owner(lines: Iterable[str], local: tuple[Any, ...], remote: tuple[Any, ...]) -> int | None:
    """The user id of the socket that is bound to `local` and connected to `remote`, if a table lists it.

    Args:
        lines: of `/proc/net/tcp` and `/proc/net/tcp6` (proc_pid_net(5)).
        local: address and port.
        remote: address and port.
    """
    plain, mapped = (f" {form(local)} {form(remote)} " for form in (_packed, _mapped))
    for line in lines:
        # A busy machine has thousands of lines.
        if plain in line or mapped in line:
            return int(line.split()[_USER])
    return None


def _packed(place: tuple[Any, ...]) -> str:
    return f"{_words(ipaddress.ip_address(place[0]).packed)}:{place[1]:04X}"


def _mapped(place: tuple[Any, ...]) -> str:
    """As a socket of both families shows an IPv4 address."""
    address = ipaddress.ip_address(place[0])
    packed = address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed
    return f"{_words(packed)}:{place[1]:04X}"


def _words(packed: bytes) -> str:
    """32-bit words in the machine's own byte order."""
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
