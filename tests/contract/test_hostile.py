"""Whatever is sent: a refusal of the right shape, and never an error of the sandbox's own."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from console.sandbox.taskcluster import published_routes
from console.sandbox.validation import Members
from tests.support.wire import Wire, check_refusal, parameters, path_of

pytestmark = pytest.mark.enable_socket

ROUTES = [(service, endpoint) for service, endpoint in published_routes().served if endpoint.name != "ping"]
TAKING = [(service, endpoint) for service, endpoint in ROUTES if endpoint.takes is not None]
BOUNDED = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def wire(sandbox_target):
    return Wire(sandbox_target)


# Longer ones are refused before it is known what they ask for.
LONGEST_LINE = 16_000
TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", "a" * 4400, "9" * 4400, "-1", "..", "a/b", "\x00", "%", "é*", "<..>", "static/x", "\n"]
    ),
)
VALUE = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from(
            ["\ud800", 10**400, -(2**63) - 1, 1e308, 2**31, "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
        ),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXT,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
NOT_JSON = st.one_of(
    st.binary(max_size=50),
    st.sampled_from(
        [
            *(b"", b"{", b"NaN", b'{"a": Infinity}', b'"\\ud800"', b"\xff\xfe", b"[" * 100_000, b"1" * 5000),
            *(b'{"secret": ' + b'{"a":' * 2000 + b"1" + b"}" * 2001, b'{"a":1,"a":2}', b"\xef\xbb\xbf{}"),
        ]
    ),
)


@st.composite
def _requests(draw):
    service, endpoint = draw(st.sampled_from(ROUTES))
    values = {name: draw(TEXT.filter(bool)) for name in parameters(endpoint)}
    query = draw(st.lists(st.tuples(st.sampled_from([*endpoint.query, "bewit", "x"]), TEXT), max_size=2))
    path = path_of(service, endpoint, values)
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in query)
    whole = path + (f"?{asked}" if asked else "")
    assume(len(whole) < LONGEST_LINE)
    return endpoint.method, whole


@BOUNDED
@given(_requests())
def test_hostile_names_and_queries(wire, request):
    method, path = request
    check_refusal(*wire.signed(method, path))


@st.composite
def _bodies(draw):
    service, endpoint = draw(st.sampled_from(TAKING))
    members = endpoint.takes.of if isinstance(endpoint.takes, Members) else ()
    names = st.one_of(st.sampled_from(sorted(members)), TEXT) if members else TEXT
    good = {"expires": "2030-01-01T00:00:00Z", "description": "d", "scopes": ["a"], "secret": {}, "data": {}}
    draws = {name: draw(VALUE) for name in draw(st.lists(names, max_size=3))}
    required = {name: good[name] for name in getattr(endpoint.takes, "required", ()) if name in good}
    values = dict.fromkeys(parameters(endpoint), "AAAAAAAAQAGAAAAAAAAAAA")
    body = draw(st.one_of(NOT_JSON, VALUE.map(_dumped), st.just({**required, **draws}).map(_dumped)))
    kind = draw(st.sampled_from(["application/json"] * 8 + ["text/plain", "application/json; charset=x", ""]))
    return endpoint.method, path_of(service, endpoint, values), body, kind


def _dumped(value):
    return json.dumps(value).encode()


@settings(BOUNDED, max_examples=120)
@given(_bodies())
def test_bodies_that_are_no_json_or_of_wrong_types(wire, request):
    method, path, body, kind = request
    check_refusal(*wire.signed(method, path, body, Content_Type=kind))


@settings(BOUNDED, max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from(["name", "scope", "expires", "callback_url", "description", "seal"]), TEXT)
    )
)
def test_the_sign_in_page_takes_whatever_it_is_given(wire, pairs):
    asked = "&".join(
        f"{name}={quote(value, safe='')}" for name, value in (*pairs, ("callback_url", "http://localhost/x"))
    )
    assume(len(asked) < LONGEST_LINE)
    assert wire.send("GET", f"/auth/clients/create?{asked}")[0] in {200, 400}
    status, _body = wire.send(
        "POST", "/auth/clients/create", asked.encode(), Content_Type="application/x-www-form-urlencoded"
    )
    assert status == 400
