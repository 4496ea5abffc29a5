"""The public client, unmodified, against a deployment; every body is what the reference says it is."""

import asyncio
import datetime as dt
import gzip
import hashlib

import aiohttp
import pytest
import requests
import taskcluster
import taskcluster.aio
import taskcluster.aio.download
import taskcluster.aio.upload
from taskcluster.exceptions import TaskclusterAuthFailure, TaskclusterRestFailure

from tests.support.checked_client import moment

pytestmark = [pytest.mark.enable_socket, pytest.mark.live]


def _task(target, **members):
    return {
        "taskQueueId": f"{target.prefix}/ci",
        "schedulerId": "contract",
        "created": moment(),
        "deadline": moment(hours=1),
        "expires": moment(days=1),
        "payload": {},
        "metadata": {"name": "n", "description": "d", "owner": "a@b.c", "source": "https://example.com/"},
        **members,
    }


def _claimed(service, target, **members):
    """A task that is running: its id and its own credentials."""
    task_id, queue = taskcluster.slugId(), service("queue")
    queue.createTask(task_id, _task(target, **members))
    return task_id, queue.claimTask(task_id, "0", {"workerGroup": "g", "workerId": "w"})["credentials"]


def test_secrets(service, target):
    secrets, name = service("secrets"), f"{target.prefix}/a b"
    expires = moment(days=1)
    secrets.set(name, {"secret": {"k": "v"}, "expires": expires})
    assert secrets.get(name) == {"secret": {"k": "v"}, "expires": expires}
    pages: list[dict[str, list[str]]] = []
    secrets.client.list(query={"limit": "1"}, paginationHandler=pages.append)
    assert name in [listed for page in pages for listed in page["secrets"]]
    secrets.remove(name)
    with pytest.raises(TaskclusterRestFailure) as failure:
        secrets.get(name)
    assert failure.value.status_code == 404
    assert failure.value.body["code"] == "ResourceNotFound"


def test_roles_and_what_they_expand_to(service, target):
    auth, role_id = service("auth"), f"{target.prefix}:repo/*"
    body = {"description": "d", "scopes": ["secrets:get:project/<..>"]}
    auth.createRole(role_id, body)
    try:
        assert auth.role(role_id)["scopes"] == body["scopes"]
        auth.updateRole(role_id, {**body, "description": "e"})
        held = auth.expandScopes({"scopes": [f"assume:{target.prefix}:repo/x"]})["scopes"]
        assert "secrets:get:project/x" in held
        assert role_id in auth.listRoleIds()["roleIds"]
        assert role_id in [role["roleId"] for role in auth.listRoles2()["roles"]]
        history = auth.getEntityHistory("role", role_id)["auditHistory"]
        assert [entry["actionType"] for entry in history][:2] == ["created", "updated"]
    finally:
        auth.deleteRole(role_id)


def test_a_client_and_its_token(service, target):
    auth, client_id = service("auth"), f"{target.prefix}/client"
    body = {"description": "d", "expires": moment(hours=1), "scopes": ["secrets:get:nothing", "assume:none"]}
    token = auth.createClient(client_id, body)["accessToken"]
    try:
        mine = service("secrets", clientId=client_id, accessToken=token)
        with pytest.raises(TaskclusterRestFailure) as absent:
            mine.get("nothing")
        assert absent.value.status_code == 404
        with pytest.raises(TaskclusterRestFailure) as refused:
            mine.get("another")
        assert refused.value.status_code == 403
        auth.disableClient(client_id)
        with pytest.raises(TaskclusterAuthFailure, match="is disabled"):
            mine.get("nothing")
        auth.enableClient(client_id)
        auth.resetAccessToken(client_id)
        with pytest.raises(TaskclusterAuthFailure, match="Bad mac"):
            mine.get("nothing")
    finally:
        auth.deleteClient(client_id)


def test_temporary_credentials_made_by_the_client(service, target):
    made = taskcluster.createTemporaryCredentials(
        target.client_id,
        target.access_token,
        dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1),
        dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5),
        ["auth:current-scopes", "secrets:get:x"],
        name=f"{target.prefix}/temporary",
    )
    credentials = {key: made[key] for key in ("clientId", "accessToken", "certificate")}
    held = service("auth", **credentials).currentScopes()["scopes"]
    assert {"auth:current-scopes", "secrets:get:x"} <= set(held)


