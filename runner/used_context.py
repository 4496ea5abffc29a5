"""The build context without what the build cannot read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.base_images import base_triggers
from runner.image.context_use import context_use

if TYPE_CHECKING:
    from runner.engines.docker_engine import BuildRequest
    from runner.image.context import BuildContext
    from runner.preparation import Preparation


def used_context(preparation: Preparation, request: BuildRequest) -> BuildContext:
    """What is sent to the builder; all of the context where it cannot be known what is read of it.

    podman reads the context by rules of its own (`.containerignore`), and gets all of it.
    """
    context = preparation.context
    if preparation.engine.facts.product != "docker":
        return context
    dockerfile = preparation.dockerfile
    if context_use(dockerfile).is_everything:
        return context
    triggers = base_triggers(preparation, request)
    return context if triggers is None else context.only(context_use(dockerfile, triggers))
