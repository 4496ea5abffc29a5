"""Running an image once, to see that it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.sandbox.engine import Engine


@dataclass(frozen=True, slots=True)
class Ended:
    """What a container that ended said.

    Args:
        status: its exit status.
        output: standard output and error as they came.
    """

    status: int
    output: str


def run_image(engine: Engine, image: str, command: Sequence[str] | None = None) -> Ended:
    """Run an image without a network until it ends, and remove the container.

    Args:
        engine: it has the image.
        image: a name or an id.
        command: instead of the image's own.

    Raises:
        Unavailable: the engine refused it, or went away.
    """
    configuration = {
        "Image": image,
        "Tty": True,  # so that the log is plain text, not frames
        "NetworkDisabled": True,
        "HostConfig": {"NetworkMode": "none"},
        **({"Cmd": list(command)} if command is not None else {}),
    }
    container = quote(str(engine.ask("POST", "/containers/create", configuration)["Id"]))
    try:
        engine.ask("POST", f"/containers/{container}/start")
        status = int(engine.ask("POST", f"/containers/{container}/wait")["StatusCode"])
        output = engine.call("GET", f"/containers/{container}/logs?stdout=1&stderr=1")
    finally:
        engine.ask("DELETE", f"/containers/{container}?force=1")
    return Ended(status, output.decode(errors="replace").replace("\r\n", "\n"))
