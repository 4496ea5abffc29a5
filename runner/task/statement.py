"""The statement: which digests this task published, of what (in-toto Statement v1, SLSA provenance v1)."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from runner import __version__
from runner.image.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

STATEMENT_NAME: Final = "docker-image.json"
SHA256_NAME: Final = "docker-image-shasum256.txt"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "urn:lading:docker-image:1"
_LONGEST: Final = 4 << 20
_WHOLE: Final = "all files"
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class BadStatement(ValueError):
    """Not a statement of lading's, or not whole."""


class Statement(NamedTuple):
    """What one run of one task published.

    Args:
        repository: in full, `docker.io/mozilla/balrog`.
        published: the digest that `docker pull NAME@…` takes: the manifest's, or the index's.
        manifest: the image manifest's digest.
        config: the config's digest.
        diff_ids: of the uncompressed layers, the base's first.
        layers: the digests of the layers as pushed.
        tags: each with its state: `pushed`, `moved`, `already there`, or what went wrong.
        source: the source repository's URL.
        revision: the commit.
        event: `kind`, `branch`, `tag`.
        task_id: of the task, or "" outside of one.
        run_id: of the run.
        root_url: of the Taskcluster.
        index: the index's digest, or None for a single manifest.
        images: of an index: each platform's `platform`, `manifest`, `config`, `diffIds`, `layers`; the first is the one
            that `manifest`, `config`, `diff_ids` and `layers` tell of.
        bases: base images: their reference and what is known of them.
        parameters: what the build was asked for, without values of build arguments.
        context: the hash of the checkout's files: paths, kinds, executable bits, contents, targets of links.
        context_is_whole: whether of all that are not ignored; if not, of the Dockerfile, the ignore file and what the
            Dockerfile's COPY and ADD name.
        builder: versions of lading, engine and store.
        times: `started` and `finished`, RFC 3339.
        artifacts: the way that the artifacts went, and whether Chain of Trust covers them.
        reused: the task and run that built it, if this run found it published.
    """

    repository: str
    published: Digest
    manifest: Digest
    config: Digest
    diff_ids: tuple[Digest, ...]
    layers: tuple[Digest, ...]
    tags: Mapping[str, str]
    source: str
    revision: str | None
    event: Mapping[str, str | None]
    task_id: str
    run_id: int
    root_url: str
    index: Digest | None = None  # type: ignore[assignment]  # a tuple's method, of which nothing here makes use
    images: tuple[Mapping[str, Any], ...] = ()
    bases: tuple[Mapping[str, str], ...] = ()
    parameters: Mapping[str, Any] = _NOTHING
    context: Digest | None = None
    context_is_whole: bool = True
    builder: Mapping[str, str] = _NOTHING
    times: Mapping[str, str] = _NOTHING
    artifacts: Mapping[str, Any] = _NOTHING
    reused: Mapping[str, Any] | None = None

    @property
    def sha256_line(self) -> bytes:
        """The one line that the script's consumers read."""
        return f"{self.published}\n".encode()

    def to_json(self) -> bytes:
        """The statement as an in-toto consumer reads it."""
        lading = {
            "published": str(self.published),
            "index": str(self.index) if self.index else None,
            "manifest": str(self.manifest),
            "config": str(self.config),
            "diffIds": [str(digest) for digest in self.diff_ids],
            "layers": [str(digest) for digest in self.layers],
            "images": [dict(image) for image in self.images],
            "tags": dict(self.tags),
            "bases": [dict(base) for base in self.bases],
            "contextDigest": str(self.context) if self.context else None,
            "contextCovers": _WHOLE if self.context_is_whole else "files that COPY and ADD name",
            "artifacts": dict(self.artifacts),
            "reused": dict(self.reused) if self.reused else None,
        }
        document = {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": self.repository, "digest": {"sha256": self.published.hex}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": {
                        "source": {"uri": self.source, "revision": self.revision, **self.event},
                        "image": dict(self.parameters),
                    },
                    "internalParameters": {
                        "taskId": self.task_id,
                        "runId": self.run_id,
                        "rootUrl": self.root_url,
                    },
                    "resolvedDependencies": self._dependencies(),
                },
                "runDetails": {
                    "builder": {"id": self.root_url, "version": {"lading": __version__, **self.builder}},
                    "metadata": {
                        "invocationId": f"{self.root_url}/tasks/{self.task_id}/runs/{self.run_id}",
                        "startedOn": self.times.get("started"),
                        "finishedOn": self.times.get("finished"),
                    },
                },
                "lading": lading,
            },
        }
        return (json.dumps(document, indent=2) + "\n").encode()

    def _dependencies(self) -> list[dict[str, Any]]:
        dependencies: list[dict[str, Any]] = []
        if self.revision:
            dependencies.append({"uri": f"git+{self.source}", "digest": {"gitCommit": self.revision}})
        for base in self.bases:
            digest = base.get("digest")
            if digest:
                dependencies.append(
                    {"uri": f"docker:{base['reference']}", "digest": {"sha256": Digest(digest).hex}}
                )
        return dependencies

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read a statement back.

        Raises:
            BadStatement: it is not one of lading's, or its parts contradict each other.
        """
        if len(content) > _LONGEST:
            raise BadStatement(f"it is longer than {_LONGEST} bytes")
        try:
            return cls._from_document(json.loads(content))
        except BadStatement:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise BadStatement(f"it is not whole ({type(error).__name__})") from error

    @classmethod
    def _from_document(cls, document: Any) -> Self:
        if document["_type"] != STATEMENT_TYPE or document["predicateType"] != PREDICATE_TYPE:
            raise BadStatement("it is no in-toto statement with SLSA provenance")
        predicate = document["predicate"]
        definition, lading = predicate["buildDefinition"], predicate["lading"]
        if definition["buildType"] != BUILD_TYPE:
            raise BadStatement(f"its build type is not {BUILD_TYPE}")
        subjects = document["subject"]
        if len(subjects) != 1:
            raise BadStatement("it has not exactly one subject")
        published = Digest(lading["published"])
        if subjects[0]["digest"]["sha256"] != published.hex:
            raise BadStatement("its subject and its published digest differ")
        manifest = Digest(lading["manifest"])
        index = Digest(lading["index"]) if lading["index"] else None
        if published != (index or manifest):
            raise BadStatement("its published digest is neither its index's nor its only manifest's")
        source = dict(definition["externalParameters"]["source"])
        internal = definition["internalParameters"]
        return cls(
            repository=_text(subjects[0]["name"]),
            published=published,
            manifest=manifest,
            index=index,
            config=Digest(lading["config"]),
            diff_ids=tuple(Digest(digest) for digest in lading["diffIds"]),
            layers=tuple(Digest(digest) for digest in lading["layers"]),
            images=tuple(_image(image) for image in lading.get("images", ())),
            tags={_text(name): _text(state) for name, state in lading["tags"].items()},
            source=_text(source.pop("uri")),
            revision=_text_or_none(source.pop("revision")),
            event={key: _text_or_none(value) for key, value in source.items()},
            task_id=_text(internal["taskId"]),
            run_id=_number(internal["runId"]),
            root_url=_text(internal["rootUrl"]),
            bases=tuple({str(key): str(value) for key, value in base.items()} for base in lading["bases"]),
            parameters=dict(definition["externalParameters"]["image"]),
            context=Digest(lading["contextDigest"]) if lading["contextDigest"] else None,
            context_is_whole=lading.get("contextCovers", _WHOLE) == _WHOLE,
            builder={
                key: str(value)
                for key, value in predicate["runDetails"]["builder"]["version"].items()
                if key != "lading"
            },
            times={
                "started": predicate["runDetails"]["metadata"]["startedOn"],
                "finished": predicate["runDetails"]["metadata"]["finishedOn"],
            },
            artifacts=dict(lading["artifacts"]),
            reused=lading["reused"],
        )


def _image(image: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "platform": _text(image["platform"]),
        **{name: str(Digest(image[name])) for name in ("manifest", "config")},
        **{name: [str(Digest(digest)) for digest in image[name]] for name in ("diffIds", "layers")},
    }


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadStatement("a text is expected where there is none")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadStatement("a number is expected where there is none")
    return value
