"""`lading doctor --prove`: asks, has a real task try the secret's account, and tells what it found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from console.actions.doctor_checkout import read_checkout
from console.actions.prove import plan_proof
from console.commands.build_text import plan_lines
from console.commands.confirming import agreed
from console.commands.connecting import connected
from console.commands.paint import Paint
from console.commands.proof_text import CODES, proof_json, proof_lines, proved
from console.domain.proof_task import conclusion, verdict_of
from console.failures import ReadOnly
from runner.errors import ExitCode

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
    paint = Paint.on(stderr, environment)

    async def work(connection: Connection) -> list[Proof] | None:
        plan = await plan_proof(connection, checkout)
        stderr.writelines(f"{line}\n" for line in plan_lines(plan, paint))
        given = "" if arguments.yes else None
        if plan.can_be_done and not agreed("create it", "yes", given, stderr, environment):
            return None
        return await proved(connection, plan, stderr, paint)

    proofs = connected(arguments, environment, stderr, work)
    if proofs is None:
        return ExitCode.NO
    verdict = verdict_of(proofs)
    if arguments.json:
        answer = {"exitCode": int(CODES[verdict]), "proofs": [proof_json(proof) for proof in proofs]}
        print(json.dumps(answer, indent=2), file=stdout)
    else:
        stdout.writelines(f"{line}\n" for line in proof_lines(proofs, Paint.on(stdout, environment)))
        print(conclusion(proofs), file=stdout)
    return CODES[verdict]
