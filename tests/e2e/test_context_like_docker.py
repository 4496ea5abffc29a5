"""What our stream puts into an image is what the Docker CLI's does."""

import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import docker
import pytest

from runner.image.context import BuildContext
from runner.image.context_use import context_use
from runner.image.dockerfile import Dockerfile
from tests.support.engine import missing

FILES = [
    "README.md",
    "a.pyc",
    "build/lib/x.py",
    "build/keep/y.py",
    "docs/README.md",
    "docs/deep/README.md",
    "docs/deep/er/z.txt",
    "node_modules/left/pad.js",
    "src/a.py",
    "src/a.pyc",
    "src/node_modules/b.js",
    "src/é.txt",
    "src/[x].txt",
    "src/!y",
    "#hash",
    "long/" + "n" * 120,
]
# Exceptions with wildcards below an ignored folder are not here: the classic CLI and 20.10's BuildKit do not
# look into that folder, today's BuildKit does, and so do we.
CASES = {
    "nothing": "",
    "a comment and a BOM": "\ufeff# README.md\n#hash\n \n",
    "a byte order mark before a pattern": "\ufeffREADME.md\n",
    "suffixes at one level": "*.pyc",
    "suffixes at every level": "**/*.pyc",
    "a folder": "build",
    "a folder with slashes": "/build/\r\n./docs//deep/\r\n",
    "a folder wherever it is": "**/node_modules",
    "what is below a folder": "docs/**",
    "an exception": "docs\n!docs/README.md\n",
    "an exception deep down": "docs\n!docs/deep/er/z.txt\n",
    "the last that matches decides": "!docs/README.md\ndocs\n!docs/deep\ndocs/deep/er\n",
    "everything but": "*\n!src\n",
    "everything but, and less of it": "*\n!src\nsrc/*.pyc\n!src/node_modules\n",
    "spaces around": "  build  \n! build/keep \n",
    "one character": "src/?.py",
    "a class": "src/[a-c].py*",
    "not a class": "src/[^a].py*\nsrc/[^a]*",
    "escaped": "src/\\[x\\].txt\n\\#hash\n",
    "an escaped exclamation mark": "src/\\!y\n",
    "a star in the middle": "*/*/README.md",
    "two stars in the middle": "docs/**/README.md",
    "two stars at a word": "**pad.js",
    "dots": "docs/../build\n.\n../x\n",
    "the Dockerfile": "Dockerfile",
    "the ignore file": ".dockerignore\n",
    "both": "Dockerfile\n.dockerignore\n",
    "beyond ASCII": "src/é*",
}


@pytest.fixture
def checkout(tmp_path):
    for path in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / "link").symlink_to("docs")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    return tmp_path


@pytest.fixture(scope="session")
def client(docker_engine):
    with docker.APIClient(base_url=docker_engine.host) as connected:
        yield connected


