"""The push part by other clients: skopeo, crane, regctl, each with the engine's image and two tags."""

import base64
import json
import os
import shutil
import subprocess

from console.sandbox.base_image import cache_folder
from runner.image.reference import Repository
from tests.bench.images import CASES, Context
from tests.bench.measuring import Cost, measured, medians, pulled_bytes
from tests.bench.tables import megabytes, ratio, say, seconds, show, table
from tests.bench.world import PASSWORD, USER

CHOSEN = ("small", "a", "b")
GO = {
    "crane": "github.com/google/go-containerregistry/cmd/crane@v0.22.1",
    "regctl": "github.com/regclient/regclient/cmd/regctl@v0.11.7",
}
LADING = ("lading-engine", "lading-direct")
# Each pushes SOURCE, an image of the engine, to $TO under two tags; the others need a `save` before: bookworm's skopeo
# asks the engine for API 1.22, which 28.5 refuses.
SCRIPTS = {
    "docker push": (
        'docker tag "$SOURCE" "$TO:1" && docker tag "$SOURCE" "$TO:2" && '
        'docker push --quiet "$TO:1" && docker push --quiet "$TO:2"'
    ),
    "skopeo": (
        'docker save "$SOURCE" >"$TAR" && '
        'skopeo copy --quiet --dest-tls-verify=false "docker-archive:$TAR" "docker://$TO:1" && '
        'skopeo copy --quiet --src-tls-verify=false --dest-tls-verify=false "docker://$TO:1" "docker://$TO:2"'
    ),
    "crane": (
        'docker save "$SOURCE" >"$TAR" && crane push --insecure "$TAR" "$TO:1" && '
        'crane tag --insecure "$TO:1" 2'
    ),
    "regctl": (
        'regctl registry set --tls disabled "${TO%%/*}" && docker save "$SOURCE" >"$TAR" && '
        'regctl image import "$TO:1" "$TAR" && regctl image copy "$TO:1" "$TO:2"'
    ),
}


def run(place, folder, runs):
    """Print the push part of each; lading's is out of its own report, of publishes in the same turns."""
    place.log_in()
    _write_auth(place)
    programs = installed()
    peers = [name for name in SCRIPTS if name == "docker push" or name in programs]
    for program in programs:
        (place.home / "bin" / program).symlink_to(programs[program])
    rows = []
    for name in CHOSEN:
        found = _measure(place, CASES[name], folder / f"peers-{name}", runs, [*peers, *LADING])
        first = found["docker push"].push
        rows += [
            (
                name,
                way,
                seconds(cost.push),
                ratio(cost.push, first),
                seconds(cost.cpu),
                megabytes(cost.rss),
                megabytes(cost.pulled),
            )
            for way, cost in found.items()
        ]
    head = ("image", "client", "push s", "ratio", "cpu s", "rss MB", "pull MB")
    about = "The push part, two tags, by other clients (cpu and rss of lading are of its whole publish)"
    show(f"{about}:\n\n{table(head, rows)}")


def _measure(place, case, folder, runs, ways):
    context = Context(case, folder)
    costs: dict[str, list[Cost]] = {way: [] for way in ways}
    for number in range(runs):
        turn = number % len(ways)
        for way in (*ways[turn:], *ways[:turn]):
            context.renew()
            if way in LADING:
                costs[way].append(place.publish(way, context))
            else:
                costs[way].append(_push(place, case, context, way))
            place.clean()
    return {way: medians(runs) for way, runs in costs.items()}


def _push(place, case, context, way):
    place.docker("build", "--quiet", "--tag", "source:1", context.folder)
    to, tar = place.repository(case.name, way.replace(" ", "-")), place.home / "saved.tar"
    environment = {**place.environment, "SOURCE": "source:1", "TO": to, "TAR": str(tar)}
    cost, _ = measured(
        ["/bin/bash", "-ec", SCRIPTS[way]],
        environment=environment,
        folder=place.home,
        engine_folder=place.engine.folder,
    )
    tar.unlink(missing_ok=True)
    cost.push = cost.wall
    with place.client as client:
        cost.pulled = float(pulled_bytes(client, Repository.parse(to), "2"))
    return cost


def _write_auth(place):
    """What `docker login` writes; skopeo and regctl read it as well."""
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    content = json.dumps({"auths": {place.registry: {"auth": login}}})
    (place.home / ".docker").mkdir(exist_ok=True)
    (place.home / ".docker/config.json").write_text(content)


def installed():
    """Paths of the other clients that are here or can be built here, by name."""
    found = {name: path for name in ("skopeo",) if (path := shutil.which(name))}
    target = cache_folder(os.environ) / "bench/bin"
    for name, module in GO.items():
        program = target / name
        if not program.exists() and (go := shutil.which("go")):
            say(f"building {module} (once)")
            subprocess.run([go, "install", module], env={**os.environ, "GOBIN": str(target)}, check=False)
        if program.exists():
            found[name] = str(program)
        else:
            say(f"{name} is left out: it is built with go, which is not here")
    return found
