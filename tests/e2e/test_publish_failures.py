"""Each way in which a publish fails has its message and its exit code, and no traceback."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.sandbox.private_engine import private_engine
from console.sandbox.registry.authentication import Account, TokenAuth
from console.sandbox.registry.faults import Answer, Fault
from tests.support.registries import embedded_registry
from tests.support.task import ROOT, SECRET, checkout, commit, moment, push_event, run_lading, taskcluster

pytestmark = [pytest.mark.enable_socket]

PASSWORD = "a-password-worth-stealing"
DOCKERFILE = "FROM scratch\nCOPY hello.txt /\n"


@pytest.fixture(scope="module")
def cluster():
    with taskcluster() as found:
        yield found


@pytest.fixture
def registry():
    accounts = [Account("publisher", PASSWORD), Account("reader", PASSWORD, {"*": {"pull"}})]
    with embedded_registry(auth=TokenAuth(accounts)) as found:
        yield found


@pytest.fixture
def place(cluster, registry, docker_engine, tmp_path):
    cluster.set_secret({"docker": {"registry": registry.host, "username": "publisher", "password": PASSWORD}})
    toml = f'[image.balrog]\nrepository = "{registry.host}/mozilla/balrog"\n'
    files = {"Dockerfile": DOCKERFILE, "hello.txt": "hello\n", "lading.toml": toml, ".dockerignore": ".git\n"}
    return Place(docker_engine.host, checkout(tmp_path / "checkout", files), tmp_path / "artifacts")


class Place:
    def __init__(self, engine, folder, artifacts):
        self.engine, self.folder, self.artifacts = engine, folder, artifacts

    def environment(self, task, **changes):
        given = {
            **task.environment,
            **push_event(self.folder),
            "DOCKER_HOST": self.engine,
            "LADING_ARTIFACTS": str(self.artifacts),
            **changes,
        }
        return {name: value for name, value in given.items() if value is not None}

    def publish(self, task, *arguments, **changes):
        return run_lading(
            "publish", "--checkout", self.folder, *arguments, environment=self.environment(task, **changes)
        )

    def write(self, name, text):
        (self.folder / name).write_text(text)
        commit(self.folder)

    @contextmanager
    def publishing(self, task, **changes):
        """A publish that runs while the test does something to it."""
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "runner", "publish", "--checkout", str(self.folder)],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", **self.environment(task, **changes)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def ends(done, code, *texts):
    """The exit code, the texts in the message, no traceback and no password."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    message = done.stderr[done.stderr.rindex("lading-runner: ") :]
    for text in texts:
        assert text in message
    return message


def built(done):
    return "Build the image" in done.stderr


def test_a_task_without_the_secrets_scope_is_told_scope_role_and_file(place, cluster):
    done = place.publish(cluster.task(scopes=[]))
    ends(
        done,
        3,
        f"403 from secrets: this task lacks `secrets:get:{SECRET}`.",
        "Add it to `scopes` in .taskcluster.yml and to role `repo:github.com/mozilla/balrog:branch:master`.",
    )
    assert not built(done)


def test_an_absent_secret(place, cluster):
    cluster.call("DELETE", "secrets", "secret/repo%3Agithub.com%2Fmozilla%2Fbalrog%3Adockerhub")
    done = place.publish(cluster.task())
    ends(done, 3, f"The secret `{SECRET}` is absent or expired.", "lading secret set")
    assert not built(done)


def test_an_expired_secret(place, cluster):
    body = {"secret": {"dockerhub_password": PASSWORD}, "expires": moment(days=-1)}
    cluster.call("PUT", "secrets", "secret/repo%3Agithub.com%2Fmozilla%2Fbalrog%3Adockerhub", body)
    ends(place.publish(cluster.task()), 3, "is absent or expired")


def test_a_secret_of_no_known_shape_names_its_keys_and_no_values(place, cluster):
    cluster.set_secret({"dockerhub_passwort": PASSWORD, "other": "another-value"})
    message = ends(place.publish(cluster.task()), 3, "keys present: `dockerhub_passwort`, `other`")
    assert "another-value" not in message


