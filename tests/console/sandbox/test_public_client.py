"""The public client, synchronous and asynchronous, unmodified, in a task: objects up and down again."""

import shlex

import pytest

from console.sandbox.seed import DOCKERHUB
from tests.support.deployment import READS_SECRET, outcome

pytestmark = pytest.mark.enable_socket

PREPARE = """
import asyncio, datetime, os
import taskcluster, taskcluster.aio, taskcluster.upload, taskcluster.download
import taskcluster.aio.upload, taskcluster.aio.download
task_id, run_id = os.environ["TASK_ID"], os.environ["RUN_ID"]
proxied = {"rootUrl": os.environ["TASKCLUSTER_PROXY_URL"]}
# The proxy replaces what a client signs, so an object's own credentials work at the root URL only.
public = {"rootUrl": os.environ["TASKCLUSTER_ROOT_URL"]}
expires = taskcluster.fromNow("1 hour")

def asked(content_type="text/plain"):
    return {"storageType": "object", "contentType": content_type, "expires": expires}

def direct(created):
    return {"rootUrl": os.environ["TASKCLUSTER_ROOT_URL"], "credentials": dict(created["credentials"])}

def upload_of(created, data):
    return dict(projectId=created["projectId"], name=created["name"], contentType="text/plain",
                contentLength=len(data), expires=created["expires"],
                uploadId=created["uploadId"], data=data)
"""

SYNCHRONOUS = """
queue = taskcluster.Queue(proxied)
for name, data in (("public/small", b"small"), ("public/large", b"large " * 5000)):
    created = queue.createArtifact(task_id, run_id, name, asked())
    taskcluster.upload.uploadFromBuf(
        objectService=taskcluster.Object(direct(created)), **upload_of(created, data))
    queue.finishArtifact(task_id, run_id, name, {"uploadId": created["uploadId"]})
    found, content_type = taskcluster.download.downloadArtifactToBuf(
        taskId=task_id, name=name, queueService=taskcluster.Queue(public))
    assert (bytes(found), content_type) == (data, "text/plain"), name
print("everything", "came back")
"""

ASYNCHRONOUS = f"""
async def main():
    async with taskcluster.aio.createSession() as session:
        secrets = taskcluster.aio.Secrets(proxied, session=session)
        assert (await secrets.get({DOCKERHUB!r}))["secret"]["docker"]["username"] == "balrog"
        queue = taskcluster.aio.Queue(proxied, session=session)
        for name, data in (("public/small", b"small"), ("public/large", b"large " * 5000)):
            created = await queue.createArtifact(task_id, run_id, name, asked())
            await taskcluster.aio.upload.uploadFromBuf(
                objectService=taskcluster.aio.Object(direct(created), session=session),
                **upload_of(created, data))
            await queue.finishArtifact(task_id, run_id, name, {{"uploadId": created["uploadId"]}})
            found, content_type = await taskcluster.aio.download.downloadArtifactToBuf(
                taskId=task_id, name=name, queueService=taskcluster.aio.Queue(public, session=session))
            assert (bytes(found), content_type) == (data, "text/plain"), name
    print("everything", "came back")
asyncio.run(main())
"""


@pytest.mark.parametrize("program", [SYNCHRONOUS, ASYNCHRONOUS], ids=["synchronous", "asynchronous"])
async def test_objects_go_up_and_come_back(busy, program):
    task_id = await busy.create(
        f"python -W ignore -c {shlex.quote(PREPARE + program)}",
        scopes=[READS_SECRET],
        features={"taskclusterProxy": True},
    )
    (run,) = await busy.resolved(task_id)
    log = await busy.log(task_id)
    assert outcome(run) == ("completed", "completed"), log
    assert "everything came back\n" in log
    assert await busy.artifact(task_id, "public/small") == (200, "small")
