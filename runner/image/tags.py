"""Which tags an image gets: templates, filled from the event, made valid."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

DEFAULT_BRANCHES: Final = frozenset({"main", "master"})
LONGEST_TAG: Final = 128
FIELDS: Final = ("branch", "tag", "version", "commit", "short-commit", "date")
_FIXED_FIELDS: Final = frozenset({"tag", "version", "commit", "short-commit", "date"})
_FIELD = re.compile(r"\{([^{}]*)\}")
_INVALID = re.compile(r"[^A-Za-z0-9_.-]")
_DATE_FORMAT: Final = "%Y-%m-%d-%H-%M"  # the script's, without a colon: a tag has none
_HASH_LENGTH: Final = 7
_SHORT_COMMIT: Final = 12


class Tag(NamedTuple):
    """A tag and the meaning of its name.

    Args:
        name: the tag.
        fixed: it belongs to one commit (version, commit, date); else it moves with its branch.
        dated: it has the date in it: held by another commit it is told apart by the commit.
    """

    name: str
    fixed: bool
    dated: bool = False

    def __str__(self) -> str:
        return self.name


def default_templates(branch: str | None, tag: str | None) -> tuple[str, ...]:
    """The tags of the script of 2016, and of a release.

    Args:
        branch: the pushed branch, or None.
        tag: the pushed or released tag, or None.
    """
    if tag is not None:
        return ("v{version}",) if re.match(r"v?\d", tag) else ("{tag}",)
    return ("latest" if branch in DEFAULT_BRANCHES else "{branch}", "{branch}-{date}")


def fields_of(
    branch: str | None, tag: str | None, version: str | None, revision: str | None, moment: datetime | None
) -> dict[str, str]:
    """The values of the fields that are known; `moment` is UTC, and the same for all tags of a run."""
    known = {
        "branch": branch,
        "tag": tag,
        "version": version,
        "commit": revision,
        "short-commit": revision[:_SHORT_COMMIT] if revision else None,
        "date": moment.strftime(_DATE_FORMAT) if moment else None,
    }
    return {name: value for name, value in known.items() if value}


def template_problems(templates: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """What is wrong with the templates: unknown fields, and fields that this event does not have."""
    problems = [] if templates else ["no tag is asked for"]
    for template in templates:
        if not template:
            problems.append("a tag is empty")
        if re.search("[{}]", _FIELD.sub("", template)):
            problems.append(f"the tag {template!r} has a brace without its other half")
        for field in _FIELD.findall(template):
            if field not in FIELDS:
                fields = " ".join(f"{{{name}}}" for name in FIELDS)
                problems.append(f"the tag {template!r} has the unknown field {{{field}}}; there are {fields}")
            elif field not in known:
                problems.append(f"the tag {template!r} wants {{{field}}}, which this event does not have")
    return problems


def tags_of(templates: Sequence[str], known: Mapping[str, str]) -> list[Tag]:
    """The tags, each once, those that move after those that are fixed, `latest` last.

    Args:
        templates: of which `template_problems` found nothing to say.
        known: the fields' values.
    """
    tags: dict[str, Tag] = {}
    for tag in (_fill(template, known) for template in templates):
        other = tags.get(tag.name, tag)
        # Plain text may say the same as a version: the name then belongs to one commit.
        tags[tag.name] = Tag(tag.name, tag.fixed or other.fixed, tag.dated or other.dated)
    return sorted(tags.values(), key=lambda tag: (tag.name == "latest", not tag.fixed))


def told_apart(tag: Tag, revision: str) -> Tag:
    """The same tag with the commit added, for a date that another commit's build has taken."""
    suffix = f"-{revision[:_SHORT_COMMIT]}"
    return Tag(tag.name[: LONGEST_TAG - len(suffix)] + suffix, fixed=True)


def _fill(template: str, known: Mapping[str, str]) -> Tag:
    fields = set(_FIELD.findall(template))
    text = _FIELD.sub(lambda found: known[found[1]], template)
    # `latest` is the default branch's: a branch or a tag of that name gets another.
    name = _hashed(text, text) if text == "latest" != template else sanitised(text)
    return Tag(name, fixed=bool(fields & _FIXED_FIELDS), dated="date" in fields)


def sanitised(text: str) -> str:
    """The text as a tag. What changes gets a short hash of the original.

    `feature/x` and `feature-x` are two branches, built by two tasks that do not know of each other: the hash
    keeps their tags apart without asking anybody.
    """
    valid = _INVALID.sub("-", text)
    valid = re.sub(r"\A[.-]", "_", valid)
    if valid == text and len(text) <= LONGEST_TAG:
        return text
    return _hashed(valid, text)


def _hashed(valid: str, text: str) -> str:
    # An environment may hold bytes that are no UTF-8, which Python keeps as halves of surrogate pairs.
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    suffix = f"-{digest[:_HASH_LENGTH]}"
    return valid[: LONGEST_TAG - len(suffix)] + suffix
