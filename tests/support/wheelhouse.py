"""This project's wheel and the wheels that it needs to run, for an image that is built without a network."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def fill(folder: Path, cache: Path) -> None:
    """Put this project's wheel, as the checkout is now, and its locked dependencies into a folder.

    Args:
        folder: empty, or not there yet.
        cache: keeps the dependencies of one uv.lock.
    """
    shutil.copytree(_dependencies(cache), folder)
    _uv("build", "--quiet", "--wheel", "--out-dir", str(folder))
    (folder / ".gitignore").unlink(missing_ok=True)  # uv puts one beside what it builds


def _dependencies(cache: Path) -> Path:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    lock = hashlib.sha256((ROOT / "uv.lock").read_bytes()).hexdigest()[:12]
    kept = cache / f"wheels-{version}-{lock}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "wheels.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not kept.exists():
            for old in cache.glob("wheels-*"):
                shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=cache, prefix="wheels-") as work:
                _download(Path(work))
                Path(work, "wheels").rename(kept)
    return kept


def _download(work: Path) -> None:
    needed = _uv("export", "--frozen", "--no-dev", "--no-emit-project", "--quiet")
    (work / "needed.txt").write_text(needed)
    _run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
        *("--only-binary", ":all:", "--require-hashes", "--requirement", str(work / "needed.txt")),
        *("--dest", str(work / "wheels")),
    )


def _uv(*arguments: str) -> str:
    return _run(str(Path(sys.executable).with_name("uv")), *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command[:3])} failed with status {done.returncode}:\n{done.stdout}{done.stderr}"
        raise RuntimeError(message)
    return done.stdout
