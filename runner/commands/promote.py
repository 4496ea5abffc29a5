"""`promote` in a task: the accounts come from its secrets, through the proxy."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, TextIO

from runner.errors import Refused
from runner.promotion_request import Accounts, PromoteRequest, run_promote, tell_promotion
from runner.task.event import event_from_environment
from runner.task.secrets_service import fetch_credentials
from runner.task.taskcluster_http import Taskcluster

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from runner.credentials import RegistryCredentials
    from runner.errors import ExitCode
    from runner.narration import Narrator


def promote(
    arguments: argparse.Namespace, environment: Mapping[str, str], narrator: Narrator, stdout: TextIO
) -> ExitCode:
    """Copy, compare, and say what became of each tag; the pinned references go to stdout.

    Raises:
        UsageError: the image has no digest, or a destination no tag.
        RunnerError: nothing could be copied.
    """
    request = PromoteRequest.of(arguments)

    def fetched(secrets: Sequence[str]) -> list[tuple[str, RegistryCredentials]]:
        return [(secret, _fetch(secret, request.username, environment, narrator)) for secret in secrets]

    accounts = Accounts(fetched(arguments.secret), fetched(arguments.from_secret))
    promotion = run_promote(request, accounts, environment, narrator)
    return tell_promotion(request, promotion, stdout, as_json=arguments.json)


def _fetch(
    secret: str, username: str, environment: Mapping[str, str], narrator: Narrator
) -> RegistryCredentials:
    proxy = environment.get("TASKCLUSTER_PROXY_URL")
    if not proxy:
        raise Refused(
            "This task has no Taskcluster proxy: TASKCLUSTER_PROXY_URL is not set.",
            cause=f"The secret `{secret}` is read through it.",
            action="Set `features: {taskclusterProxy: true}` in the task's payload; outside of a task use "
            "`lading promote`, or leave --secret away and use `docker login`.",
        )
    event, _problems = event_from_environment(environment, lambda: None, lambda: None)
    with closing(Taskcluster(proxy, notice=narrator.say)) as taskcluster:
        return fetch_credentials(taskcluster, secret, username, event, narrator.masker)
