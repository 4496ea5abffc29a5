"""A registry that refuses, fails, or cuts at any request of a publish."""

import random
from copy import deepcopy
from dataclasses import dataclass, field

import pytest

from console.sandbox.registry.faults import (
    Answer,
    ChangeAnswer,
    CutAnswer,
    CutRequest,
    Delay,
    ExpireTokens,
    Fault,
    LoseUpload,
    MoveLocation,
)
from tests.support.cutting_proxy import cutting_proxy
from tests.support.fault_place import TAGS
from tests.support.fault_proxies import slow_proxy

pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("faults")]

DATED, LATEST = TAGS
AT_ONCE = {"Retry-After": "0"}


def always(effect, kind, method=None, **changes):
    """Every such request is struck."""
    return Fault(effect, kind=kind, method=method, times=None, **changes)


def once(effect, kind, method=None, **changes):
    """The first such request is struck."""
    return Fault(effect, kind=kind, method=method, **changes)


def says(status, code="", **headers):
    """An answer after which another attempt is made at once, if any."""
    return Answer(status, code, "because", AT_ONCE | headers)


@dataclass(frozen=True)
class Case:
    """A fault of the registry.

    Args:
        name: what happens.
        faults: that make it happen.
        code: the exit code.
        texts: what is said.
    """

    name: str
    faults: list[Fault]
    code: int
    texts: tuple[str, ...] = field(default=())


