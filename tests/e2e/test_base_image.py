"""The base image is a Debian that runs, and what is built on it installs wheels without a network."""

import io
import tarfile

from console.sandbox.container import run_image


def test_it_has_python_with_venv_and_no_package_source_of_the_machine_that_made_it(
    docker_engine, debian_base
):
    script = "import ensurepip, os, sys; print(sys.version_info >= (3, 11), os.listdir('/etc/apt'))"
    ended = run_image(docker_engine, debian_base, ["python3", "-c", script])
    assert ended.status == 0
    assert ended.output.startswith("True")
    assert "'sources.list'" not in ended.output


def test_a_failed_container_tells_its_status_and_is_removed(docker_engine, debian_base):
    before = docker_engine.ask("GET", "/containers/json?all=1")
    ended = run_image(docker_engine, debian_base, ["sh", "-c", "echo why >&2; exit 7"])
    assert (ended.status, ended.output) == (7, "why\n")
    assert docker_engine.ask("GET", "/containers/json?all=1") == before


def test_this_project_is_installed_in_a_run_without_a_network(docker_engine, lading_context):
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(lading_context, arcname=".")
    query = "t=lading-tests/recipe:latest&networkmode=none"
    headers = {"Content-Type": "application/x-tar"}
    events = list(docker_engine.stream("POST", f"/build?{query}", context.getvalue(), headers))
    assert any("Successfully built" in event.get("stream", "") for event in events)
    assert run_image(docker_engine, "lading-tests/recipe:latest").status == 0
