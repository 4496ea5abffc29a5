"""The classic builder builds unless it cannot, and what cannot be built is refused with a reason."""

import pytest

from runner.engines.buildx_plugin import find_buildx
from runner.engines.docker_engine import EngineFacts
from runner.engines.engine_choice import Builder, Wanted, check_engine, choose_builder
from runner.errors import UsageError
from runner.image.dockerfile import Need

MOUNT = Need(2, "RUN --mount", "the classic builder refuses or ignores it")
HEREDOC = Need(3, "RUN <<EOS", "the classic builder fails, or runs nothing and succeeds")
CLONE = Need(4, "ADD https://example.com/x.git", "the classic builder does not clone")
TWO = ("linux/amd64", "linux/arm64")


def wanted(engine="auto", needs=(), platforms=(), has_buildx=True):
    return Wanted(engine, needs, platforms, has_buildx)


def facts(version="28.5.2", store="classic", product="docker"):
    return EngineFacts("unix:///var/run/docker.sock", product, version, "1.51", store, "linux/amd64")


@pytest.mark.parametrize(
    ("asked", "builder", "why"),
    [
        (wanted(), Builder.CLASSIC, "it can do what is asked"),
        (wanted(has_buildx=False), Builder.CLASSIC, "it can do what is asked"),
        (wanted("docker"), Builder.CLASSIC, "the settings say so"),
        (wanted("buildx"), Builder.BUILDX, "the settings say so"),
        (wanted(needs=[MOUNT]), Builder.BUILDX, "the Dockerfile needs BuildKit (line 2: RUN --mount"),
        (wanted(platforms=TWO), Builder.BUILDX, "2 platforms are asked for"),
        (wanted(platforms=TWO[:1]), Builder.CLASSIC, "it can do what is asked"),
    ],
)
def test_the_builder_and_why(asked, builder, why):
    choice = choose_builder(asked)
    assert choice.builder is builder
    assert choice.why.startswith(why)


@pytest.mark.parametrize(
    ("asked", "texts"),
    [
        (wanted("buildx", has_buildx=False), ["it is not here", "docker-buildx"]),
        (wanted(needs=[MOUNT], has_buildx=False), ["line 2: RUN --mount", "or have buildx", "docker-buildx"]),
        (wanted("docker", needs=[MOUNT]), ["line 2: RUN --mount", 'Set `engine = "auto"`']),
        (wanted(platforms=TWO, has_buildx=False), ["one platform", "Have buildx"]),
        (wanted("docker", platforms=TWO), ["one platform", 'Set `engine = "auto"`']),
    ],
)
def test_what_nothing_here_can_build_is_refused(asked, texts):
    with pytest.raises(UsageError) as refused:
        choose_builder(asked)
    for text in texts:
        assert text in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "engine", "syntax", "text"),
    [
        (wanted("buildx"), facts(product="podman"), None, "podman answers"),
        (wanted(platforms=TWO), facts(), None, "classic store holds one platform"),
        (wanted(needs=[HEREDOC]), facts("20.10.24+dfsg1"), None, "line 3: RUN <<EOS"),
        (wanted(needs=[CLONE]), facts("24.0.7"), None, "line 4: ADD"),
    ],
)
def test_an_engine_that_cannot_is_refused(asked, engine, syntax, text):
    with pytest.raises(UsageError, match=text):
        check_engine(choose_builder(asked), asked, engine, syntax)


@pytest.mark.parametrize(
    ("asked", "engine", "syntax"),
    [
        (wanted(), facts(product="podman"), None),
        (wanted("buildx"), facts("20.10.24+dfsg1"), None),
        (wanted(platforms=TWO), facts(store="containerd"), None),
        (wanted(needs=[MOUNT]), facts("20.10.24+dfsg1"), None),
        (wanted(needs=[HEREDOC]), facts("20.10.24+dfsg1"), "docker/dockerfile:1"),
        (wanted(needs=[HEREDOC]), facts("23.0.1"), None),
        (wanted(needs=[CLONE]), facts("26.1.5"), None),
    ],
)
def test_an_engine_that_can_is_taken(asked, engine, syntax):
    check_engine(choose_builder(asked), asked, engine, syntax)


@pytest.mark.parametrize("variable", ["DOCKER_CONFIG", "HOME"])
def test_the_plugin_is_found_where_docker_looks_for_it(tmp_path, variable):
    plugin = tmp_path / ("" if variable == "DOCKER_CONFIG" else ".docker") / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("#!/bin/sh\n")
    assert find_buildx({variable: str(tmp_path)}) != plugin
    plugin.chmod(0o755)
    assert find_buildx({variable: str(tmp_path)}) == plugin.resolve()
