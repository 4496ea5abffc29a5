"""Images as engines give them away, made by hand: one image, four ways of saving it."""

import hashlib
import io
import json
import random
import tarfile

from runner.engines.docker_engine import LocalImage
from runner.image.digest import Digest
from runner.image.manifests import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST

LAYERS = [
    random.Random(1).randbytes(70_000),
    b"some text " * 300_000,
    random.Random(2).randbytes(10_240),
]
DIFF_IDS = tuple(Digest.of(layer) for layer in LAYERS)


def config_of(diff_ids=DIFF_IDS, labels=None):
    document = {
        "architecture": "amd64",
        "config": {"Labels": labels},
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [str(diff_id) for diff_id in diff_ids]},
    }
    return json.dumps(document).encode()


CONFIG = config_of()


def local_image(image_id=None, diff_ids=DIFF_IDS):
    return LocalImage(
        image_id or Digest.of(config_of(diff_ids)), tuple(diff_ids), {}, (), "linux/amd64", 3_000_000
    )


def archive(entries, kind=tarfile.PAX_FORMAT):
    """A tar of (name, content) files, (name, None) folders and (name, type, target) links."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=kind) as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry[0])
            if len(entry) == 3:
                info.type, info.linkname = entry[1], entry[2]
            elif entry[1] is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(entry[1])
            tar.addfile(info, io.BytesIO(entry[1]) if len(entry) == 2 and entry[1] else None)
    return output.getvalue()


def chain_ids(diff_ids):
    chain = ""
    for diff_id in diff_ids:
        chain = (
            f"sha256:{hashlib.sha256(f'{chain} {diff_id}'.encode()).hexdigest()}" if chain else str(diff_id)
        )
        yield chain


def old_archive(layers=LAYERS, config=CONFIG):
    """As engines until 24 write it, by name: a layer that comes again is a link, and may come before its target."""
    folders, parent = {}, None
    written: dict[bytes, str] = {}
    for layer, chain in zip(layers, chain_ids([Digest.of(layer) for layer in layers]), strict=True):
        v1: dict[str, object] = {
            "created": "1970-01-01T00:00:00Z",
            "container_config": {"Cmd": None, "Env": ["A=<&>"]},
        }
        hashed = v1 | {"layer_id": chain} | ({"parent": f"sha256:{parent}"} if parent else {})
        v1_id = hashlib.sha256(go_json(hashed)).hexdigest()
        document = {"id": v1_id} | ({"parent": parent} if parent else {}) | v1 | {"os": "linux"}
        target = written.setdefault(layer, v1_id)
        folders[v1_id] = (
            go_json(document, sort=False),
            (f"{v1_id}/layer.tar", layer)
            if target == v1_id
            else (f"{v1_id}/layer.tar", tarfile.SYMTYPE, f"../{target}/layer.tar"),
        )
        parent = v1_id
    entries = []
    for v1_id in sorted(folders):
        document, layer = folders[v1_id]
        entries += [(v1_id, None), (f"{v1_id}/VERSION", b"1.0"), (f"{v1_id}/json", document), layer]
    entries.append((f"{Digest.of(config).hex}.json", config))
    entries.append(("manifest.json", json.dumps([{"Config": f"{Digest.of(config).hex}.json"}]).encode()))
    return archive(entries)


def go_json(document, sort=True):
    text = json.dumps(dict(sorted(document.items())) if sort else document, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()


def blobs_archive(contents, top=b"{}"):
    """An OCI layout as engines write it: blobs first, sorted, then the documents."""
    blobs = {Digest.of(content).hex: content for content in contents}
    return archive(
        [
            ("blobs", None),
            ("blobs/sha256", None),
            *((f"blobs/sha256/{name}", blobs[name]) for name in sorted(blobs)),
            ("index.json", top),
            ("manifest.json", b"[]"),
            ("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'),
        ]
    )


def new_archive(layers=LAYERS, config=CONFIG):
    """As a classic store writes it from 25 on: layers uncompressed, and the JSON of the old format as blobs."""
    return blobs_archive([*layers, config, b'{"id": "of the old format"}'])


def podman_archive(layers=LAYERS, config=CONFIG):
    """As podman writes it."""
    return archive(
        [
            *((f"{Digest.of(layer).hex}.tar", layer) for layer in layers),
            ("0" * 64 + "/layer.tar", tarfile.SYMTYPE, f"../{Digest.of(layers[0]).hex}.tar"),
            (f"{Digest.of(config).hex}.json", config),
            ("manifest.json", b"[]"),
        ]
    )


def manifest_of(layers, config=CONFIG, media_types=None):
    """The bytes of an OCI manifest."""
    types = media_types or [OCI_LAYER_GZIP] * len(layers)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _entry(OCI_CONFIG, config),
        "layers": [_entry(kind, layer) for kind, layer in zip(types, layers, strict=True)],
    }
    return json.dumps(document).encode()


def _entry(media_type, content):
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}
