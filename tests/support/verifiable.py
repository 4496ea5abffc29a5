"""Images that a task published, their statement, and the task itself as a folder has it."""

import gzip
import json
from dataclasses import dataclass

from runner.image.digest import Digest
from runner.image.manifests import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor, Manifest
from runner.registry.push import Blob, Push
from tests.support.statements import REVISION, TASK_ID, statement

PLATFORMS = ("linux/amd64", "linux/arm64")


def _described(content, media_type, **more):
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content), **more}


def _platform(text):
    os_name, architecture = text.split("/")
    return {"os": os_name, "architecture": architecture}


@dataclass(frozen=True)
class Image:
    """One platform's image."""

    platform: str
    files: tuple[bytes, ...]
    level: int = 9
    revision: str = REVISION

    @property
    def layers(self):
        return [gzip.compress(file, self.level, mtime=0) for file in self.files]

    @property
    def config(self):
        return json.dumps(
            {
                **_platform(self.platform),
                "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(file)) for file in self.files]},
                "config": {"Labels": {"org.opencontainers.image.revision": self.revision}},
            }
        ).encode()

    @property
    def manifest(self):
        document = {
            "schemaVersion": 2,
            "config": _described(self.config, OCI_CONFIG),
            "layers": [_described(layer, OCI_LAYER_GZIP) for layer in self.layers],
        }
        return Manifest(OCI_MANIFEST, json.dumps(document).encode())

    @property
    def stated(self):
        """As a statement of an index tells of it."""
        return {
            "platform": self.platform,
            "manifest": str(self.manifest.digest),
            "config": str(Digest.of(self.config)),
            "diffIds": [str(Digest.of(file)) for file in self.files],
            "layers": [str(Digest.of(layer)) for layer in self.layers],
        }

    def push(self, client, repository, *more, tags=()):
        """Put it into a registry, with manifests that rest on it and tags of the last."""
        blobs = [_blob(layer, OCI_LAYER_GZIP) for layer in self.layers]
        Push(client, repository).image(blobs, [_blob(self.config, OCI_CONFIG)], (self.manifest, *more), tags)


def _blob(content, media_type):
    descriptor = Descriptor(media_type, Digest.of(content), len(content))
    return Blob(descriptor, lambda offset: iter([content[offset:]]))


def image(platform, text, **changes):
    """An image whose layers compress differently by every level."""
    words = (b"%d of %s\n" % (number, text.encode()) for number in range(20_000))
    return Image(platform, (b"base of " + platform.encode(), b"".join(words)), **changes)


def index_of(images, **annotations):
    """An index of images."""
    entries = [
        _described(each.manifest.content, OCI_MANIFEST, platform=_platform(each.platform)) for each in images
    ]
    document = {"schemaVersion": 2, "manifests": entries, "annotations": annotations}
    return Manifest(OCI_INDEX, json.dumps(document).encode())


def statement_of(repository, images, *, stated=None, is_index=True, **changes):
    """What a task says that published them."""
    first = images[0]
    published = index_of(images).digest if is_index else first.manifest.digest
    made = {
        "repository": str(repository),
        "published": published,
        "index": published if is_index else None,
        "manifest": first.manifest.digest,
        "config": Digest.of(first.config),
        "diff_ids": tuple(map(Digest.of, first.files)),
        "layers": tuple(map(Digest.of, first.layers)),
        "images": (stated or tuple(each.stated for each in images)) if is_index else (),
    }
    return statement(**made, **changes)


def write_task(folder, stated):
    """The task of a statement, as `verify --save` keeps it."""
    slug = "repo:github.com/mozilla/balrog:"
    definition = {"scopes": [f"secrets:get:{slug}dockerhub"], "taskQueueId": "proj-balrog/ci"}
    status = {"status": {"taskId": TASK_ID, "runs": [{"runId": 0, "state": "completed"}]}}
    (folder / "public").mkdir(parents=True)
    (folder / "public/docker-image.json").write_bytes(stated.to_json())
    (folder / "task.json").write_text(json.dumps(definition))
    (folder / "status.json").write_text(json.dumps(status))
