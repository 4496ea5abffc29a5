"""A seeded sandbox, its registry and its sample repository, to be broken, diagnosed and put right again."""

import io
import json
import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from console.sandbox.registry.authentication import Account, BasicAuth
from console.sandbox.sample import make_sample
from console.sandbox.seed import BRANCH_ROLE, DOCKERHUB, TASK_QUEUE
from runner.task.image_metadata import REVISION_LABEL
from tests.support.hosted_sandbox import hosted_sandbox
from tests.support.registries import embedded_registry

USER, TOKEN = "mozilla", "the token of mozilla"

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Clinic:
    """What a test breaks, and how it does what a finding says."""

    def __init__(self, sandbox, registry, pristine):
        self.sandbox = sandbox
        self.registry = registry
        self.pristine = pristine
        self.repo = pristine
        self.question = []
        self.by = None
        self._roles = {}

    # what is there

    def file(self, name=".taskcluster.yml"):
        return self.repo / name

    def rewrite(self, old, new, name=".taskcluster.yml"):
        """Replace a piece of a file, which has it."""
        text = self.file(name).read_text()
        assert old in text
        self.file(name).write_text(text.replace(old, new))

    def git(self, *words):
        names = {
            f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", **names}
        done = subprocess.run(
            ("git", "-C", self.repo, *words), check=True, capture_output=True, text=True, env=environment
        )
        return done.stdout.strip()

    def role(self, role_id):
        return self.sandbox.call("GET", "auth", "roles", role_id)

    def set_role(self, role_id, scopes, description="Seeded"):
        self._roles.setdefault(role_id, self._stated(role_id))
        self.sandbox.set_role(role_id, *scopes, description=description)

    def _stated(self, role_id):
        listed = self.sandbox.call("GET", "auth", "roles")
        return next((role["scopes"] for role in listed if role["roleId"] == role_id), None)

    def take(self, *scopes, role_id=BRANCH_ROLE, description="Seeded"):
        """Take scopes out of a role that has them."""
        held = self.role(role_id)["scopes"]
        assert set(scopes) <= set(held)
        self.set_role(role_id, set(held) - set(scopes), description)

    def set_secret(self, content=None, expires="3000-01-01T00:00:00.000Z"):
        if content is None:
            content = {"docker": {"registry": self.registry.host, "username": USER, "password": TOKEN}}
        self.sandbox.call(
            "PUT", "secrets", "secret", DOCKERHUB, payload={"secret": content, "expires": expires}
        )

    def put_image(self, tag, revision):
        """An image under a tag, labelled with the commit that it was made of."""
        storage, name = self.registry.storage, "mozilla/balrog"
        config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
        content = json.dumps({**config, "config": {"Labels": {REVISION_LABEL: revision}}}).encode()
        digest = storage.put_blob(name, content)
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": str(digest),
                "size": len(content),
            },
            "layers": [],
        }
        return storage.put_manifest(name, OCI_MANIFEST, json.dumps(manifest).encode(), tag)

    def remove_secret(self):
        self.sandbox.call("DELETE", "secrets", "secret", DOCKERHUB)

    def grant(self, *actions):
        """What the user may do at the registry."""
        self.registry.auth = BasicAuth([Account(USER, TOKEN, {"*": frozenset(actions)})])

    # what is asked

    def lading(self, *words, stdin="", **how):
        code, out, err = self.sandbox.lading(*words, by=self.by, stdin=stdin, PATH=os.environ["PATH"], **how)
        assert "Traceback" not in err
        assert TOKEN not in out + err
        return code, out, err

    def diagnose(self):
        """The exit code, and the findings that are not ok."""
        code, out, err = self.lading("doctor", "--repo", str(self.repo), "--json", *self.question)
        assert out, err
        answer = json.loads(out)
        assert answer["exitCode"] == code
        return code, [finding for finding in answer["findings"] if finding["level"] != "ok"]

    # what is done

    def follow(self, finding):
        """Do what a finding says, as a person would who has the right to do it."""
        for fix in finding["fixes"]:
            getattr(self, f"_{fix['kind']}")(fix)

    def _role(self, fix):
        self._roles.setdefault(fix["role"], self._stated(fix["role"]))
        code, _, err = self.lading("role", "set", fix["role"], "--yes", stdin="\n".join(fix["scopes"]))
        assert code == 0, err

    def _configuration(self, fix):
        """ci-admin writes what the configuration says; a grant is read from the text that was offered."""
        added = yaml.safe_load(fix["text"])[0]["grant"] if fix["text"] else []
        assert added == fix["add"]
        held = self.role(fix["role"])
        scopes = (set(held["scopes"]) | set(added)) - set(fix["remove"])
        self.sandbox.set_role(fix["role"], *scopes, description=held["description"])

    def _secret(self, fix):
        piped = io.TextIOWrapper(io.BytesIO(TOKEN.encode()))
        code, _, err = self.lading(*fix["words"][1:], stdin=piped)
        # No worker is here to prove the token, nor is this folder a checkout.
        assert (code, "saved, not proved" in err) == (7, True), err

    def _registry(self, fix):
        if fix["what"] == "grant push":
            self.grant("pull", "push")
        else:
            path = fix["repository"].partition("/")[2]
            self.registry.storage.repository(path).tags.pop(fix["whom"])

    def _command(self, fix):
        match fix["words"]:
            case ["lading", "doctor", *question]:
                self.question = question
            case ["lading", "signin"]:
                self.by = None
            case ["lading", "task", "init", *_]:
                self._init()
            case ["lading", *words]:
                code, _, err = self.lading(*words)
                assert code == 0, err
            case ["git", "pull"]:
                self.git("merge", "--ff-only", "newer")
            case other:
                raise AssertionError(f"A doctor's command that nobody can follow: {other}")

    def _init(self):
        image = f"{self.registry.host}/mozilla/balrog"
        words = ("--pool", TASK_QUEUE, "--branch", "master", "--image", image)
        index = ("--index", "project.balrog.docker")
        code, out, err = self.lading(
            "task", "init", "--folder", str(self.repo), *words, *index, "--print", "--json"
        )
        assert code == 0, err
        for name, text in json.loads(out)["files"].items():
            self.file(name).write_text(text)

    def _file(self, fix):
        path = self.file(fix["file"])
        if fix["file"] == "lading.toml":
            self._settings(path, fix)
        elif fix["edits"]:
            document = yaml.safe_load(path.read_text())
            task = document["tasks"][fix["task"]]
            for edit in fix["edits"]:
                _apply(task.get("then", task), edit)
            path.write_text(yaml.safe_dump(document, sort_keys=False, width=1000))
        else:
            self._correct(path, fix["line"])

    def _settings(self, path, fix):
        if not fix["edits"]:
            self._correct(path, 0)
        for edit in fix["edits"]:
            lines = [line for line in path.read_text().splitlines() if not line.startswith(edit["path"][0])]
            path.write_text("\n".join([*lines, f"{edit['path'][0]} = {json.dumps(edit['value'])}"]) + "\n")

    def _correct(self, path, line):
        """Put right what only a person can: the line that was named is the one that is wrong."""
        right, wrong = (self.pristine / path.name).read_text(), path.read_text()
        if line:
            pairs = zip(right.splitlines(), wrong.splitlines(), strict=True)
            assert line in [number for number, (was, now) in enumerate(pairs, 1) if was != now]
        path.write_text(right)

    # and after it

    def recover(self):
        """Undo all of it."""
        for role_id, scopes in self._roles.items():
            if scopes is None:
                self.sandbox.call("DELETE", "auth", "roles", role_id)
            else:
                self.sandbox.set_role(role_id, *scopes, description="Seeded")
        self._roles = {}
        self.set_secret()
        self.grant("pull", "push")
        self.registry.faults = []
        self.registry.storage.repositories.clear()


