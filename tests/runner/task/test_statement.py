"""A statement is read back as it was written, and what is no whole statement is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.image.digest import Digest
from runner.task.statement import BadStatement, Statement
from tests.support.statements import REVISION, SOURCE, statement

DIGESTS = st.binary(max_size=8).map(Digest.of)
TEXTS = st.text(max_size=20)


def altered(path, value):
    document = json.loads(statement().to_json())
    *parents, last = path
    place = document
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return json.dumps(document).encode()


def test_a_statement_is_in_toto_with_slsa_provenance():
    document = json.loads(statement().to_json())
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == "https://slsa.dev/provenance/v1"
    assert document["subject"] == [
        {"name": "docker.io/mozilla/balrog", "digest": {"sha256": statement().published.hex}}
    ]
    definition = document["predicate"]["buildDefinition"]
    assert definition["resolvedDependencies"][0] == {
        "uri": f"git+{SOURCE}",
        "digest": {"gitCommit": REVISION},
    }
    assert definition["resolvedDependencies"][1]["uri"] == "docker:docker.io/library/debian:12"


def test_the_sha256_line_is_what_docker_pull_takes():
    assert statement().sha256_line == f"{statement().published}\n".encode()
    assert statement().sha256_line.count(b"\n") == 1


@given(
    manifest=DIGESTS,
    index=st.none() | DIGESTS,
    diff_ids=st.lists(DIGESTS, max_size=3).map(tuple),
    tags=st.dictionaries(TEXTS, TEXTS, max_size=3),
    revision=st.none() | TEXTS,
    event=st.dictionaries(st.sampled_from(["kind", "branch", "tag"]), st.none() | TEXTS),
    run_id=st.integers(0, 50),
    context=st.none() | DIGESTS,
    context_is_whole=st.booleans(),
    reused=st.none() | st.just({"taskId": "x", "runId": 0}),
)
def test_what_is_written_is_read_back(index, manifest, **parts):
    written = statement(published=index or manifest, index=index, manifest=manifest, **parts)
    assert Statement.from_json(written.to_json()) == written


def test_an_older_statement_is_of_all_files():
    document = json.loads(statement(context_is_whole=False).to_json())
    covers = document["predicate"]["lading"].pop("contextCovers")
    assert covers == "files that COPY and ADD name"
    assert Statement.from_json(json.dumps(document).encode()).context_is_whole


PREDICATE = ["predicate"]
LADING = [*PREDICATE, "lading"]
INTERNAL = [*PREDICATE, "buildDefinition", "internalParameters"]
OTHER = str(Digest.of(b"another"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["_type"], "https://in-toto.io/Statement/v0.1"),
        (["predicateType"], "https://slsa.dev/provenance/v0.2"),
        (["subject"], []),
        (["subject"], [{}, {}]),
        (["subject", 0, "name"], 1),
        (["subject", 0, "digest", "sha256"], OTHER.removeprefix("sha256:")),
        ([*LADING, "published"], OTHER),
        ([*LADING, "published"], None),
        ([*LADING, "published"], 7),
        ([*LADING, "manifest"], OTHER),
        ([*LADING, "index"], OTHER),
        ([*LADING, "config"], "sha256:short"),
        ([*LADING, "diffIds"], 5),
        ([*LADING, "diffIds"], "text"),
        ([*LADING, "tags"], []),
        ([*LADING, "tags"], {"latest": 1}),
        ([*LADING, "bases"], ["text"]),
        ([*INTERNAL, "runId"], "0"),
        ([*INTERNAL, "runId"], 0.5),
        ([*INTERNAL, "runId"], float("inf")),
        ([*INTERNAL, "runId"], True),
        ([*INTERNAL, "runId"], -1),
        ([*INTERNAL, "taskId"], 5),
        ([*PREDICATE, "buildDefinition", "buildType"], "https://mobyproject.org/buildkit@v1"),
        ([*PREDICATE, "buildDefinition", "externalParameters", "source"], []),
        ([*PREDICATE, "buildDefinition", "externalParameters", "source", "revision"], ["x"]),
        ([*PREDICATE, "buildDefinition", "externalParameters", "source", "branch"], {"x": 1}),
        ([*PREDICATE, "runDetails"], "text"),
        (PREDICATE, None),
    ],
)
def test_a_statement_that_is_not_whole_or_contradicts_itself_is_none(path, value):
    with pytest.raises(BadStatement):
        Statement.from_json(altered(path, value))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b"{" + b" " * (4 << 20) + b"}",
        json.dumps({"_type": "https://in-toto.io/Statement/v1"}).encode(),
    ],
    ids=["empty", "null", "list", "no text", "deep", "long", "part"],
)
def test_what_is_no_statement_is_refused_in_words(content):
    with pytest.raises(BadStatement):
        Statement.from_json(content)


@given(st.integers(0, 10_000))
def test_a_statement_cut_anywhere_is_none(length):
    whole = statement().to_json()
    with pytest.raises(BadStatement):
        Statement.from_json(whole[: length % (len(whole) - 1)])
