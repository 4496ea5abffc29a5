"""Work that was begun before: its result and its failure come where they are wanted."""

import threading

import pytest

from runner.ahead import Ahead
from runner.errors import Unavailable

LIMIT = 30


def test_the_result_is_waited_for():
    wanted = threading.Event()

    def work():
        assert wanted.wait(LIMIT)
        return "done"

    ahead = Ahead(work)
    assert ahead.found == []
    wanted.set()
    assert ahead.result() == "done"
    assert ahead.result() == "done"
    assert ahead.found == ["done"]


def test_a_failure_is_raised_where_the_result_is_wanted():
    def work():
        raise Unavailable("There is no engine.")

    ahead = Ahead(work)
    for _ in range(2):
        with pytest.raises(Unavailable, match="no engine"):
            ahead.result()
    assert ahead.found == []
