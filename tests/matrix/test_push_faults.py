"""An engine's push to a registry that refuses or fails at any kind of request: what is raised, and the next push.

An engine tries an upload five times, with 50 s of waiting in all: so all pushes are made at the same time.
"""

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace

import pytest

from console.sandbox.registry.authentication import Account, TokenAuth
from console.sandbox.registry.faults import Answer, Fault
from console.sandbox.registry.routes import Kind
from runner.engines.docker_engine import BuildRequest, DockerEngine
from runner.engines.engine_stream import LoginLost
from runner.errors import Refused, RunnerError, Unavailable
from runner.image.reference import ImageReference
from tests.support.engine import missing
from tests.support.engines import RELEASES, running_engine
from tests.support.registries import PASSWORD, USER, credentials_for, embedded_registry

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.enable_socket,
    pytest.mark.engine,
    pytest.mark.registry,
    pytest.mark.xdist_group("push faults"),
]

CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 429: "TOOMANYREQUESTS"}
TIMES = 1000
STATUSES = (401, 403, 404, 429, 500, 502, 503)
REQUESTS: dict[str, tuple[Kind, str | None]] = {
    "base": ("base", None),
    "token": ("token", None),
    "HEAD of a layer": ("blob", "HEAD"),
    "POST of an upload": ("upload", "POST"),
    "PATCH of an upload": ("upload", "PATCH"),
    "PUT of an upload": ("upload", "PUT"),
    "PUT of the manifest": ("manifest", "PUT"),
}
ENGINES = ("20.10", "28.5-containerd")
# What the containerd store's push does without: it asks for a layer where it goes, and sends it in one request.
UNUSED = ("base", "PATCH of an upload")
CASES = [
    (engine, request, status)
    for engine in ENGINES
    for request in REQUESTS
    for status in STATUSES
    if engine == "20.10" or request not in UNUSED
]


def expected(engine, request, status):
    """What the push raises, or None; the engine keeps the status and what the registry says only now and then."""
    if engine == "20.10":
        if status == 401 or request == "base":
            return LoginLost
        # The answer to HEAD has no body, in which the reason would be.
        return Refused if status == 403 and request != "HEAD of a layer" else Unavailable
    if request == "HEAD of a layer":
        return {401: LoginLost, 403: Refused, 404: None}.get(status, Unavailable)
    return Unavailable


@dataclass(frozen=True)
class Outcome:
    """What became of a push.

    Args:
        struck: whether the fault met a request.
        error: that it ended with, or None.
        tags: that the registry had then.
        after: the digest that the next push gave.
        held: the digest that the tag was at then.
    """

    struck: bool
    error: RunnerError | None
    tags: dict[str, object]
    after: object
    held: object


def context(content):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in {"Dockerfile": b"FROM scratch\nCOPY file /\n", "file": content}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return [stream.getvalue()]


def push_and_push_again(host, image, request, status):
    kind, method = REQUESTS[request]
    auth = TokenAuth([Account(USER, PASSWORD)], realm="http://{host}/token")
    engine = DockerEngine({"DOCKER_HOST": host})
    with closing(engine), embedded_registry(auth=auth) as registry:
        reference = ImageReference.parse(f"{registry.host}/mozilla/balrog:v1")
        repositories, name = registry.storage.repositories, reference.repository.path

        def push():
            return engine.push(image, reference, credentials_for(registry.host), lambda _done, _total: None)

        fault = Fault(Answer(status, CODES.get(status, ""), "because"), kind, method, times=TIMES)
        registry.faults.append(fault)
        error = None
        try:
            push()
        except RunnerError as caught:
            error = caught
        tags = dict(repositories[name].tags) if name in repositories else {}
        registry.faults.clear()
        again = push()
        return Outcome(fault.times != TIMES, error, tags, again.digest, repositories[name].tags["v1"])


def build(host, content):
    engine = DockerEngine({"DOCKER_HOST": host})
    with closing(engine):
        request = BuildRequest(dockerfile="Dockerfile")
        return engine.build(request, context(content), lambda _line: None).image_id


@contextmanager
def running_engines():
    with ExitStack() as stack:
        try:
            yield {
                name: stack.enter_context(
                    running_engine(replace(RELEASES[name], settings={"max-concurrent-uploads": 200}))
                )
                for name in ENGINES
            }
        except Unavailable as error:
            missing(str(error))


@pytest.fixture(scope="module")
def outcomes():
    with running_engines() as engines, ThreadPoolExecutor(len(CASES)) as pool:
        images = {case: build(engines[case[0]].host, repr(case).encode()) for case in CASES}
        pending = {
            case: pool.submit(push_and_push_again, engines[case[0]].host, images[case], *case[1:])
            for case in CASES
        }
        return {case: future.result() for case, future in pending.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(map(str, case)))
def test_a_push_that_fails_is_told_and_the_next_completes_it(outcomes, case):
    outcome = outcomes[case]
    assert outcome.struck
    wanted = expected(*case)
    assert type(outcome.error) is (wanted or type(None)), outcome.error
    if wanted is not None:
        assert not outcome.tags
    assert outcome.after == outcome.held
