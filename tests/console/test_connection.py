"""Whose credentials count: a named profile's, the environment's, the keyring's, nobody's; and where."""

import pytest

from console.config import Config
from console.connection import choose, profile_for, stored
from console.credentials.keyring_store import CredentialStore
from console.credentials.value import Credentials
from runner.errors import UsageError
from runner.masking import Masked
from tests.support.keyrings import Backend

HOME, WORK, ELSE = "https://home.example", "https://work.example", "https://else.example"
CONFIG = Config(
    root_urls={"home": HOME, "work": WORK, "second": WORK, "open": ELSE},
    default_profile="home",
    client_ids={"home": "at-home", "work": "at-work", "second": "again"},
)
CLIENT = {"TASKCLUSTER_CLIENT_ID": "env", "TASKCLUSTER_ACCESS_TOKEN": "t0ken"}


@pytest.mark.parametrize(
    ("environment", "flags", "expected"),
    [
        ({}, {}, (HOME, "at-home", "keyring", "home")),
        ({}, {"profile": "work"}, (WORK, "at-work", "profile work", "work")),
        ({}, {"profile": "open"}, (ELSE, "", "anonymous", "open")),
        ({}, {"root_url": f"{WORK}/"}, (WORK, "again", "keyring", "second")),
        ({}, {"root_url": "https://new.example"}, ("https://new.example", "", "anonymous", "")),
        ({"TASKCLUSTER_ROOT_URL": WORK}, {}, (WORK, "again", "keyring", "second")),
        ({"TASKCLUSTER_ROOT_URL": WORK, **CLIENT}, {}, (WORK, "env", "environment", "")),
        (
            {"TASKCLUSTER_ROOT_URL": WORK, **CLIENT},
            {"profile": "work"},
            (WORK, "at-work", "profile work", "work"),
        ),
        ({"TASKCLUSTER_ROOT_URL": WORK, **CLIENT}, {"root_url": HOME}, (HOME, "at-home", "keyring", "home")),
        (CLIENT, {}, (HOME, "env", "environment", "")),
        (CLIENT, {"root_url": ELSE}, (ELSE, "env", "environment", "")),
    ],
)
def test_the_first_of_flag_environment_and_keyring_counts(environment, flags, expected):
    choice = choose(environment, lambda: CONFIG, **flags)
    settings = choice.settings
    found = settings.credentials.client_id if settings.credentials else choice.client_id
    assert (settings.root_url, found, settings.origin, settings.profile) == expected


def test_where_the_environment_says_all_the_configuration_is_not_read():
    def broken():
        raise AssertionError("it is not needed")

    assert choose({"TASKCLUSTER_ROOT_URL": WORK, **CLIENT}, broken).settings.origin == "environment"


def test_a_profile_and_a_root_url_that_contradict_each_other_are_refused():
    with pytest.raises(UsageError, match="names another"):
        choose({}, lambda: CONFIG, profile="work", root_url=HOME)
    assert choose({}, lambda: CONFIG, profile="work", root_url=WORK).settings.root_url == WORK


def test_a_profile_that_there_is_not_is_told_with_those_that_there_are():
    with pytest.raises(UsageError, match="home, open, second, work"):
        choose({}, lambda: CONFIG, profile="nowhere")


def test_the_default_profile_is_taken_before_others_of_its_deployment():
    config = Config(root_urls={"a": WORK, "b": WORK}, default_profile="b", client_ids={"a": "x", "b": "y"})
    assert profile_for(config, WORK) == "b"
    assert profile_for(config, HOME) == ""


def test_the_keyring_is_asked_for_the_client_of_the_profile_alone():
    told: list[str] = []
    kept = Backend()
    store = CredentialStore(lambda: kept)
    me = Credentials("at-work", Masked("t0ken"))
    store.keep(WORK, me)
    assert stored(choose({}, lambda: CONFIG, profile="work"), store, told.append).credentials == me
    assert told == []
    settings = stored(choose({}, lambda: CONFIG), store, told.append)
    assert (settings.credentials, settings.origin) == (None, "anonymous")
    assert told == [
        "The keyring has no token of at-home: you are anonymous. `lading signin --profile home` gets a new one."
    ]
