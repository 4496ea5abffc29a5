"""`lading build show`: one task whole, as lines and as JSON."""

import datetime as dt
import json
import re

import pytest

from runner.narration import UNPRINTABLE
from tests.support.builds import builds_with_worker
from tests.support.hosted_sandbox import Terminal

pytestmark = pytest.mark.enable_socket

DIGEST = f"sha256:{'d' * 64}"
REPORT = {
    "repository": "docker.io/mozilla/lading",
    "outcome": {"exitCode": 6, "error": "The tag is of another commit."},
    "warnings": ["it is \x1b[2Jlate"],
    "steps": [
        {
            "name": "Push \x1b]0;owned\x07 the layers",
            "started": 1795514451.0,
            "seconds": 65.2,
            "outcome": "ok",
            "facts": {"bytesPushed": 1_500_000, "layersReused": 3},
        }
    ],
}
STATEMENT = {
    "subject": [{"name": "docker.io/mozilla/lading"}],
    "predicate": {"lading": {"published": DIGEST, "tags": {"v1": "pushed"}}},
}


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    with builds_with_worker(tmp_path_factory.mktemp("worker")) as found:
        yield found


@pytest.fixture(scope="module")
def task_id(builds):
    expires = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat().replace("+00:00", "Z")
    files = {"docker-build-report.json": REPORT, "docker-image.json": STATEMENT}
    decision = builds.create("true")
    builds.resolved(decision)
    found = builds.create(
        "\n".join(f"cat > {name} <<'END'\n{json.dumps(content)}\nEND" for name, content in files.items())
        + "\nexit 6",
        group=decision,
        dependencies=[decision],
        payload={
            "artifacts": [
                {"name": f"public/{name}", "path": name, "type": "file", "expires": expires} for name in files
            ],
            "env": {"LADING_EVENT": "push", "LADING_BRANCH": "main", "LADING_REVISION": "b" * 40},
        },
    )
    builds.resolved(found)
    return found


def test_a_task_is_told_from_its_push_to_its_tags(builds, task_id):
    code, out, err = builds.lading("build", "show", task_id, stdout=Terminal(), NO_COLOR="1")
    assert (code, err) == (0, "")
    assert out.startswith(f"{task_id}  failed  a build\n  push  main  bbbbbbbbbbbb")
    for words in (
        f"  published docker.io/mozilla/lading@{DIGEST}\n  tag v1: pushed\n  failed: The tag is of another commit.",
        "1 min 05 s  Push \\x1b]0;owned\\x07 the layers  1.5 MB pushed, 3 layers reused",
        "  decision  ",
        "  waits for ",
        "  run 0  failed  scheduled  sandbox/local",
        "  artifact public/docker-image.json",
    ):
        assert words in out
    assert not re.findall(UNPRINTABLE, out.replace("\n", ""))


def test_all_of_it_is_there_as_json(builds, task_id):
    code, out, _ = builds.lading(
        "build", "show", f"{builds.root_url}/tasks/{task_id}", "--json", "--read-only"
    )
    told = json.loads(out)
    assert (code, told["result"], told["runs"][0]["reasonResolved"]) == (0, "failed", "failed")
    assert told["images"] == [
        {
            "repository": "docker.io/mozilla/lading",
            "digest": DIGEST,
            "tags": {"v1": "pushed"},
            "error": "The tag is of another commit.",
            "warnings": ["it is \x1b[2Jlate"],
        }
    ]
    assert [step["kind"] for step in told["timeline"]] == ["decision", "queue", "run", "push"]
    assert told["timeline"][-1]["facts"]["layersReused"] == 3
    assert told["definition"]["payload"]["env"]["LADING_BRANCH"] == "main"
    assert [needed["result"] for needed in told["dependencies"]] == ["completed"]


def test_a_task_that_is_not_there_is_told(builds):
    assert builds.lading("build", "show", "fN1SbArXTPSVFNUvaOlinQ")[0] == 1
    assert builds.lading("build", "show", "no id")[0] == 2
