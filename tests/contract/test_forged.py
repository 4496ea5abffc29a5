"""Credentials that are almost right grant nothing, wherever a scope is asked for."""

import base64
import hashlib
import hmac
import json
import secrets
import time

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from console.sandbox.taskcluster import published_routes
from tests.support.wire import Wire, check_refusal, parameters, path_of

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def wire(sandbox_target):
    return Wire(sandbox_target)


# What needs a scope, all of it.
GUARDED = [
    (service, endpoint) for service, endpoint in published_routes().served if endpoint.scopes is not None
]
SEED = "s" * 44
SCOPES = ["*"]


def _hmac(key, text):
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()


def _token_of(access_token, seed):
    return base64.urlsafe_b64encode(_hmac(access_token, seed)).decode().rstrip("=")


def _certificate(wire, key, **altered):
    """Signed by the root client's token, unless `key` is another."""
    now = int(time.time() * 1000)
    certificate = {
        "version": 1,
        "scopes": SCOPES,
        "start": now - 60_000,
        "expiry": now + 600_000,
        "seed": SEED,
    }
    lines = [f"version:{certificate['version']}", f"seed:{SEED}"]
    changed = {**certificate, **{name: value for name, value in altered.items() if name in certificate}}
    lines += [f"start:{changed['start']}", f"expiry:{changed['expiry']}", "scopes:", *changed["scopes"]]
    changed["signature"] = base64.b64encode(_hmac(key or wire.target.access_token, "\n".join(lines))).decode()
    return {**changed, **{name: value for name, value in altered.items() if name not in certificate}}


def _header(request, client_id, key, *, certificate=None, skew=0):
    wire, method, path = request
    host, _, port = wire.place.partition(":")
    stamp, nonce = str(int(time.time()) + skew), secrets.token_urlsafe(4)
    extension = "" if certificate is None else _encoded({"certificate": certificate})
    text = f"hawk.1.header\n{stamp}\n{nonce}\n{method}\n{path}\n{host}\n{port}\n\n{extension}\n"
    mac = base64.b64encode(_hmac(key, text)).decode()
    ext = f', ext="{extension}"' if extension else ""
    return f'Hawk id="{client_id}", ts="{stamp}", nonce="{nonce}", mac="{mac}"{ext}'


def _encoded(value):
    return base64.b64encode(json.dumps(value).encode()).decode()


