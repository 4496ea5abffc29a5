"""A statement as a run writes it, for tests that alter one thing of it."""

from runner.image.digest import Digest
from runner.task.statement import Statement

TASK_ID = "fN1SbArXTPSVFNUvaOlinQ"
REVISION = "0123456789abcdef0123456789abcdef01234567"
SOURCE = "https://github.com/mozilla/balrog"


def statement(**changes):
    """A statement of Balrog's, with changes."""
    manifest = Digest.of(b"manifest")
    made = Statement(
        repository="docker.io/mozilla/balrog",
        published=manifest,
        manifest=manifest,
        config=Digest.of(b"config"),
        diff_ids=(Digest.of(b"base"), Digest.of(b"own")),
        layers=(Digest.of(b"base, compressed"), Digest.of(b"own, compressed")),
        tags={"latest": "pushed", "main-2026-11-24-03-29": "already there"},
        source=SOURCE,
        revision=REVISION,
        event={"kind": "push", "branch": "main", "tag": None},
        task_id=TASK_ID,
        run_id=0,
        root_url="https://tc.example.com",
        bases=({"reference": "docker.io/library/debian:12", "digest": str(Digest.of(b"debian"))},),
        parameters={"dockerfile": "Dockerfile", "buildArgs": ["VERSION"]},
        context=Digest.of(b"context"),
        builder={"engine": "docker 20.10.24", "store": "classic"},
        times={"started": "2026-11-24T03:29:36Z", "finished": "2026-11-24T03:30:01Z"},
        artifacts={"way": "declared", "chainOfTrust": True},
    )
    return made._replace(**changes)
