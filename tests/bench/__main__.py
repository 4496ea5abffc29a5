"""`make bench`: publishes by the script of 2016 and by lading, in turn, with one engine and one registry.

BENCH chooses images (`small,b`), groups (`growth`) and parts (`peers`, `floor`, `profile`, `scopes`, `console`,
`group`, `log`); ENGINES,
WAYS and RUNS choose engines, ways and how often. The ratios are of one run on one machine; seconds are of that
machine.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from console.sandbox.debian import PACKAGES, Machine, install
from runner.errors import Unavailable
from tests.bench import console, empty_publish, floor, group, log, peers, scopes
from tests.bench.images import CASES, DEFAULT, GROUPS, Context
from tests.bench.measuring import Cost, medians
from tests.bench.tables import COST_HEAD, cost_row, say, show, step_table, table
from tests.bench.world import WAYS, world
from tests.support.engines import RELEASES, running_engine

PARTS = {"floor": floor.run, "peers": peers.run, "profile": empty_publish.run}
ALONE = {"console": console.run, "group": group.run, "log": log.run, "scopes": scopes.run}  # need no engine
RUNS = 5


def main():
    arguments = _arguments()
    started = time.monotonic()
    say(
        f"on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; medians of {arguments.runs}, in turn"
    )
    for name in arguments.bench:
        if name in ALONE:
            ALONE[name](arguments.runs)
    if {*arguments.bench} - ALONE.keys():
        _bench_engines(arguments)
    say(f"took {time.monotonic() - started:.0f} s; load {os.getloadavg()[0]:.1f} after")
    return 0


def _bench_engines(arguments):
    install(
        [name for name in PACKAGES if name in {"dockerd", "docker-registry", "htpasswd", "curl"}],
        Machine.this(),
        say,
    )
    for name in arguments.engines:
        try:
            with running_engine(RELEASES[name], say) as engine, tempfile.TemporaryDirectory() as folder:
                _bench(engine, Path(folder), arguments)
        except Unavailable as error:
            say(f"{name} is left out: {error}")


def _arguments():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--bench",
        type=_names([*CASES, *GROUPS, *PARTS, *ALONE]),
        default=[*DEFAULT, "floor", "profile", "scopes", "console", "group", "log"],
    )
    parser.add_argument("--engines", type=_names(RELEASES), default=["20.10", "28.5"])
    parser.add_argument("--ways", type=_names(WAYS), default=["reference", "lading"])
    parser.add_argument("--runs", type=int, default=RUNS)
    return parser.parse_args()


def _names(known):
    def parse(text):
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return names

    return parse


def _bench(engine, folder, arguments):
    show(f"## {engine.release.name}: Docker Engine {engine.version}, medians of {arguments.runs}")
    chosen = [case for name in arguments.bench for case in GROUPS.get(name, (name,)) if case in CASES]
    found = {}
    with world(engine, folder) as place:
        for name in chosen:
            found[name] = _measure(place, CASES[name], folder / name, arguments)
            rows = [
                cost_row(CASES[name], way, cost, found[name].get("reference"))
                for way, cost in found[name].items()
            ]
            show(table(COST_HEAD, rows))
        for way in (way for way in arguments.ways if way != "reference" and chosen):
            costs = {name: found[name][way] for name in chosen}
            show(f"Where the seconds of {way} go:\n\n{step_table(costs)}")
        for part in (PARTS[name] for name in arguments.bench if name in PARTS):
            part(place, folder, arguments.runs)


def _measure(place, case, folder, arguments):
    """Medians by way; the ways take turns, and who is first changes from turn to turn."""
    context = Context(case, folder, _base(place, case))
    costs: dict[str, list[Cost]] = {way: [] for way in arguments.ways}
    if case.base:
        for way in arguments.ways:
            place.publish(way, context)
    for number in range(arguments.runs):
        turn = number % len(arguments.ways)
        for way in (*arguments.ways[turn:], *arguments.ways[:turn]):
            context.renew()
            publish = place.publish_again if case.again else place.publish
            costs[way].append(publish(way, context))
            place.clean()
            say(f"{case.name} {number + 1}/{arguments.runs} {way}: {costs[way][-1].wall:.2f} s")
    return {way: medians(runs) for way, runs in costs.items()}


def _base(place, case):
    """The base image, in the engine as if pulled from the registry."""
    if not case.base:
        return None
    name = f"{place.registry}/library/base:1"
    with tempfile.TemporaryDirectory() as folder:
        context = Context(replace(case, layers=case.base, base=(), files=0), Path(folder) / "base")
        place.docker("build", "--tag", name, context.folder)
    place.log_in()
    place.docker("push", name)
    return name


if __name__ == "__main__":
    sys.exit(main())
