"""Nothing is sent that the build cannot read, and everything where that cannot be known."""

import io
import os
import re
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.image.context import BuildContext
from runner.image.context_use import EVERYTHING, context_use, led_to
from runner.image.dockerfile import Dockerfile

PATHS = ["a.py", "b.py", "src/a.py", "src/deep/c.txt", "src/deep/er/d.txt", "docs/a.py", "docs/[x].md", "bin"]


def used(dockerfile, *triggers, paths=PATHS):
    """Those paths that are used."""
    use = context_use(Dockerfile(f"FROM scratch\n{dockerfile}\n".encode()), triggers)
    return [path for path in paths if use.covers(path.split("/"))]


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("", []),
        ("COPY a.py /", ["a.py"]),
        ("copy a.py bin /x/", ["a.py", "bin"]),
        ("COPY a.py \\\n  # a comment\n  b.py \\\n  /x/", ["a.py", "b.py"]),
        ("COPY /src/deep//er/./ /x", ["src/deep/er/d.txt"]),
        ("ADD --chown=1:2 docs /x", ["docs/a.py", "docs/[x].md"]),
        ("COPY *.py /x/", ["a.py", "b.py"]),
        ("COPY */*.py /x/", ["src/a.py", "docs/a.py"]),
        ("COPY s?c/d* /x/", ["src/deep/c.txt", "src/deep/er/d.txt"]),
        ("COPY ./[ab].p[x-z] /x/", ["a.py", "b.py"]),
        ("COPY --from= bin /x", ["bin"]),
        ('COPY ["a.py", "src/deep", "/x/"]', ["a.py", "src/deep/c.txt", "src/deep/er/d.txt"]),
        ('COPY ["a.py", "/x/"] b.py /y/', ["a.py"]),
        ("COPY \"a.py\" 'bin' /x/", ["a.py", "bin"]),
        ("FROM a AS b\nCOPY --from=b src /x\nCOPY --from=busybox /bin /bin", []),
        ("ADD https://example.com/src /x\nADD bin /y", ["bin"]),
        ("RUN --mount=type=cache,target=/src --mount=type=secret,id=x make", []),
        ("RUN --mount=from=a,target=/src make", []),
        ("ONBUILD COPY bin /x", ["bin"]),
        ("# a.py\nLABEL a='\\\nCOPY bin /x'", []),
    ],
)
def test_what_copy_and_add_name_is_used(dockerfile, expected):
    assert used(dockerfile) == expected


def test_what_the_base_images_triggers_name_is_used():
    assert used("COPY bin /x", "COPY docs /x", "RUN make", "ADD a.py /x") == [
        "a.py",
        "docs/a.py",
        "docs/[x].md",
        "bin",
    ]
    assert used("", "COPY . /x") == PATHS


@pytest.mark.parametrize(
    "dockerfile",
    [
        "COPY . /x",
        "COPY / /x",
        "COPY ./ /x",
        'ADD [".", "/x"]',
        "COPY * /x/",
        "ARG WHAT\nCOPY $WHAT /x",
        "COPY ${WHAT:-bin} /x",
        "COPY ../bin /x",
        "COPY src/../bin /x",
        'COPY "a b" /x',
        "COPY a\\ b /x",
        "# escape=`\nCOPY a`b /x",
        "COPY [^a] /x/",
        "COPY src[+-9]a.py /x/",
        "COPY src[/]a.py /x/",
        "COPY [a /x/",
        "COPY src[[:alpha:]] /x/",
        "COPY <<EOF /x\nEOF",
        "COPY --parents src/deep /x",
        "COPY --exclude=*.py src/deep /x",
        "COPY [a].py /x/",
        "RUN --mount=target=/src make",
        "RUN --mount=type=bind,source=docs,target=/src make",
        "RUN --mount=type=${T},target=/src make",
        "ONBUILD COPY . /x",
        'COPY ["caf\\ud800", "/x"]',
        "COPY [1, 2] /x",
    ],
)
def test_everything_is_used_where_that_cannot_be_known(dockerfile):
    assert used(dockerfile) == PATHS


NAMES = st.text("ab.", min_size=1, max_size=2).filter(lambda name: name.strip("."))
TREES = st.lists(st.lists(NAMES, min_size=1, max_size=3).map(tuple), min_size=1, max_size=12)
SOURCES = st.lists(
    st.lists(st.text("ab.*?", min_size=1, max_size=2), min_size=1, max_size=3).map("/".join),
    min_size=1,
    max_size=3,
)


@given(paths=TREES, sources=SOURCES)
def test_what_is_used_is_what_matches_or_is_in_a_folder_that_does(paths, sources):
    use = context_use(Dockerfile(f"FROM scratch\nCOPY {' '.join(sources)} /x/\n".encode()))
    for path in paths:
        heads = ["/".join(path[:length]) for length in range(1, len(path) + 1)]
        assert use.covers(path) == any(naively(source, head) for source in sources for head in ("", *heads))


def naively(source, path):
    """By one expression for the whole path; `..` may be anything."""
    parts = [part for part in source.split("/") if part != "."]
    if ".." in parts:
        return True
    expression = "/".join(parts).replace(".", r"\.").replace("*", "[^/]*").replace("?", "[^/]")
    return re.fullmatch(expression, path) is not None


