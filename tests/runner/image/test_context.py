"""The same files give the same bytes, whatever else differs."""

import io
import os
import socket
import stat
import sys
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Conflict, UsageError
from runner.image.context import BuildContext


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "checkout"
    write(root, {"Dockerfile": "FROM scratch\n", "src/app.py": "print()\n", "README.md": "read\n"})
    return root


def write(root, files):
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())


def archive(context):
    return tarfile.open(fileobj=io.BytesIO(b"".join(context.stream())))


def paths(context):
    return [name for name in archive(context).getnames() if name != "."]


def content(context, path):
    return archive(context).extractfile(path).read()


def test_folders_come_before_what_is_in_them_and_names_in_the_order_of_their_bytes(checkout):
    write(checkout, {"src/é": "", "src.txt": "", "B": "", "a": ""})
    assert paths(BuildContext(checkout)) == [
        "B",
        "Dockerfile",
        "README.md",
        "a",
        "src",
        "src/app.py",
        "src/é",
        "src.txt",
    ]


TREES = st.dictionaries(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join), st.binary(max_size=9), max_size=6
).filter(
    lambda files: not any(one != other and other.startswith(one + "/") for one in files for other in files)
)


@given(files=TREES, shuffled=st.randoms(use_true_random=False), mask=st.sampled_from([0o022, 0o077, 0o000]))
def test_order_times_and_umask_change_nothing(files, shuffled, mask, tmp_path_factory):
    one, other = (tmp_path_factory.mktemp("tree") for _ in range(2))
    files = {"Dockerfile": b"FROM scratch", **files}
    write(one, files)
    items = list(files.items())
    shuffled.shuffle(items)
    before = os.umask(mask)
    try:
        write(other, dict(items))
    finally:
        os.umask(before)
    for path in files:
        os.utime(other / path, (1.5, shuffled.randrange(2**31) + 0.25))
    first, second = BuildContext(one), BuildContext(other)
    assert list(first.stream()) == list(second.stream())
    assert first.summary == second.summary


def rename(root):
    (root / "README.md").rename(root / "README")


def make_executable(root):
    (root / "src/app.py").chmod(0o755)


def edit(root):
    (root / "src/app.py").write_text("print!)\n")


def link_instead(root):
    (root / "README.md").unlink()
    (root / "README.md").symlink_to("read\n")


def folder_added(root):
    (root / "empty").mkdir()


def dockerfile_edited(root):
    (root / "Dockerfile").write_text("FROM busybox\n")


@pytest.mark.parametrize(
    "change", [rename, make_executable, edit, link_instead, folder_added, dockerfile_edited]
)
@pytest.mark.parametrize("ignored", ["", "Dockerfile"])
def test_every_change_of_the_checkout_changes_the_digest(checkout, change, ignored):
    write(checkout, {".dockerignore": ignored})
    before = BuildContext(checkout).summarise().digest
    change(checkout)
    assert BuildContext(checkout).summarise().digest != before


def test_where_one_file_ends_and_the_next_begins_is_in_the_digest(checkout):
    write(checkout, {"x": "ab", "y": ""})
    before = BuildContext(checkout).summarise().digest
    write(checkout, {"x": "a", "y": "b"})
    assert BuildContext(checkout).summarise().digest != before


def test_what_is_injected_is_in_the_stream_and_not_in_the_digest(checkout):
    write(checkout, {".dockerignore": "version.json", "version.json": "theirs"})
    plain = BuildContext(checkout).summarise()
    context = BuildContext(checkout, injected={"version.json": b"{}"})
    assert content(context, "version.json") == b"{}"
    assert paths(context).count("version.json") == 1
    assert context.summary == plain


def test_what_is_injected_replaces_a_link_and_does_not_follow_it(checkout):
    (checkout / "version.json").symlink_to("README.md")
    context = BuildContext(checkout, injected={"version.json": b"{}"})
    assert archive(context).getmember("version.json").isreg()
    assert content(context, "README.md") == b"read\n"


def test_nothing_can_be_injected_in_the_place_of_a_folder(checkout):
    context = BuildContext(checkout, injected={"src": b""})
    with pytest.raises(UsageError, match="src is a folder"):
        context.summarise()


@pytest.mark.parametrize("path", ["", "/x", "../x", "a/../b", ".", "Dockerfile"])
def test_nothing_can_be_injected_outside_or_for_the_dockerfile(checkout, path):
    with pytest.raises(ValueError, match="not a path where something can be injected"):
        BuildContext(checkout, injected={path: b""})


def test_no_header_is_extended_and_the_first_is_plain(checkout):
    """An archive that begins with another is taken for a Dockerfile by `POST /build?version=2`."""
    write(checkout, {"!" * 120: "long", "x" * 90 + "/" + "y" * 90: "long too"})
    stream = b"".join(BuildContext(checkout).stream())
    assert stream[257:265] == b"ustar  \0"
    assert stream[156:157] == tarfile.DIRTYPE
    kinds = set()
    with tarfile.open(fileobj=io.BytesIO(stream)) as opened:
        for member in opened:
            kinds.add(member.type)
            assert member.mtime == 315_619_200
            assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
            assert not member.pax_headers
        assert "!" * 120 in opened.getnames()
    assert kinds == {tarfile.DIRTYPE, tarfile.REGTYPE}


