"""Settings come from flag, environment, file and default, in this order, and all problems are told at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import SettingsError
from runner.settings import OPTIONS, load_settings

FILE = '[image.balrog]\nrepository = "mozilla/balrog"\n'


def load(text=FILE, environment=None, flags=None, image=None, slug="mozilla/balrog"):
    return load_settings(text, environment or {}, flags or {}, image=image, slug=slug)


def problems(*arguments, **named):
    with pytest.raises(SettingsError) as caught:
        load(*arguments, **named)
    return caught.value.problems


def test_without_a_file_everything_comes_from_the_source_repository():
    settings = load(None, slug="Mozilla/Balrog")
    assert str(settings.repository) == "docker.io/mozilla/balrog"
    assert settings.secret == "repo:github.com/Mozilla/Balrog:dockerhub"
    assert settings.username == "mozilla"
    assert settings.tags is None
    assert settings.artifact_prefix == "public/"
    assert settings.sources["repository"] == "from the source repository"
    assert settings.sources["dockerfile"] == "default"


LEVELS = {
    "flag": "flag --target",
    "environment": "environment LADING_TARGET",
    "file": "lading.toml [image.balrog]",
}


@given(st.sets(st.sampled_from(sorted(LEVELS))))
def test_a_flag_is_before_the_environment_before_the_file(levels):
    text = FILE + ('target = "file"\n' if "file" in levels else "")
    environment = {"LADING_TARGET": "environment"} if "environment" in levels else {}
    flags = {"target": "flag" if "flag" in levels else None}
    settings = load(text, environment, flags)
    winner = next((level for level in LEVELS if level in levels), None)
    assert settings.target == winner
    assert settings.sources.get("target") == (LEVELS[winner] if winner else None)


def test_an_empty_variable_sets_nothing():
    assert load(environment={"LADING_TARGET": "", "LADING_DOCKERFILE": ""}).dockerfile == "Dockerfile"


def test_the_environments_texts_are_read_by_kind():
    settings = load(
        environment={
            "LADING_TAGS": "latest, {branch},",
            "LADING_BUILD_ARGS": "A=1\n\nB=x=y\n",
            "LADING_REPRODUCIBLE": "TRUE",
            "LADING_IMAGE_REPOSITORY": "ghcr.io/mozilla/other",
            "LADING_REPOSITORY": "https://github.com/mozilla/balrog",
        }
    )
    assert settings.tags == ("latest", "{branch}")
    assert settings.build_args == {"A": "1", "B": "x=y"}
    assert settings.reproducible is True
    assert str(settings.repository) == "ghcr.io/mozilla/other"


def test_no_option_shares_its_variable_with_the_event():
    event = {
        f"LADING_{name}"
        for name in ("EVENT", "REPOSITORY", "BRANCH", "TAG", "REVISION", "CREATED", "ARTIFACTS")
    }
    variables = [option.variable for option in OPTIONS]
    assert len(set(variables)) == len(variables)
    assert not event & set(variables)


def test_with_several_images_each_has_its_folder():
    text = FILE + '[image.agent]\nrepository = "mozilla/balrogagent"\n'
    settings = load(text, image="agent")
    assert settings.artifact_prefix == "public/agent/"
    assert problems(text) == ("lading.toml has several images: name one of agent, balrog",)
    assert "has no [image.x]" in problems(text, image="x")[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[image.balrog\n", "lading.toml: "),
        ("images = 1\n", "unknown key `images`; did you mean `image`?"),
        ("image = 1\n", "an image is a table with a name"),
        ('[image]\nrepository = "x"\n', "an image is a table with a name"),
        ('[image."../x"]\n', "is no name of an image"),
        ('[image.".."]\n', "is no name of an image"),
        ('[image.""]\n', "is no name of an image"),
        (FILE + 'dockerfil = "x"\n', "unknown key `dockerfil`; did you mean `dockerfile`?"),
        (FILE + "target = true\n", "`target` must be a text"),
        (FILE + 'target = ""\n', "`target` must be a text"),
        (FILE + 'tags = "latest"\n', "`tags` must be a list of texts"),
        (FILE + "tags = [1]\n", "`tags` must be a list of texts"),
        (FILE + "build-args = {A = 1}\n", "`build-args` must be a table of texts"),
        (FILE + 'reproducible = "yes"\n', "`reproducible` must be true or false"),
        (FILE + 'engine = "kaniko"\n', "`engine` is 'kaniko', and must be one of auto, "),
        (FILE + 'dockerfile = "/etc/passwd"\n', "must be relative to the checkout"),
        ('[image.balrog]\nrepository = "mozilla/balrog:1"\n', "`repository`: "),
        ("insecure-registries = 1\n", "`insecure-registries` must be"),
        ('insecure-registries = ["a b"]\n', "insecure registry: "),
    ],
)
def test_a_problem_of_the_file_is_told(text, problem):
    assert problem in "\n".join(problems(text))


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"LADING_BUILD_ARGS": "A=1\nB"}, "environment LADING_BUILD_ARGS: `build-args` must be a table"),
        ({"LADING_REPRODUCIBLE": "maybe"}, "environment LADING_REPRODUCIBLE"),
        ({"LADING_INSECURE_REGISTRIES": "a b"}, "insecure registry"),
    ],
)
def test_a_problem_of_the_environment_is_told(environment, problem):
    assert problem in "\n".join(problems(environment=environment))


def test_all_problems_are_told_at_once():
    found = problems("x = 1\n[image.a]\ny = 1\ntags = 1\n", {"LADING_NETWORK": "moon"}, slug=None)
    assert len(found) == 5
    assert "have 5 problems" in str(SettingsError(found))
    assert "has 1 problem:" in str(SettingsError(found[:1])) or "have 1 problem:" in str(
        SettingsError(found[:1])
    )


def test_insecure_registries_come_from_everywhere():
    settings = load(
        'insecure-registries = ["A.example:5000"]\n' + FILE,
        {"LADING_INSECURE_REGISTRIES": "b.example, c.example"},
        {"insecure-registry": ["d.example"]},
    )
    assert settings.insecure_registries == {"a.example:5000", "b.example", "c.example", "d.example"}


@given(st.dictionaries(st.sampled_from([option.variable for option in OPTIONS]), st.text(max_size=12)))
def test_any_environment_gives_settings_or_problems(environment):
    told: tuple[str, ...] = ()
    settings = None
    try:
        settings = load(environment=environment)
    except SettingsError as error:
        told = error.problems
    assert (settings is None) is bool(told)


@pytest.mark.parametrize("place", ["name", "#key", "name#", ""])
def test_a_build_secret_is_a_name_and_a_key(place):
    with pytest.raises(SettingsError, match="`build-secrets` must have the secret's name and the key"):
        load_settings(
            f'[image.x]\nrepository = "a/b"\nbuild-secrets = {{npm = "{place}"}}\n',
            {},
            {},
            image=None,
            slug=None,
        )


def test_the_id_of_a_build_secret_is_a_plain_word():
    with pytest.raises(SettingsError, match="plain words as names"):
        load_settings(
            '[image.x]\nrepository = "a/b"\nbuild-secrets = {"a,src=b" = "n#k"}\n',
            {},
            {},
            image=None,
            slug=None,
        )