def test_a_secret_for_another_registry_goes_nowhere(place, cluster, registry):
    cluster.set_secret({"dockerhub_password": PASSWORD})
    done = place.publish(cluster.task())
    ends(done, 3, "is for docker.io", f"the image goes to {registry.host}")
    assert not registry.seen


def test_a_wrong_password_is_found_before_the_build(place, cluster, registry):
    secret = {"registry": registry.host, "username": "publisher", "password": "not-the-password"}
    cluster.set_secret({"docker": secret})
    done = place.publish(cluster.task())
    ends(done, 3, "does not accept the user name and password")
    assert not built(done)


def test_a_user_who_may_not_push_is_found_before_the_build(place, cluster, registry):
    cluster.set_secret({"docker": {"registry": registry.host, "username": "reader", "password": PASSWORD}})
    done = place.publish(cluster.task())
    ends(done, 3, "may not push")
    assert not built(done)


def test_a_registry_that_is_down(place, cluster, registry):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # nobody else has the port, and nobody listens on it
        down = f"127.0.0.1:{deaf.getsockname()[1]}"
        cluster.set_secret({"docker": {"registry": down, "username": "publisher", "password": PASSWORD}})
        done = place.publish(cluster.task(), "--repository", f"{down}/mozilla/balrog")
    ends(done, 4, down)
    assert not built(done)


def test_a_registry_that_limits_the_rate(place, cluster, registry):
    registry.faults.append(Fault(Answer(429, headers={"Retry-After": "0"}), kind="upload", times=None))
    done = place.publish(cluster.task())
    ends(done, 4, "429")
    assert not built(done)


