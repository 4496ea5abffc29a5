"""What a command costs: time, its own CPU and the daemon's, memory; and what a registry holds afterwards."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from console.sandbox.private_engine import processes_naming

TICK = os.sysconf("SC_CLK_TCK")
LIMIT_SECONDS = 900
LAUNCHER = Path(__file__).with_name("launcher.py")


class Failed(Exception):
    """A measured command failed; the end of its output says why."""


@dataclass
class Cost:
    """What one run cost.

    Args:
        wall: seconds.
        cpu: the command's and its children's, seconds.
        daemon: the engine's CPU seconds.
        rss: bytes resident at most, of the command or of one of its children.
        pushed: bytes that the registry has more.
        pulled: bytes that a consumer without any layer pulls.
        push: seconds of the push part, where it is told.
        steps: seconds by step, where they are told.
    """

    wall: float
    cpu: float
    daemon: float
    rss: float
    pushed: float = 0.0
    pulled: float = 0.0
    push: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)


def medians(costs):
    """The median of each field."""
    names = ("wall", "cpu", "daemon", "rss", "pushed", "pulled", "push")
    steps = {
        step: median(cost.steps.get(step, 0.0) for cost in costs)
        for step in dict.fromkeys(step for cost in costs for step in cost.steps)
    }
    return Cost(**{name: median(getattr(cost, name) for cost in costs) for name in names}, steps=steps)


def measured(command, *, environment, folder, engine_folder=None):
    """Run to the end; returns the cost and what the command printed.

    Raises:
        Failed: it ended with a status that is not 0.
    """
    before = daemon_cpu(engine_folder) if engine_folder else 0.0
    with tempfile.TemporaryDirectory() as name:
        result = Path(name, "result.json")
        with Path(name, "output").open("w+b") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", LAUNCHER, result, *map(str, command)],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                process.wait(LIMIT_SECONDS)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
            output.seek(0)
            printed = output.read().decode(errors="replace")
        if not result.exists():
            raise Failed(f"{command[0]} was not measured to its end:\n{printed[-3000:]}")
        used = json.loads(result.read_text())
    if used["status"]:
        raise Failed(f"{command[0]} ended with status {used['status']}:\n{printed[-3000:]}")
    daemon = daemon_cpu(engine_folder) - before if engine_folder else 0.0
    return Cost(used["wall"], used["cpu"], daemon, float(used["rss"])), printed


def daemon_cpu(folder):
    """CPU seconds of an engine's processes so far: dockerd, containerd."""
    total = 0
    for pid in processes_naming(folder, Path("/proc")):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))  # utime, stime, and those of children that have ended
    return total / TICK


def stored_bytes(registry_folder):
    """Bytes of all blobs that a registry with this folder holds."""
    blobs = Path(registry_folder, "data/docker/registry/v2/blobs")
    return sum(path.stat().st_size for path in blobs.rglob("data")) if blobs.exists() else 0


def pulled_bytes(client, repository, tag):
    """Bytes of a tag's manifest, config and layers."""
    manifest = client.get_manifest(repository, tag)
    total = len(manifest.content)
    if manifest.is_index:
        entry = manifest.entries[0]
        manifest = client.get_manifest(repository, str(entry.digest))
        total += len(manifest.content)
    return total + manifest.config.size + sum(layer.size for layer in manifest.layers)
