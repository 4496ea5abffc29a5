"""What proving tasks found, as lines and as JSON."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, TextIO

from console.actions.prove import prove
from console.commands.build_text import change_line
from console.domain.group_progress import TaskChange
from runner.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from console.commands.paint import Paint
    from console.connection import Connection
    from console.domain.build_plan import TriggerPlan
    from console.domain.proof_task import Proof

CODES: Final = {True: ExitCode.OK, False: ExitCode.NO, None: ExitCode.CANNOT_TELL}
"""Of a verdict."""


async def proved(connection: Connection, plan: TriggerPlan, stderr: TextIO, paint: Paint) -> list[Proof]:
    """Have the plan's tasks run, and tell each change as it is seen.

    Raises:
        RunnerError: as `prove`.
    """
    proofs = []
    async with aclosing(prove(connection, plan)) as found:
        async for each in found:
            if isinstance(each, TaskChange):
                print(change_line(each, paint), file=stderr, flush=True)
            else:
                proofs.append(each)
    return proofs


def proof_lines(proofs: Sequence[Proof], paint: Paint) -> Iterator[str]:
    """Each task with what it found."""
    for proof in proofs:
        yield f"task {paint(proof.task_id, 'name')}"
        if proof.failure:
            yield f"  {paint(proof.failure)}"
        for finding in proof.findings:
            yield f"  {finding.level:8} {paint(finding.name)}: {paint(finding.seen)}"
            if finding.action:
                yield f"           {paint.branch} {paint(finding.action)}"


def proof_json(proof: Proof) -> dict[str, Any]:
    """A task with what it found."""
    findings = [
        {"name": each.name, "level": each.level.value, "seen": each.seen, "action": each.action}
        for each in proof.findings
    ]
    return {"taskId": proof.task_id, "good": proof.is_good, "failure": proof.failure, "findings": findings}
