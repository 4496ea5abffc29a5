"""Which handler a request belongs to; methods and routes are those of the public client's `funcinfo`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from console.domain.scopes import Expression
    from console.sandbox.validation import Shape

    # Takes a `console.sandbox.call.Call`, which names an Endpoint in turn.
    Handler = Callable[[Any], Awaitable[Any]]

PAGED: Final = ("continuationToken", "limit")
_BROKEN_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class BadEncoding(ValueError):
    """A path whose percent-encoding is broken."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One entry of a service.

    Args:
        name: as the public client calls it, e.g. `createTask`.
        handler: what answers, or None where the sandbox lacks it.
        scopes: the expression, if the path decides it alone; `<name>` is a parameter's place. Otherwise the
            handler authorises by itself.
        takes: what the body must be, or None where it is not looked at.
        schema: the published name of the body's schema.
        patterns: regular expressions of path parameters, in the URL's order.
        splats: path parameters that take slashes as they are.
        hides: members of the body that are not echoed.
        method: GET, PUT...; set from `funcinfo`.
        route: e.g. `/secret/<name>`; set from `funcinfo`.
        query: the keys that the service takes; set from `funcinfo`.
    """

    name: str
    handler: Handler | None = None
    scopes: Expression | None = None
    takes: Shape | None = None
    schema: str = ""
    patterns: Mapping[str, str] = field(default_factory=dict)
    splats: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    method: str = "GET"
    route: str = ""
    query: tuple[str, ...] = ()

    @property
    def path(self) -> re.Pattern[str]:
        """Matches the path below `/api/<service>/v1`, still percent-encoded; a slash at the end is free."""
        parts = re.split(r"<(\w+)>", self.route)
        literals, names = parts[::2], parts[1::2]
        expression = re.escape(literals[0])
        for name, literal in zip(names, literals[1:], strict=True):
            expression += f"(?P<{name}>{'.*' if name in self.splats else '[^/]+'}){re.escape(literal)}"
        return re.compile(expression.removesuffix("/") + "/?")

    @property
    def literal_length(self) -> int:
        """How much of the route is fixed: of two routes that match, the more literal one is meant."""
        return len(re.sub(r"<\w+>", "", self.route))


class Service:
    """A named set of endpoints, filled by the modules that implement it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.endpoints: dict[str, Endpoint] = {}
        self.unpublished: list[Endpoint] = []

    def endpoint(self, name: str, **declared: Any) -> Callable[[Handler], Handler]:
        """Declare the handler of a published entry; see `Endpoint` for the arguments."""

        def register(handler: Handler) -> Handler:
            self.endpoints[name] = Endpoint(name=name, handler=handler, **declared)
            return handler

        return register

    def also(self, name: str, method: str, route: str, query: tuple[str, ...] = ()) -> None:
        """Serve a published entry by an unpublished route too."""
        self.unpublished.append(_placed(self.endpoints[name], method, route, query))


def _placed(endpoint: Endpoint, method: str, route: str, query: tuple[str, ...]) -> Endpoint:
    values = {slot: getattr(endpoint, slot) for slot in Endpoint.__slots__}
    return Endpoint(**{**values, "method": method.upper(), "route": route, "query": query})


class Router:
    """The endpoints of all services, by method and path.

    Args:
        services: those that the sandbox has.
        published: the public client's `funcinfo` by service name.
    """

    def __init__(
        self, services: Mapping[str, Service], published: Mapping[str, Mapping[str, Mapping[str, Any]]]
    ) -> None:
        self._routes: dict[str, list[tuple[re.Pattern[str], Endpoint]]] = {}
        for name, entries in published.items():
            endpoints = list(_endpoints(services[name], entries))
            endpoints.sort(key=lambda endpoint: -endpoint.literal_length)
            self._routes[name] = [(endpoint.path, endpoint) for endpoint in endpoints]

    def find(self, service: str, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint and its decoded path parameters.

        Raises:
            BadEncoding: a route matches, but a parameter cannot be decoded.
        """
        wanted = "GET" if method == "HEAD" else method
        for pattern, endpoint in self._routes.get(service, ()):
            if endpoint.method == wanted and (found := pattern.fullmatch(path)):
                return endpoint, {name: _decoded(value) for name, value in found.groupdict().items()}
        return None

    def methods(self, service: str, path: str) -> list[str]:
        """The methods that a path knows, for OPTIONS."""
        matching = {e.method for pattern, e in self._routes.get(service, ()) if pattern.fullmatch(path)}
        return sorted(matching | {"HEAD"}) if "GET" in matching else sorted(matching)

    @property
    def lacking(self) -> list[tuple[str, Endpoint]]:
        """What Taskcluster publishes and the sandbox lacks: service and endpoint; those answer 501."""
        return [
            (service, endpoint)
            for service, routes in self._routes.items()
            for _pattern, endpoint in routes
            if endpoint.handler is None
        ]

    @property
    def served(self) -> list[tuple[str, Endpoint]]:
        """What the sandbox has."""
        return [
            (service, endpoint)
            for service, routes in self._routes.items()
            for _pattern, endpoint in routes
            if endpoint.handler is not None
        ]


def _endpoints(service: Service, entries: Mapping[str, Mapping[str, Any]]) -> Iterator[Endpoint]:
    unknown = service.endpoints.keys() - entries.keys()
    if unknown:
        raise LookupError(f"the public client knows no {service.name}.{unknown.pop()}")
    for name, entry in entries.items():
        endpoint = service.endpoints.get(name, Endpoint(name=name))
        yield _placed(endpoint, entry["method"], entry["route"], tuple(entry.get("query", ())))
    yield from service.unpublished


def _decoded(value: str) -> str:
    if _BROKEN_PERCENT.search(value):
        raise BadEncoding(value)
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise BadEncoding(value) from error