def test_of_the_mode_the_executable_bit_is_kept(checkout):
    for path, mode in {"src/app.py": 0o4700, "README.md": 0o600}.items():
        (checkout / path).chmod(mode)
    opened = archive(BuildContext(checkout))
    assert {
        name: stat.filemode(opened.getmember(name).mode)[1:] for name in ["src", "src/app.py", "README.md"]
    } == {
        "src": "rwxr-xr-x",
        "src/app.py": "rwxr-xr-x",
        "README.md": "rw-r--r--",
    }


def test_links_stay_links_even_where_they_lead_nowhere_or_to_a_folder(checkout):
    for name, target in {"broken": "no/where", "folder": "src", "out": "/etc/passwd"}.items():
        (checkout / name).symlink_to(target)
    opened = archive(BuildContext(checkout))
    assert {name: opened.getmember(name).linkname for name in ["broken", "folder", "out"]} == {
        "broken": "no/where",
        "folder": "src",
        "out": "/etc/passwd",
    }
    assert "folder/app.py" not in opened.getnames()


def test_hard_links_are_files(checkout):
    os.link(checkout / "README.md", checkout / "again")
    assert content(BuildContext(checkout), "again") == b"read\n"


@pytest.mark.skipif(sys.platform == "darwin", reason="APFS has no such names")
def test_a_name_may_have_any_bytes(checkout):
    (checkout / os.fsdecode(b"caf\xe9\n")).touch()
    assert b"caf\xe9\n\0" in b"".join(BuildContext(checkout).stream())


def test_sockets_and_fifos_are_left_out_with_a_warning(checkout, monkeypatch):
    os.mkfifo(checkout / "fifo")
    monkeypatch.chdir(checkout)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        context = BuildContext(checkout)
        assert not {"fifo", "socket"} & set(paths(context))
    assert context.warnings == [
        "Left out fifo: it is no file, folder or link.",
        "Left out socket: it is no file, folder or link.",
    ]


def test_an_ignored_fifo_is_nobodys_business(checkout):
    os.mkfifo(checkout / "fifo")
    write(checkout, {".dockerignore": "fifo"})
    context = BuildContext(checkout)
    context.summarise()
    assert context.warnings == []


@pytest.mark.parametrize("size", [0, 3, 2_000_000])
def test_a_file_that_changes_its_size_while_it_is_read_ends_the_build(checkout, size):
    write(checkout, {"a": bytes(1_000_000), "b": bytes(1_000_000)})
    stream = BuildContext(checkout).stream()
    next(stream)
    write(checkout, {"a": bytes(size)})
    with pytest.raises(Conflict, match="a changed while the build context was read"):
        list(stream)


def test_a_file_that_disappears_ends_the_build(checkout):
    write(checkout, {"a": bytes(1_000_000), "z": "gone"})
    stream = BuildContext(checkout).stream()
    next(stream)
    (checkout / "z").unlink()
    with pytest.raises(Conflict, match="z changed"):
        list(stream)


def test_a_file_that_cannot_be_opened_is_named(checkout, monkeypatch):
    def refuse(path, flags):
        raise PermissionError(13, "Permission denied", path)

    context = BuildContext(checkout)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UsageError, match=r"README\.md cannot be read: Permission denied\. Make it readable"):
        context.summarise()


@pytest.mark.parametrize("name", ["absent", "Dockerfile"])
def test_a_context_is_a_folder(checkout, name):
    with pytest.raises(UsageError, match=f"{name} is no folder"):
        BuildContext(checkout / name)


def test_a_missing_dockerfile_is_named(checkout):
    with pytest.raises(UsageError, match=r"There is no .*/Dockerfile\.web\. Correct `dockerfile`"):
        BuildContext(checkout, "Dockerfile.web")


def test_a_bad_pattern_is_named_with_its_file(checkout):
    write(checkout, {".dockerignore": "[a"})
    with pytest.raises(UsageError, match=r"/\.dockerignore: '\[a'"):
        BuildContext(checkout)


