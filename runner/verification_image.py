"""Whether an image is the one that a statement tells of: pure decisions over what was read of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.image.digest import Digest
from runner.verification_values import ENGINE, Check, Outcome, SeenImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.task.statement import Statement
    from runner.verification_values import Evidence

_NAME = "digest"


def stated_images(statement: Statement) -> tuple[SeenImage, ...]:
    """Each platform's image of a statement; that of a single manifest tells no platform."""
    listed = tuple(
        SeenImage(
            image["platform"],
            Digest(image["manifest"]),
            Digest(image["config"]),
            tuple(map(Digest, image["layers"])),
            tuple(map(Digest, image["diffIds"])),
        )
        for image in statement.images
    )
    if any(image.manifest == statement.manifest for image in listed):
        return listed
    own = SeenImage("", statement.manifest, statement.config, statement.layers, statement.diff_ids)
    return (own, *listed)


def is_weak(evidence: Evidence) -> bool:
    """Whether the image is not what was published, byte for byte, nor one platform of it."""
    statement = evidence.statement
    return (
        statement is not None
        and evidence.digest != statement.published
        and _stated(statement, evidence.digest) is None
    )


def compared(evidence: Evidence) -> str:
    """Which of an image's digests was compared, or ""."""
    if evidence.statement is None:
        return ""
    if is_weak(evidence):
        return "config digest and diffIDs"
    return "index digest" if evidence.statement.index == evidence.digest else "manifest digest"


def digest_check(evidence: Evidence) -> Check:
    """Whether what is served is what was published."""
    statement = evidence.statement
    if statement is None:
        why = evidence.why_no_statement or "there is no statement to compare with"
        outcome = Outcome.FAILS if evidence.broken_statement else Outcome.UNKNOWN
        return Check(_NAME, outcome, evidence.broken_statement or why)
    if statement.published == evidence.digest:
        seen = f"{evidence.place} serves {evidence.digest}, as the statement says"
        return Check(_NAME, Outcome.HOLDS, seen)
    if evidence.place == ENGINE:
        return _engine_check(evidence, statement)
    own = _stated(statement, evidence.digest)
    if own is not None:
        seen = f"{evidence.place} serves {evidence.digest}, the statement's image for {own.platform}"
        return Check(_NAME, Outcome.HOLDS, seen)
    if evidence.images is not None:
        return _index_check(evidence, statement, evidence.images)
    return _manifest_check(evidence, statement)


def contents_checks(evidence: Evidence) -> list[Check]:
    """Whether every blob that could be read is what its digest says."""
    if evidence.damage:
        return [Check("contents", Outcome.FAILS, seen) for seen in evidence.damage]
    if evidence.unread:
        return [Check("contents", Outcome.UNKNOWN, evidence.unread)]
    return [Check("contents", Outcome.HOLDS, evidence.contents)] if evidence.contents else []


def platform_checks(evidence: Evidence) -> list[Check]:
    """Whether each image of an index that is the statement's is as the statement tells of it."""
    statement = evidence.statement
    if statement is None or statement.published != evidence.digest or not evidence.images:
        return []
    name, platforms = "platforms", ", ".join(image.platform for image in evidence.images)
    contradictions = [*_index_contradictions(statement, evidence.images)]
    if contradictions:
        return [Check(name, Outcome.FAILS, seen) for seen in contradictions]
    return [Check(name, Outcome.HOLDS, f"{platforms}: config and layers as the statement says")]


def image_contradictions(evidence: Evidence, statement: Statement) -> Iterator[str]:
    """What a statement says of the very image that it names, and what is not so."""
    own = _stated(statement, evidence.digest)
    if own is None:
        return
    for what, stated, served in (
        ("config", own.config, evidence.config),
        ("layers", " ".join(map(str, own.layers)), " ".join(map(str, evidence.layers or ()))),
        ("commit", statement.revision, evidence.revision),
    ):
        if served and stated != served:
            yield f"the statement says the {what} {stated}, and the image has {served}"


def _stated(statement: Statement, manifest: Digest) -> SeenImage | None:
    return next((image for image in stated_images(statement) if image.manifest == manifest), None)


def _index_contradictions(statement: Statement, images: Sequence[SeenImage]) -> Iterator[str]:
    """The index is the statement's, byte for byte: so each image that it lists must be as the statement tells."""
    served = {image.manifest: image for image in images}
    for stated in stated_images(statement):
        seen = served.pop(stated.manifest, None)
        if seen is None:
            yield f"the statement tells of {_called(stated)}, which the index does not list"
            continue
        for what, said, found in (
            ("another platform", stated.platform or seen.platform, seen.platform),
            ("another config", stated.config, seen.config),
            ("other layers", stated.layers, seen.layers),
        ):
            if said != found:
                yield f"{_called(seen)} has {what} than the statement says"
    if statement.images:
        yield from (f"the statement does not tell of {_called(image)}" for image in served.values())


