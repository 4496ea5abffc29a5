"""Credentials for a child that reads Docker's configuration: it asks a helper, and the helper asks us.

The password goes over a socket in a folder of our own, to processes of our own user: it is in no file, argument
or environment, and when the block ends nobody answers any more.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import struct
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.credentials import RegistryCredentials

_NAME: Final = "lading"
_SECONDS: Final = 10.0
_LONGEST_QUESTION: Final = 4096
_PEER: Final = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED


@contextmanager
def credential_helper(folder: Path, credentials: RegistryCredentials | None) -> Iterator[None]:
    """Answer for one registry while the block runs.

    Args:
        folder: for our user alone; gets `config/config.json`, which is to be DOCKER_CONFIG, and `bin`, which is to be
            in PATH.
        credentials: or None, and nobody is asked.
    """
    config, programs = folder / "config", folder / "bin"
    config.mkdir(mode=0o700)
    programs.mkdir(mode=0o700)
    helpers = {credentials.registry.auth_key: _NAME} if credentials else {}
    (config / "config.json").write_text(json.dumps({"credHelpers": helpers}))
    if credentials is None:
        yield
        return
    client = Path(__file__).with_name("credential_client.py")
    words = shlex.join([sys.executable, "-I", "-S", str(client), str(folder)])
    program = programs / f"docker-credential-{_NAME}"
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o700)
    with _listening(folder) as listener:
        thread = threading.Thread(target=_serve, args=(listener, credentials), name="credential helper")
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def _listening(folder: Path) -> Iterator[socket.socket]:
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{place}/ask")
            listener.listen()
            yield listener
    finally:
        os.close(place)


def _serve(listener: socket.socket, credentials: RegistryCredentials) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # shut down
            return
        with connection, suppress(OSError):
            connection.settimeout(_SECONDS)
            _answer(connection, credentials)


def _answer(connection: socket.socket, credentials: RegistryCredentials) -> None:
    _, user, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    with connection.makefile("rb") as stream:
        question = stream.readline(_LONGEST_QUESTION).decode("utf-8", "replace").strip()
    own = user == os.geteuid() and question == credentials.registry.auth_key
    answer = {
        "ServerURL": question,
        "Username": credentials.username,
        "Secret": credentials.password.reveal(),
    }
    connection.sendall(json.dumps(answer if own else None).encode())
