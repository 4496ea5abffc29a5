"""Where credentials and root URL come from, and what is refused of them."""

import datetime as dt
import json

import pytest

from console.connection import choose
from console.credentials.environment import credentials_of
from console.credentials.root_url import normal_root_url
from console.credentials.value import Credentials
from runner.errors import UsageError
from runner.masking import Masked

ROOT, TOKEN = "https://tc.invalid", "s3cret-token-value"
CLIENT = {"TASKCLUSTER_CLIENT_ID": "c", "TASKCLUSTER_ACCESS_TOKEN": TOKEN}
CERTIFICATE = json.dumps({"version": 1, "expiry": 784111777000, "scopes": [], "signature": "S1GNATURE"})


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("https://tc.invalid", ROOT),
        ("https://tc.invalid/", ROOT),
        (" https://TC.invalid:443// ", ROOT),
        ("https://tc.invalid:8443", "https://tc.invalid:8443"),
        ("https://tc.invalid/tc/", "https://tc.invalid/tc"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_root_url_is_compared_in_one_form(given, normal):
    assert normal_root_url(given) == normal


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("http://tc.invalid", "could be read"),
        ("http://localhost.tc.invalid", "could be read"),
        ("http://10.0.0.1", "could be read"),
        ("tc.invalid", "is not a root URL"),
        ("ftp://tc.invalid", "is not a root URL"),
        ("https://", "is not a root URL"),
        ("https://tc.invalid:port", "is not a root URL"),
        ("https://tc .invalid", "is not a root URL"),
        ("https://[::1", "is not a root URL"),
        ("https://user:word@tc.invalid", "no user"),
        ("https://tc.invalid?x=1", "no user, query"),
    ],
)
def test_a_root_url_that_is_none_or_not_safe_is_refused(given, said):
    with pytest.raises(UsageError, match=said) as caught:
        normal_root_url(given)
    assert "word" not in str(caught.value)


def test_the_environment_names_a_client():
    found = credentials_of(CLIENT)
    assert found == Credentials("c", Masked(TOKEN))


def test_temporary_credentials_tell_when_they_end():
    found = credentials_of({**CLIENT, "TASKCLUSTER_CERTIFICATE": CERTIFICATE})
    assert found is not None
    assert found.expires == dt.datetime(1994, 11, 6, 8, 49, 37, tzinfo=dt.UTC)
    assert TOKEN not in repr(found)
    assert "S1GNATURE" not in repr(found)


def test_permanent_credentials_do_not_tell_when_they_end():
    assert Credentials("c", Masked(TOKEN)).expires is None


def test_an_end_beyond_all_dates_is_not_told():
    far = json.dumps({"expiry": 1e30})
    assert Credentials("c", Masked(TOKEN), Masked(far)).expires is None


def test_an_environment_without_a_client_names_none():
    assert credentials_of({"TASKCLUSTER_CLIENT_ID": "", "PATH": "/bin"}) is None


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"TASKCLUSTER_CLIENT_ID": "c"}, "TASKCLUSTER_ACCESS_TOKEN is not set"),
        ({"TASKCLUSTER_ACCESS_TOKEN": TOKEN}, "TASKCLUSTER_CLIENT_ID is not set"),
        ({"TASKCLUSTER_CERTIFICATE": CERTIFICATE}, "are not set"),
        ({**CLIENT, "TASKCLUSTER_CERTIFICATE": "{"}, "certificate"),
        ({**CLIENT, "TASKCLUSTER_CERTIFICATE": '["S1GNATURE"]'}, "certificate"),
        ({**CLIENT, "TASKCLUSTER_CERTIFICATE": '{"expiry": "S1GNATURE"}'}, "certificate"),
        ({"TASKCLUSTER_CLIENT_ID": "c", "TASKCLUSTER_ACCESS_TOKEN": f"{TOKEN}é"}, "ASCII"),
    ],
)
def test_credentials_that_are_not_whole_are_refused_without_showing_them(environment, said):
    with pytest.raises(UsageError, match=said) as caught:
        credentials_of(environment)
    assert TOKEN not in str(caught.value)
    assert "S1GNATURE" not in str(caught.value)


def test_a_flag_is_stronger_than_the_environment():
    environment = {**CLIENT, "TASKCLUSTER_ROOT_URL": ROOT}
    settings = choose(environment, root_url="https://other.invalid/").settings
    assert (settings.root_url, settings.credentials, settings.origin) == (
        "https://other.invalid",
        None,
        "anonymous",
    )


def test_the_environments_credentials_are_for_its_own_root_url():
    environment = {**CLIENT, "TASKCLUSTER_ROOT_URL": f"{ROOT}/"}
    settings = choose(environment, root_url=ROOT, read_only=True).settings
    assert settings.credentials == Credentials("c", Masked(TOKEN))
    assert (settings.origin, settings.read_only) == ("environment", True)


def test_the_environments_credentials_are_taken_where_it_names_no_root_url():
    assert choose(CLIENT, root_url=ROOT).settings.origin == "environment"


def test_a_tasks_proxy_is_not_asked():
    with pytest.raises(UsageError, match="No Taskcluster is named"):
        choose({"TASKCLUSTER_PROXY_URL": "http://taskcluster"})
