"""Any Docker-compatible engine, through the docker SDK's connection and its low-level streams.

The SDK's own `build` sends every credential it finds in the user's configuration, and `push` without credentials
goes anonymously: so both requests are made here, with exactly the credentials that belong to them.
"""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import docker

from runner.engines.engine_errors import translated
from runner.engines.engine_stream import BuildWatch, PushWatch, failure_in, messages, pull_failure
from runner.errors import BuildFailed, RunnerError, Unavailable
from runner.image.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    import requests
    import urllib3

    from runner.credentials import RegistryCredentials
    from runner.image.reference import ImageReference
    from runner.masking import Masked

DEFAULT_SOCKET: Final = "unix:///var/run/docker.sock"
_CONNECT_SECONDS: Final = 10.0
_CALL_SECONDS: Final = 60.0
# Between two messages of a push. The engine compresses a layer without a word: 25 s of silence are normal.
_PUSH_SECONDS: Final = 900.0
_CONTAINERD_STORE: Final = "io.containerd.snapshotter.v1"


class EngineFacts(NamedTuple):
    """What an engine says of itself.

    Args:
        endpoint: where it is.
        product: `docker` or `podman`.
        version: its own.
        api_version: the newest that it speaks.
        store: `classic` or `containerd`: whether an image's id is its config's digest or its manifest's.
        platform: such as `linux/amd64`.
        go_version: of the compiler that made it, such as `go1.24.4`, or "": its gzip is the compiler's.
    """

    endpoint: str
    product: str
    version: str
    api_version: str
    store: str
    platform: str
    go_version: str = ""


class BuildRequest(NamedTuple):
    """What the classic builder is asked for.

    Args:
        dockerfile: its name inside the context.
        build_args: ARG values.
        labels: the image's labels.
        target: the stage, or None.
        platform: such as `linux/arm64`, or None for the engine's own.
        network: of RUN.
        pull_credentials: for base images of the registry that they are for.
        secrets: for `RUN --mount=type=secret`, by id; buildx alone gives them.
    """

    dockerfile: str
    build_args: Mapping[str, str] = MappingProxyType({})
    labels: Mapping[str, str] = MappingProxyType({})
    target: str | None = None
    platform: str | None = None
    network: str = "default"
    pull_credentials: RegistryCredentials | None = None
    secrets: Mapping[str, Masked] = MappingProxyType({})


class LocalImage(NamedTuple):
    """An image in the engine.

    Args:
        image_id: the digest that commits to every layer: the config's on a classic store.
        diff_ids: of its layers.
        labels: its labels.
        repo_digests: what the engine believes registries hold; never to be published unchecked.
        platform: what it runs on.
        size: bytes, uncompressed.
        triggers: its `ONBUILD` instructions, which run in a build on it.
    """

    image_id: Digest
    diff_ids: tuple[Digest, ...]
    labels: Mapping[str, str]
    repo_digests: tuple[str, ...]
    platform: str
    size: int
    triggers: tuple[str, ...] = ()