DIRECT = [
    # The request that needs no permission.
    Case("base 401 without a challenge", [always(Answer(401), "base")], 0),
    Case("base 403", [always(Answer(403), "base")], 3, ("403 to GET of /v2/",)),
    Case("base 404", [always(Answer(404), "base")], 3, ("it is no registry",)),
    Case("base 429", [always(says(429), "base")], 4, ("429 to GET of /v2/", "Too many requests")),
    Case("base 500", [always(says(500), "base")], 4, ("500 to GET of /v2/",)),
    Case("base 502 once", [once(says(502), "base")], 0),
    # The token server.
    Case("token 401", [always(Answer(401), "token")], 3, ("does not accept the user name and password",)),
    Case("token 403", [always(Answer(403), "token")], 3, ("does not accept the user name and password",)),
    Case("token 404", [always(Answer(404), "token")], 3, ("404 to GET of a token",)),
    Case("token 429 once", [once(says(429), "token")], 0),
    Case("token 500", [always(says(500), "token")], 4, ("500 to GET of a token",)),
    Case("token 502", [always(says(502), "token")], 4, ("502 to GET of a token",)),
    Case("token 503 to read tags", [always(says(503), "token", skip=1)], 4, ("503 to GET of a token",)),
    Case("token cut once", [once(CutAnswer(), "token")], 0),
    Case("token is no JSON", [once(ChangeAnswer(body=b"<html>"), "token")], 0),
    # What is under the tags, before the build and after.
    Case("survey 401", [always(Answer(401), "manifest", "GET")], 3, ("may not pull",)),
    Case("survey 403", [always(Answer(403), "manifest", "GET")], 3, ("may not pull",)),
    Case("survey 429", [always(says(429), "manifest", "GET")], 4, ("429",)),
    Case("survey 503", [always(says(503), "manifest", "GET")], 4, ("503",)),
    Case("read back 404 once", [once(Answer(404), "manifest", "GET", reference=DATED, skip=2)], 0),
    Case("read back 500", [always(says(500), "manifest", "GET", reference=DATED, skip=2)], 4, ("500",)),
    # A layer, once the way is known to be free.
    Case("HEAD of a layer 401", [always(Answer(401), "blob", "HEAD")], 3, ("401 to HEAD of blob",)),
    Case("HEAD of a layer 403", [always(Answer(403), "blob", "HEAD")], 3, ("403 to HEAD of blob",)),
    Case("HEAD of a layer 500", [always(says(500), "blob", "HEAD")], 4, ("500 to HEAD of blob",)),
    Case("POST 401", [always(Answer(401), "upload", "POST", skip=2)], 3, ("may not push",)),
    Case("POST 403", [always(says(403, "DENIED"), "upload", "POST", skip=2)], 3, ("DENIED", "may not push")),
    Case("POST 404", [always(Answer(404), "upload", "POST", skip=2)], 3, ("does not exist there",)),
    Case("POST 429", [always(says(429), "upload", "POST", skip=2)], 4, ("429 to POST of an upload",)),
    Case("POST 502", [always(says(502), "upload", "POST", skip=2)], 4, ("502 to POST of an upload",)),
    Case("PATCH 403", [always(Answer(403), "upload", "PATCH")], 3, ("may not push",)),
    Case("PATCH 404", [always(Answer(404), "upload", "PATCH")], 4, ("lost the upload", "3 times")),
    Case("PATCH 413", [always(Answer(413), "upload", "PATCH")], 3, ("limits the size",)),
    Case("PATCH 429 once", [once(says(429), "upload", "PATCH")], 0),
    Case("PATCH 500", [always(says(500), "upload", "PATCH")], 4, ("500 to PATCH",)),
    Case(
        "PATCH 503 thrice",
        [Fault(says(503), "upload", "PATCH", times=3)],
        0,
        ("503 to PATCH", "Attempt 3 of 5"),
    ),
    Case("PATCH 507, its disk is full", [always(Answer(507), "upload", "PATCH")], 4, ("507 to PATCH",)),
    Case("the token expires in a layer", [once(ExpireTokens(), "upload", "PATCH")], 0),
    Case("tokens expire at every request", [always(ExpireTokens(), "manifest", "PUT")], 3, ("401",)),
    Case("the session is lost in a layer", [once(LoseUpload(), "upload", "PUT")], 0),
    Case(
        "PUT of a layer 400", [always(says(400, "DIGEST_INVALID"), "upload", "PUT")], 6, ("DIGEST_INVALID",)
    ),
    Case("PUT of a layer 403", [always(Answer(403), "upload", "PUT")], 3, ("403 to PUT",)),
    Case("PUT of a layer 500", [always(says(500), "upload", "PUT")], 4, ("500 to PUT",)),
    Case("PUT of a layer 503 once", [once(says(503), "upload", "PUT")], 0),
    Case("DELETE of a session 500", [always(says(500), "upload", "DELETE")], 0),
    # Manifests.
    Case(
        "manifest by digest 400",
        [always(says(400, "MANIFEST_BLOB_UNKNOWN"), "manifest", "PUT")],
        6,
        ("MANIFEST_BLOB_UNKNOWN",),
    ),
    Case("manifest by digest 403", [always(Answer(403), "manifest", "PUT")], 3, ("may not push",)),
    Case("manifest by digest 404", [always(Answer(404), "manifest", "PUT")], 3, ("404 to PUT of manifest",)),
    Case("manifest by digest 500", [always(says(500), "manifest", "PUT")], 4, ("500 to PUT of manifest",)),
    Case("first tag 403", [always(Answer(403), "manifest", "PUT", reference=DATED)], 3, ("403", DATED)),
    Case("first tag 429", [always(says(429), "manifest", "PUT", reference=DATED)], 4, ("429", DATED)),
    Case("first tag 503 twice", [Fault(says(503), "manifest", "PUT", DATED, times=2)], 0),
    Case("first tag cut after it was put", [once(CutAnswer(), "manifest", "PUT", reference=DATED)], 0),
    Case("latest 401", [always(Answer(401), "manifest", "PUT", reference=LATEST)], 3, ("401", LATEST)),
    Case("latest 502", [always(says(502), "manifest", "PUT", reference=LATEST)], 4, ("502", LATEST)),
    Case("config 404", [always(Answer(404), "blob", "GET")], 6, ("has no such blob",)),
    Case("config of other bytes", [always(ChangeAnswer(body=b"{}"), "blob", "GET")], 6, ("has bytes whose",)),
    Case(
        "manifest of other bytes",
        [always(ChangeAnswer(body=b"{}"), "manifest", "GET", skip=3)],
        6,
        ("other bytes",),
    ),
    # Cut, at every stage of an upload.
    Case("POST cut once", [once(CutAnswer(), "upload", "POST", skip=2)], 0),
    Case("PATCH cut before its first byte", [once(CutRequest(), "upload", "PATCH")], 0),
    Case("PATCH cut after 1 byte", [once(CutRequest(1), "upload", "PATCH")], 0),
    Case("PATCH cut after 1 MB", [once(CutRequest(1_000_000), "upload", "PATCH")], 0),
    Case("PATCH taken, its answer cut", [once(CutAnswer(), "upload", "PATCH")], 0),
    Case("PUT cut before", [once(CutRequest(), "upload", "PUT")], 0),
    Case("PUT taken, its answer cut", [once(CutAnswer(), "upload", "PUT")], 0),
    Case(
        "PATCH cut, then 500 to where it stands",
        [once(CutRequest(9), "upload", "PATCH"), Fault(says(500), "upload", "GET", times=2)],
        0,
    ),
    Case("PATCH cut always", [always(CutRequest(1000), "upload", "PATCH")], 4, ("was cut",)),
    # Moved.
    Case("a Location with a longer query", [always(MoveLocation(lambda at: at + "&more=1"), "upload")], 0),
    Case(
        "a session moved to plain HTTP elsewhere",
        [always(MoveLocation(lambda _at: "http://registry.invalid/there"), "upload", "POST", skip=2)],
        3,
        ("plain HTTP",),
    ),
    Case(
        "moved in a circle",
        [always(Answer(307, headers={"Location": "/v2/mozilla/balrog/manifests/x"}), "manifest", "GET")],
        3,
        ("redirects",),
    ),
    Case("every request of an upload is slow", [always(Delay(0.3), "upload")], 0),
]


