"""The floor of a push of compressible layers: its parts done apart, each by what does nothing else."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from console.sandbox.engine import Engine
from runner.image.compression import compressor
from runner.image.digest import Digest
from runner.image.manifests import DOCKER_LAYER_GZIP, Descriptor
from runner.image.reference import Repository
from tests.bench.images import CASES, Context
from tests.bench.tables import seconds, show, table

PARTS = ("export", "sha256", "zlib-ng on all cores", "parallel PUT")


def run(place, folder, runs):
    """Print the floor for b."""
    context = Context(CASES["b"], folder / "floor")
    times: dict[str, list[float]] = {part: [] for part in PARTS}
    for _number in range(runs):
        context.renew()
        place.docker("build", "--quiet", "--tag", "floor:1", context.folder)
        for part, taken in zip(PARTS, _once(place, (context.folder / "data/0").read_bytes()), strict=True):
            times[part].append(taken)
        place.clean()
    found = {part: median(measured) for part, measured in times.items()}
    rows = [(part, seconds(value)) for part, value in found.items()]
    rows.append(("one after the other", seconds(sum(found.values()))))
    show(f"The floor of pushing b ({os.cpu_count()} cores):\n\n{table(('part', 's'), rows)}")


def _once(place, content):
    """Seconds of each part."""
    compressed = bytearray()
    yield _timed(lambda: _export(place, "floor:1"))
    yield _timed(lambda: hashlib.sha256(content).digest())
    with compressor() as gzip:
        yield _timed(lambda: gzip.compress((content,), compressed.extend))
    yield _timed(lambda: _put(place, bytes(compressed)))


def _timed(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _export(place, name):
    engine = Engine(place.engine.folder / "docker.sock")
    for _chunk in engine._exchange("GET", f"/images/{name}/get", None, None):
        pass


def _put(place, content):
    """Four blobs at once, as lading does."""
    quarter = len(content) // 4 + 1
    pieces = [content[at : at + quarter] for at in range(0, len(content), quarter)]
    repository = Repository.parse(place.repository("floor"))
    with place.client as client, ThreadPoolExecutor(4) as pool:

        def upload(piece):
            blob = Descriptor(DOCKER_LAYER_GZIP, Digest.of(piece), len(piece))
            client.upload_blob(repository, blob, lambda offset: iter((piece[offset:],)))

        list(pool.map(upload, pieces))
