"""All labels as one instruction, in the stage that is built, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.image.context import BuildContext
from runner.image.dockerfile import Dockerfile
from runner.image.labelling import labelled

LABELS = {"a.b": "c", "say": 'a "$HOME" \\ b'}
LINE = b'LABEL "a.b"="c" "say"="a \\"\\$HOME\\" \\\\ b"\n'


@pytest.mark.parametrize(
    ("dockerfile", "target", "longer"),
    [
        (b"FROM scratch\n", None, b"FROM scratch\n" + LINE),
        (b"FROM scratch", None, b"FROM scratch\n" + LINE),
        (b"FROM a AS one\nRUN x\nFROM b\n", None, b"FROM a AS one\nRUN x\nFROM b\n" + LINE),
        (b"FROM a AS one\nRUN x\nFROM b\n", "ONE", b"FROM a AS one\nRUN x\n" + LINE + b"FROM b\n"),
        (b"FROM a AS one\r\nFROM b\r\n", "one", b"FROM a AS one\r\n" + LINE + b"FROM b\r\n"),
        (b"FROM a\nRUN x \\\n  # a comment\n  y", None, b"FROM a\nRUN x \\\n  # a comment\n  y\n" + LINE),
    ],
)
def test_the_instruction_ends_the_stage_that_is_built(dockerfile, target, longer):
    assert labelled(dockerfile, LABELS, target) == longer


def test_the_escape_directive_is_followed():
    found = labelled(b"# escape=`\nFROM scratch\n", {"a": 'C:\\ "x"'}, None)
    assert found == b'# escape=`\nFROM scratch\nLABEL "a"="C:\\ `"x`""\n'


@pytest.mark.parametrize(
    ("dockerfile", "labels", "target"),
    [
        (b"", LABELS, None),
        (b"FROM scratch\nRUN x \\\n", LABELS, None),
        (b"FROM scratch\nRUN <<EOS\nx\n", LABELS, None),
        (b"FROM scratch\n", LABELS, "other"),
        (b"FROM scratch\n", {"a": "b\nc"}, None),
        (b"FROM scratch\n", {}, None),
    ],
    ids=[
        "no stage",
        "a continued end",
        "an open here-document",
        "no such stage",
        "a line break",
        "no labels",
    ],
)
def test_what_is_in_doubt_is_left_alone(dockerfile, labels, target):
    assert labelled(dockerfile, labels, target) is None


@given(
    st.lists(
        st.sampled_from(
            ["FROM a", "FROM b AS c", "RUN x \\", "# x", "", "COPY a b", "RUN <<E", "E", "ENV A=1"]
        )
    )
)
def test_exactly_one_instruction_is_added(lines):
    content = "\n".join(lines).encode()
    longer = labelled(content, LABELS, None)
    if longer is not None:
        before = [(found.name, found.arguments) for found in Dockerfile(content).instructions]
        after = [(found.name, found.arguments) for found in Dockerfile(longer).instructions]
        added = [found for found in after if found[0] == "LABEL"]
        assert len(added) == 1
        after.remove(added[0])
        assert after == before


def context(tmp_path, files):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    return BuildContext(tmp_path)


@pytest.mark.parametrize(
    ("ignored", "name"),
    [
        (None, ".dockerfile."),
        (".dockerignore\n", ".dockerfile."),
        (".git\n", ".git"),
        ("**/*.pyc\n", "lading.pyc"),
        ("docs/x\n!docs\n*.log\n", "lading.log"),
    ],
)
def test_another_dockerfile_is_hidden_by_the_ignore_file_itself(tmp_path, ignored, name):
    files = {"Dockerfile": "FROM scratch\n", "a": "a"} | ({".dockerignore": ignored} if ignored else {})
    own = context(tmp_path, files)
    other = own.building(b"FROM scratch\nLABEL a=b\n")
    assert other.files.dockerfile_name.startswith(name)
    assert other.files.replaced == {}
    assert other.summarise().digest == own.summarise().digest


@pytest.mark.parametrize(
    "ignored",
    ["docs/x\n", "!a\n", ".git\n!.git/config\n", "# nothing\n"],
    ids=["a folder", "an exception", "a part", "empty"],
)
def test_an_ignore_file_that_hides_no_name_and_is_itself_in_the_context_is_left_alone(tmp_path, ignored):
    own = context(tmp_path, {"Dockerfile": "FROM scratch\n", ".dockerignore": ignored})
    assert own.building(b"FROM scratch\n") is None
