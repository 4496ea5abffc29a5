"""Where builds are found: in the index, as far as it is read, and by the repository's hooks."""

import datetime as dt

import pytest

from console.actions import build_list
from console.actions.build_list import Where, list_builds
from console.actions.build_plan import slug_id
from console.failures import MissingScopes

pytestmark = pytest.mark.enable_socket
SLUG = "mozilla/balrog"


def at(**delta):
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(**delta)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def task(**members):
    return {
        "taskQueueId": "proj-balrog/ci",
        "created": at(),
        "deadline": at(hours=1),
        "payload": {"nothing": None},
        "metadata": {"name": "n", "description": "d", "owner": "a@b.c", "source": "https://b.invalid"},
        **members,
    }


async def test_what_is_indexed_is_listed_and_that_there_is_more_is_said(place, monkeypatch):
    monkeypatch.setattr(build_list, "_INDEXED", 3)
    gateway = await place.gateway()
    ids = []
    for number in range(3):
        ids.append(slug_id())
        await gateway.call("queue", "createTask", ids[-1], payload=task())
        entry = {"taskId": ids[-1], "rank": 0, "data": {}, "expires": at(days=1)}
        await gateway.call("index", "insertTask", f"project.b.n{number}", payload=entry)
    connection, where = await place.connection(), Where(namespaces=("project.b",))
    found = await list_builds(connection, where)
    assert ({build.task_id for build in found.builds}, found.unread) == ({*ids}, ())
    assert {build.name for build in found.builds} == {f"project.b.n{number}" for number in range(3)}
    # A task that is gone, and one entry too many.
    gone = {"taskId": slug_id(), "rank": 0, "data": {}, "expires": at(days=1)}
    await gateway.call("index", "insertTask", "project.b.a", payload=gone)
    found = await list_builds(connection, where)
    assert {build.task_id for build in found.builds} == set(ids[:2])
    assert found.unread == ("Of the index project.b only the first 3 tasks by name were read: it has more.",)


async def test_the_hooks_that_name_the_repository_are_found_and_their_last_fires_listed(place):
    gateway = await place.gateway()
    about = {"name": "h", "description": "d", "owner": "a@b.c"}
    named = {"metadata": {**task()["metadata"], "source": f"https://github.com/{SLUG}"}}
    for hook, more in {
        "project-balrog/nightly": named,
        "project-balrog/other": {},
        "project-releng/nightly": named,
    }.items():
        definition = {key: value for key, value in task(**more).items() if key not in {"created", "deadline"}}
        body = {"metadata": about, "task": definition, "triggerSchema": {"type": "object"}}
        await gateway.call("hooks", "createHook", *hook.split("/"), payload=body)
    connection, where = await place.connection(), Where(slug=SLUG)
    assert (await list_builds(connection, where)).builds == ()
    # Its role may not create a task: it is fired, and that is refused.
    for hook in ("nightly", "other"):
        with pytest.raises(MissingScopes):
            await gateway.call("hooks", "triggerHook", "project-balrog", hook, payload={})
    (build,) = (await list_builds(connection, where)).builds
    assert (build.name, build.state, build.origin) == ("project-balrog/nightly", "error", "hook")
    named_too = Where(slug=SLUG, hooks=("project-balrog/other",))
    names = {build.name for build in (await list_builds(connection, named_too)).builds}
    assert names == {"project-balrog/nightly", "project-balrog/other"}


async def test_hooks_that_may_not_be_listed_are_told_and_hinder_nothing(place):
    client = await place.client(f"github:list-builds:{SLUG.replace('/', ':')}", "github:list-builds")
    found = await list_builds(await place.connection(client), Where(slug=SLUG))
    assert (len(found.unread), "hooks:list-hooks:" in found.unread[0]) == (1, True)
