"""BuildKit, by `docker buildx build` with the engine's own builder.

buildx reads the checkout itself, so that only files that are used travel. Its configuration is a folder of our own:
the user's is neither read nor written.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.engines.credential_helper import credential_helper
from runner.engines.engine_stream import StreamCut
from runner.engines.version_file import replaced_file
from runner.errors import IntegrityFailure, Unavailable
from runner.image.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from runner.engines.buildx_progress import SolveWatch
    from runner.engines.docker_engine import BuildRequest, DockerEngine, LocalImage
    from runner.image.build_files import BuildFiles
    from runner.masking import Masked

_STOP_SECONDS: Final = 10.0
_VERSION_SECONDS: Final = 30.0
# What buildx needs of the environment: how to reach the engine, and registries where a token is asked for.
_PASSED_ON: Final = (
    *("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What buildx reads.

    Args:
        folder: the build context.
        files: the Dockerfile and the ignore file, as they were read before.
        version_file: the path in the context of what is put there for the build.
        version: its content.
        records: where it is written down what stood there.
    """

    folder: Path
    files: BuildFiles
    version_file: str
    version: bytes
    records: Path


class Buildx:
    """The plugin, run as a program of its own.

    Args:
        program: its path.
        environment: proxies, certificates, and TLS to the engine are passed on.

    Raises:
        Unavailable: it does not run.
    """

    def __init__(self, program: Path, environment: Mapping[str, str]) -> None:
        self._program = program
        self._environment = environment
        self.version = self._version()

    def build(
        self,
        request: BuildRequest,
        source: Source,
        engine: DockerEngine,
        watch: SolveWatch,
    ) -> LocalImage:
        """Build into the engine's own store.

        Args:
            request: what to build; several platforms are joined by commas.
            source: what of.
            engine: which builds.
            watch: told of everything.

        Raises:
            BuildFailed: the Dockerfile does not build.
            Refused: a base image may not be pulled.
            Unavailable: the engine or a base image's registry failed.
            UsageError: the checkout cannot be written.
            IntegrityFailure: the engine has another image than was built.
        """
        path = source.folder / source.version_file
        with (
            _own_folder() as own,
            credential_helper(own, request.pull_credentials),
            replaced_file(path, source.version, source.records),
        ):
            dockerfile, metadata = _write_build_files(own, source), own / "metadata.json"
            command = [str(self._program), *_arguments(request, dockerfile, metadata)]
            environment = self._child_environment(own, engine.endpoint)
            with _understood(), _in_memory(request.secrets) as secrets:
                for name, descriptor in secrets.items():
                    command += ["--secret", f"id={name},src=/proc/self/fd/{descriptor}"]
                code = _run([*command, str(source.folder)], environment, watch.see, tuple(secrets.values()))
                _end(watch, code)
            return _built(_metadata(metadata), engine)

    def _version(self) -> str:
        with _own_folder() as own:
            try:
                done = subprocess.run(  # noqa: S603 - the program was found where plugins are
                    [str(self._program), "version"],
                    env=self._child_environment(own, ""),
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=_VERSION_SECONDS,
                    check=True,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise Unavailable(
                    f"{self._program} does not run: {type(error).__name__}.",
                    action='Install it again, or set `engine = "docker"`.',
                ) from error
        # github.com/docker/buildx v0.29.1 a32761aeb3debd39be1eca514af3693af0db334b
        words = done.stdout.split()
        return words[1].removeprefix("v") if len(words) > 1 else "unknown"

    def _child_environment(self, own: Path, endpoint: str) -> dict[str, str]:
        passed = {name: self._environment[name] for name in _PASSED_ON if self._environment.get(name)}
        return {
            **passed,
            "PATH": f"{own / 'bin'}:{os.defpath}",
            "HOME": str(own),
            "DOCKER_CONFIG": str(own / "config"),
            "DOCKER_HOST": endpoint,
            "LC_ALL": "C",
        }


def _arguments(request: BuildRequest, dockerfile: Path, metadata: Path) -> list[str]:
    """The command's words. Values of build arguments are among them: the image's history shows them to everybody."""
    words = ["build", "--builder", "default", "--progress", "rawjson", "--metadata-file", str(metadata)]
    # By default BuildKit makes an index of one image, with a time in it.
    words += ["--provenance=false", "--sbom=false", "--load", "--network", request.network]
    words += ["--file", str(dockerfile)]
    for name, value in sorted(request.build_args.items()):
        words += ["--build-arg", f"{name}={value}"]
    for name, value in sorted(request.labels.items()):
        words += ["--label", f"{name}={value}"]
    if request.target:
        words += ["--target", request.target]
    if request.platform:
        words += ["--platform", request.platform]
    return words


def _write_build_files(own: Path, source: Source) -> Path:
    """The Dockerfile as it was read, and beside it the ignore file that holds, with an exception for what is put in."""
    folder = own / "dockerfile"
    folder.mkdir()
    dockerfile = folder / Path(source.files.dockerfile_name).name
    dockerfile.write_bytes(source.files.dockerfile)
    ignored = source.files.ignore_path.read_bytes() if source.files.ignore_path else b""
    ignored += b"\n!" + source.version_file.encode() + b"\n"
    dockerfile.with_name(f"{dockerfile.name}.dockerignore").write_bytes(ignored)
    return dockerfile


@contextmanager
def _in_memory(secrets: Mapping[str, Masked]) -> Iterator[dict[str, int]]:
    """Descriptors of files that are in memory alone, by the secrets' ids; for who inherits them."""
    with ExitStack() as stack:
        descriptors = {}
        for name, secret in secrets.items():
            descriptor = os.memfd_create("build-secret")
            file = stack.enter_context(os.fdopen(descriptor, "wb"))
            file.write(secret.reveal().encode())
            file.flush()
            descriptors[name] = descriptor
        yield descriptors


def _run(
    command: Sequence[str],
    environment: Mapping[str, str],
    see: Callable[[bytes], None],
    inherited: Collection[int],
) -> int:
    """Run to the end, or end it where a signal or an error ends us."""
    process = subprocess.Popen(  # noqa: S603 - the program was found where plugins are
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=tuple(inherited),
        start_new_session=True,  # it is told to stop by us, after which we clean up
    )
    try:
        if process.stderr is None:
            raise RuntimeError("the child has no stderr")
        with process.stderr as stream:
            for line in stream:
                see(line)
        return process.wait()
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end(watch: SolveWatch, code: int) -> None:
    try:
        watch.end()
    except StreamCut:
        if not code:
            raise
    if code:
        raise watch.failure(code)


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except StreamCut as error:
        raise Unavailable(
            f"What buildx tells of the build is not understood: {error}.",
            cause="It was killed in the middle of a line, or is of an unknown version.",
            action='Run the task again; if it happens again, set `engine = "docker"`.',
        ) from error


def _metadata(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("containerimage.digest"), str):
        raise Unavailable("buildx ended without naming an image.", action="Run the task again.")
    return found


def _built(metadata: Mapping[str, Any], engine: DockerEngine) -> LocalImage:
    """The image that the engine has under the digest that buildx names.

    `containerimage.digest` is the config's on a classic store, and the manifest's or index's on containerd's: in both
    the engine's id of the image. `containerimage.config.digest` is what its name says.
    """
    named = Digest(metadata["containerimage.digest"])
    image = engine.image(str(named))
    config = metadata.get("containerimage.config.digest")
    if image.image_id != named or (
        engine.facts.store == "classic" and config is not None and config != str(named)
    ):
        raise IntegrityFailure(f"buildx built {named}, and the engine has {image.image_id} under that name.")
    return image


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A folder for our user alone, gone with all that is in it."""
    folder = Path(tempfile.mkdtemp(prefix="lading-buildx."))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