def _bewit(client_id, expires, mac, extension=""):
    packed = f"{client_id}\\{expires}\\{mac}\\{extension}".encode(errors="surrogatepass")
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _forgeries(wire, method, path):
    """Each almost what would be right, by name."""
    request = wire, method, path
    me, key = wire.target.client_id, wire.target.access_token
    good, temporary = wire.authorization(method, path), _token_of(wire.target.access_token, SEED)
    day = 24 * 3600 * 1000
    now = int(time.time() * 1000)

    def by(certificate, client_id=me, token=temporary):
        return {"Authorization": _header(request, client_id, token, certificate=certificate)}

    yield "another path's", {"Authorization": wire.authorization(method, f"{path}/x")}
    yield "another method's", {"Authorization": wire.authorization("PATCH", path)}
    yield "a wrong token", {"Authorization": _header(request, me, "x" * 44)}
    yield "an unknown client", {"Authorization": _header(request, "no/such", key)}
    yield "an old one", {"Authorization": _header(request, me, key, skew=-16 * 60)}
    yield "one of the future", {"Authorization": _header(request, me, key, skew=16 * 60)}
    yield "another host's", {"Authorization": good, "Host": "other.example:80"}
    yield "another port's", {"Authorization": good, "X_Forwarded_Port": "443"}
    yield "a hash of no body", {"Authorization": f'{good}, hash="AAAA"'}
    yield "an empty mac", {"Authorization": f'Hawk id="{me}", ts="1", nonce="n", mac=""'}
    yield "a token as it is", {"Authorization": f"Bearer {key}"}
    yield "another token's certificate", by(_certificate(wire, "x" * 44), token=_token_of("x" * 44, SEED))
    yield "the permanent token with a certificate", by(_certificate(wire, None), token=key)
    yield "the temporary token without one", {"Authorization": _header(request, me, temporary)}
    yield "an expired certificate", by(_certificate(wire, None, start=now - day, expiry=now - 3600_000))
    yield "one of tomorrow", by(_certificate(wire, None, start=now + day, expiry=now + 2 * day))
    yield "one of 32 days", by(_certificate(wire, None, start=now - 60_000, expiry=now + 32 * day))
    yield "another signature", by(_certificate(wire, None, signature="A" * 44))
    yield "no signature", by(_certificate(wire, None, signature=None))
    yield "an issuer that is the client", by(_certificate(wire, None, issuer=me))
    yield "an issuer that is no text", by(_certificate(wire, None, issuer={"a": 1}))
    yield "an issuer put in later", by(_certificate(wire, None, issuer=me), client_id="any/name")
    yield "a certificate that is a list", by([1])
    yield "a certificate that is empty", by({})
    yield "endless times", by({**_certificate(wire, None), "expiry": float("nan"), "start": float("-inf")})
    yield "times that are no numbers", by({**_certificate(wire, None), "expiry": "9999999999999"})
    yield "scopes put in later", by({**_certificate(wire, None), "scopes": ["*", "a"]})
    yield "scopes that are a text", by({**_certificate(wire, None), "scopes": "*"})
    later = int(time.time()) + 600
    yield "a bewit of nobody", {"bewit": _bewit("no/such", later, "A" * 44)}
    yield "a bewit with a bad mac", {"bewit": _bewit(me, later, "A" * 44)}
    yield "a bewit that is over", {"bewit": _bewit(me, 1, "A" * 44)}
    yield "a bewit that never ends", {"bewit": _bewit(me, "9" * 5000, "A" * 44)}
    yield "a bewit of too few parts", {"bewit": base64.urlsafe_b64encode(b"a\\b").decode().rstrip("=")}
    yield "a bewit that is no base64", {"bewit": "%00%ff"}
    yield "a bewit and a header", {"bewit": _bewit(me, later, "A" * 44), "Authorization": good}


@pytest.mark.parametrize(
    ("service", "endpoint"), GUARDED, ids=[f"{service}-{endpoint.name}" for service, endpoint in GUARDED]
)
def test_no_forged_credentials_are_taken_for_good(wire, service, endpoint):
    path = path_of(service, endpoint, dict.fromkeys(parameters(endpoint), "AAAAAAAAQAGAAAAAAAAAAA"))
    for name, sent in _forgeries(wire, endpoint.method, path):
        asked = f"{path}?bewit={sent.pop('bewit')}" if "bewit" in sent else path
        status, body = wire.send(endpoint.method, asked, **sent)
        assert status in {400, 401}, (name, status, body)
        check_refusal(status, body)


def test_what_the_forgeries_are_made_of_is_right(wire):
    path = "/api/auth/v1/scopes/current"
    request, token = (wire, "GET", path), _token_of(wire.target.access_token, SEED)
    header = _header(request, wire.target.client_id, token, certificate=_certificate(wire, None))
    assert wire.send("GET", path, Authorization=header)[0] == 200
    permanent = _header(request, wire.target.client_id, wire.target.access_token)
    assert wire.send("GET", path, Authorization=permanent)[0] == 200


@settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.one_of(
        st.text(st.characters(codec="latin-1", min_codepoint=32, exclude_characters="\x7f"), max_size=60),
        st.just(None),
    ),
    st.sampled_from(["id", "ts", "nonce", "mac", "ext", "hash", "app", "dlg", "zzz"]),
    st.integers(0, 400),
)
def test_an_altered_header_grants_nothing(wire, put, attribute, place):
    path = "/api/auth/v1/scopes/current"
    good = wire.authorization("GET", path)
    if put is None:
        altered = good[:place] + good[place + 1 :]
    else:
        start = good.find(f'{attribute}="') + len(attribute) + 2
        altered = good[:start] + put + good[good.find('"', start) :]
    assume(altered.strip() and altered.strip() != good)
    status, body = wire.send("GET", path, Authorization=altered.encode("latin-1"))
    assert status in {400, 401, 403}, (altered, body)
    check_refusal(status, body)