class TestIgnored:
    def test_ignored_folders_come_only_with_what_an_exception_brings_back(self, checkout):
        write(
            checkout,
            {".dockerignore": "docs\n!docs/a/keep", "docs/a/keep": "", "docs/a/x": "", "docs/b/y": ""},
        )
        assert [path for path in paths(BuildContext(checkout)) if path.startswith("docs")] == [
            "docs",
            "docs/a",
            "docs/a/keep",
        ]

    def test_an_ignored_folder_is_not_read(self, checkout, monkeypatch):
        write(checkout, {".dockerignore": "secret\n!src", "secret/x": ""})
        listed = []
        scandir = os.scandir

        def noted(path):
            listed.append(os.path.relpath(path, os.fsencode(checkout)))
            return scandir(path)

        context = BuildContext(checkout)
        monkeypatch.setattr(os, "scandir", noted)
        context.summarise()
        assert listed == [b".", b"src"]

    def test_the_dockerfile_and_the_ignore_file_are_sent_even_so(self, checkout):
        write(checkout, {".dockerignore": "*\n"})
        context = BuildContext(checkout)
        assert paths(context) == [".dockerignore", "Dockerfile"]
        assert context.files.dockerfile_name == "Dockerfile"
        assert content(context, ".dockerignore") == b"*\n"

    def test_the_dockerfiles_own_ignore_file_holds_alone(self, checkout):
        write(checkout, {".dockerignore": "README.md", "Dockerfile.dockerignore": "src"})
        context = BuildContext(checkout)
        assert paths(context) == [".dockerignore", "Dockerfile", "Dockerfile.dockerignore", "README.md"]

    def test_the_daemon_is_told_by_the_only_name_it_knows(self, checkout):
        write(checkout, {"Dockerfile.dockerignore": "Dockerfile\n.dockerignore\n", ".dockerignore": "src\n"})
        assert content(BuildContext(checkout), ".dockerignore") == b"src\nDockerfile\n.dockerignore\n"

    def test_the_daemon_does_not_remove_what_the_dockerfiles_own_ignore_file_keeps(self, checkout):
        write(checkout, {"Dockerfile.dockerignore": "", ".dockerignore": "*\n"})
        assert content(BuildContext(checkout), ".dockerignore") == b"*\n!Dockerfile\n!.dockerignore\n"

    def test_a_bad_pattern_in_a_file_that_does_not_hold_is_nobodys_business(self, checkout):
        write(checkout, {"Dockerfile.dockerignore": "src", ".dockerignore": "[a"})
        assert "src" not in paths(BuildContext(checkout))


class TestDockerfileElsewhere:
    def test_outside_it_goes_by_a_reserved_name_that_the_daemon_removes(self, checkout, tmp_path):
        write(tmp_path, {"Dockerfile.web": "FROM busybox\n", "Dockerfile.web.dockerignore": "src\n"})
        context = BuildContext(checkout, "../Dockerfile.web")
        name = context.files.dockerfile_name
        assert content(context, name) == b"FROM busybox\n"
        assert content(context, ".dockerignore").decode().splitlines() == [name, ".dockerignore"]
        assert "src" not in paths(context)

    def test_the_same_dockerfile_has_the_same_reserved_name(self, checkout, tmp_path):
        write(tmp_path, {"one/Dockerfile": "FROM busybox\n", "other/Dockerfile": "FROM busybox\n"})
        one, other = (BuildContext(checkout, tmp_path / name / "Dockerfile") for name in ("one", "other"))
        assert list(one.stream()) == list(other.stream())

    def test_a_link_is_read_here_and_not_by_the_daemon(self, checkout, tmp_path):
        write(tmp_path, {"real": "FROM busybox\n"})
        (checkout / "Dockerfile.link").symlink_to(tmp_path / "real")
        context = BuildContext(checkout, "Dockerfile.link")
        assert content(context, context.files.dockerfile_name) == b"FROM busybox\n"

    def test_inside_it_is_named_as_it_is_however_it_was_given(self, checkout, tmp_path):
        (tmp_path / "link").symlink_to(checkout)
        write(checkout, {"docker/Dockerfile": "FROM busybox\n"})
        for given_path in [
            "docker/Dockerfile",
            "./docker/../docker/Dockerfile",
            tmp_path / "link/docker/Dockerfile",
        ]:
            assert BuildContext(tmp_path / "link", given_path).files.dockerfile_name == "docker/Dockerfile"

    def test_what_is_sent_is_what_was_read(self, checkout):
        context = BuildContext(checkout)
        write(checkout, {"Dockerfile": "FROM elsewhere\n"})
        assert content(context, "Dockerfile") == context.files.dockerfile == b"FROM scratch\n"


def test_what_looks_like_a_secret_is_named_in_a_warning(checkout):
    write(
        checkout,
        dict.fromkeys([".env", ".env.example", "a/id_rsa", "b/server.pem", "keys.py", ".git/config"], ""),
    )
    context = BuildContext(checkout)
    context.summarise()
    git, secrets = context.warnings
    assert git.startswith("The build context contains .git")
    assert "looks like secrets: .env, a/id_rsa, b/server.pem." in secrets


def test_a_large_context_is_told_with_its_size(checkout):
    with (checkout / "large").open("wb") as file:
        file.truncate(120_000_000)
    context = BuildContext(checkout)
    context.summarise()
    assert [warning.split(".")[0] for warning in context.warnings] == [
        "The build context has 120 MB in 5 files"
    ]


def test_the_stream_can_be_read_as_a_file(checkout):
    context = BuildContext(checkout)
    with context.open() as file:
        read = b"".join(iter(lambda: file.read(1000), b""))
    assert read == b"".join(context.stream())


def test_there_is_no_summary_of_half_a_stream(checkout):
    write(checkout, {"a": bytes(1_000_000)})
    context = BuildContext(checkout)
    next(context.stream())
    with pytest.raises(RuntimeError, match="not been streamed"):
        _ = context.summary
