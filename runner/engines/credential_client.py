"""The program that buildx asks for credentials: it passes the question on to the runner, and keeps nothing.

It speaks docker/docker-credential-helpers' protocol and is run as a file by an interpreter without this package.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def main() -> int:
    """Run as `credential_client.py FOLDER get`, the registry on stdin; FOLDER has the runner's socket `ask`."""
    folder, verb = sys.argv[1:3]
    if verb != "get":
        return _not_found()
    try:
        answer = _ask(folder, sys.stdin.readline().strip())
    except OSError:  # the runner has ended
        return _not_found()
    if not json.loads(answer or b"null"):
        return _not_found()
    sys.stdout.write(answer.decode())
    return 0


def _ask(folder: str, registry: str) -> bytes:
    # A socket's path has 107 bytes at most (unix(7)): a descriptor's is short, wherever the folder is.
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(f"/proc/self/fd/{place}/ask")
        asked.sendall(registry.encode() + b"\n")
        with asked.makefile("rb") as stream:
            return stream.read()


def _not_found() -> int:
    # Docker reads this sentence as "there are none" (docker/docker-credential-helpers, credentials/error.go).
    sys.stdout.write("credentials not found in native keychain\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
