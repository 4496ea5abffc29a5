"""What the demo's task builds: the sample with a real base below it, or a checkout that the user names."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from console.sandbox.debian import run
from console.sandbox.seed import DOCKERHUB, IMAGE_PATH, INDEX_NAMESPACE
from runner.errors import UsageError

_DOCKERFILE: Final = """\
FROM {base}
COPY index.html /srv/index.html
RUN python3 -m gzip --best /srv/index.html
CMD ["cat", "/srv/index.html"]
"""


def put_on(sample: Path, base: str) -> None:
    """Commit a Dockerfile to the sample repository that puts its page on a base image.

    Args:
        sample: the repository's folder.
        base: an image that the engine has.
    """
    (sample / "Dockerfile").write_text(_DOCKERFILE.format(base=base))
    (sample / ".dockerignore").write_text(".git\n")
    with (sample / "lading.toml").open("a") as settings:
        settings.write('network = "none"\n')  # nothing is downloaded
    _commit(sample, "Serve the page from Debian")


def checked(checkout: Path) -> Path:
    """The folder, if it is one that can be built.

    Raises:
        UsageError: it has no Dockerfile.
    """
    if not (checkout / "Dockerfile").is_file():
        raise UsageError(
            f"{checkout} has no Dockerfile.", action="Name a checkout that has one: make demo REPO=PATH."
        )
    return checkout.resolve()


def image_path(checkout: Path | None) -> str:
    """Where in the registry the image goes: the sample's own repository, or `demo/<folder's name>`."""
    if checkout is None:
        return IMAGE_PATH
    return "demo/" + (re.sub(r"[^a-z0-9]+", "-", checkout.name.lower()).strip("-") or "checkout")


def replace_with(sample: Path, checkout: Path, registry: str, *, host_network: bool) -> None:
    """Commit a checkout's content to the sample repository, which keeps its task; the checkout is only read.

    Args:
        sample: the repository's folder.
        checkout: what git tracks or would track of it is taken; a folder without git, whole.
        registry: `host:port`.
        host_network: whether RUN has the machine's network, because the engine has none of its own.
    """
    task = (sample / ".taskcluster.yml").read_text()
    run("git", "-C", str(sample), "rm", "--quiet", "-r", ".")
    with tempfile.TemporaryDirectory(prefix="lading-demo.") as scratch:
        listed = Path(scratch, "files")
        listed.write_text(_files(checkout))
        archive = str(Path(scratch, "archive.tar"))
        run(
            *("tar", "--create", "--file", archive, "--directory", str(checkout)),
            *("--verbatim-files-from", "--null", "--ignore-failed-read", "--files-from", str(listed)),
        )
        run("tar", "--extract", "--file", archive, "--directory", str(sample), "--no-same-owner")
    (sample / ".taskcluster.yml").write_text(task)
    (sample / "lading.toml").write_text(
        f'[image.demo]\nrepository = "{registry}/{image_path(checkout)}"\nsecret = "{DOCKERHUB}"\n'
        f'index = "{INDEX_NAMESPACE}"\n' + ('network = "host"\n' if host_network else "")
    )
    _commit(sample, f"Take the content of {checkout.name}")


def _files(checkout: Path) -> str:
    if (checkout / ".git").exists():
        return run(
            *("git", "-c", f"safe.directory={checkout}", "-C", str(checkout), "ls-files", "-z"),
            *("--cached", "--others", "--exclude-standard"),
        )
    return "".join(f"{path.relative_to(checkout)}\0" for path in checkout.rglob("*") if not path.is_dir())


def _commit(sample: Path, message: str) -> None:
    run("git", "-C", str(sample), "add", "--all", "--force")
    run(
        *(
            "git",
            "-C",
            str(sample),
            "-c",
            "user.name=lading sandbox",
            "-c",
            "user.email=sandbox@lading.invalid",
        ),
        *("-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "-m", message),
    )
