"""The command lines of both programs, and the completions that shells are told of them."""

import io
import shutil
import subprocess

import pytest

from console.cli import run
from runner.arguments import flags_of, runner_parser
from runner.errors import UsageError


def completion_of_runner(shell):
    with pytest.raises(SystemExit) as ended:
        runner_parser(["--print-completion", shell]).parse_args(["--print-completion", shell])
    return ended.value.code


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("bash", ("publish", "verify", "--build-arg", "--insecure-registry")),
        ("zsh", ("publish", "verify", "--build-arg", "--insecure-registry")),
        ("tcsh", ("publish", "verify")),
    ],
)
def test_the_runner_completes_its_commands_and_flags(shell, words, capsys):
    assert completion_of_runner(shell) == 0
    script = capsys.readouterr().out
    assert [word for word in words if word not in script] == []


def test_the_console_completes_the_flags_of_all_commands(capsys):
    assert run(["--print-completion", "bash"], {}, io.StringIO(), io.StringIO()) == 0
    script = capsys.readouterr().out
    for word in ("sandbox", "--ephemeral", "--env-file", "verify", "--source", "demo"):
        assert word in script


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_takes_the_completion(capsys):
    completion_of_runner("bash")
    done = subprocess.run(
        ["bash", "-n"], input=capsys.readouterr().out, text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_flags_that_were_not_typed_are_not_given():
    flags = flags_of(runner_parser([]).parse_args(["publish"]))
    assert {value for value in flags.values() if value is not None} == set()


def test_repeated_flags_are_lists_and_tables():
    words = ["plan", "balrog", "--tag", "a", "--tag", "b", "--build-arg", "X=1=2", "--reproducible"]
    arguments = runner_parser(words).parse_args(words)
    flags = flags_of(arguments)
    assert (arguments.image, flags["tags"], flags["build-args"], flags["reproducible"]) == (
        "balrog",
        ["a", "b"],
        {"X": "1=2"},
        True,
    )


def test_a_pair_without_an_equals_sign_is_refused():
    words = ["publish", "--label", "maintainer"]
    with pytest.raises(UsageError, match="NAME=VALUE"):
        flags_of(runner_parser(words).parse_args(words))