def test_authorized_scopes_narrow(target):
    options = {**target.options(), "authorizedScopes": ["auth:current-scopes"]}
    held = taskcluster.Auth(options).currentScopes()["scopes"]
    assert "auth:current-scopes" in held
    assert "*" not in held


def test_the_life_of_a_task(service, target):
    queue, task_id = service("queue"), taskcluster.slugId()
    secret = f"secrets:get:{target.prefix}/x"
    queue.createTask(task_id, _task(target, taskQueueId=f"{target.prefix}/life", scopes=[secret]))
    work = {"tasks": 1, "workerGroup": "g", "workerId": "w"}
    claimed = queue.claimWork(f"{target.prefix}/life", work)["tasks"][0]
    assert claimed["status"]["taskId"] == task_id
    mine = service("queue", **claimed["credentials"])
    renewed = mine.reclaimTask(task_id, "0")
    run = f"{task_id}/0"
    held = service("auth", **renewed["credentials"])
    if "auth:current-scopes" in service("auth").expandScopes({"scopes": ["assume:anonymous"]})["scopes"]:
        own = {f"queue:{what}:{run}" for what in ("reclaim-task", "resolve-task", "create-artifact")}
        assert own | {secret} <= set(held.currentScopes()["scopes"])
    assert (
        service("queue", **renewed["credentials"]).reportCompleted(task_id, "0")["status"]["state"]
        == "completed"
    )
    assert queue.rerunTask(task_id)["status"]["runs"][1]["reasonCreated"] == "rerun"
    assert queue.cancelTask(task_id)["status"]["runs"][1]["reasonResolved"] == "canceled"
    assert queue.status(task_id)["status"]["state"] == "exception"
    assert queue.task(task_id)["scopes"] == [secret]
    assert queue.claimWork(f"{target.prefix}/life", work) == {"tasks": []}


def test_a_task_waits_for_another(service, target):
    queue = service("queue")
    first, credentials = _claimed(service, target)
    second = taskcluster.slugId()
    created = queue.createTask(second, _task(target, dependencies=[first], taskGroupId=first))
    assert created["status"]["state"] == "unscheduled"
    assert queue.listDependentTasks(first)["tasks"][0]["status"]["taskId"] == second
    service("queue", **credentials).reportCompleted(first, "0")
    assert len(queue.listTaskGroup(first)["tasks"]) == 2
    queue.sealTaskGroup(first)
    queue.cancelTaskGroup(first)


def test_an_s3_artifact_keeps_its_bytes_and_its_encoding(service, target):
    task_id, credentials = _claimed(service, target)
    mine, queue = service("queue", **credentials), service("queue")
    announced = {"storageType": "s3", "contentType": "text/plain", "expires": moment(hours=2)}
    place = mine.createArtifact(task_id, "0", "public/log.txt", announced)
    content = gzip.compress(b"line\n")
    headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
    requests.put(place["putUrl"], data=content, headers=headers, timeout=20).raise_for_status()
    location = queue.latestArtifact(task_id, "public/log.txt")["url"]
    answer = requests.get(location, timeout=20)
    assert (answer.content, answer.headers["Content-Encoding"]) == (b"line\n", "gzip")
    assert queue.getArtifact(task_id, "0", "public/log.txt")["storageType"] == "s3"
    assert queue.listArtifacts(task_id, "0")["artifacts"][0]["name"] == "public/log.txt"
    assert queue.latestArtifactInfo(task_id, "public/log.txt")["contentType"] == "text/plain"


def test_a_private_artifact_is_read_by_a_signed_url_only(service, target):
    task_id, credentials = _claimed(service, target)
    announced = {"storageType": "s3", "contentType": "text/plain", "expires": moment(hours=2)}
    place = service("queue", **credentials).createArtifact(task_id, "0", "private/x", announced)
    requests.put(
        place["putUrl"], data=b"x", headers={"Content-Type": "text/plain"}, timeout=20
    ).raise_for_status()
    bare = f"{target.root_url}/api/queue/v1/task/{task_id}/artifacts/private/x"
    assert requests.get(bare, timeout=20).status_code == 403
    signed = taskcluster.Queue(target.options()).buildSignedUrl("getLatestArtifact", task_id, "private/x")
    followed = requests.get(signed, timeout=20)
    assert (followed.status_code, followed.content) == (200, b"x")
    assert requests.get(followed.url.partition("?")[0], timeout=20).status_code in {400, 403}