@pytest.fixture
def built_by_cli(client, docker_engine, tmp_path_factory):
    """The CLI, by which builder and options are asked for: Debian's 20.10 has both builders in it."""
    debians = Path("/usr/bin/docker")
    program = str(debians) if debians.exists() else shutil.which("docker")
    if program is None:
        missing("There is no Docker CLI to compare with.")

    def build(context, *, buildkit, dockerfile="Dockerfile"):
        image_file = tmp_path_factory.mktemp("cli") / "image"
        done = subprocess.run(
            [
                program,
                "build",
                "--no-cache",
                "--iidfile",
                image_file,
                "--file",
                context / dockerfile,
                context,
            ],
            env={
                "DOCKER_HOST": docker_engine.host,
                "DOCKER_BUILDKIT": str(int(buildkit)),
                "DOCKER_CONFIG": str(image_file.parent),
                "PATH": os.defpath,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if buildkit and "buildx component is missing" in done.stderr:
            missing("The Docker CLI has neither BuildKit nor buildx.")
        assert done.returncode == 0, done.stderr
        return entries(client, image_file.read_text())

    return build


# What of the context is sent must not be seen in the image, nor in what the builder says.
USES = {
    "a file": "COPY README.md /x",
    "a file in a folder": "COPY docs/deep/README.md /x",
    "a folder": "COPY src/ /x/",
    "several": "ADD README.md docs/deep /x/",
    "a pattern of files": "COPY *.md a.p?c /x/",
    "a pattern of folders": "COPY d*/deep* b?ild /x/",
    "a class": "COPY src/[ab].p[x-z] /x/",
    "a class at the beginning": "COPY [RS]EADME.md /x/",
    "odd spellings": "COPY ./docs//deep/../README.md /build/./lib /x/",
    "quotes": 'COPY "README.md" /x/',
    "JSON": 'COPY ["src/é.txt", "src/!y", "/x/"]',
    "a variable": "ARG WHAT=src\nCOPY $WHAT /x/",
    "stages": "COPY src /x/\nFROM scratch\nCOPY --from=0 /x/a.py /y\nCOPY README.md /z",
    "a trigger": "ONBUILD COPY src /x/\nFROM one\nCOPY README.md /z",
    "a link to a folder": "COPY link /x/",
    "a file through a link": "COPY link/README.md /x/",
    "a pattern through a link": "COPY link/*.md /x/",
    "a link among what is copied": "COPY links /x/",
    "an archive": "ADD some.tar /x/",
    "nothing such": "COPY nowhere /x",
    "nothing like it": "COPY no*where /x/",
    "what is ignored": "COPY ignored/file /x/",
    "an ignored folder": "COPY ignored /x/",
    "through a file": "COPY README.md/x /x",
    "outside": "COPY ../x /x",
    "two to a file": "COPY README.md a.pyc /x",
}


def outcome(client, context):
    """The image's files, or what was wrong."""
    built = built_by_us(client, context)
    return built if isinstance(built, dict) else [line["error"] for line in built if "error" in line]


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_is_not_sent_is_not_missed(client, checkout, use):
    (checkout / ".dockerignore").write_text("ignored\n")
    for path in ("ignored", "links", "big"):
        (checkout / path).mkdir()
        (checkout / path / "file").write_text(path)
    (checkout / "links/up").symlink_to("../README.md")
    with tarfile.open(checkout / "some.tar", "w") as archive:
        archive.add(checkout / "src", "inner")
    (checkout / "Dockerfile").write_text(f"FROM scratch AS one\n{use}\n")
    whole = BuildContext(checkout)
    part = whole.only(context_use(Dockerfile(whole.files.dockerfile)))
    assert outcome(client, part) == outcome(client, whole)


def built_by_us(client, context, *, version="1"):
    answer = client._post(
        client._url("/build"),
        params={"dockerfile": context.files.dockerfile_name, "nocache": "1", "version": version},
        headers={"Content-Type": "application/x-tar"},
        data=context.stream(),
        stream=True,
    )
    lines = list(client._stream_helper(answer, decode=True))
    if any("error" in line for line in lines):
        return lines
    # BuildKit's endpoint also sends `aux` as text, its trace in base64, which may hold these two letters.
    told = [line["aux"] for line in lines if isinstance(line.get("aux"), dict)]
    return entries(client, [aux["ID"] for aux in told if "ID" in aux][-1])


def content_of(opened, member):
    file = opened.extractfile(member)
    assert file is not None
    return file.read()


def entries(client, image):
    """What `COPY . /` put there: path -> kind and content or target. Removes the image."""
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(b"".join(client.get_image(image)))) as saved:
            [manifest] = json.loads(content_of(saved, "manifest.json"))
            for name in manifest["Layers"]:
                with tarfile.open(fileobj=saved.extractfile(name)) as layer:
                    for member in layer:
                        content = content_of(layer, member) if member.isreg() else member.linkname or "folder"
                        found[member.name.strip("/")] = content
        return found
    finally:
        client.remove_image(image, force=True)


@pytest.mark.parametrize("ignored", CASES.values(), ids=CASES)
def test_the_image_has_the_same_files_as_the_classic_clis(client, checkout, built_by_cli, ignored):
    (checkout / ".dockerignore").write_text(ignored)
    assert built_by_us(client, BuildContext(checkout)) == built_by_cli(checkout, buildkit=False)


@pytest.mark.parametrize("ignored", CASES.values(), ids=CASES)
def test_the_image_has_the_same_files_as_buildkits(client, checkout, built_by_cli, ignored):
    (checkout / ".dockerignore").write_text(ignored)
    assert built_by_us(client, BuildContext(checkout)) == built_by_cli(checkout, buildkit=True)


@pytest.mark.parametrize("own", ["", "src", "Dockerfile*\n.dockerignore", "Dockerfile.web"])
@pytest.mark.parametrize("common", [None, "*", "docs"])
def test_the_dockerfiles_own_ignore_file_holds_as_with_buildkit(client, checkout, built_by_cli, own, common):
    (checkout / "Dockerfile.web").write_text("FROM scratch\nCOPY README.md docs /\n")
    (checkout / "Dockerfile.web.dockerignore").write_text(own + "\n!README.md\n!docs\n")
    if common is not None:
        (checkout / ".dockerignore").write_text(common)
    context = BuildContext(checkout, "Dockerfile.web")
    assert built_by_us(client, context) == built_by_cli(checkout, buildkit=True, dockerfile="Dockerfile.web")


def test_a_dockerfile_outside_of_the_context_leaves_nothing_in_the_image(client, checkout, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "Dockerfile"
    outside.write_text("FROM scratch\nCOPY . /\n")
    built = built_by_us(client, BuildContext(checkout, outside))
    assert {"Dockerfile", "README.md"} <= built.keys()
    assert not [path for path in built if path.startswith(".dockerfile") or path == ".dockerignore"]


def test_buildkits_endpoint_takes_the_stream_for_an_archive(client, checkout):
    """Whatever its first name is; see `runner.image.archive.header`."""
    (checkout / ("!" * 130)).write_text("first")
    assert built_by_us(client, BuildContext(checkout), version="2")["!" * 130] == b"first"