def _called(image: SeenImage) -> str:
    return " ".join(filter(None, (image.platform, str(image.manifest))))


def _manifest_check(evidence: Evidence, statement: Statement) -> Check:
    """An image under another manifest is the statement's if its config and its layers' content are one's of it."""
    images = stated_images(statement)
    stated = next((image for image in images if image.config == evidence.config), images[0])
    seen = f"{evidence.place} serves {evidence.digest}"
    served = (
        None
        if evidence.config is None
        else SeenImage("", evidence.digest, evidence.config, evidence.layers or (), evidence.diff_ids)
    )
    difference = _difference(served, stated) if served else ""
    if served and not difference:
        return Check(_NAME, Outcome.HOLDS, f"{seen}; its config and layers' content are the statement's")
    why = f" ({difference})" if difference else ""
    return Check(_NAME, Outcome.FAILS, f"{seen}, and the statement says {statement.published}{why}")


def _index_check(evidence: Evidence, statement: Statement, images: Sequence[SeenImage]) -> Check:
    """The same for an index: every platform's image, and no other."""
    seen = f"{evidence.place} serves {evidence.digest}"
    differences = [*_index_differences(statement, images)]
    if not differences:
        held = f"{seen}; for each platform, config and layers' content are the statement's"
        return Check(_NAME, Outcome.HOLDS, held)
    told = "; ".join(differences)
    return Check(_NAME, Outcome.FAILS, f"{seen}, and the statement says {statement.published} ({told})")


def _index_differences(statement: Statement, images: Sequence[SeenImage]) -> Iterator[str]:
    stated = {image.platform: image for image in stated_images(statement)}
    served = {image.platform: image for image in images}
    if all(_stated(statement, image.manifest) for image in images) and len(images) == len(stated):
        yield "every image that it lists is the statement's, and the index is another"
        return
    for platform, image in stated.items():
        if platform not in served:
            yield f"it lists no {platform or 'image of the statement'}"
        elif image.manifest != served[platform].manifest:
            difference = _difference(served[platform], image)
            yield from [f"{platform}: {difference}"] if difference else []
    yield from (f"the statement tells of no {platform}" for platform in served.keys() - stated.keys())
    if len(images) != len(served):
        yield "it lists two images for one platform"


def _difference(served: SeenImage, stated: SeenImage) -> str:
    """How an image differs from what was published, or "" where it was compressed anew and nothing else."""
    if served.config != stated.config:
        return f"the config differs: {served.config}, not {stated.config}"
    # The same layers under another manifest were not recompressed: somebody wrote the manifest, or the statement, anew.
    if served.layers == stated.layers:
        return "config and layers are the same"
    if served.diff_ids is None or stated.diff_ids is None:
        return "the config is the same, and the layers' content could not be compared"
    if served.diff_ids == stated.diff_ids:
        return ""
    pairs = zip(served.diff_ids, stated.diff_ids, strict=False)
    layers = [str(number) for number, (one, other) in enumerate(pairs, start=1) if one != other]
    return f"the content of layer {', '.join(layers) or 'list'} differs"


def _engine_check(evidence: Evidence, statement: Statement) -> Check:
    """An engine keeps what it pulled as one platform's manifest, or as a config with unpacked layers."""
    images = stated_images(statement)
    diff_ids = evidence.diff_ids or ()
    if _stated(statement, evidence.digest):
        seen = f"the engine has {evidence.digest}, a manifest of the statement's"
        return Check(_NAME, Outcome.HOLDS, seen)
    if any((evidence.config, diff_ids) == (image.config, image.diff_ids) for image in images):
        seen = f"the engine has the config {evidence.config}, and its layers' content is the statement's"
        return Check(_NAME, Outcome.HOLDS, seen)
    if not any(diff_ids == image.diff_ids for image in images):
        seen = f"the engine has {evidence.digest}, whose layers' content is not the statement's"
    elif evidence.config is None:
        seen = f"the engine has {evidence.digest}, and tells of no config that could be compared"
        return Check(_NAME, Outcome.UNKNOWN, seen)
    else:
        seen = f"the engine has the config {evidence.config}, and the statement says {statement.config}"
    return Check(_NAME, Outcome.FAILS, seen)
