"""What a Dockerfile asks for is read as BuildKit reads it; what is in doubt needs BuildKit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.image.dockerfile import Dockerfile, expanded, looks_secret


def read(text):
    return Dockerfile(text.encode())


def features(text, build_args=()):
    return [f"{need.line}: {need.feature}" for need in read(text).needs_buildkit(frozenset(build_args))]


def pulled(text, **build_args):
    return [image.reference for image in read(text).base_images(build_args)]


class TestInstructions:
    def test_have_lines_and_flags_and_joined_continuations(self):
        text = "\ufeff# comment\n\nfrom a AS b\n\nRUN one \\\n  # inside\n\n  two\nCOPY --chown='a b' --from=b x y\n"
        assert [(i.name, i.line, i.flags, i.arguments) for i in read(text).instructions] == [
            ("FROM", 3, (), "a AS b"),
            ("RUN", 5, (), "one   two"),
            ("COPY", 9, ("--chown=a b", "--from=b"), "x y"),
        ]

    def test_the_escape_directive_changes_what_continues_a_line(self):
        text = "# escape=`\nFROM a\nRUN one `\n two\nRUN c:\\\nUSER x\n"
        assert [i.name for i in read(text).instructions] == ["FROM", "RUN", "RUN", "USER"]

    def test_an_escaped_escape_continues_nothing(self):
        assert [i.name for i in read("RUN a\\\\\nUSER x").instructions] == ["RUN", "USER"]

    def test_directives_are_only_at_the_top(self):
        assert read("# Syntax = x \n#check=skip=all\nFROM a\n# escape=`").directives == {
            "syntax": "x",
            "check": "skip=all",
        }
        assert read("# a comment\n# syntax=x\nFROM a").directives == {}

    def test_windows_line_ends(self):
        assert [i.arguments for i in read("FROM a\r\nRUN b \\\r\n c\r\n").instructions] == ["a", "b  c"]

    @given(st.text(st.sampled_from("RUN COPYFM<>-E'\"\\${}\n\t#=`[](")))
    def test_any_text_is_read_to_its_end(self, text):
        dockerfile = read(text)
        dockerfile.needs_buildkit()
        dockerfile.base_images()
        assert dockerfile.args
        lines = [instruction.line for instruction in dockerfile.instructions]
        assert lines == sorted(set(lines))


class TestHeredocs:
    @pytest.mark.parametrize(
        "line",
        [
            "RUN <<EOF",
            "RUN cat <<EOF > x",
            "RUN cat << EOF",
            "RUN 3<<EOF",
            "COPY <<EOF /x",
            "ADD <<EOF /x",
            "RUN <<'EOF'",
            'RUN <<"EOF"',
            "RUN <<E\\OF",
            "RUN <<< <<EOF",
            "ONBUILD RUN <<EOF",
            "RUN python3 \\\n <<EOF",
        ],
    )
    def test_are_found_and_what_is_in_them_is_no_instruction(self, line):
        text = f"FROM a\n{line}\nRUN inside\nFROM inside\n EOF\nEOF\nUSER after"
        [need] = read(text).needs_buildkit()
        assert (need.line, need.feature.endswith(" <<EOF")) == (2, True)
        assert [i.name for i in read(text).instructions][2:] == ["USER"]
        assert pulled(text) == ["a"]

    def test_may_be_indented_with_tabs(self):
        assert [i.name for i in read("RUN <<-EOF\n\tx\n\tEOF\nUSER after").instructions] == ["RUN", "USER"]

    def test_may_be_several(self):
        [copied, user] = read("COPY <<A <<B /x\na\nA\nb\nB\nUSER after").instructions
        assert (copied.heredocs, user.name) == (("A", "B"), "USER")

    @pytest.mark.parametrize(
        "line",
        [
            'RUN echo "a <<EOF"',
            "RUN echo 'a <<EOF'",
            "RUN echo $((1<<2))",
            "RUN cat<<EOF",
            "RUN cat <<<EOF",
            "RUN x=1<<2",
            'RUN ["cat", "<<EOF"]',
            "ENV X <<EOF",
            "CMD cat <<EOF",
            "LABEL a=<<EOF",
            "RUN echo \\<<EOF",
            "RUN it's <<EOF",
        ],
    )
    def test_are_not_seen_where_buildkit_sees_none(self, line):
        text = f"FROM a\n{line}\nUSER b"
        assert [i.name for i in read(text).instructions][2:] == ["USER"]
        assert features(text) == []

    def test_that_never_end_need_buildkit_to_say_so(self):
        assert features("FROM a\nRUN <<EOF\nx") == ["2: RUN <<EOF"]


class TestNeedsBuildkit:
    @pytest.mark.parametrize(
        ("line", "feature"),
        [
            ("RUN --mount=type=cache,target=/x make", "RUN --mount"),
            ("RUN --network=none make", "RUN --network"),
            ("RUN --security=insecure make", "RUN --security"),
            ("RUN \\\n  --mount=type=secret,id=x make", "RUN --mount"),
            ("ONBUILD RUN --mount=type=cache,target=/x make", "RUN --mount"),
            ("COPY --chmod=755 a b", "COPY --chmod"),
            ("COPY --link a b", "COPY --link"),
            ("COPY --parents a b", "COPY --parents"),
            ("COPY --exclude=*.md a b", "COPY --exclude"),
            ("ADD --checksum=sha256:0 http://x y", "ADD --checksum"),
            ("ADD --keep-git-dir a b", "ADD --keep-git-dir"),
            ("ADD https://example.com/a.git#main /a", "ADD https://example.com/a.git#main"),
            ("ADD git@example.com:a /a", "ADD git@example.com:a"),
            ("ARG TARGETARCH", "ARG with TARGETARCH"),
            ("ARG A B=1 TARGETOS=linux", "ARG with TARGETOS"),
            ("FROM --platform=$BUILDPLATFORM b", "FROM with BUILDPLATFORM"),
            ("FROM b-${TARGETARCH}", "FROM with TARGETARCH"),
        ],
    )
    def test_for(self, line, feature):
        assert features(f"FROM a\n{line}\n") == [f"2: {feature}"]

    def test_for_a_syntax_directive(self):
        assert features("# syntax=docker/dockerfile:1\nFROM a") == ["1: # syntax=docker/dockerfile:1"]

    @pytest.mark.parametrize(
        "line",
        [
            "COPY --from=0 --chown=1:1 a b",
            "ADD --chown=1 https://example.com/a.tar.gz /a",
            "FROM --platform=linux/amd64 b",
            "HEALTHCHECK --interval=5s --retries=3 CMD true",
            "RUN make --mount=x",
            'RUN ["make", "--mount=x"]',
            "ARG HTTP_PROXY",
        ],
    )
    def test_not_for(self, line):
        assert features(f"FROM a\n{line}\n") == []

    def test_for_a_platform_argument_that_is_given_only_where_the_classic_builder_would_not_see_it(self):
        text = "FROM a\nARG TARGETARCH\nFROM b-$TARGETARCH"
        assert features(text, ["TARGETARCH"]) == ["3: FROM with TARGETARCH"]

    def test_says_where_what_and_why(self):
        [need] = read("FROM a\nRUN <<EOF\nEOF").needs_buildkit()
        assert str(need) == "line 2: RUN <<EOF (the classic builder fails, or runs nothing and succeeds)"


class TestBaseImages:
    def test_are_what_is_pulled_each_once(self):
        text = (
            "FROM golang:1 AS Build\nFROM build AS test\nFROM scratch\nCOPY --from=build a b\nCOPY --from=0 a b\n"
            "COPY --from=busybox:1 a b\nRUN --mount=type=bind,from=alpine,target=/x true\nFROM golang:1\n"
        )
        assert pulled(text) == ["golang:1", "busybox:1", "alpine"]

    def test_a_stage_is_one_only_after_it_began(self):
        assert pulled("FROM later\nFROM a AS later") == ["later", "a"]

    def test_take_global_arguments_with_their_defaults_and_what_is_given(self):
        text = 'ARG NAME="debian" TAG=12\nARG FULL=${NAME}:$TAG\nFROM ${FULL}-slim\nARG TAG=13\nFROM $NAME:$TAG\n'
        assert pulled(text) == ["debian:12-slim", "debian:12"]
        assert pulled(text, TAG="11", OTHER="x") == ["debian:11-slim", "debian:11"]

    def test_an_argument_of_a_stage_is_unknown_to_from(self):
        assert pulled("FROM a\nARG X=b\nFROM c$X") == ["a", "c"]

    def test_what_only_buildkit_knows_is_left_open(self):
        [image] = read("FROM a-${TARGETARCH}").base_images()
        assert (image.line, image.written, image.reference) == (1, "a-${TARGETARCH}", None)
        assert pulled("FROM a-${TARGETARCH}", TARGETARCH="arm64") == ["a-arm64"]

    def test_stages_have_names_and_platforms(self):
        [stage] = read("FROM --platform=linux/arm64 a:1 as B").stages
        assert (stage.image, stage.name, stage.platform) == ("a:1", "B", "linux/arm64")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a$X", "ax"),
        ("${X}b", "xb"),
        ("$EMPTY$ABSENT", ""),
        ("${ABSENT:-d}${ABSENT-e}", "de"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${X:-d}", "x"),
        ("${X:+a}${EMPTY:+b}${EMPTY+c}${ABSENT+d}", "ac"),
        ("${ABSENT:-${X}y}", "xy"),
        ("\\$X", "$X"),
        ("a$", "a$"),
        ("${X", None),
        ("${X#y}", None),
        ("${}", None),
        ("$OPEN", None),
        ("${OPEN:-d}", None),
    ],
)
def test_variables_are_replaced_as_in_from(text, value):
    assert expanded(text, {"X": "x", "EMPTY": "", "OPEN": None}) == value


def test_the_arguments_that_it_takes():
    dockerfile = read("ARG A\nFROM a\nARG B=1 C='x y'\nONBUILD ARG D\n")
    assert {"A", "B", "C", "D", "HTTP_PROXY", "TARGETARCH"} <= dockerfile.args
    assert "y'" not in dockerfile.args


@pytest.mark.parametrize(
    "name", ["NPM_TOKEN", "DB_PASSWORD", "secret", "AWS_SECRET_ACCESS_KEY", "apiKey", "GITHUB_PAT"]
)
def test_an_argument_may_be_called_like_a_secret(name):
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["VERSION", "MONKEY", "KEYBOARD", "SSH_PUBLIC_KEY", "PATH", "TOKENIZER"])
def test_an_argument_may_just_be_called_something(name):
    assert not looks_secret(name)
