"""What every service answers about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from console.sandbox.call import Call
    from console.sandbox.routing import Service


async def _ping(_call: Call) -> Any:
    return {"alive": True, "uptime": 1.0}


async def _heartbeat(_call: Call) -> Any:
    return {}


async def _version(_call: Call) -> Any:
    return {"version": "0.0.0", "commit": "", "source": "lading sandbox", "build": "NONE"}


def add_to(service: Service) -> None:
    """Give the service its ping, heartbeats and version; they are public."""
    service.endpoint("ping")(_ping)
    service.endpoint("lbheartbeat")(_heartbeat)
    service.endpoint("heartbeat")(_heartbeat)
    service.endpoint("version")(_version)
