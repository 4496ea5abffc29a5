"""An error says what happened, why and what to do, and ends the process with one code of one table."""

import json

import pytest

from runner.errors import (
    BuildFailed,
    CannotTell,
    Conflict,
    ExitCode,
    IntegrityFailure,
    Interrupted,
    Refused,
    RunnerError,
    SettingsError,
    Unavailable,
    UsageError,
)
from runner.findings import Finding, Level, exit_code_of, problem
from runner.narration import Step
from runner.task.report import build_report, reported_statement


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RunnerError("x"), 5),
        (UsageError("x"), 2),
        (SettingsError(["x"]), 2),
        (BuildFailed("x"), 1),
        (Refused("x"), 3),
        (Unavailable("x"), 4),
        (IntegrityFailure("x"), 6),
        (CannotTell("x"), 7),
        (Conflict("x"), 8),
        (Interrupted(2), 130),
        (Interrupted(15), 143),
    ],
)
def test_each_error_has_the_code_of_the_table(error, code):
    assert error.exit_code == code
    assert problem("name", error).exit_code == code


def test_every_code_has_an_error_or_is_ok():
    assert {int(code) for code in ExitCode} == {0, 1, 2, 3, 4, 5, 6, 7, 8, 130, 143}


def test_an_error_says_what_happened_its_cause_and_the_next_action():
    assert str(Refused("What.", cause="Cause.", action="Action.")) == "What. Cause. Action."
    assert str(Refused("What.", action="Action.")) == "What. Action."


def test_settings_errors_are_listed():
    assert str(SettingsError(["a", "b"])) == "The settings have 2 problems:\n  - a\n  - b"


def test_a_finding_keeps_the_action_apart():
    found = problem("engine", Unavailable("It is down.", cause="Killed.", action="Start it."))
    assert found == Finding("engine", Level.PROBLEM, "It is down. Killed.", "Start it.", ExitCode.UNAVAILABLE)


def test_the_first_problem_is_the_exit_code_and_the_rest_is_none():
    fine = [Finding("a", Level.OK, ""), Finding("b", Level.WARNING, ""), Finding("c", Level.UNKNOWN, "")]
    assert exit_code_of(fine) is ExitCode.OK
    assert exit_code_of([]) is ExitCode.OK
    both = [*fine, problem("d", Refused("x")), problem("e", Unavailable("x"))]
    assert exit_code_of(both) is ExitCode.REFUSED


def test_a_report_is_versioned_json_with_every_step():
    steps = [Step("build", 1.0), Step("push", 3.5)]
    steps[0].seconds, steps[0].outcome = 2.5, "ok"
    steps[0].facts["bytes"] = 7
    report = json.loads(
        build_report(
            steps, ["careful"], outcome={"exitCode": 4, "error": "x"}, facts={"tags": {"latest": "moved"}}
        )
    )
    assert report["version"] == 1
    assert report["outcome"] == {"exitCode": 4, "error": "x"}
    assert report["tags"] == {"latest": "moved"}
    assert report["steps"][0] == {
        "name": "build",
        "started": 1.0,
        "seconds": 2.5,
        "outcome": "ok",
        "facts": {"bytes": 7},
    }
    assert report["steps"][1]["outcome"] is None
    assert report["warnings"] == ["careful"]


@pytest.mark.parametrize(
    ("content", "digest"),
    [
        (b'{"statement": "sha256:x"}', "sha256:x"),
        (b'{"statement": 1}', None),
        (b"{}", None),
        (b"[]", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b"", None),
        (None, None),
    ],
)
def test_a_report_names_its_statement_or_none(content, digest):
    assert reported_statement(content) == digest
