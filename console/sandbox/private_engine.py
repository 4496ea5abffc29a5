"""A Docker Engine of one's own: Debian's dockerd with its own data, socket and cgroup, gone when it stops.

All that a run has lies in one folder, or is called like it: so the next run finds what a killed one left.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.sandbox.debian import SEARCHED, Machine, find, install, run
from console.sandbox.engine import Engine, find_engine
from console.sandbox.mounts import remove
from console.sandbox.owned_folder import owned_folder
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

PREFIX: Final = "lading-engine."
CGROUPS: Final = Path("/sys/fs/cgroup")
_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.05
_LOG_LINES = 15


@contextmanager
def any_engine(environment: Mapping[str, str], say: Callable[[str], None]) -> Iterator[Engine]:
    """An engine that is there, else a private one for as long as the block runs.

    Args:
        environment: where DOCKER_HOST, XDG_RUNTIME_DIR and HOME are looked up.
        say: told which engine it is, and what is about to be installed or started.

    Raises:
        Unavailable: there is none, and none can be installed or started here.
    """
    found = find_engine(environment)
    if found is not None:
        say(f"using the Docker Engine {found.version()} at {found.socket}")
        yield found
        return
    machine = Machine.this()
    if not machine.root:
        raise Unavailable(
            "No Docker-compatible engine answers here.",
            cause="Neither DOCKER_HOST is set nor does /var/run/docker.sock answer.",
            action="Start Docker, or join the group that may use its socket; as root on Debian one is "
            "installed and started for you.",
        )
    install(["dockerd"], machine, say)
    with private_engine(Path(tempfile.gettempdir()), environment, say) as engine:
        yield engine


@contextmanager
def private_engine(
    parent: Path, environment: Mapping[str, str], say: Callable[[str], None]
) -> Iterator[Engine]:
    """Run a dockerd below a new folder of `parent`; stop it and remove all it had, however the block ends.

    It must be entered on a thread that outlives it: the kernel ends the engine when that thread ends.

    Args:
        parent: the new folder's place; a socket's path has 107 bytes at most (unix(7)).
        environment: proxy settings for pulls are taken from it.
        say: told when it starts and stops.

    Raises:
        Unavailable: it does not start; the end of its log is told.
    """
    with owned_folder(PREFIX, parent, discard) as folder:
        driver = "overlay2" if _overlay_works(folder) else "vfs"
        say(f"starting a private Docker Engine ({driver}) in {folder}")
        with _dockerd(folder, driver, environment) as engine:
            yield engine
            say("stopping the private Docker Engine")


def discard(folder: Path) -> None:
    """End whatever still runs of the engine in `folder`, and remove its mounts, cgroups and files."""
    for cgroup in _with_all_below(cgroups_named(folder.name)):
        _kill(_processes_in(cgroup))
    _kill(processes_naming(folder, Path("/proc")))
    for cgroup in _with_all_below(cgroups_named(folder.name)):
        with suppress(OSError):
            cgroup.rmdir()
    remove(folder)


def cgroups_named(name: str) -> list[Path]:
    """The cgroups of that name in all hierarchies.

    Another engine's go away meanwhile: `os.walk` passes by such a folder, `Path.glob` raises (before Python 3.13).
    """
    return [Path(at, name) for at, folders, _ in os.walk(CGROUPS) if name in folders]


def _with_all_below(cgroups: Iterable[Path]) -> list[Path]:
    """Those below before those above, as they can be removed."""
    return [Path(at) for cgroup in cgroups for at, _, _ in os.walk(cgroup, topdown=False)]


def _processes_in(cgroup: Path) -> list[int]:
    try:
        return [int(pid) for pid in (cgroup / "cgroup.procs").read_text().split()]
    except OSError:  # it went away with its last process
        return []


def processes_naming(folder: Path, proc: Path) -> list[int]:
    """Processes that have the folder's path in their command line: dockerd, its containerd, their shims."""
    found = []
    for entry in proc.glob("[0-9]*"):
        with suppress(OSError):
            if os.fsencode(f"{folder}/") in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


@contextmanager
def _dockerd(folder: Path, driver: str, environment: Mapping[str, str]) -> Iterator[Engine]:
    program, setpriv = find("dockerd"), find("setpriv")
    if program is None or setpriv is None:
        raise Unavailable("dockerd is not installed.", action="Install docker.io.")
    engine = Engine(folder / "docker.sock", private=True)
    log = folder / "dockerd.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the program is dockerd
            # The kernel tells it to stop, in order, even when we are killed (prctl(2), PR_SET_PDEATHSIG).
            (setpriv, "--pdeathsig", "TERM", program, *_flags(folder, driver, engine)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": f"{environment.get('PATH', '')}:{SEARCHED}", **_proxies(environment)},
            start_new_session=True,  # Ctrl-C at the terminal is for us; we stop it after its last use
        )
    try:
        _until_ready(engine, process, log)
        yield engine
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _flags(folder: Path, driver: str, engine: Engine) -> tuple[str, ...]:
    return (
        *("--host", engine.host, "--pidfile", f"{folder}/docker.pid"),
        *("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--storage-driver", driver),
        # One cgroup, ours by name: what is left in it after a crash can be found and ended.
        *("--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{folder.name}"),
        # The machine's network stays as it is: without the last flag dockerd turns forwarding on.
        *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"),
    )


def _until_ready(engine: Engine, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not engine.answers():
        ended = process.poll()
        if ended is None and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            continue
        state = (
            f"ended with status {ended}" if ended is not None else f"is not ready in {_READY_SECONDS:.0f} s"
        )
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
        raise Unavailable(f"The private Docker Engine {state}. Its log ends:\n{tail}")


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.lower().endswith("_proxy")}


def _overlay_works(folder: Path) -> bool:
    """Whether the kernel mounts an overlay here: not on top of an overlay, as a container's root is."""
    place = folder / "overlay"
    for name in ("lower", "upper", "work", "merged"):
        (place / name).mkdir(parents=True)
    options = f"lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work"
    try:
        run("mount", "-t", "overlay", "overlay", "-o", options, f"{place}/merged")
    except Unavailable:
        return False
    else:
        run("umount", f"{place}/merged")
        return True
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _kill(pids: Iterator[int] | list[int]) -> None:
    """Kill, and wait until each is gone or a zombie that its parent has to reap."""
    waiting = set(pids) - {os.getpid()}
    for pid in waiting:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _STOP_SECONDS
    while any(_runs(pid) for pid in waiting) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