@pytest.mark.parametrize("case", DIRECT, ids=lambda case: case.name)
def test_direct(place, task, case):
    place.registry.faults += deepcopy(case.faults)
    struck = place.publish(task, "direct")
    assert all(not fault.skip and not fault.times for fault in place.registry.faults), "it did not strike"
    place.registry.faults.clear()
    place.settle(struck, task, "direct", case.code, *case.texts)


# The engine tries an upload that failed again after 5 s, then 10, then 15: so failures of uploads are few here.
ENGINE = [
    Case("POST 403", [always(says(403, "DENIED"), "upload", "POST", skip=1)], 3, ("denied",)),
    Case("PATCH 503 once", [once(says(503), "upload", "PATCH")], 0),
    Case("manifest 403", [always(says(403, "DENIED"), "manifest", "PUT")], 3, ("denied",)),
    Case("manifest 404", [always(Answer(404), "manifest", "PUT")], 4, ("404",)),
    Case("manifest 500", [always(says(500), "manifest", "PUT")], 4, ("500",)),
    Case("manifest cut", [always(CutRequest(), "manifest", "PUT")], 4, ("EOF",)),
    Case(
        "the token expires before the manifest",
        [once(ExpireTokens(), "manifest", "PUT")],
        4,
        ("unauthorized", "the engine's token expired"),
    ),
    Case("manifest 401", [always(says(401, "UNAUTHORIZED"), "manifest", "PUT")], 4, ("still are good",)),
    Case(
        "the password changes before the manifest",
        [
            once(ExpireTokens(), "manifest", "PUT"),
            always(Answer(401), "token", skip=3),
        ],
        3,
        ("does not accept the user name and password",),
    ),
    Case("read back 500", [always(says(500), "manifest", "GET", skip=3)], 4, ("500",)),
    Case("latest 503", [always(says(503), "manifest", "PUT", reference=LATEST)], 4, ("503", LATEST)),
]


@pytest.mark.parametrize("case", ENGINE, ids=lambda case: case.name)
def test_by_the_engine(place, task, case):
    place.registry.faults += deepcopy(case.faults)
    struck = place.publish(task, "engine")
    assert all(not fault.skip and not fault.times for fault in place.registry.faults), "it did not strike"
    place.registry.faults.clear()
    place.settle(struck, task, "engine", case.code, *case.texts)


@pytest.mark.parametrize("seed", range(8))
def test_a_connection_cut_at_a_random_byte_costs_no_run(place, task, seed):
    after = random.Random(seed).randrange(1, 1_510_000)
    with cutting_proxy(place.registry.host, after) as address:
        place.point_at(address)
        struck = place.publish(task, "direct")
        place.settle(struck, task, "direct", 0)


def test_a_slow_connection_is_waited_for(place, task):
    with slow_proxy(place.registry.host, 1_000_000) as address:
        place.point_at(address)
        struck = place.publish(task, "direct")
        place.settle(struck, task, "direct", 0)
