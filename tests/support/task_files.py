"""A task file that publishes on a push, a release and a pull request, and the settings beside it."""

LADING_TOML = '[image.balrog]\nrepository = "mozilla/balrog"\nsecret = "s"\n'
TASK_FILE = """\
version: 1
tasks:
  - $if: 'tasks_for in ["github-push", "github-release", "github-pull-request"]'
    then:
      taskQueueId: proj-balrog/ci
      created: {$fromNow: ''}
      deadline: {$fromNow: '1 hour'}
      scopes: [secrets:get:s]
      payload:
        maxRunTime: 60
        env:
          $merge:
            - {LADING_REPOSITORY: "${event.repository.html_url}", CLONE_URL: "${event.repository.clone_url}"}
            - $if: 'tasks_for == "github-release"'
              then: {LADING_EVENT: release, LADING_TAG: "${event.release.tag_name}"}
              else:
                $if: 'tasks_for == "github-push"'
                then: {LADING_EVENT: push, LADING_BRANCH: "${event.ref[11:]}", LADING_REVISION: "${event.after}",
                       LADING_CREATED: "2026-03-01T12:00:00.000Z"}
                else: {LADING_EVENT: pull-request, LADING_REVISION: "${event.pull_request.head.sha}"}
        command: [[bash, -c, "lading-runner publish"]]
      metadata: {name: publish, description: d, owner: a@example.com, source: "https://example.com"}
"""
FILES = {".taskcluster.yml": TASK_FILE, "lading.toml": LADING_TOML}
