"""What every way shares: a Taskcluster, a registry, an engine; and one publish by each way in it."""

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.image.reference import Registry, Repository
from runner.registry.client import RegistryClient
from tests.bench.measuring import measured, pulled_bytes, stored_bytes
from tests.support.buildx import buildx_plugin
from tests.support.engines import RunningEngine
from tests.support.registries import credentials_for, debian_registry
from tests.support.task import SECRET, RootTaskcluster, git, push_event, taskcluster

USER, PASSWORD = "publisher", "correct horse battery staple"
REFERENCE = Path(__file__).with_name("reference.sh")
WAYS = ("reference", "lading", "lading-engine", "lading-direct", "lading-buildx")
PATH = "/usr/bin:/bin"


@dataclass
class World:
    """A place for publishes.

    Args:
        cluster: the Taskcluster.
        engine: the engine.
        registry: the registry's `host:port`.
        registry_folder: where it keeps its data.
        home: of the programs that run, with the engine's own `docker` in `bin`.
    """

    cluster: RootTaskcluster
    engine: RunningEngine
    registry: str
    registry_folder: Path
    home: Path

    @property
    def client(self):
        """A client of the registry."""
        return RegistryClient(Registry.parse(self.registry), credentials_for(self.registry, PASSWORD, USER))

    def repository(self, *words):
        """The repository of a case and a way."""
        return f"{self.registry}/mozilla/{'-'.join(words)}"

    @property
    def environment(self):
        """Of a program that talks to the engine; with the classic builder, as the script of 2016 did."""
        return {
            "PATH": f"{self.home}/bin:{PATH}",
            "HOME": str(self.home),
            "DOCKER_HOST": self.engine.host,
            "DOCKER_BUILDKIT": "0",
        }

    def docker(self, *arguments, **options):
        """Run the engine's own client, unmeasured."""
        done = subprocess.run(
            ["docker", *map(str, arguments)],
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            executable=self.home / "bin/docker",
            **options,
        )
        if done.returncode:
            raise RuntimeError(f"docker {arguments[0]}: {done.stderr[-2000:]}")
        return done.stdout

    def log_in(self):
        """Give the engine's client the registry's password."""
        self.docker("login", "--username", USER, "--password-stdin", self.registry, input=PASSWORD)

    def clean(self):
        """Remove the images that the last publish left, so that the next finds none of its layers."""
        names = self.docker("images", "--quiet", "--no-trunc").split()
        keep = set(self.docker("images", "--quiet", "--no-trunc", f"{self.registry}/library/*").split())
        # The newest come first, and so an image before one that it was built on, which cannot be removed before. What
        # lading pushed itself has no tag.
        for image in dict.fromkeys(name for name in names if name not in keep):
            self.docker("image", "rm", "--force", image)

    def publish(self, way, context, *, task=None):
        """One publish of a checkout by a way; returns its cost."""
        task = task or self.task()
        before = stored_bytes(self.registry_folder)
        run = self._reference if way == "reference" else self._lading
        cost = run(way, context, task)
        cost.pushed = float(stored_bytes(self.registry_folder) - before)
        name = self.repository(context.case.name, way)
        with self.client as client:
            cost.pulled = float(pulled_bytes(client, Repository.parse(name), "latest"))
        return cost

    def publish_again(self, way, context):
        """Publish, unmeasured; then once more in the same task's next run."""
        task = self.task()
        self.publish(way, context, task=task)
        if way != "reference":
            task.upload_folder(self.home / "artifacts")
        task.resolve()
        return self.publish(way, context, task=task.rerun())

    def task(self):
        """A task that may read the secret."""
        return self.cluster.task(scopes=[f"secrets:get:{SECRET}"])

    def _reference(self, way, context, task):
        environment = {
            **self.environment,
            **task.environment,
            "BENCH_SECRET": SECRET,
            "BENCH_REPOSITORY": self.repository(context.case.name, way),
            "BENCH_BRANCH": "latest",
            "BENCH_COMMIT": git(context.folder, "rev-parse", "HEAD"),
            "BENCH_DATE": context.created[:16].replace("T", "-").replace(":", "-"),
        }
        cost, printed = measured(
            ["/bin/bash", REFERENCE],
            environment=environment,
            folder=context.folder,
            engine_folder=self.engine.folder,
        )
        begins, ends = re.findall(r"push (?:begins|ends) ([\d.]+)", printed)
        cost.push = float(ends) - float(begins)
        for name in ("version.json", "sha256.txt"):
            (context.folder / name).unlink()
        return cost

    def _lading(self, way, context, task):
        plugin = self.home / ".docker/cli-plugins/docker-buildx"
        if way == "lading-buildx" and not plugin.exists():
            plugin.parent.mkdir(parents=True, exist_ok=True)
            plugin.symlink_to(buildx_plugin())
        artifacts = self.home / "artifacts"
        environment = {
            **self.environment,
            **task.environment,
            **push_event(context.folder),
            "LADING_CREATED": context.created,
            "LADING_ARTIFACTS": str(artifacts),
        }
        cost, _printed = measured(
            lading(way, self.repository(context.case.name, way), context.folder),
            environment=environment,
            folder=self.home,
            engine_folder=self.engine.folder,
        )
        report = json.loads((artifacts / "docker-build-report.json").read_bytes())
        cost.steps = _steps(report)
        cost.steps["(start, imports, end)"] = cost.wall - sum(cost.steps.values())
        cost.push = sum(seconds for step, seconds in cost.steps.items() if step.startswith(PUSH_STEPS))
        return cost


PUSH_STEPS = ("Push", "Pack", "Tag", "Read back")


def lading(way, repository, checkout, python=(sys.executable,)):
    """The command line of a publish."""
    arguments = ["--checkout", str(checkout), "--repository", repository]
    kind = way.partition("-")[2]
    if kind == "buildx":
        arguments += ["--engine", "buildx"]
    elif kind:
        arguments += ["--transport", kind]
    return [*python, "-I", "-m", "runner", "publish", *arguments]


def _steps(report):
    found: dict[str, float] = {}
    for step in report["steps"]:
        # The names of repositories, tags and secrets would make each run's steps its own.
        name = " ".join(word for word in step["name"].split() if "/" not in word).rstrip(",")
        found[name] = found.get(name, 0.0) + (step["seconds"] or 0.0)
    return found


@contextmanager
def world(engine, folder):
    """A Taskcluster and a registry beside a running engine."""
    with ExitStack() as stack:
        home, registry_folder = folder / "home", folder / "registry"
        (home / "bin").mkdir(parents=True)
        (home / "bin/docker").symlink_to(engine.docker)
        registry_folder.mkdir()
        _write_htpasswd(registry_folder / "htpasswd")
        auth = {"htpasswd": {"realm": "bench", "path": str(registry_folder / "htpasswd")}}
        address = stack.enter_context(debian_registry(registry_folder, auth))
        cluster = stack.enter_context(taskcluster())
        cluster.set_secret({"docker": {"registry": address, "username": USER, "password": PASSWORD}})
        yield World(cluster, engine, address, registry_folder, home)


def _write_htpasswd(path):
    done = subprocess.run(
        ["htpasswd", "-niB", USER],
        input=PASSWORD,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.defpath},
    )
    path.write_text(done.stdout.strip() + "\n")
