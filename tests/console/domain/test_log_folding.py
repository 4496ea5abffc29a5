"""Going through folded lines row by row passes over none and comes back to where it began."""

from hypothesis import given
from hypothesis import strategies as st

from console.domain.log_folding import Top, end_of, moved

FOLDS = st.lists(st.integers(1, 9), min_size=1, max_size=20)


def place(top, folds):
    return sum(folds[: top.row]) + top.skipped


@given(FOLDS, st.lists(st.integers(-30, 30), max_size=10))
def test_so_many_rows_of_the_screen_are_gone_but_not_before_the_first(folds, steps):
    top = Top(0)
    for by in steps:
        after = moved(top, by, len(folds), folds.__getitem__)
        assert place(after, folds) == max(0, place(top, folds) + by)
        # Within a line, or behind the last.
        assert after.skipped < folds[after.row] or after.row == len(folds) - 1
        top = after


@given(FOLDS, st.integers(1, 40))
def test_at_the_end_the_screen_is_full_where_there_is_enough(folds, height):
    top = end_of(len(folds), height, folds.__getitem__)
    assert sum(folds) - place(top, folds) == min(height, sum(folds))


def test_no_line_is_at_the_end_of_nothing():
    assert end_of(0, 10, [].__getitem__) == Top(0)
