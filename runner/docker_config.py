"""The credentials that `docker login` left for a registry, for who verifies a private image.

Docker's configuration: `auths` in config.json, or a credential helper (docker/docker-credential-helpers).
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.credentials import BadSecretShape, RegistryCredentials, credentials_from_secret
from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.image.reference import Registry

_HELPER = re.compile(r"[A-Za-z0-9_-]+\Z")
_SECONDS = 30


def docker_login(environment: Mapping[str, str], registry: Registry) -> RegistryCredentials | None:
    """What `docker login` left for this registry, or None; a configuration that cannot be read leaves nothing."""
    config = _config(environment)
    helpers = config.get("credHelpers")
    helper = helpers.get(registry.auth_key) if isinstance(helpers, dict) else None
    helper = helper or config.get("credsStore")
    if isinstance(helper, str) and _HELPER.match(helper):
        return _ask_helper(helper, environment, registry)
    auths = config.get("auths")
    entry = auths.get(registry.auth_key) if isinstance(auths, dict) else None
    if not isinstance(entry, dict) or not entry:
        return None
    try:
        return credentials_from_secret({"dockercfg": {registry.auth_key: entry}}, "")
    except BadSecretShape:
        return None


def _config(environment: Mapping[str, str]) -> dict[str, Any]:
    folder = environment.get("DOCKER_CONFIG") or f"{environment.get('HOME', '')}/.docker"
    try:
        config = json.loads(Path(folder, "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _ask_helper(
    helper: str, environment: Mapping[str, str], registry: Registry
) -> RegistryCredentials | None:
    """The helper's protocol: the server's URL on stdin, JSON on stdout; it fails where it has nothing."""
    try:
        answer = subprocess.run(  # noqa: S603 - the user's own configuration names it, as for docker itself
            [f"docker-credential-{helper}", "get"],
            input=registry.auth_key,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env=dict(environment),
        )
        found = json.loads(answer.stdout) if answer.returncode == 0 else None
        return (
            RegistryCredentials(registry, str(found["Username"]), Masked(str(found["Secret"])))
            if found and found["Secret"]
            else None
        )
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return None
