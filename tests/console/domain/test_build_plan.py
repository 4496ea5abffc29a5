"""What a task does beside running is named, however its command is written."""

import pytest

from console.domain.build_plan import effects_of


@pytest.mark.parametrize(
    "command",
    [
        [["lading-runner", "publish"]],
        [["bash", "-c", "cd x && lading-runner publish --json"]],
        ["python3", "-I", "-m", "runner", "publish"],
        "lading-runner promote a b",
        ["docker", "push", "mozilla/balrog"],
    ],
)
def test_a_push_is_named(command):
    (effect,) = effects_of({"scopes": ["secrets:get:s"], "payload": {"command": command}})
    assert effect == "it pushes an image with the secret s: tags on the registry may move"


@pytest.mark.parametrize(
    "command", [[["lading-runner", "plan"]], "make publish", None, [["docker", "build"]]]
)
def test_what_pushes_nothing_may_still_read_a_secret(command):
    (effect,) = effects_of({"scopes": ["secrets:get:s"], "payload": {"command": command}})
    assert effect == "it may read the secret s, and use what is in it"
    assert list(effects_of({"payload": {"command": command}})) == []
