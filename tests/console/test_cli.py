"""`lading` starts fast, imports what it needs, and turns every failure into one message and a code."""

import argparse
import importlib.util
import io
import subprocess
import sys
from types import SimpleNamespace

import pytest

from console import cli
from runner.errors import Conflict, IntegrityFailure, Interrupted, Refused, UsageError

HEAVY = ("textual", "rich", "docker", "taskcluster", "keyring", "aiohttp", "asyncio")


@pytest.fixture
def command(monkeypatch):
    """A table of one command, `work`, that does what the test says."""
    module = SimpleNamespace(
        add_arguments=lambda parser: parser.add_argument("--flag"), run=lambda *_arguments: 0
    )
    monkeypatch.setattr(cli, "COMMANDS", (cli.Command("work", "does the work", "console.work"),))
    monkeypatch.setattr(importlib, "import_module", lambda _name: module)
    return module


def run(*words):
    stdout, stderr = io.StringIO(), io.StringIO()
    return cli.run(words, {}, stdout, stderr), stdout.getvalue(), stderr.getvalue()


@pytest.mark.parametrize("words", [["--version"], ["--help"], []], ids=["version", "help", "nothing"])
def test_what_needs_no_command_imports_nothing_heavy(words):
    program = (
        f"import sys; from console import cli; sys.argv[1:] = {words!r}; code = cli.main();"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.returncode == (0 if words else 2)


def test_every_command_of_the_table_can_be_imported():
    for command in cli.COMMANDS:
        module = importlib.import_module(command.module)
        module.add_arguments(argparse.ArgumentParser())
        assert callable(module.run)


def test_a_command_gets_its_arguments_and_its_code_is_the_programs(command):
    def work(arguments, _environment, stdout, stderr):
        print(arguments.flag, file=stdout)
        print("narration", file=stderr)
        return 7

    command.run = work
    assert run("work", "--flag", "x") == (7, "x\n", "narration\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("u"), 2),
        (Refused("r", cause="because", action="do this"), 3),
        (IntegrityFailure("i"), 6),
        (Conflict("c"), 8),
        (Interrupted(15), 143),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_one_message_and_its_own_code(command, error, code):
    def fail(*_arguments):
        raise error

    command.run = fail
    assert run("work") == (code, "", f"lading: {error}\n")


def test_an_unknown_exception_is_one_line_and_5(command):
    def fail(*_arguments):
        raise KeyError("hunter2")

    command.run = fail
    code, stdout, stderr = run("work")
    assert (code, stdout) == (5, "")
    assert stderr.count("\n") == 1
    assert "Traceback" not in stderr
    assert "KeyError at test_cli.py:" in stderr
    assert "hunter2" not in stderr


def test_what_a_terminal_would_obey_is_shown_and_not_obeyed(command):
    def fail(*_arguments):
        raise Refused("the role \x1b[2J is not yours")

    command.run = fail
    assert run("work")[2] == "lading: the role \\x1b[2J is not yours\n"


def test_ctrl_c_is_130_without_a_word(command):
    def interrupt(*_arguments):
        raise KeyboardInterrupt

    command.run = interrupt
    assert run("work") == (130, "", "")


def test_without_its_extra_it_says_how_to_install_it(command, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "textual" else find(name))
    code, _, stderr = run("work")
    assert code == 2
    assert "textual" in stderr
    assert "pip install 'lading[console]'" in stderr


def test_an_unknown_command_is_2(command, capsys):
    assert run("wrok")[0] == 2
    assert "work" in capsys.readouterr().err
