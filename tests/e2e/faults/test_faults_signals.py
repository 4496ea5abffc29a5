"""SIGTERM and kill -9 at every step of a publish."""

import json
import os
import signal
import threading

import pytest

from console.sandbox.registry.faults import Delay, Fault

pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("faults")]

EITHER = ["Check the checkout", "Find the engine", "Fetch the secret", "Prove that", "Look at the tags"]
AFTER = ["Leave the statement", "Put the task into the index"]
DIRECT = [*EITHER, "Build the image", "Pack the image", "Tag", *AFTER]
ENGINE = ["Push", "Read back", "Tag"]
STEPS = [("direct", step) for step in DIRECT] + [("engine", step) for step in ENGINE]


def report_of(place):
    return json.loads((place.artifacts / "docker-build-report.json").read_text())


@pytest.mark.parametrize(("transport", "step"), STEPS)
def test_sigterm(place, task, transport, step):
    struck = place.publish(task, transport, at=step, do=lambda pid: os.kill(pid, signal.SIGTERM))
    assert report_of(place)["outcome"]["exitCode"] == 143
    place.settle(struck, task, transport, 143, "Ended by SIGTERM", "A rerun completes what is missing.")


@pytest.mark.parametrize(("transport", "step"), STEPS)
def test_kill(place, task, transport, step):
    struck = place.publish(task, transport, at=step, do=lambda pid: os.kill(pid, signal.SIGKILL))
    place.settle(struck, task, transport, -signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_in_the_middle_of_a_layer(place, task, number):
    place.registry.faults.append(Fault(Delay(2), kind="upload", method="PATCH"))
    timers = []

    def soon(pid):
        timers.append(threading.Timer(0.7, os.kill, (pid, number)))
        timers[0].start()

    struck = place.publish(task, "direct", at="Pack the image", do=soon)
    timers[0].join()
    place.registry.faults.clear()
    place.settle(struck, task, "direct", -9 if number == signal.SIGKILL else 143)
