"""All that is told of a task: in any width, of any text, and nothing of it is obeyed by a terminal."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.actions.build_task import TaskDetail
from console.domain.artifact import Artifact
from console.domain.build_result import BuildResult, result_of
from console.domain.build_timeline import TimelineStep
from console.domain.tasks import Run, Task
from console.screens.task_words import task_content
from runner.narration import UNPRINTABLE

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ID, GROUP = "Qd2mV0hUQ3mXc1sJr5o0Tw", "Ab7nK4wZTtC9eJ1yXl8q2g"


def detail(text="x", *, facts=None, group=GROUP, runs=1):
    """A task in which every text that comes from outside is the same."""
    run = Run(0, "exception", text, text, NOW - timedelta(minutes=9), NOW - timedelta(minutes=8), NOW, text)
    definition = {
        "created": "2026-03-01T10:00:00.000Z",
        "taskQueueId": text,
        "metadata": {"name": text, "owner": text, "source": text},
        "payload": {
            "env": {"LADING_EVENT": text, "LADING_BRANCH": text, "LADING_REVISION": text},
            text: text,
        },
    }
    task = Task(ID, "exception", (run,) * runs, group, text, text, NOW, NOW, definition)
    return TaskDetail(
        task,
        (Artifact(ID, 0, text, "s3", text, NOW, 7), Artifact(ID, 0, text, "error", text, NOW)),
        (TimelineStep("build", text, NOW, 3.0, text, facts if facts is not None else {text: text}),),
        (BuildResult(text, text, ((text, text),), text, (text,)), BuildResult(text)),
        (task,),
        (text,),
    )


DRIVING = (
    *("\x1b]0;owned\x07", "\x1b[2J", "\x9b2J", "\u202egnp.exe", "[bold]x[/]", "[/]", "[@click=app.bell]c[/]"),
    *("a\r\nb\tc", "\ud800", "\u200b", "漢字" * 30, "\x1b]52;c;aHVudGVy\x07" * 9),
)
HOSTILE = st.one_of(st.text(max_size=80), st.sampled_from(DRIVING))


@given(HOSTILE, st.sampled_from([20, 78, 118]))
def test_no_text_from_outside_is_obeyed(text, width):
    shown = task_content(detail(text), NOW, width).plain
    assert not re.findall(UNPRINTABLE, shown.replace("\n", ""))
    assert not any("\ud800" <= character <= "\udfff" for character in shown)


def test_a_task_is_told_with_its_push_and_what_came_of_each_image():
    results = (
        result_of(
            {"repository": "docker.io/mozilla/one", "outcome": {"exitCode": 1, "error": "No space."}}, None
        ),
        BuildResult(
            "docker.io/mozilla/two", "sha256:1", (("v1", "pushed"), ("latest", "moved")), "", ("It moves.",)
        ),
    )
    told = detail("main")
    shown = task_content(TaskDetail(told.task, (), (), results, (), ()), NOW, 78).plain
    for words in (
        "main of main at main · by main",
        f"task {ID} of group {GROUP}",
        "created 2 h ago",
        "deadline 2026-03-01 12:00 UTC · expires 2026-03-01 12:00 UTC",
        "nothing published to docker.io/mozilla/one\n✗ No space.",
        "published docker.io/mozilla/two\n  sha256:1\n  tags v1 (pushed), latest (moved)\n! It moves.",
        "waited 1 m 00 s  ran 8 m 00 s  main",
    ):
        assert words in shown
    assert "first of its group" in task_content(detail(group=ID), NOW, 78).plain


@pytest.mark.parametrize("width", [60, 78, 118])
def test_a_step_too_long_for_its_line_goes_on_below_its_own_beginning(width):
    name = "Put the task into the index under " + " ".join(["namespace"] * 9)
    facts = {"bytesPushed": 48_211_904, "layersReused": 4, "contextIsWhole": True, "product": "docker"}
    told = detail(facts=facts)
    step = TimelineStep("build", name, NOW, 3.0, "ok", facts)
    shown = task_content(TaskDetail(told.task, (), (step,), (), (), ()), NOW, width).plain
    part = shown.partition("From decision to push\n")[2].partition("\n\n")[0].splitlines()
    beginning = part[0].index("Put")
    assert all(len(line) <= width for line in part)
    assert [line[:beginning].strip() for line in part[1:]] == [""] * (len(part) - 1)
    assert " ".join(line[beginning:].strip() for line in part) == (
        f"{name} 48.2 MB pushed, 4 layers reused, context is whole: yes, product docker"
    )
    assert ("12:00:00" in part[0]) == (width > 100)


@pytest.mark.parametrize(
    "report", [None, 7, [], {"outcome": 3, "tags": [], "warnings": "no", "repository": 4}]
)
@pytest.mark.parametrize("statement", [None, {"subject": []}, {"subject": [7]}, {"subject": {"name": "x"}}])
def test_what_is_no_report_and_no_statement_tells_nothing(report, statement):
    assert result_of(report, statement) == BuildResult()


def test_what_goes_on_is_told_with_the_time_it_took_so_far_and_a_failure_without_a_report_with_its_log():
    told = detail()
    steps = (
        TimelineStep("queue", "Wait", NOW - timedelta(seconds=76), 4.0, "ok"),
        TimelineStep("run", "Run 0", NOW - timedelta(seconds=72), None),
        TimelineStep("build", "Build", None, None),
    )
    shown = task_content(TaskDetail(told.task, (), steps, (), (), ()), NOW, 78).plain
    for words in (
        "✓ queue        4.0 s ━",
        "· run      1 m 12 s…  ",
        "· build            …  ",
        "F there the first error",
    ):
        assert words in shown
    assert "F there" not in task_content(told, NOW, 78).plain


def test_of_many_artifacts_the_first_are_told_and_how_many_more_there_are():
    left = tuple(Artifact(ID, 0, f"public/{number}", "s3", "t", None, 7) for number in range(1250))
    shown = task_content(TaskDetail(detail().task, left, (), (), (), ()), NOW, 78).plain
    assert "public/49  7 B\nand 1,200 more\n" in shown
