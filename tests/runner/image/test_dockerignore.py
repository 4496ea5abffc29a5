"""Patterns mean here what they mean to moby's patternmatcher."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.image.dockerignore import BadPattern, IgnoreRules, pattern_for, read_patterns


def ignores(content, path):
    return IgnoreRules(read_patterns(content.encode())).ignores(path)


@pytest.mark.parametrize(
    ("content", "ignored"),
    [
        ("node_modules", "node_modules/left/pad.js"),
        ("node_modules/", "node_modules/left/pad.js"),
        ("/build", "build"),
        ("./build//x/", "build/x"),
        ("a/../b", "b"),
        ("  spaced \t\r\n", "spaced"),
        ("\ufefffirst", "first"),
        ("*.pyc", "a.pyc"),
        ("**/*.pyc", "a.pyc"),
        ("**/*.pyc", "deep/er/a.pyc"),
        ("a/**/z", "a/z"),
        ("a/**/z", "a/b/c/z"),
        ("a/**", "a/b"),
        ("**", "anything/at/all"),
        ("**foo", "a/barfoo"),
        ("?.txt", "a.txt"),
        ("[a-c]x", "bx"),
        ("[^a]x", "bx"),
        (r"\*", "*"),
        (r"\[x", "[x"),
        (r"\#x", "#x"),
        (" # no comment", "# no comment"),
        ("a.b", "a.b"),
        ("*/b", "a/b/c"),
        ("*\n!keep\nkeep", "keep"),
        ("docs\n!docs/README", "docs/other"),
        ("b\n! b/c\nb/c/d", "b/c/d"),
    ],
)
def test_ignores(content, ignored):
    assert ignores(content, ignored)


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("*.pyc", "deep/a.pyc"),
        ("build", "src/build"),
        (".", "a"),
        ("/", "a"),
        ("# comment", "# comment"),
        ("?.txt", "/.txt"),
        ("a.b", "aXb"),
        ("*\n!keep", "keep"),
        ("*\n! keep ", "keep/everything/below"),
        ("docs\n!docs/README", "docs/README"),
        ("docs\n!**/README", "docs/deep/README"),
        ("a/**", "a"),
        ("[^a]x", "ax"),
        ("../a", "a"),
        ("foo\n", "foobar"),
    ],
)
def test_keeps(content, kept):
    assert not ignores(content, kept)


@pytest.mark.parametrize("pattern", ["[", "[]a]", "[a-]", "[-a]", "a\\", "[a", "!", "[b-a]"])
def test_refuses_what_docker_refuses(pattern):
    with pytest.raises(BadPattern):
        IgnoreRules(read_patterns(pattern.encode()))


@pytest.mark.parametrize("pattern", [r"x*\d", "[[:alpha:]]", r"\é"])
def test_refuses_what_docker_takes_for_something_else_than_it_looks_like(pattern):
    with pytest.raises(BadPattern, match=r"differently|does not stand for"):
        IgnoreRules(read_patterns(pattern.encode()))


def test_a_name_that_is_no_text_matches_byte_by_byte():
    rules = IgnoreRules(read_patterns(b"caf\xe9\n?x"))
    assert rules.ignores(b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert rules.ignores(b"\xffx".decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("content", "folder", "read"),
    [
        ("a", "a", False),
        ("a\n!b", "a", False),
        ("a\n!a", "a", False),
        ("a\n!a/b", "a", True),
        ("a\n!a/b/c", "a/x", False),
        ("a\n!**/c", "a/x", True),
        ("a\n!*/c", "a", True),
        ("a\n![a]/c", "a", True),
    ],
)
def test_an_ignored_folder_is_read_only_where_an_exception_could_bring_something_back(content, folder, read):
    assert IgnoreRules(read_patterns(content.encode())).may_except_below(folder) is read


PARTS = st.sampled_from(["a", "b", "ab", "a.b", "*", "?", "**", "[ab]", "[^a]", "b*"])
PATTERNS = st.builds(
    lambda parts, exception: "!" * exception + "/".join(parts),
    st.lists(PARTS, min_size=1, max_size=3),
    st.booleans(),
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "a.b", "c"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(PATTERNS, max_size=5), PATHS)
def test_nothing_that_is_kept_is_in_a_folder_that_is_not_read(patterns, path):
    rules = IgnoreRules(patterns)
    parts = path.split("/")
    folders = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
    if not rules.ignores(path):
        assert all(not rules.ignores(folder) or rules.may_except_below(folder) for folder in folders)


@given(st.lists(PATTERNS, max_size=5), PATHS)
def test_neighbours_may_be_put_together(patterns, path):
    """One pattern twice in a row says no more than once."""
    assert IgnoreRules(patterns).ignores(path) == IgnoreRules(
        [p for p in patterns for _ in range(2)]
    ).ignores(path)


@given(
    st.text("ab*?[]\\^!#. -é/", min_size=1).filter(
        # A path of a walk is clean: `?/./?` is none.
        lambda path: posixpath.normpath(path) == path and path.strip("/. ") == path
    )
)
def test_a_path_has_a_pattern_that_matches_it_and_no_other(path):
    rules = IgnoreRules([pattern_for(path)])
    assert rules.ignores(path)
    assert not rules.ignores(path + "x")
