"""Bodies are checked as the services check them, with the wording and the order of their validator (ajv).

A shape is a small JSON schema: what the services look at and nothing more. Order matters: `required`, then
unknown members, then the members as the shape lists them.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.moments import is_date_time

if TYPE_CHECKING:
    from collections.abc import Iterator

SLUGID: Final = r"^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$"
SCOPE: Final = r"^[ -~]*$"
IDENTIFIER: Final = r"^([a-zA-Z0-9-_]*)$"
_EMAIL: Final = re.compile(r"[^@\s]+@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*")
_ABSENT: Final = object()


@lru_cache
def javascript(pattern: str) -> re.Pattern[str]:
    """A pattern with JavaScript's `$`, which does not match before a final newline."""
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a value must be: here, anything; `errors` says what it is not."""

    default: Any = _ABSENT

    def errors(self, _value: object, _path: str, /) -> Iterator[str]:
        """The complaints, each `<path> <what>`."""
        yield from ()

    def fill(self, value: Any, /) -> None:
        """Put the defaults of absent members in, in place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Shape):
    """A string."""

    pattern: str = ""
    least: int = 0
    most: int = 0
    one_of: tuple[str, ...] = ()
    is_date: bool = False
    is_uri: bool = False
    is_email: bool = False

    def errors(self, value: object, path: str, /) -> Iterator[str]:
        """Type, lengths, pattern, format, then the allowed values, which are looked at whatever the type."""
        if not isinstance(value, str):
            yield f"{path} must be string"
        else:
            yield from self._of_text(value, path)
        if self.one_of and value not in self.one_of:
            yield f"{path} must be equal to one of the allowed values"

    def _of_text(self, value: str, path: str) -> Iterator[str]:
        if self.most and len(value) > self.most:
            yield f"{path} must NOT have more than {self.most} characters"
        if len(value) < self.least:
            yield f"{path} must NOT have fewer than {self.least} characters"
        if self.pattern and not javascript(self.pattern).search(value):
            yield f'{path} must match pattern "{self.pattern}"'
        if self.is_date and not is_date_time(value):
            yield f'{path} must match format "date-time"'
        if self.is_uri and not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:[^\s]*\Z", value):
            yield f'{path} must match format "uri"'
        if self.is_email and not _EMAIL.fullmatch(value):
            yield f'{path} must match format "email"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Shape):
    """A number, or an integer."""

    integer: bool = False
    least: float | None = None
    most: float | None = None

    def errors(self, value: object, path: str, /) -> Iterator[str]:
        """Type, then the bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float) or (self.integer and value % 1):
            yield f"{path} must be {'integer' if self.integer else 'number'}"
            return
        if self.most is not None and value > self.most:
            yield f"{path} must be <= {self.most}"
        if self.least is not None and value < self.least:
            yield f"{path} must be >= {self.least}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Shape):
    """A boolean."""

    always: bool | None = None

    def errors(self, value: object, path: str, /) -> Iterator[str]:
        """Type, then the only value allowed."""
        if not isinstance(value, bool):
            yield f"{path} must be boolean"
        if self.always is not None and value is not self.always:
            yield f"{path} must be equal to constant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Shape):
    """An array."""

    of: Shape
    unique: bool = False
    most: int = 0

    def errors(self, value: object, path: str, /) -> Iterator[str]:
        """Type, length, duplicates, items."""
        if not isinstance(value, list):
            yield f"{path} must be array"
            return
        if self.most and len(value) > self.most:
            yield f"{path} must NOT have more than {self.most} items"
        for index, item in enumerate(value):
            yield from self.of.errors(item, f"{path}/{index}")
        if self.unique:
            yield from self._duplicates(value, path)

    @staticmethod
    def _duplicates(value: list[Any], path: str) -> Iterator[str]:
        for later in range(len(value) - 1, 0, -1):
            for earlier in range(later - 1, -1, -1):
                if value[earlier] == value[later]:
                    yield (
                        f"{path} must NOT have duplicate items (items ## {later} and {earlier} are identical)"
                    )
                    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Members(Shape):
    """An object; `others` is what further members must be, None where there may be none."""

    of: dict[str, Shape] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    others: Shape | None = None

    def errors(self, value: object, path: str, /) -> Iterator[str]:
        """Type, required members, unknown members, members."""
        if not isinstance(value, dict):
            yield f"{path} must be object"
            return
        for name in self.required:
            if name not in value:
                yield f"{path} must have required property '{name}'"
        for name in value:
            if name in self.of:
                continue
            if self.others is None:
                yield f'{path} must NOT have additional properties: "{name}"'
            else:
                yield from self.others.errors(value[name], f"{path}/{name}")
        for name, shape in self.of.items():
            if name in value:
                yield from shape.errors(value[name], f"{path}/{name}")

    def fill(self, value: Any, /) -> None:
        """Put the defaults in, members of members included."""
        if not isinstance(value, dict):
            return
        for name, shape in self.of.items():
            if name not in value and shape.default is not _ABSENT:
                value[name] = copy.deepcopy(shape.default)
            if name in value:
                shape.fill(value[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf(Shape):
    """Exactly one of several; defaults inside are not filled, as in ajv."""

    of: tuple[Shape, ...]

    def errors(self, value: object, path: str, /) -> Iterator[str]:
        """Nothing, or the complaints of every alternative."""
        complaints = [list(shape.errors(value, path)) for shape in self.of]
        if [] not in complaints:
            for several in complaints:
                yield from several
            yield f"{path} must match exactly one schema in oneOf"


OBJECT: Final = Members(others=Shape())
DATE: Final = Text(is_date=True)
SCOPES: Final = Listing(of=Text(pattern=SCOPE))
UNIQUE_SCOPES: Final = Listing(of=Text(pattern=SCOPE), unique=True)
SLUG: Final = Text(pattern=SLUGID)


def rejection(shape: Shape, schema: str, root_url: str, payload: object) -> str | None:
    """The service's whole message about a body that does not fit, or None.

    Args:
        shape: what the body must be.
        schema: the published schema's name, e.g. `secrets/v1/secret.json#`.
        root_url: where the schemas are published.
        payload: the body, defaults filled in.
    """
    errors = list(shape.errors(payload, "data"))
    if not errors:
        return None
    listed = "".join(f"\n  * {error}" for error in errors)
    return f"\nSchema Validation Failed!\nRejecting Schema: {root_url}/schemas/{schema}\nErrors:{listed}"
