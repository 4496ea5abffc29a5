"""The arguments of `verify`, the same in both programs; without the imports that verifying takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments and the description of `verify`."""
    parser.description = "Whether an image is what a task published. Exits 0 yes, 6 no, 7 cannot tell."
    parser.add_argument("image", metavar="IMAGE", help="[registry/]name[:tag][@digest]")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--task", metavar="ID", help="the task that must have published it")
    where.add_argument("--index", metavar="NAMESPACE", help="find the task by digest under this namespace")
    parser.add_argument("--source", metavar="REPOSITORY", help="the repository it must come from")
    parser.add_argument("--ref", metavar="REF", help="the branch or tag it must come from")
    parser.add_argument("--pool", metavar="POOL", help="the taskQueueId it must have been built on")
    parser.add_argument("--root-url", metavar="URL", help="Taskcluster; else TASKCLUSTER_ROOT_URL")
    parser.add_argument(
        "--insecure-registry", metavar="HOST", action="append", default=[], help="allow plain HTTP to HOST"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