class DockerEngine:
    """A connection to an engine; to be closed.

    Args:
        environment: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH are honoured, the CLI's contexts are not.

    Raises:
        Unavailable: there is no engine, or it does not answer.
        Refused: its socket may not be used.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.endpoint = environment.get("DOCKER_HOST") or DEFAULT_SOCKET
        with translated(self.endpoint, "while it was asked for its version"):
            options = docker.utils.kwargs_from_env(environment=dict(environment))
            options.setdefault("base_url", self.endpoint)
            self._client = docker.APIClient(version="auto", timeout=_CALL_SECONDS, **options)
        try:
            self.facts = self._facts()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections; the SDK leaks them otherwise."""
        self._client.close()

    def build(
        self, request: BuildRequest, context: Iterable[bytes], output: Callable[[str], None]
    ) -> LocalImage:
        """Build on the classic builder.

        Args:
            request: what to build.
            context: the chunks of the context's tar.
            output: told of every line.

        Raises:
            BuildFailed: the Dockerfile does not build.
            Refused: a base image may not be pulled.
            Unavailable: the engine or a base image's registry failed.
        """
        watch = BuildWatch(output)
        headers = {"Content-Type": "application/x-tar", **_registry_config(request.pull_credentials)}
        sent = _Sending(context)
        with translated(self.endpoint, "in the middle of the build"), sent.own_errors():
            response = self._post("/build", _build_parameters(request), headers, sent, None)
            with response:
                _check_build_status(response)
                for message in messages(_chunks(response)):
                    watch.see(message)
        return self.image(watch.result())

    def image(self, name: str) -> LocalImage:
        """An image by its id or name.

        Raises:
            Unavailable: the engine does not have it, or does not answer.
        """
        with translated(self.endpoint, "while it was asked for an image"):
            found = self._client.inspect_image(name)
        return LocalImage(
            image_id=_digest(found["Id"]),
            diff_ids=tuple(Digest(layer) for layer in found.get("RootFS", {}).get("Layers") or ()),
            labels=dict((found.get("Config") or {}).get("Labels") or {}),
            repo_digests=tuple(found.get("RepoDigests") or ()),
            platform=f"{found.get('Os', '')}/{found.get('Architecture', '')}",
            size=int(found.get("Size") or 0),
            triggers=tuple((found.get("Config") or {}).get("OnBuild") or ()),
        )

    def pull(
        self,
        reference: ImageReference,
        credentials: RegistryCredentials | None,
        output: Callable[[str], None],
    ) -> None:
        """Pull a base image for the engine's own platform, as a build does that lacks it.

        Args:
            reference: with a tag or a digest; without either it is `latest`.
            credentials: for its registry, or None.
            output: told of every line.

        Raises:
            BuildFailed: there is none such.
            Refused: it may not be pulled.
            Unavailable: the engine or the registry failed.
        """
        wanted = {
            "fromImage": reference.repository.familiar,
            "tag": str(reference.digest or reference.tag or "latest"),
        }
        with translated(self.endpoint, "while it pulled a base image"):
            headers = {"X-Registry-Auth": _registry_auth(credentials)}
            response = self._post("/images/create", wanted, headers, None, None)
            with response:
                if response.status_code >= 400:
                    raise pull_failure(_message_of(response), f"FROM {reference}")
                for message in messages(_chunks(response)):
                    if failure := failure_in(message):
                        raise pull_failure(failure, f"FROM {reference}")
                    if "status" in message and "progressDetail" not in message:
                        output(str(message["status"]))

    def push(
        self,
        image: Digest,
        reference: ImageReference,
        credentials: RegistryCredentials | None,
        progress: Callable[[int, int], None],
    ) -> PushWatch:
        """Push one image under one tag.

        Args:
            image: its id.
            reference: with a tag: without one, the engine would push all tags that it has.
            credentials: which were proven to push, or None for a registry that asks for none.
            progress: told of bytes sent and to send.

        Raises:
            Refused: the registry refuses.
            Unavailable: the registry or the engine failed.
            IntegrityFailure: the registry does not let the tag be changed.
        """
        if reference.tag is None:
            raise ValueError(f"{reference} has no tag to push")
        name = reference.repository.familiar
        watch = PushWatch(reference.tag, progress)
        with translated(self.endpoint, "in the middle of the push"):
            self._client.tag(str(image), name, reference.tag, force=True)
            headers = {"X-Registry-Auth": _registry_auth(credentials)}
            response = self._post(
                f"/images/{name}/push", {"tag": reference.tag}, headers, None, _PUSH_SECONDS
            )
            with response:
                _check_status(response)
                for message in messages(_chunks(response)):
                    watch.see(message)
        watch.check()
        return watch

    def save(self, image: Digest) -> Generator[bytes, None, None]:
        """The archive in which the engine gives an image away; to be closed if it is not read to its end.

        Args:
            image: its id.

        Raises:
            Unavailable: the engine does not have it, or stopped.
        """
        url = f"{self._client.base_url}/v{self._client.api_version}/images/{image}/get"
        with translated(self.endpoint, "while it gave the image away"):
            # An old engine writes the whole archive to its disk before the first byte comes.
            response = self._client.get(url, stream=True, timeout=(_CONNECT_SECONDS, _PUSH_SECONDS))
            with response:
                _check_status(response)
                yield from _chunks(response)

    def _post(
        self,
        path: str,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
        body: Iterable[bytes] | None,
        seconds: float | None,
    ) -> requests.Response:
        url = f"{self._client.base_url}/v{self._client.api_version}{path}"
        response: requests.Response = self._client.post(
            url,
            params=dict(parameters),
            headers=dict(headers),
            data=body,
            stream=True,
            timeout=(_CONNECT_SECONDS, seconds),
        )
        return response

    def _facts(self) -> EngineFacts:
        with translated(self.endpoint, "while it was asked for its version"):
            version, info = self._client.version(), self._client.info()
        names = [str(component.get("Name", "")) for component in version.get("Components") or ()]
        podman = any("podman" in name.lower() for name in names)
        status = info.get("DriverStatus") or []
        containerd = any(list(pair)[-1:] == [_CONTAINERD_STORE] for pair in status)
        return EngineFacts(
            endpoint=self.endpoint,
            product="podman" if podman else "docker",
            version=str(version.get("Version", "")),
            api_version=str(version.get("ApiVersion", "")),
            store="containerd" if containerd else "classic",
            platform=f"{version.get('Os', '')}/{version.get('Arch', '')}",
            go_version=str(version.get("GoVersion", "")),
        )


