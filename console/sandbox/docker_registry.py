"""Debian's `docker-registry` on loopback: the registry that everybody runs, for as long as a block."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.sandbox.debian import find
from console.sandbox.owned_folder import owned_folder
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.masking import Masked

PROGRAMS: Final = ("docker-registry", "htpasswd")
_PREFIX: Final = "lading-registry."
_READY_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_LOG_LINES = 10


@contextmanager
def docker_registry(user: str, password: Masked) -> Iterator[str]:
    """Run a registry that lets one user push and pull (basic authentication), and yield its `host:port`.

    It must be entered on a thread that outlives it: the kernel ends the registry when that thread ends.

    Args:
        user: the one user's name.
        password: his password; it reaches `htpasswd` by a pipe, and the disk as a bcrypt hash.

    Raises:
        Unavailable: docker-registry or htpasswd is not installed, or the registry does not start.
    """
    with owned_folder(_PREFIX, Path(tempfile.gettempdir()), shutil.rmtree) as folder:
        (folder / "htpasswd").write_text(_htpasswd(user, password))
        (folder / "config.yml").write_text(json.dumps(_configuration(folder)))  # JSON is YAML
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - the program is docker-registry
                # The kernel tells it to stop even when we are killed (prctl(2), PR_SET_PDEATHSIG).
                (
                    *(_program("setpriv"), "--pdeathsig", "TERM"),
                    *(_program("docker-registry"), "serve", str(folder / "config.yml")),
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at the terminal is for us
            )
        try:
            yield _until_ready(process, log)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def listening(log: str) -> str | None:
    """The `host:port` that a registry's log says it listens on, or None.

    The port is the kernel's choice: a port chosen by us could be taken by another before it is bound.
    """
    found = re.search(r"listening on (127\.0\.0\.1:\d+)", log)
    return found and found.group(1)


def _configuration(folder: Path) -> dict[str, object]:
    return {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": "127.0.0.1:0", "secret": secrets.token_hex(16)},
        "auth": {"htpasswd": {"realm": "lading", "path": str(folder / "htpasswd")}},
    }


def _htpasswd(user: str, password: Masked) -> str:
    done = subprocess.run(  # noqa: S603 - the program is htpasswd
        (_program("htpasswd"), "-niB", user),
        input=password.reveal(),
        capture_output=True,
        check=False,
        text=True,
    )
    line = done.stdout.strip()
    if done.returncode or not line.startswith(f"{user}:"):
        # With an empty file the registry would start, and answer 401 to everybody.
        raise Unavailable(f"htpasswd made no entry for {user}: {done.stderr.strip()}")
    return line + "\n"


def _program(name: str) -> str:
    path = find(name)
    if path is None:
        raise Unavailable(
            f"{name} is not installed.", action="On Debian: apt-get install docker-registry apache2-utils."
        )
    return path


def _until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        text = log.read_text(errors="replace")
        address = listening(text)
        if address and _answers(address):
            return address
        ended = process.poll()
        if ended is None and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            continue
        state = (
            f"ended with status {ended}" if ended is not None else f"is not ready in {_READY_SECONDS:.0f} s"
        )
        tail = "\n".join(text.splitlines()[-_LOG_LINES:])
        raise Unavailable(f"docker-registry {state}. Its log ends:\n{tail}")


def _answers(address: str) -> bool:
    connection = HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 401
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
