"""Tags are valid, tell branches apart, and the ones that move come last."""

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runner.image.reference import check_tag
from runner.image.tags import (
    FIELDS,
    Tag,
    default_templates,
    fields_of,
    sanitised,
    tags_of,
    template_problems,
    told_apart,
)

REVISION = "0123456789abcdef0123456789abcdef01234567"
MOMENT = datetime(2026, 11, 24, 3, 29, tzinfo=UTC)
NAMES = st.text(min_size=1, max_size=200)
KNOWN = fields_of("main", "v3.120", "3.120", REVISION, MOMENT)


def names(branch=None, tag=None, version=None):
    known = fields_of(branch, tag, version, REVISION, MOMENT)
    return [str(tag) for tag in tags_of(default_templates(branch, tag), known)]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"branch": "main"}, ["main-2026-11-24-03-29", "latest"]),
        ({"branch": "master"}, ["master-2026-11-24-03-29", "latest"]),
        ({"branch": "stage"}, ["stage-2026-11-24-03-29", "stage"]),
        ({"tag": "v3.120", "version": "3.120"}, ["v3.120"]),
        ({"tag": "3.120", "version": "3.120"}, ["v3.120"]),
        ({"tag": "vendored", "version": "vendored"}, ["vendored"]),
    ],
)
def test_the_default_tags_are_the_scripts(given_, expected):
    assert names(**given_) == expected


def test_version_commit_and_date_are_fixed_and_the_branch_moves():
    templates = ("{branch}", "{tag}", "v{version}", "{commit}", "{short-commit}", "x-{date}", "plain")
    fixed = {tag.name: (tag.fixed, tag.dated) for tag in tags_of(templates, KNOWN)}
    assert fixed == {
        "v3.120": (True, False),
        REVISION: (True, False),
        REVISION[:12]: (True, False),
        "x-2026-11-24-03-29": (True, True),
        "main": (False, False),
        "plain": (False, False),
    }


@given(st.permutations(["latest", "{branch}", "{version}", "{date}"]))
def test_latest_is_last_and_fixed_tags_are_first(templates):
    tags = tags_of(templates, KNOWN)
    assert tags[-1].name == "latest"
    assert [tag.fixed for tag in tags] == [True, True, False, False]


@pytest.mark.parametrize("templates", [("{version}", "3.120"), ("3.120", "{version}")])
def test_a_plain_text_that_says_the_version_stays_fixed(templates):
    assert tags_of(templates, KNOWN) == [Tag("3.120", fixed=True)]


@pytest.mark.parametrize("field", ["branch", "tag"])
def test_latest_is_no_other_branchs_name(field):
    (tag,) = tags_of([f"{{{field}}}"], {field: "latest"})
    assert tag.name != "latest"
    assert tag.name.startswith("latest-")


@given(
    branch=NAMES,
    tag=NAMES,
    templates=st.lists(st.sampled_from([f"{{{name}}}" for name in FIELDS] + ["-{branch}", "é"])),
)
def test_every_rendered_tag_is_valid(branch, tag, templates):
    known = fields_of(branch, tag, tag.removeprefix("v") or "1", REVISION, MOMENT)
    for rendered in tags_of(templates, known):
        assert check_tag(rendered.name) == rendered.name
        assert check_tag(told_apart(rendered, REVISION).name)


@given(NAMES, NAMES)
def test_two_branches_never_have_one_tag(one, other):
    assume(one != other)
    assert tags_of(["{branch}"], {"branch": one}) != tags_of(["{branch}"], {"branch": other})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("feature/x", "feature-x"),
        ("Feature", "feature"),
        ("é", "è"),
        ("x" * 200, "x" * 201),
        (".x", "_x"),
        ("a/b-c", "a-b/c"),
    ],
)
def test_branches_that_look_alike_are_told_apart(one, other):
    assert sanitised(one) != sanitised(other)


@given(NAMES)
def test_a_valid_name_is_kept(text):
    kept = sanitised(text)
    assert sanitised(kept) == kept


def test_bytes_that_are_no_utf_8_make_a_tag():
    assert check_tag(sanitised("caf\udce9"))


@pytest.mark.parametrize(
    ("templates", "problem"),
    [
        ([], "no tag is asked for"),
        ([""], "a tag is empty"),
        (["{brnch}"], "unknown field {brnch}"),
        (["{version}"], "wants {version}, which this event does not have"),
        (["{branch"], "a brace without its other half"),
        (["{{branch}}"], "a brace without its other half"),
    ],
)
def test_what_is_wrong_with_a_template_is_told(templates, problem):
    assert problem in " ".join(template_problems(templates, {"branch": "main"}))
    assert template_problems(["{branch}", "plain"], {"branch": "main"}) == []


def test_a_date_that_is_taken_gets_the_commit():
    assert told_apart(Tag("main-2026-11-24-03-29", fixed=True, dated=True), REVISION) == Tag(
        "main-2026-11-24-03-29-0123456789ab", fixed=True
    )
