"""`lading doctor --prove`: asks, has a real task try the secret's account, and tells what it found."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING, TextIO

from console.actions.doctor_checkout import read_checkout
from console.actions.prove import plan_proof, prove
from console.commands.build_text import change_line, plan_lines
from console.commands.confirming import agreed
from console.commands.connecting import connected
from console.commands.paint import Paint
from console.domain.group_progress import TaskChange
from console.domain.taskcluster_yml import FILE_NAME
from console.failures import ReadOnly
from runner.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from console.actions.doctor import Question
    from console.connection import Connection
    from console.domain.proof_task import Proof


def run_prove(
    arguments: argparse.Namespace,
    question: Question,
    environment: Mapping[str, str],
    stdout: TextIO,
    stderr: TextIO,
) -> int:
    """Exits 0 where the token may push, 1 where it may not, 7 where that was not found out."""
    if arguments.read_only:
        raise ReadOnly("--read-only: no task is created.", action="Leave it or --prove out.")
    checkout = read_checkout(question.folder, question.path, question.happening, question.repository)
    if checkout.task_file is None:
        raise UsageError(f"{question.folder} has no {FILE_NAME}.")
    text = checkout.task_file
    paint = Paint.on(stderr, environment)

    async def work(connection: Connection) -> list[Proof] | None:
        plan = await plan_proof(
            connection, FILE_NAME, text, checkout.happening, slug=checkout.slug, revision=checkout.revision
        )
        stderr.writelines(f"{line}\n" for line in plan_lines(plan, paint))
        given = "" if arguments.yes else None
        if plan.can_be_done and not agreed("create it", "yes", given, stderr, environment):
            return None
        proofs = []
        async with aclosing(prove(connection, plan)) as found:
            async for each in found:
                if isinstance(each, TaskChange):
                    print(change_line(each, paint), file=stderr)
                else:
                    proofs.append(each)
        return proofs

    proofs = connected(arguments, environment, stderr, work)
    if proofs is None:
        return ExitCode.NO
    code = _code(proofs)
    if arguments.json:
        listed = [_json(proof) for proof in proofs]
        print(json.dumps({"exitCode": int(code), "proofs": listed}, indent=2), file=stdout)
    else:
        _tell(proofs, code, stdout, Paint.on(stdout, environment))
    return code


def _code(proofs: list[Proof]) -> ExitCode:
    if any(proof.is_good is False for proof in proofs):
        return ExitCode.NO
    return ExitCode.OK if proofs and all(proof.is_good for proof in proofs) else ExitCode.CANNOT_TELL


def _tell(proofs: list[Proof], code: ExitCode, stdout: TextIO, paint: Paint) -> None:
    for proof in proofs:
        print(f"task {paint(proof.task_id, 'name')}", file=stdout)
        if proof.failure:
            print(f"  {paint(proof.failure)}", file=stdout)
        for finding in proof.findings:
            print(f"  {finding.level:8} {paint(finding.name)}: {paint(finding.seen)}", file=stdout)
            if finding.action:
                print(f"           {paint.branch} {paint(finding.action)}", file=stdout)
    answer = {
        ExitCode.OK: "Proved: the secret's token is taken and may push; nothing was published. "
        "After a rotation, now revoke the old token.",
        ExitCode.NO: "The secret's token may not push: keep the old one until this is mended.",
    }.get(code, "Whether the secret's token may push was not found out: keep the old one.")
    print(answer, file=stdout)


def _json(proof: Proof) -> dict[str, object]:
    findings = [
        {"name": each.name, "level": each.level.value, "seen": each.seen, "action": each.action}
        for each in proof.findings
    ]
    return {"taskId": proof.task_id, "good": proof.is_good, "failure": proof.failure, "findings": findings}
