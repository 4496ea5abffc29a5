"""A build's image is verified by the words that its statement and the checkout give, and by no others."""

import json

import pytest

from console.domain.builds import tells_result
from console.domain.verify_demand import Known, demand_of
from runner.image.reference import Repository
from runner.task.statement import Statement
from tests.support.statements import TASK_ID, statement

BALROG = Known("mozilla/balrog", (Repository.parse("mozilla/balrog"),))
TASK = ["--task", TASK_ID]
SOURCE = ["--source", "mozilla/balrog"]


@pytest.mark.parametrize(
    ("tags", "image"),
    [
        ({"main": "moved", "main-2026-11-24": "pushed", "latest": "moved"}, "mozilla/balrog:main-2026-11-24"),
        ({"latest": "moved"}, "mozilla/balrog:latest"),
        ({"latest": "moved", "v1": "failed: refused"}, "mozilla/balrog:latest"),
        ({"v1": "failed: refused"}, f"mozilla/balrog@{statement().published}"),
        ({"--offline": "pushed", "a b": "pushed", "\x1b]0;x\x07": "pushed"}, None),
    ],
)
def test_the_most_telling_tag_that_was_pushed_is_meant(tags, image):
    words = demand_of(TASK_ID, statement(tags=tags), BALROG)
    assert words == [image or f"mozilla/balrog@{statement().published}", *TASK, *SOURCE]


def test_the_repository_is_demanded_only_where_the_statement_is_of_the_checkouts():
    assert demand_of(TASK_ID, statement(), Known("mozilla/other"))[1:] == TASK
    assert demand_of(TASK_ID, statement(), Known())[1:] == TASK


def test_a_registry_that_the_checkout_lets_speak_plain_http_may_do_so():
    stated = statement(repository="registry.example:5000/a/b")
    words = demand_of(TASK_ID, stated, Known("mozilla/balrog", (), frozenset({"registry.example:5000"})))
    assert words[-2:] == ["--insecure-registry", "registry.example:5000"]
    assert demand_of(TASK_ID, stated, BALROG)[-2:] == SOURCE


def test_without_a_statement_the_checkouts_image_is_meant_or_has_to_be_typed():
    assert demand_of(TASK_ID, None, BALROG) == ["mozilla/balrog", *TASK, *SOURCE]
    assert demand_of(TASK_ID, None, Known()) == TASK


def test_a_name_that_is_none_is_not_taken_from_a_statement():
    assert demand_of(TASK_ID, statement(repository="\x1b]0;owned\x07 --offline /"), BALROG)[:2] == TASK


def test_lists_of_builds_read_the_statement_that_a_build_leaves():
    stated = statement()
    assert Statement.from_json(stated.to_json()) == stated
    assert tells_result(json.loads(stated.to_json())) == (str(stated.published), tuple(stated.tags.items()))
