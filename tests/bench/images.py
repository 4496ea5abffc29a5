"""What is built: contexts with other content in each run, so that only what the case is about is cached."""

import random
from dataclasses import dataclass

from tests.support.task import checkout, commit

MB = 1_000_000
CHUNK = 20 * MB


@dataclass(frozen=True)
class Case:
    """An image to publish.

    Args:
        name: as BENCH names it.
        about: what it is.
        layers: kind (`random`, `text`) and size in bytes of each.
        base: layers of a base image, which the registry and the engine have.
        files: further files in the context that nothing uses.
        again: the measured publish is of a commit that is published already.
        budget: the ratio of wall time to the reference that is allowed, or None.
    """

    name: str
    about: str
    layers: tuple[tuple[str, int], ...]
    base: tuple[tuple[str, int], ...] = ()
    files: int = 0
    again: bool = False
    budget: float | None = None


SMALL = (("text", 1 * MB), ("text", 1000))
CASES = {
    case.name: case
    for case in (
        Case("small", "two layers, 1 MB", SMALL, budget=0.45),
        Case("a", "5 layers of 60 MB random data", (("random", 60 * MB),) * 5, budget=1.0),
        Case("b", "one layer of 200 MB text", (("text", 200 * MB),), budget=0.65),
        Case(
            "base",
            "one small layer changed on a base of 1 GB",
            SMALL[1:],
            base=(("random", 100 * MB), ("text", 100 * MB)) * 5,
            budget=0.8,
        ),
        Case("rerun", "small again, nothing changed", SMALL, again=True, budget=0.5),
        Case("many", "50,000 files in the context, one used", SMALL[1:], files=50_000, budget=0.2),
        Case("10mb", "one layer of 10 MB text", (("text", 10 * MB),)),
        Case("100mb", "one layer of 100 MB text", (("text", 100 * MB),)),
        Case("1gb", "one layer of 1 GB text", (("text", 1000 * MB),)),
        Case("1layer", "1 layer of 10 MB text", (("text", 10 * MB),)),
        Case("5layers", "5 layers of 10 MB text", (("text", 10 * MB),) * 5),
        Case("20layers", "20 layers of 10 MB text", (("text", 10 * MB),) * 20),
    )
}
DEFAULT = ("small", "a", "b", "base", "rerun", "many")
GROUPS = {"growth": ("10mb", "100mb", "1gb", "1layer", "5layers", "20layers")}


class Context:
    """A case's checkout."""

    def __init__(self, case, folder, base=None):
        self.case, self.number = case, 0
        lines = [f"FROM {base}" if base else "FROM scratch"]
        names = [f"data/{number}" for number in range(len(case.layers))]
        lines += [f"COPY {name} /{name}" for name in names]
        files = {"Dockerfile": "\n".join(lines) + "\n", ".dockerignore": ".git\n", ".gitignore": "/data/\n"}
        files |= {f"files/{n % 500}/{n}.txt": f"{n}\n" for n in range(case.files)}
        self.folder = checkout(folder, files)
        (self.folder / "data").mkdir()
        for name, (kind, size) in zip(names, case.layers, strict=True):
            write_content(self.folder / name, kind, size)
        self.renew()

    def renew(self):
        """Make every layer another, and commit: what is measured is never in a cache."""
        self.number += 1
        for position, path in enumerate(sorted((self.folder / "data").iterdir())):
            with path.open("r+b") as file:
                file.write(f"{self.number:08}.{position:06}\n".encode())
        (self.folder / "number.txt").write_text(f"{self.number}\n")
        commit(self.folder)

    @property
    def created(self):
        """The task's creation, another for each commit."""
        return f"2026-11-24T{self.number // 60:02}:{self.number % 60:02}:00.000Z"


def write_content(path, kind, size):
    """A file of random bytes, or of words, which gzip makes three times smaller."""
    source = random.Random(f"{path.name}/{kind}")
    chunk = source.randbytes(min(size, CHUNK)) if kind == "random" else _words(source, min(size, CHUNK))
    with path.open("wb") as file:
        while file.tell() < size:
            # A repetition 20 MB away is beyond gzip's window of 32 KiB.
            file.write(chunk[: size - file.tell()] if kind == "text" else _another(source, size, file))


def _another(source, size, file):
    return source.randbytes(min(CHUNK, size - file.tell()))


def _words(source, size):
    letters = "etaoinshrdlucmfwypvbgkqjxz"
    words = ["".join(source.choices(letters, k=source.randint(2, 12))) for _ in range(8000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    text = ""
    while len(text) < size:
        text += " ".join(source.choices(words, weights, k=200_000)) + "\n"
    return text[:size].encode()
