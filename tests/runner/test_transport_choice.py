"""Who pushes follows from what is cheap to know, and never makes a push slower than the engine's."""

import random

import pytest

from runner.transport_choice import Cargo, ContextSample, Way, choose_way

MB = 1_000_000
TEXT = Cargo(
    store="classic", go_version="go1.19.8", total=200 * MB, new=200 * MB, stored=0, layers=1, cores=2
)
NOISE = TEXT._replace(total=300 * MB, new=300 * MB, stored=300 * MB)


@pytest.mark.parametrize(
    ("cargo", "way"),
    [
        (TEXT, Way.DIRECT),
        (TEXT._replace(go_version="go1.26.8"), Way.DIRECT),
        (TEXT._replace(go_version="go1.27.1"), Way.DIRECT),
        (TEXT._replace(go_version="go1.27.1", layers=2), Way.ENGINE),
        (TEXT._replace(go_version="go1.27.1", cores=4), Way.DIRECT),
        (TEXT._replace(cores=1), Way.DIRECT),
        (NOISE, Way.DIRECT),
        (NOISE._replace(go_version="go1.26.8"), Way.DIRECT),
        (NOISE._replace(go_version="go1.27.1"), Way.ENGINE),
        (NOISE._replace(go_version=""), Way.ENGINE),
        (TEXT._replace(total=5000, new=5000), Way.ENGINE),
        (TEXT._replace(total=1000 * MB, new=1 * MB), Way.ENGINE),
        (TEXT._replace(total=5000 * MB, new=50 * MB), Way.ENGINE),
        (TEXT._replace(store="containerd"), Way.ENGINE),
        (TEXT._replace(new=0), Way.ENGINE),
    ],
    ids=[
        "text, old engine",
        "text, middle engine",
        "text in one layer, new engine on two cores",
        "text in two layers, new engine on two cores",
        "text in one layer, new engine on four cores",
        "text, one core",
        "noise, old engine",
        "noise, middle engine",
        "noise, new engine",
        "noise, unknown engine",
        "tiny",
        "small on a large base",
        "some on a huge base",
        "containerd store",
        "nothing new",
    ],
)
def test_the_quicker_way_is_taken(cargo, way):
    assert choose_way(cargo) is way


def test_a_context_that_does_not_shrink_is_seen_on_its_way():
    noise = [random.Random(number).randbytes(256 * 1024) for number in range(32)]
    text = [b"a line of text\n" * 20_000 for _ in range(32)]
    sample = ContextSample()
    assert list(sample.watch([*noise, *text])) == [*noise, *text]
    total = sum(map(len, noise + text))
    assert sample.seen == total
    assert 0.3 * total < sample.stored < 0.7 * total


def test_a_context_that_was_not_seen_is_taken_to_shrink():
    sample = ContextSample()
    assert list(sample.watch([])) == []
    assert sample.stored == 0
