"""What is real in these tests: a Docker Engine and a Debian base image, one of each a session."""

import os
import tempfile
from pathlib import Path

import pytest

from console.sandbox.base_image import cache_folder, debian_archive, import_image
from console.sandbox.debian import Machine, find
from console.sandbox.engine import find_engine
from console.sandbox.private_engine import private_engine
from console.sandbox.pull import forget
from runner.errors import Unavailable
from tests.support import wheelhouse
from tests.support.engine import missing

DOCKERFILE = """\
FROM lading-tests/debian:base
COPY wheels /wheels
RUN python3 -m venv /opt/lading && /opt/lading/bin/pip install --quiet --no-index --no-deps /wheels/*.whl
RUN /opt/lading/bin/lading-runner --version
CMD ["/opt/lading/bin/lading-runner", "--version"]
"""


@pytest.fixture(scope="session")
def docker_engine():
    """The engine that is there, else a private one: `.host` is its DOCKER_HOST, `.socket` its path."""
    found = find_engine(os.environ)
    if found is not None:
        yield found
        for name in ("lading-tests/recipe", "lading-tests/debian"):
            forget(found, name)
    elif os.geteuid() != 0 or find("dockerd") is None:
        missing("No Docker Engine answers, and a private one needs root and docker.io.")
    else:
        with private_engine(Path(tempfile.gettempdir()), os.environ, lambda _text: None) as engine:
            yield engine


@pytest.fixture(scope="session")
def debian_base(docker_engine):
    """The name of an image in the engine: a minimal Debian with Python and venv."""
    name = "lading-tests/debian:base"
    try:
        archive = debian_archive(cache_folder(os.environ), Machine.this(), lambda _text: None)
    except Unavailable as error:
        missing(str(error))
    import_image(docker_engine, archive, name)
    return name


@pytest.fixture(scope="session")
def lading_context(debian_base, tmp_path_factory):
    """A checkout whose image is this project, installed from wheels into `debian_base` without a network."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    wheelhouse.fill(folder / "wheels", cache_folder(os.environ))
    return folder
