"""Logs cut into blocks of a few bytes, so that a short text has many."""

import pytest
from hypothesis import strategies as st

from console.domain import log_store
from console.domain.log_store import LogStore

# Words, ends of lines, half a character, sequences whole and begun, what is no UTF-8.
PIECES = st.lists(
    st.sampled_from(
        [
            *(b"error: x", b"\n", b"\r", b"\r\n", b"a", b"A", "é".encode()[:1], "é".encode()),
            *(b"\x1b[31m", b"\xff", b"\x1b"),
        ]
    ),
    max_size=40,
)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """The blocks of what imports this fixture."""
    monkeypatch.setattr(log_store, "_BLOCK", 16)


def store_of(*pieces):
    """A log that came in these pieces."""
    store = LogStore()
    for piece in pieces:
        store.feed(piece)
    return store
