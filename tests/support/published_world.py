"""An image that was published in the world of pictures: in its registry, with its task, statement and signature."""

import base64
import json
import threading
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.sandbox.seed import BRANCH_ROLE, SOURCE
from console.sandbox.signed_http import Api
from console.sandbox.task_artifacts import Run
from runner.image.digest import Digest
from runner.image.reference import Registry, Repository
from runner.registry.client import RegistryClient
from runner.task.taskcluster_http import Taskcluster
from tests.support.registries import credentials_for
from tests.support.screenshots_builds import COMMITS, PUBLISHED, Past
from tests.support.screenshots_world import ROOT_URL, TOKEN, USER
from tests.support.signatures import WorkerKey, chain
from tests.support.verifiable import Image, image, statement_of

STATEMENT, CHAIN = "public/docker-image.json", "public/chain-of-trust.json"
KEYS = "pools.keys"
NAME = "mozilla/balrog"
COMMIT = COMMITS[PUBLISHED] * 4
OURS = image("linux/amd64", "ours", revision=COMMIT)
THEIRS = image("linux/amd64", "theirs", revision=COMMIT)


class _Key(WorkerKey):
    """The same one every time."""

    def __init__(self):
        self._key = Ed25519PrivateKey.from_private_bytes(b"the key of no worker, of pictures"[:32])


class _Signing(Past):
    """A push whose worker signs what it left behind."""

    def __init__(self, world, stated):
        super().__init__(world)
        self._stated = stated

    async def _leave(self, task_id, expires, tags):
        path = self._world.folder.parent / "artifact"
        content = self._stated.to_json()
        async with aiohttp.ClientSession() as session:
            api = Api(session, self._sandbox.root_url, self._sandbox.root)
            run = Run(api, session, task_id, 0, expires)
            definition = await api.call("GET", "queue", "task", task_id)
            signed = chain(task_id, 0, definition, {STATEMENT: content})
            for name, left in (
                (STATEMENT, content),
                (CHAIN, signed),
                (f"{CHAIN}.sig", _Key().sign(signed)),
            ):
                path.write_bytes(left)
                await run.upload(name, path, "application/octet-stream", compress=False)


def publish(world, stated):
    """A push whose task left a statement, signed by its worker."""
    _Signing(world, stated).build(
        stated.task_id,
        role=BRANCH_ROLE,
        event="push",
        who="ana@example.org",
        ago=timedelta(hours=20),
        after=6.4,
        ends=("completed", 99.8),
        LADING_EVENT="push",
        LADING_BRANCH="master",
    )


def stated_in(repository, made, task_id, **changes):
    """The statement of a task of the world, with changes."""
    about = {
        "tags": {"v3.82": "pushed", "latest": "moved"},
        "task_id": task_id,
        "source": SOURCE,
        "revision": COMMIT,
        "event": {"kind": "push", "branch": "master", "tag": None},
        "root_url": ROOT_URL,
    }
    return statement_of(repository, [made], is_index=False, **{**about, **changes})


class Published:
    """An image under `v3.82` and `latest`, and the task that published it.

    Args:
        world: where.
        changes: of the statement.
    """

    def __init__(self, world, **changes):
        self.world = world
        self.repository = Repository.parse(f"{world.registry.host}/{NAME}")
        self.client = RegistryClient(
            Registry.parse(world.registry.host), credentials_for(world.registry.host, TOKEN, USER)
        )
        OURS.push(self.client, self.repository, tags=["v3.82", "latest"])
        THEIRS.push(self.client, self.repository, tags=["theirs"])
        publish(world, stated_in(self.repository, OURS, PUBLISHED, **changes))
        (world.folder / KEYS).write_text(_Key().line(ROOT_URL))
        login = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        docker = world.folder.parent / "docker"
        docker.mkdir(exist_ok=True)
        (docker / "config.json").write_text(json.dumps({"auths": {world.registry.host: {"auth": login}}}))

    @property
    def image(self):
        """Its name in the registry."""
        return f"{self.world.registry.host}/{NAME}"

    @contextmanager
    def moved(self, tag="v3.82"):
        """A tag that names somebody else's image."""
        self.client.put_manifest(self.repository, tag, THEIRS.manifest)
        try:
            yield
        finally:
            self.client.put_manifest(self.repository, tag, OURS.manifest)


@contextmanager
def published(world, **changes):
    """The image; whoever asks the world's Taskcluster by its name asks the sandbox."""
    made = Published(world, **changes)

    def asked(root_url, **more):
        return Taskcluster(world.sandbox.root_url if root_url == ROOT_URL else root_url, **more)

    with closing(made.client), mock.patch("runner.verification_sources.Taskcluster", asked):
        yield made


class _Stalling(BaseHTTPRequestHandler):
    """Answers with what it has; a layer ends only when it is let go."""

    protocol_version = "HTTP/1.1"

    def __init__(self, content, stalls, let_go, *more):
        self._content, self._stalls, self._let_go = content, stalls, let_go
        super().__init__(*more)

    def do_GET(self):
        media_type, body = self._content.get(self.path.rpartition("/")[2], ("", None))
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if body == STALLED.layers[-1]:
            self.wfile.write(body[:600_000])
            self._stalls.set()
            self._let_go.wait(600)
            body = body[600_000:]
        with suppress(ConnectionError):  # whoever asked has left
            self.wfile.write(body or b"")

    def log_message(self, *_words):
        """Nobody reads it."""


STALLED = Image("linux/amd64", (b"a base", b"ours", bytes(900_000)), 0, COMMIT)


@contextmanager
def stalling_registry():
    """A registry that has STALLED, whose last layer does not end.

    Yields its host, what is set once the layer does not go on, and what lets it.
    """
    content = {
        "": ("application/json", b"{}"),
        "latest": (STALLED.manifest.media_type, STALLED.manifest.content),
        str(Digest.of(STALLED.config)): ("application/octet-stream", STALLED.config),
        **{str(Digest.of(each)): ("application/octet-stream", each) for each in STALLED.layers},
    }
    stalls, let_go = threading.Event(), threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Stalling, content, stalls, let_go)) as server:
        server.daemon_threads = False
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"127.0.0.1:{server.server_port}", stalls, let_go
        finally:
            let_go.set()
            server.shutdown()
            serving.join()