@pytest.mark.parametrize(
    ("link", "target", "expected"),
    [
        ("link", "src", "src"),
        ("a/link", "b/./c//d", "a/b/c/d"),
        ("a/b/link", "../c", "a/c"),
        ("a/b/link", "../../../../c", "c"),
        ("a/b/link", "/c", "c"),
        ("a/link", "b/../c", ""),
        ("link", ".", ""),
        ("a/link", "/", ""),
    ],
)
def test_a_link_leads_to_a_path_of_the_context(link, target, expected):
    assert "/".join(led_to(link, target)) == expected


class TestSent:
    @pytest.fixture
    def checkout(self, tmp_path):
        for path in [*PATHS, "unused/1", "unused/2", ".git/config"]:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(path)
        return tmp_path

    def context(self, checkout, dockerfile, **options):
        (checkout / "Dockerfile").write_text(f"FROM scratch\n{dockerfile}\n")
        whole = BuildContext(checkout, **options)
        return whole.only(context_use(Dockerfile(whole.files.dockerfile)))

    def sent(self, checkout, dockerfile, **options):
        context = self.context(checkout, dockerfile, **options)
        with tarfile.open(fileobj=io.BytesIO(b"".join(context.stream()))) as opened:
            return [name for name in opened.getnames() if name != "."]

    def test_the_dockerfile_and_what_it_names_with_the_folders_above(self, checkout):
        (checkout / ".dockerignore").write_text("docs\n")
        assert self.sent(checkout, "COPY src/deep/er docs/a.py /x/") == [
            ".dockerignore",
            "Dockerfile",
            "src",
            "src/deep",
            "src/deep/er",
            "src/deep/er/d.txt",
        ]

    def test_what_is_injected(self, checkout):
        assert "version.json" in self.sent(checkout, "COPY bin /x", injected={"version.json": b"{}"})

    def test_a_file_where_a_folder_is_meant(self, checkout):
        """So that the builder's error is the same."""
        assert self.sent(checkout, "COPY bin/sh /x") == ["Dockerfile", "bin"]

    def test_no_folder_is_read_and_no_file_looked_at_without_need(self, checkout, monkeypatch):
        context = self.context(checkout, "COPY src/a.py /x")
        listed, scandir = [], os.scandir

        def noted(path):
            listed.append(os.path.relpath(path, os.fsencode(checkout)))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", noted)
        context.summarise()
        assert set(listed) == {b".", b"src"}

    @pytest.mark.parametrize(
        ("links", "source", "expected"),
        [
            ({"link": "docs/a.py"}, "link", {"link", "docs", "docs/a.py"}),
            ({"link": "docs"}, "link/a.py", {"link", "docs", "docs/a.py", "docs/[x].md"}),
            (
                {"one": "two", "two": "/src/deep/er"},
                "one",
                {"one", "two", "src", "src/deep", "src/deep/er", "src/deep/er/d.txt"},
            ),
            (
                {"docs/link": "../unused/1"},
                "docs",
                {"docs", "docs/a.py", "docs/[x].md", "docs/link", "unused", "unused/1"},
            ),
            ({"link": "/no/where"}, "link", {"link"}),
        ],
    )
    def test_what_links_lead_to(self, checkout, links, source, expected):
        for path, target in links.items():
            (checkout / path).symlink_to(target)
        assert set(self.sent(checkout, f"COPY {source} /x/")) == expected | {"Dockerfile"}

    def test_all_of_it_where_a_link_leads_to_the_context_itself_or_on_and_on(self, checkout):
        (checkout / "here").symlink_to(".")
        assert ".git/config" in self.sent(checkout, "COPY here/bin /x/")
        for number in range(20):
            (checkout / str(number)).symlink_to(str(number + 1))
        assert ".git/config" in self.sent(checkout, "COPY 0 /x/")

    def test_links_in_a_ring_are_walked_once(self, checkout):
        (checkout / "one").symlink_to("two")
        (checkout / "two").symlink_to("one")
        assert self.sent(checkout, "COPY one /x/") == ["Dockerfile", "one", "two"]

    def test_the_digest_is_of_what_is_sent_and_says_so(self, checkout):
        before = self.context(checkout, "COPY bin /x").summarise()
        (checkout / "unused/1").write_text("changed")
        assert self.context(checkout, "COPY bin /x").summarise() == before
        (checkout / "bin").write_text("changed")
        assert self.context(checkout, "COPY bin /x").summarise().digest != before.digest
        assert not before.is_whole
        assert self.context(checkout, "COPY . /x").summarise().is_whole

    def test_the_digest_is_the_same_with_another_dockerfile_in_its_place(self, checkout):
        context = self.context(checkout, "COPY bin /x")
        other = context.building(b"FROM scratch\nCOPY bin /x\nLABEL a=b\n")
        assert other.summarise() == context.summarise()

    def test_all_of_it_is_what_it_was(self, checkout):
        (checkout / "Dockerfile").write_text("FROM scratch\n")
        whole = BuildContext(checkout)
        assert list(whole.only(EVERYTHING).stream()) == list(whole.stream())

    def test_no_warning_of_what_is_not_sent(self, checkout):
        (checkout / ".env").write_text("")
        context = self.context(checkout, "COPY bin /x")
        context.summarise()
        assert context.warnings == []
