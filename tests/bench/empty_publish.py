"""An empty publish, a rerun of what is published already, taken apart: interpreter, imports, work."""

import re
import sys
from statistics import median

from tests.bench.images import CASES, Context
from tests.bench.measuring import measured
from tests.bench.tables import seconds, show, table
from tests.bench.world import lading
from tests.support.task import push_event

MOST = 12


def run(place, folder, runs):
    """Print where the time of an empty publish goes."""
    context = Context(CASES["small"], folder / "profile")
    task = place.task()
    place.publish("lading", context, task=task)
    task.upload_folder(place.home / "artifacts")
    task.resolve()
    rows = []
    for about, command in (
        ("the interpreter alone (python -I -c '')", [sys.executable, "-I", "-c", ""]),
        ("lading-runner --version", [sys.executable, "-I", "-m", "runner", "--version"]),
    ):
        walls = [measured(command, environment={}, folder=place.home)[0].wall for _ in range(runs)]
        rows.append((about, seconds(median(walls))))
    walls = []
    for _number in range(runs):
        task = task.rerun()
        command = lading("lading", place.repository("small", "lading"), context.folder)
        cost, _ = measured(command, environment=_environment(place, context, task), folder=place.home)
        walls.append(cost.wall)
        task.resolve()
    task = task.rerun()
    command[1:1] = ["-X", "importtime"]
    _, printed = measured(command, environment=_environment(place, context, task), folder=place.home)
    imports = _imports(printed)
    rows.append(("an empty publish, whole", seconds(median(walls))))
    rows.append(("  of it modules' own code while imported", seconds(sum(imports.values()))))
    most = sorted(imports.items(), key=lambda item: -item[1])[:MOST]
    rows += [(f"    {package}", f"{taken:.3f}") for package, taken in most]
    show(f"An empty publish:\n\n{table(('part', 's'), rows)}")


def _environment(place, context, task):
    return {
        **place.environment,
        **task.environment,
        **push_event(context.folder),
        "LADING_CREATED": context.created,
        "LADING_ARTIFACTS": str(place.home / "artifacts"),
    }


def _imports(printed):
    """Seconds of each top-level package's own modules, by `-X importtime`."""
    found: dict[str, float] = {}
    for line in re.finditer(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", printed, re.MULTILINE):
        package = line[2].partition(".")[0]
        found[package] = found.get(package, 0.0) + int(line[1]) / 1e6
    return found
