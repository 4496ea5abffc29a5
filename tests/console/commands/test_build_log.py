"""`lading build log` against a sandbox whose worker runs the tasks: live, kept, into a pipe, over a lost network."""

import functools
import io
import json
import os
import subprocess
import sys

import pytest

from console import cli, connection
from console.services.pacing import Pace
from tests.support.builds import Meanwhile, builds_with_worker
from tests.support.front import CUT, Fault, front_of
from tests.support.hosted_sandbox import Terminal

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    with builds_with_worker(tmp_path_factory.mktemp("worker")) as found:
        yield found


def test_a_log_is_read_while_it_is_written_and_to_its_end(builds):
    task_id = builds.create(f"echo first; {builds.wait_for('log')}; printf 'last, without an end'")
    builds.when(task_id, "running")
    reading = Meanwhile(builds, "build", "log", task_id)
    builds.release("log")
    code, out, _ = reading.end()
    assert code == 0
    assert "first\n" in out
    assert "last, without an end" in out
    assert out.count("Result: completed") == 1
    assert builds.lading("build", "log", task_id)[1] == out


def test_a_log_on_a_terminal_obeys_nothing(builds):
    task_id = builds.create(r"printf '\033]52;c;aGk=\007 \033[?1049l \xff\r\n'")
    builds.resolved(task_id)
    out = builds.lading("build", "log", task_id, stdout=Terminal())[1]
    assert "\x1b" not in out
    assert "\a" not in out


def test_a_logs_colours_are_kept_on_a_terminal_that_has_them(builds):
    task_id = builds.create(r"printf '\033[1;31mred\033[8mhidden\033[0m \033[38;5;196;44mx\033]2;t\007\n'")
    builds.resolved(task_id)
    out = builds.lading("build", "log", task_id, stdout=Terminal(), TERM="xterm")[1]
    (line,) = [line for line in out.splitlines() if "red" in line]
    assert line.startswith("\x1b[1;31mredhidden\x1b[0m \x1b[38;2;255;0;0;44mx")
    assert "\x1b]" not in line
    out = builds.lading("build", "log", task_id, stdout=Terminal(), TERM="xterm", NO_COLOR="1")[1]
    assert "redhidden x" in out


def test_a_log_into_a_pipe_is_as_it_is_byte_by_byte(builds):
    task_id = builds.create(r"printf '\033]0;x\007 \xff\r\n'")
    builds.resolved(task_id)
    pipe = io.TextIOWrapper(io.BytesIO())
    assert cli.run(("build", "log", task_id), builds.variables, pipe, io.StringIO()) == 0
    assert b"\x1b]0;x\x07 \xff\r\n" in pipe.buffer.getvalue()


def test_the_first_error_is_shown_with_its_number(builds):
    task_id = builds.create("echo fine; echo 'error: it broke'; echo after; exit 1")
    builds.resolved(task_id)
    code, out, _ = builds.lading("build", "log", task_id, "--first-error")
    assert code == 0
    (line,) = [line for line in out.splitlines() if "error: it broke" in line]
    number = int(line.partition(":")[0])
    lines = [json.loads(each) for each in builds.lading("build", "log", task_id, "--json")[1].splitlines()]
    assert lines[number - 1] == {"number": number, "line": "error: it broke", "error": True}


def test_a_retry_is_announced_and_its_log_follows(builds):
    script = (
        f"echo attempt; {builds.wait_for('retry')}; mkdir {builds.folder}/once 2>/dev/null && exit 5; true"
    )
    task_id = builds.create(script, retries=1, payload={"onExitStatus": {"retry": [5]}})
    builds.when(task_id, "running")
    reading = Meanwhile(builds, "build", "log", task_id)
    builds.release("retry")
    code, out, err = reading.end()
    assert code == 0
    assert out.count("attempt\n") == 2
    assert "lading: run 1 (task-retry): its log begins anew" in err
    only = builds.lading("build", "log", task_id, "--run", "0")[1]
    assert only.count("attempt\n") == 1
    code, _, err = builds.lading("build", "log", task_id, "--run", "7")
    assert (code, "has no run 7" in err) == (1, True)


def test_a_log_of_what_never_ran_is_not_whole(builds):
    task_id = builds.create("true", queue="proj-balrog/nobody")
    builds.lading("build", "cancel", task_id, "--yes")
    code, out, err = builds.lading("build", "log", task_id)
    assert (code, out) == (7, "")
    assert "it never ran: exception (canceled)" in err


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_pipe_whose_reader_has_seen_enough_ends_it_silently(builds, flags):
    task_id = builds.create("seq 30000")  # more than a pipe holds
    builds.resolved(task_id)
    program = "import sys; from console.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", program, "build", "log", task_id, *flags]
    with subprocess.Popen(
        words, env={**os.environ, **builds.variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as reading:
        assert reading.stdout
        assert reading.stderr
        assert reading.stdout.readline()
        reading.stdout.close()
        told = reading.stderr.read()
        assert reading.wait(60) == 0
    assert b"Traceback" not in told
    assert b"Exception" not in told


def test_what_was_read_before_the_network_was_lost_is_printed(builds, monkeypatch):
    async def at_once(_seconds):
        pass

    monkeypatch.setattr(connection, "Pace", functools.partial(Pace, sleep=at_once))
    task_id = builds.create(f"echo first; {builds.wait_for('lost')}; printf half")
    builds.when(task_id, "running")
    before = front_of(builds.root_url)
    front = builds.wait(before.__aenter__())
    try:
        reading = Meanwhile(builds, "build", "log", task_id, TASKCLUSTER_ROOT_URL=front.root_url)
        reading.until_it_says("first\n")
        front.faults = [Fault(CUT)] * 50
        builds.release("lost")
        code, out, err = reading.end()
    finally:
        builds.wait(before.__aexit__(None, None, None))
    assert code == 4
    assert "half" in out
    assert "attempt 4" in err
    assert builds.lading("build", "log", task_id)[1].startswith(out.removesuffix("\n"))


def test_the_lines_around_the_first_error_have_no_colours_and_are_bounded(builds):
    task_id = builds.create(
        r"seq 20; printf '\033[31merr\033[1mor: one\033[0m\n'; echo 'error: two'; seq 100 200"
    )
    builds.resolved(task_id)
    code, out, _ = builds.lading("build", "log", task_id, "--first-error")
    assert code == 0
    shown = [line.partition(": ")[2] for line in out.splitlines()]
    assert shown == [*map(str, range(16, 21)), "error: one", "error: two", *map(str, range(100, 119))]
    numbers = [int(line.partition(":")[0]) for line in out.splitlines()]
    assert numbers == [*range(numbers[0], numbers[0] + 26)]
