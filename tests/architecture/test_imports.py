"""The directions of imports, and what a start of either program must not load."""

import graphlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
# What only a build, a push, or an image's verification needs: 0.15 s of a rerun's 0.3 s.
BUILDS = {
    "docker",
    "requests",
    "mohawk",
    "zlib_ng",
    "runner.engines.docker_engine",
    "runner.engines.buildx",
    "runner.direct_publication",
    "runner.packing",
    "runner.evidence",
    "runner.verification",
    "runner.task.hawk",
}
HEAVY = ("textual", "rich", "docker", "taskcluster", "keyring", "requests", "urllib3", "aiohttp")


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules that a program has loaded when it ends."""
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules})))\n"
        f"from {arguments[0]} import main\n"
        f"sys.argv = ['program', *{list(arguments[1:])!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("LOADED "))
    return set(line.split()[1:])


@pytest.mark.parametrize("flag", ["--help", "--version"])
@pytest.mark.parametrize("program", ["runner.cli", "console.cli"])
def test_help_and_version_load_nothing_heavy(program, flag):
    assert not loaded_by(program, flag) & set(HEAVY)


@pytest.mark.parametrize("command", ["can", "who-can", "role"])
def test_a_commands_help_loads_no_client(command):
    assert not loaded_by("console.cli", command, "--help") & set(HEAVY)


def test_the_runner_never_loads_the_console_or_its_libraries():
    program = "import runner.commands.publish, runner.commands.plan, runner.verify_request, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"console", "textual", "rich", "keyring", "taskcluster", "aiohttp"}


def test_a_publish_that_builds_nothing_waits_for_nothing_that_builds():
    """`tests/e2e/test_publish.py` has the same of a whole rerun."""
    program = "import runner.__main__, runner.cli, runner.commands.publish, runner.building, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "urllib3" in done.stdout.split()
    assert not set(done.stdout.split()) & BUILDS


def test_a_publish_that_the_engine_pushes_loads_nothing_of_the_direct_way_and_no_data_classes():
    """`dataclasses` comes with `inspect`, and each class takes 1 ms: together a tenth of a small publish."""
    modules = (
        "commands.publish",
        "building",
        "engines.docker_engine",
        "transport_choice",
        "engine_publication",
    )
    program = f"import {', '.join(f'runner.{name}' for name in modules)}, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "docker" in loaded
    assert not loaded & {"dataclasses", "inspect", "runner.direct_publication", "runner.packing"}


def test_the_console_verifies_without_an_engine():
    program = "import console.commands.verify, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "docker" not in done.stdout.split()


def test_there_are_no_import_cycles():
    graph = grimp.build_graph("console", "runner", cache_dir=None)
    graphlib.TopologicalSorter(
        {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    ).prepare()


def test_the_contracts_of_pyproject_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_no_other_distribution_owns_our_packages():
    """PyPI has a `console`: installed beside ours, it overwrites ours without a word."""
    owners = {
        distribution.metadata["Name"]
        for distribution in importlib.metadata.distributions()
        for file in distribution.files or ()
        if file.parts[0] in {"console", "runner"}
    }
    assert owners <= {"lading"}
