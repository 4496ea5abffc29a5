"""`plan`: what publish would do, and every check that can be made now, without changing anything."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from runner.errors import RunnerError
from runner.findings import Finding, Level, exit_code_of, problem
from runner.narration import printable
from runner.preparation import Preparation
from runner.settings import OPTIONS
from runner.task.artifacts import Artifact
from runner.task.report import PLAN_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.errors import ExitCode
    from runner.job import Job

_SIGN = {Level.OK: "ok  ", Level.WARNING: "warn", Level.PROBLEM: "FAIL", Level.UNKNOWN: "?   "}


def plan(job: Job, stdout: TextIO, *, as_json: bool, leave: bool = False) -> ExitCode:
    """Show the settings with their sources and every finding; the exit code is what publish would begin with.

    Args:
        job: what would be published.
        stdout: where it is shown.
        as_json: as JSON.
        leave: leave it among the task's artifacts too: what ran in a task is read from there.

    Raises:
        RunnerError: it could not be left.
    """
    settings = _settings(job)
    with Preparation(job) as preparation:
        findings = _findings(preparation)
        listed = [{**asdict(finding), "exit_code": int(finding.exit_code)} for finding in findings]
        document = {"settings": settings, "findings": listed, "warnings": job.narrator.warnings}
        if leave:
            content = job.narrator.masker(json.dumps(document, indent=2)).encode()
            name = f"{job.settings.artifact_prefix}{PLAN_NAME}"
            preparation.sink.leave(Artifact(name, content, "application/json"))
    if as_json:
        stdout.write(json.dumps(document) + "\n")
    else:
        stdout.writelines(printable(job.narrator.masker(line)) + "\n" for line in _lines(settings, findings))
    return exit_code_of(findings)


def _lines(settings: dict[str, dict[str, object]], findings: list[Finding]) -> list[str]:
    lines = [f"{key:>12}  {setting['value']}  ({setting['source']})" for key, setting in settings.items()]
    lines.append("")
    for finding in findings:
        lines.append(f"{_SIGN[finding.level]}  {finding.name}: {' '.join(finding.seen.split())}")
        if finding.action:
            lines.append(f"      -> {finding.action}")
    return lines


def _settings(job: Job) -> dict[str, dict[str, object]]:
    settings = job.settings
    shown: dict[str, dict[str, object]] = {}
    for option in OPTIONS:
        value = getattr(settings, option.key.replace("-", "_"))
        # Values of build arguments may be secrets that should not have been given.
        value = sorted(value) if option.key == "build-args" else value
        if value not in (None, (), {}, [], False):
            shown[option.key] = {
                "value": str(value) if option.key == "repository" else value,
                "source": settings.sources.get(option.key, "default"),
            }
    return shown


def _findings(preparation: Preparation) -> list[Finding]:
    checks: list[tuple[str, Callable[[], str]]] = [
        ("event", lambda: _event(preparation)),
        ("checkout", lambda: _checkout(preparation)),
        ("Dockerfile", lambda: _dockerfile(preparation)),
        ("engine", lambda: _engine(preparation)),
        ("secret", lambda: _secret(preparation)),
        ("push", lambda: _push(preparation)),
        ("tags", lambda: _tags(preparation)),
        ("artifacts", lambda: _artifacts(preparation)),
    ]
    findings: list[Finding] = []
    failed: set[str] = set()
    for name, check in checks:
        if name in {"push", "tags"} and "secret" in failed:
            findings.append(Finding(name, Level.UNKNOWN, "not checked: there are no credentials"))
            continue
        try:
            findings.append(Finding(name, Level.OK, check()))
        except RunnerError as error:
            failed.add(name)
            findings.append(problem(name, error))
    return findings


def _event(preparation: Preparation) -> str:
    preparation.check_event()
    event = preparation.job.event
    return f"{event.kind} of {event.branch or event.tag} in {event.source}"


def _checkout(preparation: Preparation) -> str:
    preparation.check_checkout()
    return f"commit {preparation.job.revision}"


def _dockerfile(preparation: Preparation) -> str:
    builder = preparation.builder
    bases = preparation.bases
    return (
        f"{preparation.job.settings.dockerfile}, from {', '.join(bases) or 'scratch'}; "
        f"built by {preparation.builder_name}: {builder.why}"
    )


def _engine(preparation: Preparation) -> str:
    facts = preparation.engine.facts
    identity = "config" if facts.store == "classic" else "manifest"
    transport = preparation.job.settings.transport
    way = {"auto": "by whichever way is quicker", "engine": "by the engine", "direct": "by lading itself"}[
        transport
    ]
    return (
        f"{facts.product} {facts.version} at {facts.endpoint}, {facts.store} store: "
        f"what is built is known by its {identity}'s digest, and pushed {way}"
    )


def _secret(preparation: Preparation) -> str:
    credentials = preparation.credentials
    return f"{preparation.job.settings.secret}: {credentials.username} at {credentials.registry}"


def _push(preparation: Preparation) -> str:
    preparation.check_push()
    return f"{preparation.credentials.username} may push to {preparation.job.settings.repository}"


def _tags(preparation: Preparation) -> str:
    return ", ".join(f"{decision.tag} ({decision.move})" for decision in preparation.tags.decisions)


def _artifacts(preparation: Preparation) -> str:
    return f"by {preparation.sink.way}, until {preparation.expires:%Y-%m-%d}"
