"""Several layouts, each of some platforms, joined into one of an index that lists them all."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from runner.errors import UsageError
from runner.image.layout import Layout
from runner.image.manifests import OCI_INDEX, ImageConfig, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def join_layouts(layouts: Sequence[Layout], folder: Path) -> Layout:
    """Join layouts; their manifests and blobs stay what they are, and their order is kept.

    Args:
        layouts: each read, and so hashed.
        folder: where the blobs are gathered; links where it is on the same disk.

    Raises:
        UsageError: two of them are for one platform, or the folder cannot be written.
    """
    entries = [entry for layout in layouts for entry in _entries(layout)]
    platforms = [json.dumps(entry.get("platform"), sort_keys=True) for entry in entries if _runs(entry)]
    if len(set(platforms)) != len(platforms):
        raise UsageError(f"Two layouts are for one platform: {', '.join(sorted(platforms))}.")
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    index = Manifest(OCI_INDEX, json.dumps(document, indent=2).encode()).check()
    blobs = folder / "blobs" / "sha256"
    try:
        blobs.mkdir(parents=True)
        for layout in layouts:
            for path in (layout.folder / "blobs" / "sha256").iterdir():
                if not (blobs / path.name).exists():
                    _gather(path, blobs / path.name)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}.") from error
    images = {
        manifest.digest: manifest
        for layout in layouts
        for manifest in layout.manifests
        if not manifest.is_index
    }
    return Layout(
        folder,
        (*images.values(), index),
        tuple(config for layout in layouts for config in layout.configs),
        tuple(layer for layout in layouts for layer in layout.layers),
    )


def _entries(layout: Layout) -> Iterator[dict[str, Any]]:
    """What the joined index lists of a layout: its own index's entries as they are, or its one image."""
    top = layout.manifest
    if top.is_index:
        yield from json.loads(top.content)["manifests"]
        return
    platform = ImageConfig.parse(layout.blob(top.config)).platform
    found = {"architecture": platform.architecture, "os": platform.os}
    yield {
        "mediaType": top.media_type,
        "digest": str(top.digest),
        "size": len(top.content),
        "platform": found | ({"variant": platform.variant} if platform.variant else {}),
    }


def _runs(entry: dict[str, Any]) -> bool:
    """Whether it is an image, and no attestation, whose platform is `unknown`."""
    return (entry.get("platform") or {}).get("os") != "unknown"


def _gather(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)
