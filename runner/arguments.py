"""The arguments of `lading-runner`, and of what both programs have; nothing heavy is imported."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner import __version__
from runner.errors import UsageError
from runner.narration import printable
from runner.settings import OPTIONS, Option

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS: Final = {
    "publish": "build, push, read back, and leave the statement",
    "plan": "what publish would do, and every check that can be made now",
    "build": "build and pack into an OCI layout, without the secret and without a registry",
    "push": "push an OCI layout that another task built, once every blob of it is hashed",
    "index": "index create: join layouts of several platforms into one image, and push that",
}


def runner_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of `lading-runner`.

    Args:
        words: the command line. If it names a command, the others get none of their 16 flags; shtab is loaded only
            for who asks it for completions.
    """
    parser = argparse.ArgumentParser(
        prog="lading-runner",
        description="Builds a Docker image inside a Taskcluster task, pushes it, and states its digests.",
        epilog="Exit codes: 0 ok; 1 build failed; 2 usage; 3 refused; 4 not available now; 5 internal error; "
        "6 integrity; 7 cannot tell; 8 conflict; 130, 143 signals.",
    )
    parser.add_argument("--version", action="version", version=f"lading-runner {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    typed = [] if asks_for_completion(words) else [name for name in _COMMANDS if name in words]
    for name, about in _COMMANDS.items():
        command = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        if typed and name not in typed:
            continue
        if name == "build":
            command.add_argument("--output", type=Path, required=True, metavar="DIR", help="the layout")
        if name == "push":
            command.add_argument(
                "layout", nargs="?", metavar="LAYOUT", help="the layout's folder, unless --from-task is given"
            )
            command.add_argument("--from-task", metavar="ID", help="the layout that this task built")
        if name == "plan":
            found = "leave what is found as docker-plan.json among the task's artifacts"
            command.add_argument("--leave", action="store_true", help=found)
        if name == "index":
            command.add_argument("verb", choices=("create",), metavar="create", help="what is done")
            command.add_argument(
                "layouts",
                nargs="+",
                metavar="LAYOUT",
                help="a layout's folder, or the id of the task that built it",
            )
        chosen = "which [image.IMAGE] of lading.toml"
        if name == "index":
            command.add_argument("--image", metavar="IMAGE", help=chosen)
        else:
            command.add_argument("image", nargs="?", metavar="IMAGE", help=chosen)
        command.add_argument("--checkout", type=Path, default=Path(), metavar="DIR", help="the checkout")
        command.add_argument(
            "--artifacts", metavar="DIR", help="the declared directory; else LADING_ARTIFACTS"
        )
        command.add_argument("--json", action="store_true", help="print the result as JSON")
        for option in OPTIONS:
            _add_option(command, option)
        command.add_argument(
            "--insecure-registry", action="append", metavar="HOST", help="allow plain HTTP to HOST"
        )
    about = "copy an image by digest to other tags, repositories or registries, byte for byte"
    promote = commands.add_parser("promote", help=about, description=about[0].upper() + about[1:] + ".")
    if not typed or "promote" in words:
        add_promote_arguments(promote)
    verify = commands.add_parser("verify", help="whether an image is what a task published")
    add_verify_arguments(verify)
    verify.add_argument(
        "--local",
        action="store_true",
        help="the image as the engine (DOCKER_HOST) has it: config and diffIDs",
    )
    add_completion(parser, words)
    return parser


def _add_option(parser: argparse.ArgumentParser, option: Option) -> None:
    flag, key, about = f"--{option.flag}", option.key, option.about
    match option.kind:
        case "true or false":
            parser.add_argument(flag, dest=key, action="store_true", default=None, help=about)
        case "a list of texts":
            parser.add_argument(flag, dest=key, action="append", metavar="TEXT", help=f"{about} (repeatable)")
        case "a table of texts":
            parser.add_argument(
                flag, dest=key, action="append", metavar="NAME=VALUE", help=f"{about} (repeatable)"
            )
        case _:
            parser.add_argument(flag, dest=key, choices=option.choices or None, metavar="TEXT", help=about)


def asks_for_completion(words: Sequence[str]) -> bool:
    """Whether a command line asks for a completion script."""
    return any(word.startswith("--print-completion") for word in words)


def add_completion(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Add `--print-completion SHELL`."""
    if asks_for_completion(words):
        import shtab

        shtab.add_argument_to(parser, ["--print-completion"])
    else:
        parser.add_argument(
            "--print-completion", metavar="SHELL", help="print a completion script for bash, zsh or tcsh"
        )


def flags_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The flags that were typed, by the key of the option.

    Raises:
        UsageError: one that wants NAME=VALUE is none.
    """
    flags: dict[str, Any] = {"insecure-registry": arguments.insecure_registry}
    for option in OPTIONS:
        value = getattr(arguments, option.key)
        if value is not None and option.kind == "a table of texts":
            value = dict(_pair(text, option.key) for text in value)
        flags[option.key] = value
    return flags


def _pair(text: str, key: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError(f"--{key.removesuffix('s')} {printable(text)[:60]!r} is not NAME=VALUE.")
    return name, value


def add_promote_arguments(promote: argparse.ArgumentParser) -> None:
    """Add the arguments of `promote`."""
    promote.add_argument("image", metavar="IMAGE@DIGEST", help="what is copied: [registry/]name@sha256:…")
    promote.add_argument("to", metavar="TO", nargs="+", help="where to: [registry/]name:tag")
    promote.add_argument(
        "--secret",
        metavar="NAME",
        action="append",
        default=[],
        help="a Taskcluster secret with a registry's account (repeatable); without any, what `docker login` left",
    )
    promote.add_argument(
        "--from-secret",
        metavar="NAME",
        action="append",
        default=[],
        help="the account that reads, where it is another than the one that pushes to the same registry",
    )
    promote.add_argument(
        "--username", metavar="TEXT", help="the user name where a secret holds a password alone"
    )
    promote.add_argument(
        "--insecure-registry", action="append", metavar="HOST", help="allow plain HTTP to HOST"
    )
    promote.add_argument("--json", action="store_true", help="print the result as JSON")


_VERIFY_ABOUT: Final = """\
Whether an image is what a task published. Exits 0 yes, 6 no, 7 cannot tell.

--keys FILE demands a Chain of Trust signature over the statement. FILE has lines of `ROOT_URL KEY`, KEY being a worker
pool's ed25519 public key: 32 bytes in base64, as generic-worker prints it.

--offline DIR asks nobody. DIR is what --save DIR leaves, or is filled by hand:
  image/        an OCI image layout, with or without layers (skopeo copy docker://IMAGE oci:DIR/image)
  task.json     the queue's answer to task/ID
  status.json   the queue's answer to task/ID/status
  index.json    the index's answer, where the task was found there
  public/       the run's artifacts: docker-image.json, docker-build-report.json, chain-of-trust.json and its .sig
"""


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments and the description of `verify`."""
    parser.description = _VERIFY_ABOUT
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("image", metavar="IMAGE", help="[registry/]name[:tag][@digest]")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--task", metavar="ID", help="the task that must have published it")
    where.add_argument("--index", metavar="NAMESPACE", help="find the task by digest under this namespace")
    parser.add_argument("--source", metavar="REPOSITORY", help="the repository it must come from")
    parser.add_argument("--ref", metavar="REF", help="the branch or tag it must come from")
    parser.add_argument("--pool", metavar="POOL", help="the taskQueueId it must have been built on")
    parser.add_argument(
        "--scope",
        metavar="SCOPE",
        action="append",
        default=[],
        help="a further scope that makes a task the repository's",
    )
    parser.add_argument("--keys", metavar="FILE", help="the keys of which one must have signed the statement")
    parser.add_argument("--root-url", metavar="URL", help="Taskcluster; else TASKCLUSTER_ROOT_URL")
    parser.add_argument("--offline", metavar="DIR", help="read everything from this folder")
    parser.add_argument("--save", metavar="DIR", help="keep what was read, but no layers, for --offline")
    parser.add_argument(
        "--no-layers", action="store_true", help="do not read the layers, which who pulls the image hashes"
    )
    parser.add_argument(
        "--insecure-registry", metavar="HOST", action="append", default=[], help="allow plain HTTP to HOST"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
