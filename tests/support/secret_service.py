"""A real Secret Service: gnome-keyring on a D-Bus of its own, which ends with the test."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time

from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import open_dbus_connection

from console.sandbox.debian import find
from tests.support.engine import missing

_BUS = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
_NAME = "org.freedesktop.secrets"
_LIMIT_SECONDS = 60


@contextlib.contextmanager
def secret_service(folder):
    """The variables by which programs find it; it is unlocked, and keeps what it is given below a folder.

    Args:
        folder: an empty one.
    """
    programs = {name: find(name) for name in ("dbus-daemon", "gnome-keyring-daemon")}
    absent = sorted(name for name, path in programs.items() if path is None)
    if absent:
        missing(f"{' and '.join(absent)} is not installed.")
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_RUNTIME_DIR": str(runtime),
    }
    with contextlib.ExitStack() as stack:
        bus = stack.enter_context(
            _running(
                [programs["dbus-daemon"], "--session", "--nofork", "--nopidfile", "--print-address=1"],
                variables,
                stdout=subprocess.PIPE,
            )
        )
        variables["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()
        keyring = stack.enter_context(
            _running(
                [programs["gnome-keyring-daemon"], "--foreground", "--unlock", "--components=secrets"],
                variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
        )
        keyring.stdin.write(b"a password")
        keyring.stdin.close()
        _wait_for_name(variables["DBUS_SESSION_BUS_ADDRESS"])
        yield variables


@contextlib.contextmanager
def _running(command, variables, **streams):
    process = subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL, **streams)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _wait_for_name(address):
    """Until the keyring is on the bus: who asked before would have another one started, a locked one."""
    ends = time.monotonic() + _LIMIT_SECONDS
    with open_dbus_connection(address) as connection:
        while time.monotonic() < ends:
            asked = new_method_call(_BUS, "NameHasOwner", "s", (_NAME,))
            if connection.send_and_get_reply(asked, timeout=_LIMIT_SECONDS).body == (True,):
                return
            time.sleep(0.02)
    raise AssertionError("gnome-keyring-daemon did not start")
