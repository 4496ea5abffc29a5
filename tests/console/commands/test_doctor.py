"""`lading doctor`: a line for each link, the next action below what is not right, the answer in the exit code."""

import io
import json
import subprocess

import pytest

from console.sandbox.seed import BRANCH_ROLE, DOCKERHUB
from tests.support.hosted_sandbox import Terminal

pytestmark = pytest.mark.enable_socket

SECRET_SCOPE = f"secrets:get:{DOCKERHUB}"


def doctor(patient, *words, **how):
    code, out, err = patient.lading("doctor", "--repo", str(patient.repo), *words, **how)
    return code, out, err


def test_a_whole_chain_is_a_line_for_each_link_and_exits_0(patient):
    code, out, err = doctor(patient)
    *lines, answer = out.splitlines()
    assert (code, answer, err) == (0, "The next push will publish.", "")
    assert [line.partition(":")[0].removeprefix("✓ ok       ") for line in lines] == [
        "signed in",
        "lading.toml, balrog",
        "task file",
        "event, balrog",
        "engine, balrog",
        "proxy, balrog",
        "task's scopes, balrog",
        "artifacts, balrog",
        "role",
        "pull requests",
        "worker pool",
        "secret, balrog",
        "registry, balrog",
        "tags, balrog",
        "last build",
    ]


def test_a_broken_link_has_the_next_action_below_it_and_the_answer_is_no(patient):
    patient.rewrite("taskclusterProxy: true", "taskclusterProxy: false")
    code, out, _ = doctor(patient)
    lines = out.splitlines()
    assert (code, lines[-1]) == (1, "The next push will not publish.")
    place = next(number for number, line in enumerate(lines) if line.startswith("✗ problem  proxy, balrog: "))
    assert ".taskcluster.yml:16: the task has no Taskcluster proxy" in lines[place]
    assert lines[place + 1] == "           └ Set `taskclusterProxy: true` in `payload.features`."


def test_a_task_file_that_is_not_committed_is_told_to_be_so(patient):
    assert "task file: version 1, renders\n" in doctor(patient)[1]
    patient.rewrite("maxRunTime: 1800", "maxRunTime: 900")
    assert "task file: version 1, renders; not committed yet as it is here\n" in doctor(patient)[1]


def test_what_cannot_be_told_exits_7(patient):
    patient.by = {}
    code, out, _ = doctor(patient)
    assert (code, out.splitlines()[-1]) == (7, "Whether the next push will publish cannot be told.")
    assert "? unknown  role: " in out


def test_a_command_can_be_copied_into_a_shell(patient, tmp_path):
    patient.take(SECRET_SCOPE)
    _, out, _ = doctor(patient)
    (command,) = [line.strip() for line in out.splitlines() if "lading role set" in line]
    program = tmp_path / "lading"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$*"\nexec cat\n')
    program.chmod(0o755)
    typed = subprocess.run(
        ("sh", "-c", command),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    words, *scopes = typed.stdout.splitlines()
    assert words == f"role set {BRANCH_ROLE} --yes"
    assert set(scopes) == {*patient.role(BRANCH_ROLE)["scopes"], SECRET_SCOPE}


def test_data_has_every_finding_with_its_steps(patient):
    patient.remove_secret()
    code, out, _ = doctor(patient, "--json")
    answer = json.loads(out)
    (finding,) = [finding for finding in answer["findings"] if finding["level"] == "problem"]
    assert (code, answer["exitCode"], finding["link"], finding["image"]) == (1, 1, "secret", "balrog")
    assert finding["fixes"][0]["command"] == (
        f"lading secret rotate {DOCKERHUB} --registry {patient.registry.host} --user mozilla --expires 1y"
    )


def test_colour_is_a_terminals_alone(patient):
    assert "\x1b[1;32m✓ ok" in doctor(patient, stdout=Terminal(), TERM="xterm")[1]
    for variables in ({"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in doctor(patient, stdout=Terminal(), **variables)[1]
    assert "\x1b" not in doctor(patient, TERM="xterm")[1]


def test_a_terminal_without_the_glyphs_gets_plain_characters(patient):
    patient.rewrite("taskclusterProxy: true", "taskclusterProxy: false")
    patient.by = {}
    stream = _Ascii()
    assert patient.lading("doctor", "--repo", str(patient.repo), stdout=stream)[0] == 1
    text = stream.text()
    for sign in ("+ ok ", "x problem ", "? unknown ", "! warning ", "` "):
        assert sign in text


class _Ascii(io.TextIOWrapper):
    """A stream that takes no other character than ASCII."""

    def __init__(self):
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, encoding="ascii")

    def text(self):
        self.flush()
        return self._bytes.getvalue().decode("ascii")

    def getvalue(self):
        return self.text()


def test_what_a_file_says_is_not_obeyed_by_a_terminal(patient):
    patient.rewrite("LADING_EVENT: push", 'LADING_EVENT: "\\e]0;owned\\a"')
    code, out, _ = doctor(patient)
    assert code == 1
    assert "\x1b" not in out
    assert "\x07" not in out


def test_a_folder_that_is_no_checkout_is_a_wrong_call(patient, tmp_path):
    code, _, err = patient.lading("doctor", "--repo", str(tmp_path))
    assert code == 2
    assert "Give --repository OWNER/NAME" in err