class _Sending:
    """The context on its way; remembers an error of its own, which requests would report as the engine's."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._error: RunnerError | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        except RunnerError as error:
            self._error = error
            raise

    @contextmanager
    def own_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if self._error is not None and error is not self._error:
                raise self._error from None
            raise


def _build_parameters(request: BuildRequest) -> dict[str, str]:
    parameters = {
        "dockerfile": request.dockerfile,
        "rm": "true",
        "forcerm": "true",
        "buildargs": json.dumps(dict(request.build_args)),
        "labels": json.dumps(dict(request.labels)),
        "networkmode": request.network,
    }
    if request.target:
        parameters["target"] = request.target
    if request.platform:
        parameters["platform"] = request.platform
    return parameters


def _registry_config(credentials: RegistryCredentials | None) -> dict[str, str]:
    if credentials is None:
        return {}
    entry = {"username": credentials.username, "password": credentials.password.reveal()}
    return {"X-Registry-Config": _header({credentials.registry.auth_key: entry})}


def _registry_auth(credentials: RegistryCredentials | None) -> str:
    if credentials is None:
        return _header({})
    return _header(
        {
            "username": credentials.username,
            "password": credentials.password.reveal(),
            "serveraddress": credentials.registry.auth_key,
        }
    )


def _header(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """What has arrived, as soon as it has."""
    raw: urllib3.HTTPResponse = response.raw
    yield from raw.read_chunked() if raw.chunked else raw.stream(65536)


def _message_of(response: requests.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        return f"status {response.status_code}"
    return str(answer.get("message") or failure_in(answer) or answer)[:2000]


def _check_build_status(response: requests.Response) -> None:
    """A Dockerfile that cannot be parsed is refused with 400 (500 by podman), before any stream."""
    if response.status_code in {400, 500}:
        raise BuildFailed(
            f"The engine does not take the Dockerfile: {_message_of(response)}",
            action="Correct the Dockerfile, or the settings that it is built with.",
        )
    _check_status(response)


def _check_status(response: requests.Response) -> None:
    if response.status_code >= 400:
        raise Unavailable(f"The engine refused: {_message_of(response)}")


def _digest(text: str) -> Digest:
    """An image's id; podman's has no `sha256:`."""
    return Digest(text if text.startswith("sha256:") else f"sha256:{text}")
