"""Every shape of a secret gives credentials for one registry; what fits none is told without values."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.credentials import DOCKER_HUB, BadSecretShape, credentials_from_secret
from runner.image.reference import Registry
from runner.masking import Masked

PASSWORD = "s3cret-t0ken"
HUB = "https://index.docker.io/v1/"
AUTH = base64.b64encode(f"mozilla:{PASSWORD}".encode()).decode()


@pytest.mark.parametrize(
    ("secret", "registry", "username"),
    [
        ({"dockerhub_password": PASSWORD}, "docker.io", "default"),
        ({"dockerhub_password": PASSWORD, "dockerhub_username": "mozilla"}, "docker.io", "mozilla"),
        ({"dockercfg": {HUB: {"auth": AUTH, "email": ""}}}, "docker.io", "mozilla"),
        ({"dockercfg": {"index.docker.io": {"auth": AUTH}}}, "docker.io", "mozilla"),
        ({"dockercfg": {"auths": {HUB: {"auth": AUTH}}}}, "docker.io", "mozilla"),
        (
            {"dockercfg": {"auths": {"ghcr.io": {"username": "mozilla", "password": PASSWORD}}}},
            "ghcr.io",
            "mozilla",
        ),
        ({"dockercfg": {HUB: {"auth": f"{AUTH[:8]}\n{AUTH[8:]}\n"}}}, "docker.io", "mozilla"),
        (
            {"docker": {"registry": "localhost:5000", "username": "u", "password": PASSWORD}},
            "localhost:5000",
            "u",
        ),
        (
            {"docker": {"registry": "registry.hub.docker.com", "username": "u", "password": PASSWORD}},
            "docker.io",
            "u",
        ),
        ({"docker": {"username": "u", "password": PASSWORD}}, "docker.io", "u"),
    ],
)
def test_every_shape_in_use_is_read(secret, registry, username):
    found = credentials_from_secret(secret, "default")
    assert (found.registry, found.username) == (Registry(registry), username)
    assert found.password == Masked(PASSWORD)
    assert found.basic == Masked(base64.b64encode(f"{username}:{PASSWORD}".encode()).decode())


def test_credentials_do_not_show_their_password():
    found = credentials_from_secret({"dockerhub_password": PASSWORD}, "default")
    assert PASSWORD not in f"{found!r} {found}"
    assert found.registry == DOCKER_HUB
    with pytest.raises(TypeError):
        json.dumps(found)


def test_a_password_may_hold_a_colon():
    auth = base64.b64encode(b"mozilla:a:b").decode()
    assert credentials_from_secret({"dockercfg": {HUB: {"auth": auth}}}, "").password.reveal() == "a:b"


BAD = {
    "nothing": ({}, "keys present: none"),
    "other keys": ({"password": PASSWORD}, "keys present: `password`"),
    "two shapes": ({"dockerhub_password": PASSWORD, "docker": {}}, "ambiguous"),
    "an empty password": ({"dockerhub_password": ""}, "is not a text, or is empty"),
    "null": ({"dockerhub_password": None}, "is not a text"),
    "half a surrogate pair": ({"dockerhub_password": f"{PASSWORD}\ud800"}, "half a surrogate pair"),
    "a list": ({"dockercfg": [PASSWORD]}, "is not an object"),
    "no registry": ({"dockercfg": {"auths": {}}}, "names 0 registries"),
    "two registries": (
        {"dockercfg": {"ghcr.io": {"auth": AUTH}, "quay.io": {"auth": AUTH}}},
        "names 2 registries",
    ),
    "no base64": ({"dockercfg": {HUB: {"auth": f"{PASSWORD}!"}}}, "is not base64"),
    "no ascii": ({"dockercfg": {HUB: {"auth": f"{PASSWORD}é"}}}, "is not base64"),
    "no text in base64": ({"dockercfg": {HUB: {"auth": "/////w=="}}}, "is not base64"),
    "no pair": (
        {"dockercfg": {HUB: {"auth": base64.b64encode(PASSWORD.encode()).decode()}}},
        "does not hold `user:password`",
    ),
    "an entry that is no object": ({"dockercfg": {HUB: PASSWORD}}, "is not an object"),
    "an empty entry": ({"dockercfg": {HUB: {}}}, "keys present: none"),
    "a password for a registry": (
        {"docker": {"registry": f"{PASSWORD} x", "username": "u", "password": "p"}},
        "`docker.registry` is not a registry's host",
    ),
    "a key that is no host": ({"dockercfg": {"a b": {"auth": AUTH}}}, "the key 'a b' is not"),
    "no user": ({"docker": {"password": PASSWORD}}, "`docker.username` is missing"),
}


@pytest.mark.parametrize(("secret", "message"), BAD.values(), ids=BAD)
def test_what_fits_no_shape_is_told_by_its_keys_alone(secret, message):
    with pytest.raises(BadSecretShape) as caught:
        credentials_from_secret(secret, "default")
    assert message in str(caught.value)
    assert PASSWORD not in str(caught.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.dictionaries(
        st.sampled_from(["auths", HUB, "auth", "username", "password", "registry"]), inner
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["dockerhub_password", "dockercfg", "docker"]), VALUES, max_size=2))
def test_any_secret_is_credentials_or_a_bad_shape(secret):
    try:
        found = credentials_from_secret(secret, "default")
    except BadSecretShape:
        return
    assert found.password
    assert found.basic