def test_no_engine(place, cluster, tmp_path):
    done = place.publish(cluster.task(), DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    ends(done, 4, "There is no Docker-compatible engine", "none.sock")


def test_no_engine_is_told_before_what_is_wrong_with_the_secret(place, cluster, tmp_path):
    done = place.publish(cluster.task(scopes=()), DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    ends(done, 4, "There is no Docker-compatible engine")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run as somebody else")
def test_an_engine_that_may_not_be_used(place, cluster):
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as closed:
        path = Path(folder) / "engine.sock"
        closed.bind(str(path))
        closed.listen()
        path.chmod(0o600)
        Path(folder).chmod(0o755)
        program = (
            "import os, sys\n"
            "from runner.engines.docker_engine import DockerEngine\n"
            "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "try:\n    DockerEngine({'DOCKER_HOST': sys.argv[1]})\n"
            "except Exception as error:\n    print(error.exit_code, error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, f"unix://{path}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stdout.startswith("3 The engine's socket"), done.stderr
    assert "osGroups" in done.stdout


def test_an_engine_that_is_not_running(place, cluster, tmp_path):
    path = Path(tempfile.mkdtemp()) / "s"
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(path))
    done = place.publish(cluster.task(), DOCKER_HOST=f"unix://{path}")
    path.unlink()
    path.parent.rmdir()
    ends(done, 4, "No engine answers")


def test_an_engine_that_dies_in_the_middle_of_the_build(place, cluster, debian_base):
    place.write("Dockerfile", f"FROM {debian_base}\nRUN echo waiting; sleep 600\n")
    with tempfile.TemporaryDirectory() as folder:
        from console.sandbox.base_image import cache_folder, debian_archive, import_image
        from console.sandbox.debian import Machine

        with private_engine(Path(folder), os.environ, lambda _text: None) as engine:
            archive = debian_archive(cache_folder(os.environ), Machine.this(), lambda _text: None)
            import_image(engine, archive, debian_base)
            place.engine = engine.host
            task = cluster.task()
            with place.publishing(task) as process:
                lines = []
                for line in process.stderr:
                    lines.append(line)
                    if line.strip() == "| waiting":
                        os.kill(int((engine.socket.parent / "docker.pid").read_text()), signal.SIGKILL)
                        break
                stderr = "".join(lines) + process.stderr.read()
                code = process.wait(60)
    assert code == 4, stderr
    assert "stopped answering in the middle of the build" in stderr
    assert "Traceback" not in stderr


def test_a_dockerfile_that_fails_tells_the_step_and_its_output(place, cluster, debian_base):
    place.write("Dockerfile", f"FROM {debian_base}\nRUN echo before; echo broken >&2; exit 3\n")
    done = place.publish(cluster.task())
    ends(done, 1, "step 2 of", "RUN echo before", "returned a non-zero code: 3", "broken")


def test_a_dockerfile_that_cannot_be_parsed(place, cluster):
    place.write("Dockerfile", "FROM scratch\nNONSENSE\n")
    ends(place.publish(cluster.task()), 1, "NONSENSE")


def test_a_base_image_that_is_not_there_is_told_once(place, cluster, registry):
    wanted = f"FROM {registry.host}/no/such:1"
    place.write("Dockerfile", f"{wanted}\nCOPY hello.txt /\n")
    done = place.publish(cluster.task())
    ends(done, 1, wanted, "not found")
    assert "Step 1/" not in done.stderr


def test_a_heredoc_is_refused_because_the_classic_builder_would_run_nothing(place, cluster, debian_base):
    place.write("Dockerfile", f"FROM {debian_base}\nRUN <<EOS\necho hello\nEOS\n")
    done = place.publish(cluster.task(), "--engine", "docker")
    ends(done, 2, "needs BuildKit", "line 2", "RUN <<EOS")
    assert not built(done)


def test_a_pull_request_is_refused(place, cluster):
    done = place.publish(cluster.task(), LADING_EVENT="pull-request")
    ends(done, 3, "pull request", "lading-runner build")
    assert not built(done)


def test_another_commit_than_the_events_is_refused(place, cluster):
    done = place.publish(cluster.task(), LADING_REVISION="0" * 40)
    ends(done, 6, "The checkout is at commit")


def test_an_artifact_that_is_refused(place, cluster):
    task = cluster.task()
    task.resolve()
    done = place.publish(task, LADING_ARTIFACTS=None)
    ends(done, 8, "could not be created")


def test_a_directory_for_artifacts_that_cannot_be_written_is_found_before_the_build(place, cluster, tmp_path):
    (tmp_path / "file").write_text("")
    done = place.publish(cluster.task(), LADING_ARTIFACTS=str(tmp_path / "file" / "artifacts"))
    ends(done, 3, "cannot be written", "LADING_ARTIFACTS")
    assert not built(done)


def test_outside_of_a_task(place, cluster):
    ends(place.publish(cluster.task(), TASK_ID=None), 2, "This is no Taskcluster task: TASK_ID is not set.")


def test_a_task_without_a_proxy(place, cluster):
    done = place.publish(cluster.task(), TASKCLUSTER_PROXY_URL=None)
    ends(done, 3, "taskclusterProxy: true")


def test_every_problem_of_the_settings_at_once(place, cluster):
    place.write("lading.toml", '[image.balrog]\nrepositorry = "x"\ntags = "latest"\n[other]\n')
    done = place.publish(cluster.task(), "--engine", "docker")
    ends(done, 2, "did you mean `repository`?", "`tags` must be a list of texts", "unknown key `other`")


def test_sigterm_leaves_a_report_and_no_credential(place, cluster, debian_base):
    place.write("Dockerfile", f"FROM {debian_base}\nRUN echo waiting; sleep 600\n")
    task = cluster.task()
    with place.publishing(task) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.strip() == "| waiting":
                process.send_signal(signal.SIGTERM)
                break
        stderr = "".join(lines) + process.stderr.read()
        assert process.wait(60) == 143, stderr
    assert "Ended by SIGTERM" in stderr
    assert "Traceback" not in stderr
    report = json.loads((place.artifacts / "docker-build-report.json").read_text())
    assert report["outcome"]["exitCode"] == 143
    assert not (place.artifacts / "docker-image.json").exists()
    left = subprocess.run(
        ["grep", "-rlF", PASSWORD, str(place.artifacts.parent)], capture_output=True, text=True, check=False
    )
    assert left.stdout == ""


def test_a_tag_that_fails_leaves_the_others_and_is_told(place, cluster, registry):
    registry.faults.append(Fault(Answer(503), kind="manifest", method="PUT", reference="latest", times=None))
    done = place.publish(cluster.task())
    ends(done, 4, "latest")
    statement = json.loads((place.artifacts / "docker-image.json").read_text())
    tags = statement["predicate"]["lading"]["tags"]
    assert tags["master-2026-11-24-10-20"] == "pushed"
    assert tags["latest"].startswith("failed: ")