def test_a_reference_becomes_a_link(service, target):
    task_id, credentials = _claimed(service, target)
    mine, expires = service("queue", **credentials), moment(hours=2)
    reference = {"storageType": "reference", "contentType": "text/plain", "url": "https://example.com/log"}
    mine.createArtifact(task_id, "0", "public/live.log", {**reference, "expires": expires})
    link = {"storageType": "link", "contentType": "text/plain", "artifact": "public/backing.log"}
    mine.createArtifact(task_id, "0", "public/live.log", {**link, "expires": expires})
    error = {"storageType": "error", "reason": "file-missing-on-worker", "message": "gone"}
    mine.createArtifact(task_id, "0", "public/backing.log", {**error, "expires": expires})
    assert service("queue").latestArtifact(task_id, "public/live.log")["reason"] == "file-missing-on-worker"
    with pytest.raises(TaskclusterRestFailure) as failure:
        service("queue").getLatestArtifact(task_id, "public/live.log")
    assert failure.value.status_code == 424


def test_the_index_finds_a_completed_task(service, target):
    route = f"{target.prefix}.latest"
    task_id, credentials = _claimed(service, target, routes=[f"index.{route}"])
    service("queue", **credentials).reportCompleted(task_id, "0")
    index = service("index")
    index.insertTask(
        f"{target.prefix}.other", {"taskId": task_id, "rank": 1, "data": {}, "expires": moment(hours=1)}
    )
    assert index.findTask(f"{target.prefix}.other")["taskId"] == task_id
    assert len(index.listTasks(target.prefix)["tasks"]) >= 1
    assert index.findTasksAtIndex({"indexes": [f"{target.prefix}.other"]})["tasks"][0]["rank"] == 1
    index.deleteTask(f"{target.prefix}.other")


@pytest.mark.parametrize("size", [100, 100_000], ids=["inline", "by URL"])
async def test_an_object_artifact_by_the_clients_own_upload_and_download(service, target, size):
    task_id, credentials = await asyncio.to_thread(_claimed, service, target)
    content, name = b"x" * size, "public/object"
    async with aiohttp.ClientSession() as session:
        options = {"rootUrl": target.root_url, "maxRetries": 0}
        mine = taskcluster.aio.Queue({**options, "credentials": dict(credentials)}, session=session)
        announced = {"storageType": "object", "contentType": "text/plain", "expires": moment(hours=2)}
        place = await mine.createArtifact(task_id, "0", name, announced)
        objects = taskcluster.aio.Object(
            {**options, "credentials": dict(place["credentials"])}, session=session
        )
        await taskcluster.aio.upload.uploadFromBuf(
            projectId=place["projectId"],
            name=place["name"],
            contentType="text/plain",
            contentLength=len(content),
            expires=place["expires"],
            uploadId=place["uploadId"],
            objectService=objects,
            data=content,
        )
        await mine.finishArtifact(task_id, "0", name, {"uploadId": place["uploadId"]})
        reader = taskcluster.aio.Queue(target.options(), session=session)
        found, content_type = await taskcluster.aio.download.downloadArtifactToBuf(
            taskId=task_id, name=name, queueService=reader
        )
    assert (hashlib.sha256(found).digest(), content_type) == (hashlib.sha256(content).digest(), "text/plain")


def test_a_body_that_is_refused_says_why(service, target):
    with pytest.raises(TaskclusterRestFailure) as failure:
        service("secrets").set(f"{target.prefix}/bad", {"secret": "s", "expires": moment(days=1), "zzz": 1})
    assert failure.value.status_code == 400
    message = str(failure.value)
    assert '* data must NOT have additional properties: "zzz"\n  * data/secret must be object' in message
    assert failure.value.body["requestInfo"]["payload"]["secret"] == "(OMITTED)"
