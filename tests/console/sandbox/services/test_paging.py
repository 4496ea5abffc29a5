"""Lists come in pages, whichever form their token has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.sandbox.paging import by_key, by_offset

PAGERS = {
    "offset": by_offset,
    "key": lambda items, query: by_key(items, query, lambda item: [item]),
}


@pytest.mark.parametrize("pager", PAGERS.values(), ids=PAGERS)
@given(items=st.sets(st.integers()).map(sorted), limit=st.integers(min_value=1, max_value=5))
def test_following_the_tokens_gives_every_item_once(pager, items, limit):
    found, query = [], {"limit": str(limit)}
    while True:
        page, token = pager(items, query)
        assert len(page) <= limit
        found += page
        if not token:
            break
        assert len(page) == limit
        query = {"limit": str(limit), **token}
    assert found == items


@pytest.mark.parametrize("pager", PAGERS.values(), ids=PAGERS)
@pytest.mark.parametrize("token", ["!!garbage", "", "bnVsbA==", "eyJ4IjogMX0="])
def test_a_token_that_is_garbage_is_page_one(pager, token):
    assert pager([1, 2, 3], {"limit": "2", "continuationToken": token})[0] == [1, 2]


def test_no_page_is_longer_than_a_thousand():
    assert len(by_offset(range(3000), {"limit": "5000"})[0]) == 1000
