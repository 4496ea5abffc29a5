"""One attempt at a call: whatever comes of it is an answer, an error of ours, or a reason for another attempt.

The public client hands out bodies alone, and lets through `TimeoutError`, `UnicodeDecodeError` and, after a status
of 5xx, `aiohttp`'s own exception.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from console.services.answers import Refusal, error_of
from runner.errors import Refused, Unavailable
from runner.retry import TEMPORARY_STATUSES, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from types import SimpleNamespace

    import aiohttp

    from console.services.pacing import Pace

_NOT_ACTED: Final = frozenset({429, 503})


class Failed(Exception):
    """An attempt that another may follow.

    Args:
        reason: what to tell of it.
        wait: seconds that the server asked for, or None.
        may_have_acted: whether the service may have done what it was asked.
    """

    def __init__(self, reason: str, wait: float | None = None, *, may_have_acted: bool = True) -> None:
        super().__init__(reason)
        self.wait = wait
        self.may_have_acted = may_have_acted


@dataclass(slots=True)
class Heard:
    """The headers of the answer to the attempt under way."""

    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def date(self) -> float | None:
        """The server's time in seconds since the epoch, if it told it."""
        try:
            return parsedate_to_datetime(self.headers["Date"]).timestamp()
        except (KeyError, ValueError, TypeError, IndexError, OverflowError):
            return None


_HEARD: ContextVar[Heard] = ContextVar("heard")


def listen() -> Heard:
    """Take the headers of what the current task asks from now on."""
    heard = Heard()
    _HEARD.set(heard)
    return heard


async def hear(_session: object, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams) -> None:
    """For a session's `on_request_end`."""
    _HEARD.get().headers = end.response.headers


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom an attempt asks, for what is told of it.

    Args:
        service: which service.
        client_id: who asks, or None.
        root_url: of the deployment.
        pace: the limits that hold.
    """

    service: str
    client_id: str | None
    root_url: str
    pace: Pace


async def answer_of(call: Awaitable[Any], asked: Asked, heard: Heard) -> Any:
    """What the public client's call answers.

    Raises:
        Failed: another attempt may help.
        RunnerError: none will.
    """
    import aiohttp
    import taskcluster.exceptions

    try:
        answer = await call
    except taskcluster.exceptions.TaskclusterConnectionError as error:
        raise _broken(error.superExc or error, asked) from error
    except aiohttp.ClientResponseError as error:
        raise _trouble(error.status, asked, heard) from error
    except TimeoutError as error:
        raise Failed(f"no answer within {asked.pace.limit:g} s") from error
    except (
        taskcluster.exceptions.TaskclusterRestFailure,
        taskcluster.exceptions.TaskclusterAuthFailure,
    ) as error:
        raise _refused(error.status_code, error.body, asked, heard) from error
    except UnicodeDecodeError as error:
        raise nonsense(asked.service, asked.root_url, "what is no text") from error
    if isinstance(answer, dict) and isinstance(answer.get("response"), aiohttp.ClientResponse):
        raise nonsense(asked.service, asked.root_url, "what is no JSON")
    return answer


def nonsense(service: str, root_url: str, what: str) -> Unavailable:
    """The error for an answer that no Taskcluster gives."""
    return Unavailable(
        f"{service} of {root_url} answers {what}.",
        cause="It may be no Taskcluster, or something between here and there answers in its place.",
        action="Check TASKCLUSTER_ROOT_URL or --root-url.",
    )


def _refused(status: int, body: object, asked: Asked, heard: Heard) -> Exception:
    if status in TEMPORARY_STATUSES:
        return _trouble(status, asked, heard)
    return error_of(Refusal(status, body, asked.service, asked.client_id, asked.root_url))


def _trouble(status: int, asked: Asked, heard: Heard) -> Exception:
    if status not in TEMPORARY_STATUSES:
        return Unavailable(
            f"{asked.root_url} answered {status}.",
            cause="It does not have what was asked for." if status == 501 else "It is in trouble.",
        )
    wait = retry_after_seconds(heard.headers.get("Retry-After"), asked.pace.now())
    return Failed(f"status {status}", wait, may_have_acted=status not in _NOT_ACTED)


def _broken(cause: BaseException, asked: Asked) -> Exception:
    import aiohttp

    match cause:
        case aiohttp.ClientConnectorCertificateError():
            return Refused(
                f"The certificate of {asked.root_url} is not accepted.",
                cause="It is not its own, has expired, or is of an authority that this machine does not trust.",
            )
        case aiohttp.ClientSSLError():
            return Unavailable(
                f"{asked.root_url} does not speak TLS as https needs it.",
                action="Check TASKCLUSTER_ROOT_URL or --root-url.",
            )
        case aiohttp.ClientConnectorError():
            return Failed("no connection", may_have_acted=False)
        case TimeoutError():
            return Failed("no answer in time")
        case _:
            return Failed(f"the connection broke ({type(cause).__name__})")
