"""The sandbox's sample repository: small, real, and published by the task that it describes."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from console.sandbox.seed import DOCKERHUB, IMAGE_PATH, INDEX_NAMESPACE, SOURCE, TASK_QUEUE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_IDENTITY: Final = {
    "GIT_AUTHOR_NAME": "lading sandbox",
    "GIT_AUTHOR_EMAIL": "sandbox@lading.invalid",
    "GIT_AUTHOR_DATE": "2016-08-01T12:00:00Z",
    "GIT_COMMITTER_NAME": "lading sandbox",
    "GIT_COMMITTER_EMAIL": "sandbox@lading.invalid",
    "GIT_COMMITTER_DATE": "2016-08-01T12:00:00Z",
    # Nothing of the user's own configuration: no signing, no hooks, no templates.
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}

DOCKERFILE: Final = """\
FROM scratch
COPY index.html /srv/index.html
"""

INDEX_HTML: Final = """\
<!doctype html>
<title>Balrog</title>
<p>Served from an image whose digest anyone can check.
"""

TASKCLUSTER_YML: Final = f"""\
version: 1
policy:
  pullRequests: collaborators
tasks:
  - $if: 'tasks_for == "github-push" && event.ref[:11] == "refs/heads/"'
    then:
      taskQueueId: {TASK_QUEUE}
      created: {{$fromNow: ''}}
      deadline: {{$fromNow: '1 hour'}}
      scopes:
        - {f"secrets:get:{DOCKERHUB}"}
        - index:insert-task:{INDEX_NAMESPACE}.sha256.*
      payload:
        maxRunTime: 1800
        features:
          taskclusterProxy: true
          chainOfTrust: true
        env:
          LADING_EVENT: push
          LADING_REPOSITORY: {SOURCE}
          LADING_BRANCH: '${{event.ref[11:]}}'
          LADING_REVISION: '${{event.after}}'
          LADING_CREATED: '${{now}}'
          CLONE_URL: '${{event.repository.clone_url}}'
        command:
          - - bash
            - -euo
            - pipefail
            - -c
            - |
              git clone --quiet "$CLONE_URL" checkout
              cd checkout
              git checkout --quiet --detach "$LADING_REVISION"
              mkdir "$TASK_WORKDIR/artifacts"
              LADING_ARTIFACTS="$TASK_WORKDIR/artifacts" lading-runner publish
        artifacts:
          - name: public
            path: artifacts
            type: directory
      metadata:
        name: docker-image
        description: Builds the image, pushes it and publishes its digest
        owner: sandbox@lading.invalid
        source: {SOURCE}
"""


def make_sample(folder: Path, registry: str, environment: Mapping[str, str]) -> None:
    """Make the repository, or bring `lading.toml` in line with the registry.

    Args:
        folder: where; it is made.
        registry: `host:port` that the image goes to.
        environment: with PATH, on which git is found.

    Raises:
        OSError: git is not installed, or the folder cannot be written.
        subprocess.CalledProcessError: git fails.
    """
    fresh = not (folder / ".git").exists()
    files = {"lading.toml": _lading_toml(registry)}
    if fresh:
        folder.mkdir(parents=True)
        _git(folder, environment, "init", "--quiet", "--initial-branch=master")
        _git(folder, environment, "remote", "add", "origin", SOURCE)
        files |= {
            "Dockerfile": DOCKERFILE,
            "index.html": INDEX_HTML,
            ".taskcluster.yml": TASKCLUSTER_YML,
        }
    elif (folder / "lading.toml").read_text() == files["lading.toml"]:
        return
    for name, text in files.items():
        (folder / name).write_text(text)
    _git(folder, environment, "add", "--", *files)
    message = "Serve a page from an image" if fresh else "Push to the sandbox's registry of today"
    _git(folder, environment, "commit", "--quiet", "-m", message, "--", *files)


def _lading_toml(registry: str) -> str:
    return f"""\
[image.balrog]
repository = "{registry}/{IMAGE_PATH}"
secret = "{DOCKERHUB}"
index = "{INDEX_NAMESPACE}"
"""


def _git(folder: Path, environment: Mapping[str, str], *words: str) -> None:
    path = environment.get("PATH", os.defpath)
    git = shutil.which("git", path=path)
    if git is None:
        raise FileNotFoundError("git is not on PATH")
    subprocess.run(  # noqa: S603 - no shell, and the words are this module's own
        (git, *words), cwd=folder, env={"PATH": path, **_IDENTITY}, check=True, capture_output=True
    )
