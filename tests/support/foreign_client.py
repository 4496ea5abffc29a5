"""A program in another language, that uses Taskcluster's client there and prints as JSON what it got."""

import json
import os
import subprocess


def exercised(*command, target, **environment):
    """What the program got of the deployment, with its client's token."""
    done = subprocess.run(
        command,
        env={
            "PATH": os.environ["PATH"],
            "TASKCLUSTER_ROOT_URL": target.root_url,
            "TASKCLUSTER_CLIENT_ID": target.client_id,
            "TASKCLUSTER_ACCESS_TOKEN": target.access_token,
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
