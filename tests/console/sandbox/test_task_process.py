"""A command runs with exactly its environment, and nothing of it outlives the run."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import pytest

from console.sandbox.task_process import NOT_STARTED, Place, run_command


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path, {"PATH": os.environ["PATH"], "TASK_WORKDIR": str(tmp_path)}, grace=30)


async def run(place, *argv):
    output = bytearray()
    code = await run_command(argv, place, output.extend)
    return code, output.decode()


def is_alive(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def until(condition):
    """Wait for what the processes of a test do; a test's limit is two minutes."""
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 - other processes set no Event
            await asyncio.sleep(0.01)


async def test_output_of_both_streams_comes_in_order_and_the_exit_code_with_it(place):
    assert await run(place, "bash", "-c", "echo one; echo two >&2; echo three; exit 7") == (
        7,
        "one\ntwo\nthree\n",
    )


async def test_the_environment_is_what_was_given_and_the_folder_is_the_tasks(place, tmp_path):
    program = "import os; print(sorted(os.environ)); print(os.getcwd())"
    _, output = await run(place, sys.executable, "-I", "-c", program)
    names, folder = output.splitlines()
    assert set(eval(names)) - {"LC_CTYPE"} == {"PATH", "TASK_WORKDIR"}
    assert folder == str(tmp_path)


async def test_standard_input_is_empty(place):
    assert await run(place, "cat") == (0, "")


async def test_a_signal_is_a_negative_code(place):
    assert (await run(place, "bash", "-c", "kill -9 $$"))[0] == -9


@pytest.mark.parametrize(
    "argv", [("no-such-program",), ("/",), ("echo", "a\0b")], ids=["absent", "folder", "nul"]
)
async def test_what_cannot_be_started_is_127_and_says_so(place, argv):
    code, output = await run(place, *argv)
    assert code == NOT_STARTED
    assert "could not be started" in output


async def test_a_process_left_behind_does_not_hold_the_run_and_is_killed(place, tmp_path):
    code, output = await run(place, "bash", "-c", "sleep 1000 & echo $!")
    assert code == 0
    await until(lambda: not is_alive(int(output)))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what leaves its group is found in /proc")
async def test_a_process_that_left_its_group_is_killed(place, tmp_path):
    # Its command has begun: the environment of a process that is just being exchanged for another cannot be read.
    stays = "echo $$; touch there; while :; do sleep 1; done"
    script = f"setsid bash -c '{stays}' & while [ ! -e there ]; do sleep 0.05; done"
    _, output = await run(place, "bash", "-c", script)
    await until(lambda: not is_alive(int(output)))


async def test_cancelled_it_gets_sigterm_and_time_to_leave_a_report(place):
    output = bytearray()
    script = "trap 'echo ending; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    task = asyncio.create_task(run_command(("bash", "-c", script), place, output.extend))
    await until(lambda: b"ready" in output)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert output.endswith(b"ending\n")


async def test_what_ignores_sigterm_is_killed_after_the_grace(tmp_path):
    impatient = Place(tmp_path, {"PATH": os.environ["PATH"]}, grace=0.1)
    output = bytearray()
    script = "trap '' TERM; echo $$; while :; do sleep 0.05; done"
    task = asyncio.create_task(run_command(("bash", "-c", script), impatient, output.extend))
    await until(lambda: b"\n" in output)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_alive(int(output))
