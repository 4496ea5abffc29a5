"""Pulling an image by its digest, as `docker pull NAME@sha256:…` does."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from console.sandbox.demo_story import Progress
from runner.errors import IntegrityFailure
from runner.narration import megabytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from console.sandbox.engine import Engine
    from runner.credentials import RegistryCredentials
    from runner.image.digest import Digest


def pull(
    engine: Engine,
    name: str,
    digest: Digest,
    credentials: RegistryCredentials,
    tell: Callable[[Progress], None],
) -> None:
    """Pull an image, and see that the engine has it under that digest.

    Args:
        engine: where to.
        name: the repository with its registry, without a tag.
        digest: of a manifest or an index.
        credentials: for the registry; they go to the engine alone.
        tell: told how far the download is.

    Raises:
        Unavailable: the registry or the engine refused it.
        IntegrityFailure: the engine does not have it under this digest afterwards.
    """
    sent = {
        "username": credentials.username,
        "password": credentials.password.reveal(),
        "serveraddress": credentials.registry.host,
    }
    headers = {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(sent).encode()).decode()}
    query = urlencode({"fromImage": name, "tag": str(digest)})
    for progress in downloads(engine.stream("POST", f"/images/create?{query}", None, headers)):
        tell(progress)
    found = engine.ask("GET", f"/images/{quote(f'{name}@{digest}')}/json")["RepoDigests"]
    if f"{name}@{digest}" not in found:
        raise IntegrityFailure(f"The engine has {', '.join(found)}, and not {name}@{digest}.")


def downloads(events: Iterable[dict[str, Any]]) -> Iterator[Progress]:
    """How far all layers together are, whenever that changes by a percent, and at the end that all is there.

    Args:
        events: what an engine's pull tells: `id` of a layer, `status`, `progressDetail`.
    """
    layers: dict[str, tuple[int, int]] = {}
    last = -1
    for event in events:
        detail, status = event.get("progressDetail") or {}, event.get("status")
        if status == "Downloading" and detail.get("total"):
            layers[event["id"]] = (detail["current"], detail["total"])
        elif status == "Download complete" and event["id"] in layers:
            layers[event["id"]] = (layers[event["id"]][1],) * 2
        total = sum(size for _, size in layers.values())
        done = sum(current for current, _ in layers.values())
        # Layers that are not known yet may follow those that are there.
        share = min(99, done * 100 // total) if total else last
        if share != last:
            last = share
            yield Progress("pulling", share, f"{megabytes(done)} of {megabytes(total)}")
    if layers:
        size = megabytes(sum(total for _, total in layers.values()))
        yield Progress("pulling", 100, f"{size} of {size}")


def forget(engine: Engine, name: str) -> None:
    """Remove every image of a repository from the engine, so that a pull has something to do."""
    query = urlencode({"filters": json.dumps({"reference": [name]})})
    for image in engine.ask("GET", f"/images/json?{query}"):
        engine.ask("DELETE", f"/images/{quote(image['Id'])}?force=1")
