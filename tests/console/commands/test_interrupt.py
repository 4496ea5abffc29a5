"""Ctrl-C while Taskcluster does not answer ends a command at once and without a trace."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.enable_socket

ROOT = Path(__file__).parents[3]


def test_ctrl_c_during_a_call_ends_with_130_and_nothing_left_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        port = server.getsockname()[1]
        program = "import sys; from console.cli import main; sys.exit(main())"
        with subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", program, "can", "role", "a:b"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "TASKCLUSTER_ROOT_URL": f"http://127.0.0.1:{port}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(65536).startswith(b"GET /api/auth/v1/roles2")
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert "Unclosed" not in err
