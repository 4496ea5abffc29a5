"""How `lading secret rotate` ends: a real task tries the token that was saved, before the old one is revoked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from console.actions.prove import plan_secret_proof
from console.commands.build_text import plan_lines
from console.commands.connecting import connected
from console.commands.paint import Paint
from console.commands.proof_text import CODES, proof_json, proof_lines, proved
from console.domain.proof_task import conclusion, verdict_of
from runner.errors import ExitCode, RunnerError
from runner.narration import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from console.connection import Connection
    from console.domain.proof_task import Proof
    from runner.image.reference import Registry

_LATER = "Later, in a checkout of the repository: lading doctor --prove"


def prove_saved(
    arguments: argparse.Namespace,
    environment: Mapping[str, str],
    registry: Registry | None,
    output: TextIO,
    stderr: TextIO,
) -> tuple[int, dict[str, Any]]:
    """Prove the secret that `arguments.name` names, which was saved; nothing of this is an error.

    Args:
        arguments: of the command.
        environment: the variables.
        registry: whose token it is.
        output: is told what was found.
        stderr: is told what goes on.

    Returns:
        0 where the token may push, 1 where it may not, 7 where that was not found out, 130 where somebody did
        not wait; and the same as JSON.
    """
    paint = Paint.on(stderr, environment)

    async def work(connection: Connection) -> list[Proof]:
        path = environment.get("PATH", os.defpath)
        plan = await plan_secret_proof(connection, Path.cwd(), path, arguments.name)
        stderr.writelines(f"{line}\n" for line in plan_lines(plan, paint))
        print("lading: the task is waited for; Ctrl-C leaves it to itself.", file=stderr, flush=True)
        return await proved(connection, plan, stderr, paint)

    try:
        proofs = connected(arguments, environment, stderr, work)
    except RunnerError as error:
        print(f"lading: saved, not proved: {printable(error.what)} {_LATER}", file=stderr)
        return ExitCode.CANNOT_TELL, {"proved": None, "why": error.what, "proofs": []}
    except KeyboardInterrupt:
        print(f"\nlading: saved, not proved: it was not waited for. {_LATER}", file=stderr)
        return ExitCode.SIGINT, {"proved": None, "why": "it was not waited for", "proofs": []}
    verdict = verdict_of(proofs)
    output.writelines(f"{line}\n" for line in proof_lines(proofs, Paint.on(output, environment)))
    print(conclusion(proofs, registry), file=output)
    return CODES[verdict], {"proved": verdict, "why": "", "proofs": [proof_json(proof) for proof in proofs]}
