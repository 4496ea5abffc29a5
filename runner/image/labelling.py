"""All labels of an image as one LABEL instruction: the classic builder makes a container for each label it is sent.

Five labels by the API's `labels` parameter took 0.6 s on 20.10, which is more than the rest of a small publish.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.image.dockerfile import Dockerfile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.image.dockerfile_syntax import Instruction

# A control character has no spelling inside of an instruction's quotes.
_UNSPEAKABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[\ud800-\udfff]")


def labelled(content: bytes, labels: Mapping[str, str], target: str | None) -> bytes | None:
    """The Dockerfile with one LABEL instruction at the end of the stage that is built.

    Args:
        content: the Dockerfile.
        labels: by name.
        target: the stage's name, or None for the last.

    Returns:
        The longer Dockerfile; None where it cannot be known that just this is added to it.
    """
    dockerfile = Dockerfile(content)
    escape = "`" if dockerfile.directives.get("escape") == "`" else "\\"
    at = _end_of_stage(dockerfile, target)
    if at is None or not labels or any(map(_UNSPEAKABLE.search, [*labels, *labels.values()])):
        return None
    pairs = " ".join(f"{_quoted(name, escape)}={_quoted(value, escape)}" for name, value in labels.items())
    line = f"LABEL {pairs}\n".encode()
    lines = content.splitlines(keepends=True)
    before = b"".join(lines[:at])
    longer = before + (b"" if before.endswith(b"\n") else b"\n") + line + b"".join(lines[at:])
    return longer if _adds_one(dockerfile.instructions, Dockerfile(longer).instructions) else None


def _end_of_stage(dockerfile: Dockerfile, target: str | None) -> int | None:
    """The number of lines up to the end of the stage, the whole file's for the last; None if there is none such."""
    stages = dockerfile.stages
    if not stages:
        return None
    found = [
        number
        for number, stage in enumerate(stages)
        if target is None or (stage.name or "").lower() == target.lower()
    ]
    if not found:
        return None
    last = found[-1] if target is None else found[0]
    return stages[last + 1].line - 1 if last + 1 < len(stages) else _WHOLE


_WHOLE: Final = 1 << 30


def _quoted(text: str, escape: str) -> str:
    """The text between quotes; a `$` in a label's value would be a variable."""
    return '"' + re.sub(rf'[{re.escape(escape)}"$]', lambda found: escape + found[0], text) + '"'


def _adds_one(before: Sequence[Instruction], after: Sequence[Instruction]) -> bool:
    """Whether the instructions are the same but for one LABEL: a file may end in a continued line."""
    added = [number for number, instruction in enumerate(after) if instruction.name == "LABEL"]
    bare = [instruction._replace(line=0) for instruction in before]
    return len(after) == len(before) + 1 and any(
        [instruction._replace(line=0) for instruction in (*after[:number], *after[number + 1 :])] == bare
        for number in added
    )
