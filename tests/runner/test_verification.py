"""An image is verified if every fact fits; a fact that differs is 6, and one that is missing is 7."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.chain_of_trust import SignedChain
from runner.errors import ExitCode
from runner.image.digest import Digest
from runner.verification import belongs_to, decide
from runner.verification_values import ENGINE, FOLDER, Evidence, Outcome, Policy
from tests.support.signatures import WorkerKey, chain
from tests.support.statements import TASK_ID, statement

OTHER = Digest.of(b"another")
REPOSITORY = "repo:github.com/mozilla/balrog:"
POLICY = Policy(
    task=TASK_ID, source=("github.com", "mozilla/balrog"), ref="main", pool="proj-balrog/docker-linux"
)


def definition(*scopes, **changes):
    scopes = scopes or (f"assume:{REPOSITORY}branch:main", f"secrets:get:{REPOSITORY}dockerhub")
    return {"scopes": list(scopes), "taskQueueId": "proj-balrog/docker-linux", **changes}


def evidence(stated=None, **changes):
    stated = stated or statement()
    made = Evidence(
        digest=statement().published,
        config=statement().config,
        layers=statement().layers,
        revision=statement().revision,
        statement=stated,
        statement_sha256=Digest.of(stated.to_json()),
        task_id=TASK_ID,
        run_id=0,
        found_by="given",
        run_state="completed",
        definition=definition(),
    )
    return replace(made, **changes)


def test_an_image_that_fits_in_everything_is_verified():
    verdict = decide(evidence(), POLICY)
    assert verdict.exit_code is ExitCode.OK
    assert {check.outcome for check in verdict.checks} == {Outcome.HOLDS}
    assert verdict.compared == "manifest digest"
    assert "was published by github.com/mozilla/balrog from commit 0123456789ab" in verdict.summary
    assert verdict.policy == (
        f"task = {TASK_ID}",
        "source = github.com/mozilla/balrog",
        "ref = main",
        "pool = proj-balrog/docker-linux",
    )


DIFFERENT = {
    "a label of another commit": {"revision": "f" * 40},
    "a statement that was recorded as another": {"recorded_sha256": {"the build report": str(OTHER)}},
    "something that is no statement": {"statement": None, "broken_statement": "it is not whole"},
    "a blob whose bytes are others": {"damage": ("the bytes of sha256:00 differ",)},
    "another config than the statement's": {"config": OTHER},
    "other layers than the statement's": {"layers": (OTHER,)},
    "the same layers under another manifest": {
        "digest": OTHER,
        "layers": statement().layers,
        "diff_ids": statement().diff_ids,
    },
    "another manifest under the tag": {"digest": OTHER, "config": OTHER},
    "another manifest, whose layers were not read": {"digest": OTHER, "layers": (OTHER,)},
    "another manifest, with another layer": {
        "digest": OTHER,
        "layers": (OTHER,),
        "diff_ids": (Digest.of(b"base"), OTHER),
    },
    "another manifest, with fewer layers": {
        "digest": OTHER,
        "layers": (OTHER,),
        "diff_ids": (Digest.of(b"base"),),
    },
    "an index": {"digest": OTHER, "config": None},
    "another task": {"task_id": "A" * 22},
    "another run": {"run_id": 1},
    "a failed run": {"run_state": "failed"},
    "a run that an exception ended": {"run_state": "exception"},
    "a task without scopes": {"definition": {"taskQueueId": "proj-balrog/docker-linux"}},
    "a task of another repository": {
        "definition": definition("assume:repo:github.com/mozilla/b:branch:main")
    },
    "a pull request's task": {"definition": definition(f"assume:{REPOSITORY}pull-request")},
    "a task of another branch": {"definition": definition(f"assume:{REPOSITORY}branch:main2")},
    "a task of a tag of that name": {"definition": definition(f"assume:{REPOSITORY}tag:main")},
    "a task of another pool": {"definition": definition(taskQueueId="proj-balrog/other")},
    "a statement with another digest": {"statement": statement(published=OTHER, config=OTHER)},
    "a statement of another task": {"statement": statement(task_id="A" * 22)},
    "a statement of another run": {"statement": statement(run_id=1)},
    "a statement of another source": {"statement": statement(source="https://github.com/evil/balrog")},
    "a statement that names another host": {"statement": statement(source="https://evil.tld/mozilla/balrog")},
    "a statement of another branch": {"statement": statement(event={"branch": "feature", "tag": None})},
    "a statement of a tag of that name": {"statement": statement(event={"branch": None, "tag": "main"})},
}


@pytest.mark.parametrize("changes", DIFFERENT.values(), ids=DIFFERENT)
def test_one_fact_that_differs_is_an_integrity_failure(changes):
    verdict = decide(evidence(**changes), POLICY)
    assert verdict.exit_code is ExitCode.INTEGRITY
    assert verdict.summary.startswith("NOT verified: ")


@given(
    digest=st.binary(max_size=3).map(Digest.of),
    config=st.none() | st.binary(max_size=3).map(Digest.of),
    diff_ids=st.none() | st.lists(st.sampled_from([*statement().diff_ids, OTHER]), max_size=3).map(tuple),
)
def test_no_other_digest_is_verified_but_by_the_same_content(digest, config, diff_ids):
    verdict = decide(evidence(digest=digest, config=config, diff_ids=diff_ids), POLICY)
    assert verdict.exit_code is ExitCode.INTEGRITY


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"statement": None, "why_no_statement": "403 from queue"}, "403 from queue"),
        ({"statement": None}, "there is no statement"),
        ({"task_id": None}, "no task is known"),
        ({"run_state": None}, "state cannot be read"),
        ({"run_state": "running"}, "the run is running"),
        ({"definition": None, "why_no_definition": "404 from queue"}, "404 from queue"),
        ({"definition": None}, "definition cannot be read"),
        ({"unread": "the image's content cannot be read: it is down"}, "it is down"),
    ],
)
def test_one_fact_that_cannot_be_read_leaves_it_open(changes, seen):
    verdict = decide(evidence(**changes), POLICY)
    assert verdict.exit_code is ExitCode.CANNOT_TELL
    assert seen in verdict.summary


@pytest.mark.parametrize("policy", [Policy(), Policy(ref="main"), Policy(pool="proj-balrog/docker-linux")])
def test_without_a_task_or_a_source_what_is_found_is_unattributed(policy):
    verdict = decide(evidence(), policy)
    assert verdict.exit_code is ExitCode.CANNOT_TELL
    assert verdict.summary.startswith("Unattributed")


def test_a_difference_is_told_before_what_is_unknown():
    changed = evidence(digest=OTHER, config=OTHER, definition=None)
    assert decide(changed, POLICY).exit_code is ExitCode.INTEGRITY


def test_an_image_recompressed_elsewhere_is_verified_by_content_only():
    verdict = decide(evidence(digest=OTHER, layers=(OTHER, OTHER), diff_ids=statement().diff_ids), POLICY)
    assert verdict.exit_code is ExitCode.OK
    assert verdict.compared == "config digest and diffIDs"
    assert verdict.summary.startswith("Verified by content only")


def test_an_index_is_compared_as_an_index():
    stated = statement(published=OTHER, index=OTHER)
    verdict = decide(evidence(stated, digest=OTHER, config=None, layers=None), POLICY)
    assert (verdict.exit_code, verdict.compared) == (ExitCode.OK, "index digest")


def test_it_says_which_layer_differs():
    verdict = decide(evidence(digest=OTHER, layers=(OTHER,), diff_ids=(Digest.of(b"base"), OTHER)), POLICY)
    assert "the content of layer 2 differs" in verdict.summary


def test_what_was_trusted_is_said():
    trusted = " ".join(decide(evidence(), POLICY).trusted)
    assert "no signature" in trusted
    assert "root on its worker" in trusted


@pytest.mark.parametrize(
    "scope",
    [
        f"assume:{REPOSITORY}branch:main",
        f"assume:{REPOSITORY}branch:feature/x",
        f"assume:{REPOSITORY}tag:v3.120",
        f"assume:{REPOSITORY}release:published",
        f"assume:{REPOSITORY}cron:nightly",
        f"assume:{REPOSITORY}*",
        f"assume:{REPOSITORY}branch:*",
        f"secrets:get:{REPOSITORY}dockerhub",
    ],
)
def test_a_task_is_a_repositorys_by_its_scopes(scope):
    assert belongs_to(["queue:route:checks", scope], "github.com", "mozilla/balrog") == scope


@pytest.mark.parametrize(
    "scope",
    [
        f"assume:{REPOSITORY}pull-request",
        f"assume:{REPOSITORY}pull-request-untrusted",
        f"assume:{REPOSITORY}pull-request*",
        f"assume:{REPOSITORY}pull-*",
        f"assume:{REPOSITORY}p*",
        f"assume:{REPOSITORY}pr-action:retrigger",
        f"assume:{REPOSITORY}",
        "assume:repo:github.com/mozilla/balrog-evil:branch:main",
        "assume:repo:github.com/mozilla/balrog/x:branch:main",
        "assume:repo:github.com/evil/balrog:branch:main",
        "assume:repo:evil.tld/mozilla/balrog:branch:main",
        "assume:repo:github.com/mozilla/*",
        "secrets:get:*",
        "secrets:set:repo:github.com/mozilla/balrog:dockerhub",
        "*",
    ],
)
def test_a_task_is_not_a_repositorys_by_these(scope):
    assert belongs_to([scope], "github.com", "mozilla/balrog") is None


@given(
    role=st.sampled_from(["pull-request", "pull-request-untrusted"]),
    cut=st.integers(1, 22),
    others=st.lists(st.sampled_from(["queue:route:checks", "assume:repo:github.com/evil/x:branch:main"])),
)
def test_a_pull_requests_role_never_attributes(role, cut, others):
    scopes = [f"assume:{REPOSITORY}{role}", f"assume:{REPOSITORY}{role[:cut]}*", *others]
    assert belongs_to(scopes, "github.com", "mozilla/balrog") is None


def test_a_policy_may_name_a_further_scope():
    scope = "project:balrog:releng"
    assert belongs_to([scope], "github.com", "mozilla/balrog", {scope}) == scope
    policy = replace(POLICY, ref=None, scopes=frozenset({scope}))
    assert decide(evidence(definition=definition(scope)), policy).exit_code is ExitCode.OK


@pytest.mark.parametrize(
    ("event", "ref", "holds"),
    [
        ({"branch": "main", "tag": None}, "main", True),
        ({"branch": "main", "tag": None}, "refs/heads/main", True),
        ({"branch": "main", "tag": None}, "refs/tags/main", False),
        ({"branch": "main", "tag": "v3.120"}, "v3.120", True),
        ({"branch": "main", "tag": "v3.120"}, "refs/tags/v3.120", True),
        ({"branch": "main", "tag": "v3.120"}, "refs/heads/v3.120", False),
        ({"branch": "main", "tag": "v3.120"}, "main", False),
        ({}, "main", False),
    ],
)
def test_a_ref_is_a_branch_or_a_tag(event, ref, holds):
    found = evidence(statement(event=event), definition=definition(f"secrets:get:{REPOSITORY}dockerhub"))
    verdict = decide(found, replace(POLICY, ref=ref))
    assert verdict.exit_code is (ExitCode.OK if holds else ExitCode.INTEGRITY)


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (f"assume:{REPOSITORY}branch:main", "by the role that the task assumes"),
        (f"assume:{REPOSITORY}branch:*", "by the role that the task assumes"),
        (f"secrets:get:{REPOSITORY}dockerhub", "the task's own claim"),
        ("assume:repo:github.com/evil/x:branch:main", "the task's own claim"),
    ],
)
def test_it_says_what_a_ref_rests_on(scope, seen):
    verdict = decide(evidence(definition=definition(scope)), replace(POLICY, source=None))
    assert next(check for check in verdict.checks if check.name == "ref").seen.find(seen) > 0


def test_a_ref_that_only_the_task_claims_needs_a_source_to_hold():
    own = evidence(definition=definition(f"secrets:get:{REPOSITORY}dockerhub"))
    assert decide(own, replace(POLICY, source=None)).exit_code is ExitCode.CANNOT_TELL
    assert decide(own, POLICY).exit_code is ExitCode.OK


def test_an_older_definition_names_its_pool_in_two_parts():
    older = {
        **definition(),
        "taskQueueId": None,
        "provisionerId": "proj-balrog",
        "workerType": "docker-linux",
    }
    assert decide(evidence(definition=older), POLICY).exit_code is ExitCode.OK


KEY = WorkerKey()
NAME = "public/docker-image.json"


def signed(content=None, **changes):
    stated = statement().to_json()
    content = content or chain(TASK_ID, 0, definition(), {NAME: stated})
    return evidence(artifact=NAME, chain=SignedChain(content, KEY.sign(content)), **changes)


def with_keys(*keys):
    return replace(POLICY, keys=keys, keys_from="pools.keys")


def test_a_signature_that_is_demanded_and_there_is_named_and_trusted():
    verdict = decide(signed(), with_keys(KEY.public))
    assert verdict.exit_code is ExitCode.OK
    assert verdict.policy[-1] == "signed by one of 1 keys of pools.keys"
    seen = next(check.seen for check in verdict.checks if check.name == "signature")
    assert "signed the statement and the task" in seen
    trusted = " ".join(verdict.trusted)
    assert "the keys of pools.keys, and the worker pool that holds them" in trusted
    assert "no signature" not in trusted
    assert "could sign" in trusted


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (evidence(artifact=NAME, chain=SignedChain(b"", b"")), ExitCode.INTEGRITY),
        (signed(chain(TASK_ID, 0, definition(), {})), ExitCode.INTEGRITY),
        (signed(chain(TASK_ID, 0, definition(), {NAME: b"other"})), ExitCode.INTEGRITY),
        (evidence(why_no_chain="403 from queue"), ExitCode.CANNOT_TELL),
        (evidence(), ExitCode.CANNOT_TELL),
    ],
)
def test_a_signature_that_is_demanded_and_absent_is_6_and_unreadable_is_7(found, code):
    assert decide(found, with_keys(KEY.public)).exit_code is code


def test_no_other_key_will_do():
    assert decide(signed(), with_keys(WorkerKey().public)).exit_code is ExitCode.INTEGRITY


ANOTHER_PLATFORM = {
    "platform": "linux/arm64",
    "manifest": str(Digest.of(b"arm manifest")),
    "config": str(Digest.of(b"arm config")),
    "diffIds": [str(Digest.of(b"arm"))],
    "layers": [str(Digest.of(b"arm, compressed"))],
}


@pytest.mark.parametrize(
    ("digest", "config", "diff_ids", "code"),
    [
        (statement().config, statement().config, statement().diff_ids, ExitCode.OK),
        (statement().published, None, statement().diff_ids, ExitCode.OK),
        (Digest.of(b"arm config"), Digest.of(b"arm config"), (Digest.of(b"arm"),), ExitCode.OK),
        (Digest.of(b"arm manifest"), None, (Digest.of(b"arm"),), ExitCode.OK),
        (OTHER, OTHER, statement().diff_ids, ExitCode.INTEGRITY),
        (statement().config, statement().config, (OTHER,), ExitCode.INTEGRITY),
        (Digest.of(b"arm config"), Digest.of(b"arm config"), statement().diff_ids, ExitCode.INTEGRITY),
        (OTHER, None, (OTHER,), ExitCode.INTEGRITY),
        (OTHER, None, statement().diff_ids, ExitCode.CANNOT_TELL),
    ],
)
def test_an_engines_image_is_compared_by_what_the_engine_keeps_of_it(digest, config, diff_ids, code):
    stated = statement(images=(ANOTHER_PLATFORM,))
    found = evidence(stated, place=ENGINE, digest=digest, config=config, layers=None, diff_ids=diff_ids)
    verdict = decide(found, POLICY)
    assert verdict.exit_code is code, verdict.summary
    assert any("the engine: what it says" in trusted for trusted in verdict.trusted)


def test_a_folder_is_only_as_good_as_who_filled_it_but_for_what_is_signed():
    assert "who filled the folder" in decide(evidence(place=FOLDER), POLICY).trusted
    verdict = decide(signed(place=FOLDER), with_keys(KEY.public))
    assert "who filled the folder, for the run's end" in verdict.trusted
