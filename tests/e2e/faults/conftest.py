"""One engine and one Taskcluster for all faults; a registry, a checkout's image and folders for each."""

import os
import random
import tempfile
from pathlib import Path

import pytest

from console.sandbox.debian import find
from console.sandbox.private_engine import private_engine
from tests.support.canary import Canary
from tests.support.engine import missing
from tests.support.fault_place import DOCKERFILE, SCOPES, FaultPlace, registry_for
from tests.support.task import checkout, taskcluster

NOISE = random.Random(10).randbytes(1_500_000)  # more than what is sent in the request that commits a blob


@pytest.fixture(scope="session")
def fault_engine():
    if os.geteuid() != 0 or find("dockerd") is None:
        missing("An engine of these tests' own needs root and docker.io.")
    with private_engine(Path(tempfile.gettempdir()), os.environ, lambda _text: None) as engine:
        yield engine


@pytest.fixture(scope="session")
def fault_cluster():
    with taskcluster() as found:
        yield found


@pytest.fixture(scope="session")
def fault_checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults") / "checkout"
    checkout(folder, {"Dockerfile": DOCKERFILE, ".dockerignore": ".git\n"})
    (folder / "noise").write_bytes(NOISE)
    return folder


@pytest.fixture(scope="session")
def surroundings(fault_cluster, fault_engine, fault_checkout):
    return fault_cluster, fault_engine, fault_checkout


@pytest.fixture
def canary():
    return Canary()


@pytest.fixture
def registry(canary):
    with registry_for(canary) as found:
        yield found


@pytest.fixture
def place(surroundings, registry, tmp_path, canary):
    cluster, engine, folder = surroundings
    return FaultPlace(cluster, engine, registry, folder, tmp_path, canary)


@pytest.fixture
def task(fault_cluster):
    return fault_cluster.task(scopes=SCOPES)