def _apply(member, edit):
    *parents, last = edit["path"]
    for step in parents:
        member = member[step] if isinstance(member, list) else member.setdefault(step, {})
    if edit["how"] == "set":
        member[last] = edit["value"]
    elif edit["how"] == "add":
        member.setdefault(last, []).append(edit["value"])
    elif edit["value"] is None:
        del member[last]
    else:
        member[last].remove(edit["value"])


@contextmanager
def clinic(folder):
    """A clinic whose pool has a worker, with everything in order."""
    with ExitStack() as stack:
        registry = stack.enter_context(embedded_registry(auth=None))
        sandbox = stack.enter_context(hosted_sandbox())
        make_sample(Path(folder) / "sample", registry.host, os.environ)
        sandbox.call(
            "POST",
            "queue",
            "claim-work",
            TASK_QUEUE,
            payload={"tasks": 1, "workerGroup": "sandbox", "workerId": "local"},
        )
        found = Clinic(sandbox, registry, Path(folder) / "sample")
        found.recover()
        yield found


@pytest.fixture(scope="module")
def building(tmp_path_factory):
    """One clinic for a module's tests."""
    with clinic(tmp_path_factory.mktemp("clinic")) as found:
        yield found


@pytest.fixture
def patient(building, tmp_path, monkeypatch):
    """The clinic with a checkout of one test's own; what the test breaks is whole again after it."""
    monkeypatch.chdir(tmp_path)  # commands look for a checkout where they are
    shutil.copytree(building.pristine, tmp_path / "balrog")
    building.repo, building.question, building.by = tmp_path / "balrog", [], None
    yield building
    building.recover()
