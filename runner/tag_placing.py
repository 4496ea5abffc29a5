"""Putting tags: looked at once more before, read back after, because two tasks may push the same tag at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.errors import Conflict, IntegrityFailure, Unavailable
from runner.tag_law import Decision, Move

if TYPE_CHECKING:
    from runner.image.digest import Digest
    from runner.image.manifests import Manifest
    from runner.job import Job
    from runner.registry.client import RegistryClient
    from runner.tag_survey import TagSurvey

_ATTEMPTS: Final = 6
_SECONDS: Final = 1.0


class TagPlacing:
    """Puts tags of one job.

    Args:
        job: whose tags.
        registry: of the image.
        survey: looks at what is under a tag.
    """

    def __init__(self, job: Job, registry: RegistryClient, survey: TagSurvey) -> None:
        self.job = job
        self.registry = registry
        self.survey = survey

    def recheck(self, decision: Decision) -> Decision:
        """The decision as it is now, after the time that a build took.

        Raises:
            IntegrityFailure: another task has taken the tag, or moved it to a newer commit.
            Conflict: another task has published this commit under it.
        """
        now = self.survey.decide(decision.tag)
        if now.move is Move.REFUSE:
            raise IntegrityFailure(
                f"Refused: {now.reason}.", cause="Another task pushed it while this one was building."
            )
        if now.move is Move.KEEP and now.tag.fixed and decision.move is not Move.KEEP:
            raise Conflict(
                f"Another task published this commit under {now.tag} while this one was building.",
                action="Run this task again: it finds what is published, and says the same digests.",
            )
        return now

    def put(self, decision: Decision, manifest: Manifest) -> str:
        """Put one tag on a manifest that the registry has; returns the tag's state.

        Raises:
            IntegrityFailure: it is another's, or does not stay what it was put to.
            Conflict: another task published this commit meanwhile.
            Refused: the registry refuses.
            Unavailable: the registry does not answer, or does not show the tag.
        """
        now = self.recheck(decision)
        if now.standing == manifest.digest:
            return "already there"
        if now.tag != decision.tag:
            raise IntegrityFailure(
                f"The tag {decision.tag} was taken by another commit while this task was building."
            )
        repository = self.job.settings.repository
        self.registry.put_manifest(repository, now.tag.name, manifest)
        seen = self.read_back(now.tag.name, manifest.digest)
        if seen.digest == manifest.digest:
            return "pushed" if now.move is Move.CREATE else "moved"
        return self._overtaken(now, seen.digest)

    def read_back(self, name: str, expected: Digest | None) -> Manifest:
        """The manifest under a name; a registry may be stale for a moment after a PUT.

        Raises:
            Unavailable: it does not appear.
        """
        repository = self.job.settings.repository
        manifest = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                self.job.sleep(_SECONDS * attempt)
            manifest = self.registry.get_manifest(repository, name)
            if manifest is not None and expected in {None, manifest.digest}:
                return manifest
        if manifest is None:
            raise Unavailable(
                f"Unconfirmed: the registry does not show {name}, which was just pushed.",
                action="A rerun completes what is missing.",
            )
        return manifest

    def confirmed(self, name: str, expected: Digest | None) -> Manifest:
        """The manifest under a name, which must be the expected one.

        Raises:
            IntegrityFailure: it stays another.
            Unavailable: it does not appear.
        """
        manifest = self.read_back(name, expected)
        if expected not in {None, manifest.digest}:
            raise _other(name, manifest.digest, expected)
        return manifest

    def _overtaken(self, decision: Decision, seen: Digest) -> str:
        """Another task put the tag right after us: fine if its commit is newer."""
        tag = decision.tag
        if not tag.fixed and self.survey.decide(tag).move is Move.REFUSE:
            self.job.narrator.warn(
                f"the tag {tag} was moved on to {seen}, of a newer commit, by another task"
            )
            return f"superseded by {seen}"
        raise _other(tag.name, seen, None)


def _other(name: str, seen: Digest, expected: Digest | None) -> IntegrityFailure:
    wanted = f"where {expected} was just pushed" if expected else "right after it was put to something else"
    return IntegrityFailure(
        f"The registry has {seen} under {name}, {wanted}.",
        cause="Another task pushes the same tag, or the registry changes what it is sent.",
        action="Run the task again once no other task pushes this tag.",
    )
