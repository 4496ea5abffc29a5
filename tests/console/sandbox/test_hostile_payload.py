"""Whatever a payload holds: it is run, or malformed, and never ends the worker."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from console.sandbox.task_payload import MalformedPayload, log_names, parse_payload

NAMES = (
    *("command", "env", "maxRunTime", "artifacts", "features", "logs", "mounts", "onExitStatus", "osGroups"),
    *("image", "log", "cache", "capabilities", "live", "backing", "retry", "type", "path", "name", "expires"),
    *(
        "contentType",
        "contentEncoding",
        "optional",
        "taskclusterProxy",
        "chainOfTrust",
        "privileged",
        "taskId",
    ),
)
WORDS = (
    *(
        "file",
        "directory",
        "volume",
        "gzip",
        "task-image",
        "indexed-image",
        "docker-image",
        "a/b",
        "..",
        "/",
        "",
    ),
    *("\x00", "\ud800", "é\n", "'", "2026-12-04T03:32:32.750Z", "2026-12-04", "9999-12-31T23:59:59-23:59"),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from([10**400, 1e308, -1, 60]), st.sampled_from(WORDS)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*NAMES, *WORDS]), inner, max_size=4)
    ),
    max_leaves=12,
)
ARTIFACT = st.fixed_dictionaries(
    {"type": st.one_of(st.just("file"), VALUES), "path": st.one_of(st.just("a"), VALUES)},
    optional=dict.fromkeys(("name", "expires", "contentType", "contentEncoding", "optional"), VALUES),
)
# Good but for the artifacts, so that all of it is looked at.
NATIVE = st.fixed_dictionaries(
    {"maxRunTime": st.just(60), "command": st.just([["true"]]), "artifacts": st.lists(ARTIFACT, max_size=2)}
)
DOCKER = st.fixed_dictionaries(
    {
        "maxRunTime": st.just(60),
        "image": st.sampled_from(["i", {"type": "task-image", "taskId": "T", "path": "p"}]),
        "features": st.just({"chainOfTrust": True}),
        "artifacts": st.dictionaries(st.sampled_from(WORDS[:6]), ARTIFACT, max_size=2),
    }
)


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(st.one_of(NATIVE, DOCKER), st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=2))
def test_a_payload_is_read_or_malformed(good, others):
    task = {
        "payload": {**good, **others},
        "scopes": ["docker-worker:*"],
        "taskQueueId": "proj/ci",
        "expires": "2026-12-04T03:32:32.750Z",
    }
    live, backing = log_names(task)
    assert live
    assert backing
    with contextlib.suppress(MalformedPayload):
        parse_payload(task, "taskcontainer_x")
