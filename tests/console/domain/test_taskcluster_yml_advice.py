"""A file of 2016 is told what became of what it asks for."""

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from console.domain.taskcluster_yml import read
from console.domain.taskcluster_yml_advice import advise, condition_of
from console.domain.taskcluster_yml_event import pull_request_event, push_event, release_event

SLUG = "mozilla/balrog"
REVISION = "b79ce60be819cdc482c9c6a84dc3c457959aa66f"
OF_2016 = """\
version: 0
metadata:
  name: Balrog
  description: Balrog's image
  owner: "{{ event.head.user.email }}"
  source: "{{ event.head.repo.url }}"
tasks:
  - provisionerId: aws-provisioner-v1
    workerType: github-worker
    scopes:
      - secrets:get:repo:github.com/mozilla/balrog:dockerhub
    extra:
      github:
        env: true
        events:
          - push
        branches:
          - master
    payload:
      maxRunTime: 7200
      image: docker.io/taskcluster/image_builder:0.1.3
      features:
        dind: true
        taskclusterProxy: true
      command:
        - /bin/bash
        - -c
        - "git clone $GITHUB_HEAD_REPO_URL /balrog && cd /balrog && scripts/push-dockerimage.sh"
    metadata:
      name: Docker image
      description: Builds the image and pushes it
      owner: "{{ event.head.user.email }}"
      source: "{{ event.head.repo.url }}"
"""


def rendering(text, event):
    numbers = itertools.count()
    return read(text).render(
        event,
        root_url="https://tc.example",
        now="2026-11-24T03:29:36.992Z",
        new_id=lambda: f"id{next(numbers)}",
    )


def test_the_file_of_2016_still_renders_on_its_branch_alone():
    found = rendering(OF_2016, push_event(SLUG, "refs/heads/master", REVISION))
    (task,) = found.tasks.values()
    assert found.role == "repo:github.com/mozilla/balrog:branch:master"
    assert task["payload"]["env"]["GITHUB_BRANCH"] == "master"
    assert task["payload"]["env"]["GITHUB_HEAD_SHA"] == REVISION
    assert task["metadata"]["source"] == "https://github.com/mozilla/balrog.git"
    assert task["created"] < task["deadline"]
    # The service looks the address up at GitHub.
    assert task["metadata"]["owner"] == "{{ event.head.user.email }}"
    for event in (
        push_event(SLUG, "refs/heads/other", REVISION),
        push_event(SLUG, "refs/tags/master", REVISION),
        pull_request_event(SLUG, 1, REVISION),
        release_event(SLUG, "v1"),
    ):
        assert not rendering(OF_2016, event).tasks


def test_each_thing_that_is_no_more_is_told_with_its_place_and_what_to_write():
    advice = {found.subject: found for found in advise(read(OF_2016))}
    places = {subject: (found.position.line, found.position.column) for subject, found in advice.items()}
    assert places == {
        "version 0": (1, 10),
        "{{ event.head.user.email }}": (5, 11),
        "{{ event.head.repo.url }}": (6, 12),
        "provisionerId": (8, 20),
        "extra.github": (14, 9),
        "extra.github.env": (14, 14),
        "image_builder": (21, 14),
        "dind": (23, 9),
    }
    assert "v89" in advice["dind"].seen
    assert "osGroups: [docker]" in advice["dind"].instead
    assert "lading-runner publish" in advice["image_builder"].instead
    assert "taskQueueId" in advice["provisionerId"].instead
    assert (
        """$if: 'tasks_for == "github-push" && event.ref[:11] == "refs/heads/" """
        """&& event.ref[11:] in ["master"]'"""
    ) in advice["extra.github"].instead
    assert "LADING_REVISION" in advice["extra.github.env"].instead
    assert str(advice["dind"]).startswith("23:9: the feature `dind` was removed")


def test_a_file_of_today_needs_no_advice():
    assert advise(read("version: 1\ntasks: [{taskQueueId: proj-balrog/ci, payload: {}}]")) == ()


def test_what_version_1_passes_over_in_silence_is_told():
    (found,) = advise(read("version: 1\ntasks: [{extra: {github: {events: [push]}}}]"))
    assert "does nothing" in found.seen


EVENTS = (
    push_event(SLUG, "refs/heads/main", REVISION),
    push_event(SLUG, "refs/heads/feature/x", REVISION),
    push_event(SLUG, "refs/tags/v1", REVISION),
    pull_request_event(SLUG, 1, REVISION),
    pull_request_event(SLUG, 1, REVISION, action="closed", trusted=False),
    release_event(SLUG, "v1"),
)
NAMES = ["push", "tag", "release", "pull_request.opened", "pull_request.*", "p*", "*", "pull_request", "none"]


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from(NAMES), max_size=3),
    st.sampled_from([{}, {"branches": ["main"]}, {"excludeBranches": ["main", "x'y"]}]),
)
def test_the_condition_for_version_1_chooses_as_version_0_did(events, branches):
    github = {"events": events, **branches}
    old = json.dumps({"version": 0, "tasks": [{"payload": {}, "extra": {"github": github}}]})
    condition = condition_of(github) or "false"
    new = json.dumps({"version": 1, "tasks": [{"$if": condition, "then": {"payload": {}}}]})
    for event in EVENTS:
        assert len(rendering(new, event).tasks) == len(rendering(old, event).tasks), event.name
