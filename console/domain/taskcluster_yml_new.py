"""A `.taskcluster.yml` and a `lading.toml` for a repository that has none, and the grants that they need."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from console.domain.task_request import lacking_scopes
from console.domain.taskcluster_yml import SCHEDULER, read
from console.domain.taskcluster_yml_event import push_event, release_event, role_prefix
from runner.image.reference import BadReference, Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_POOL: Final = re.compile(r"[a-zA-Z0-9-_]{1,38}/[a-z]([-a-z0-9]{0,36}[a-z0-9])?\Z")
# What a git branch may be called, less what ends a text of json-e or of YAML.
_BRANCH: Final = re.compile(r"[!#%&(-)+-9;-Z_a-~@=]+\Z")
_NAMESPACE: Final = re.compile(r"[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*\Z")
_SECRET: Final = re.compile(r"[!-#%&(-)+-z~|]+\Z")
_ANY_ID: Final = "AAAAAAAAQAAAAAAAAAAAAA"
_ANY_COMMIT: Final = "0" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """What the files are made of.

    Args:
        slug: the repository, `mozilla/balrog`.
        branch: whose pushes publish.
        pool: the task queue, `proj-balrog/ci`: generic-worker with Docker.
        image: where the image goes, `mozilla/balrog`.
        secret: the Taskcluster secret with the registry's credentials.
        index: the index namespace under which tasks are found by digest, or None.
        requirement: what pip installs lading from in the task, or None where the worker has it.
    """

    slug: str
    branch: str
    pool: str
    image: str
    secret: str
    index: str | None = None
    requirement: str | None = None

    def problems(self) -> Iterator[str]:
        """What is wrong with the values, each fit to show."""
        if not _POOL.match(self.pool):
            yield f"the pool is {self.pool!r}, and must be PROVISIONER/WORKER, such as proj-balrog/ci"
        if not _BRANCH.match(self.branch):
            yield f"the branch {self.branch!r} has characters that a task file cannot compare with"
        if not _SECRET.match(self.secret):
            yield f"the secret's name {self.secret!r} has characters that a scope or a task file cannot have"
        if self.index is not None and not _NAMESPACE.match(self.index):
            yield f"the index namespace {self.index!r} must be words with dots between"
        if self.requirement is not None and ("$" in self.requirement or not self.requirement.isprintable()):
            yield f"the requirement {self.requirement!r} is none that pip takes"
        try:
            Repository.parse(self.image)
        except BadReference as error:
            yield f"the image's repository: {error}"

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the task itself is given."""
        inserting = (f"index:insert-task:{self.index}.sha256.*",) if self.index else ()
        return (f"secrets:get:{self.secret}", f"generic-worker:os-group:{self.pool}/docker", *inserting)

    def task_file(self) -> str:
        """The text of `.taskcluster.yml`: build and push in one task, for pushes and releases alone."""
        scopes = "".join(f"        - {json.dumps(scope)}\n" for scope in self.scopes)
        install, runner = self._runner()
        return f"""\
version: 1
policy:
  # No pull request runs the task below: its code would run beside the secret.
  pullRequests: collaborators
tasks:
  - $if: >-
      (tasks_for == "github-push" && event.ref == "refs/heads/{self.branch}")
      || (tasks_for == "github-release" && event.action == "published")
    then:
      taskQueueId: {json.dumps(self.pool)}
      created: {{$fromNow: ''}}
      deadline: {{$fromNow: '2 hours'}}
      scopes:
{scopes}\
      payload:
        maxRunTime: 3600
        # The worker's Docker builds the image; the proxy lends the task its scopes.
        osGroups: [docker]
        features: {{taskclusterProxy: true}}
        # lading ends with 4 where a registry or a service was not available.
        onExitStatus: {{retry: [4]}}
        env:
          LADING_EVENT: {{$if: 'tasks_for == "github-release"', then: release, else: push}}
          LADING_REPOSITORY: {json.dumps(f"https://github.com/{self.slug}")}
          LADING_BRANCH: {{$if: 'tasks_for == "github-push"', then: '${{event.ref[11:]}}'}}
          LADING_REVISION: {{$if: 'tasks_for == "github-push"', then: '${{event.after}}'}}
          LADING_TAG: {{$if: 'tasks_for == "github-release"', then: '${{event.release.tag_name}}'}}
          LADING_CREATED: '${{now}}'
          CLONE_URL: '${{event.repository.clone_url}}'
          # GitHub does not tell the commit of a release.
          CHECKED_OUT:
            $if: 'tasks_for == "github-push"'
            then: '${{event.after}}'
            else: 'refs/tags/${{event.release.tag_name}}'
        command:
          - - bash
            - -euo
            - pipefail
            - -c
            - |
              git clone --quiet "$CLONE_URL" checkout
              git -C checkout checkout --quiet --detach "$CHECKED_OUT"
{install}\
              mkdir artifacts
              LADING_ARTIFACTS="$PWD/artifacts" {runner} publish --checkout checkout
        artifacts:
          # Declared, so that the worker uploads the digest and a Chain of Trust covers it.
          - name: public
            path: artifacts
            type: directory
      metadata:
        name: docker-image
        description: Builds the image, pushes it and publishes its digest
        owner: '${{event.sender.login}}@users.noreply.github.com'
        source: {json.dumps(f"https://github.com/{self.slug}")}
"""

    def _runner(self) -> tuple[str, str]:
        if self.requirement is None:
            return "", "lading-runner"
        word = "'" + self.requirement.replace("'", "'\\''") + "'"
        lines = ("python3 -m venv lading", f"lading/bin/pip install --quiet {word}")
        return "".join(f"              {line}\n" for line in lines), "lading/bin/lading-runner"

    def settings_file(self) -> str:
        """The text of `lading.toml`."""
        values = {"repository": self.image, "secret": self.secret, "index": self.index}
        lines = (f"{key} = {json.dumps(value)}\n" for key, value in values.items() if value is not None)
        name = re.sub(r"[^A-Za-z0-9_-]", "-", self.slug.rpartition("/")[2])
        return f"[image.{name}]\n" + "".join(lines)

    def grants(self) -> Mapping[str, tuple[str, ...]]:
        """The scopes that each role needs so that Taskcluster-Github can create the task."""
        events = (
            push_event(self.slug, f"refs/heads/{self.branch}", _ANY_COMMIT),
            release_event(self.slug, "v1"),
        )
        file = read(self.task_file())
        found = {}
        for event in events:
            rendering = file.render(
                event, root_url="", now="2016-08-01T12:00:00.000Z", new_id=lambda: _ANY_ID
            )
            own = (f"queue:scheduler-id:{SCHEDULER}", "queue:route:statuses")
            found[event.role] = lacking_scopes(rendering.tasks.values(), own)
        return found

    @property
    def ungranted(self) -> tuple[str, ...]:
        """The roles that must never hold those scopes, nor a role that matches them."""
        prefix = role_prefix(self.slug)
        return (f"{prefix}pull-request", f"{prefix}pull-request-untrusted")
