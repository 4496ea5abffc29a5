"""What 10,000 secrets and 10,000 roles cost on their screens, each in a process of its own.

`list` is from the key that shows the screen until its rows are listed, `key` from a typed letter until the rows that
hold it are drawn, `peak` the most memory that the process had. The roles are those of `tests.bench.scopes`.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.scopes import deployment
from tests.bench.tables import show, table
from tests.support.screens import Deaf, console, drawn

COUNT = 10_000
SIZE = (120, 40)
LIMIT_SECONDS = 60
# Each letter leaves fewer rows; the last ones leave one.
TYPED = {"secrets": "secret-9876", "access": "nightly-1234"}
HEAD = ("screen", "rows", "list ms", "first key ms", "median key ms", "slowest key ms", "peak MB")


def run(repeats):
    """The table."""
    rows = []
    for name in TYPED:
        found = [_measured(name) for _ in range(min(repeats, 3))]
        rows.append((name, *(f"{median(one[key] for one in found):,.0f}" for key in found[0])))
    show(f"Many rows: medians of {min(repeats, 3)}.\n\n{table(HEAD, rows)}")


def _measured(name):
    command = [sys.executable, "-m", "tests.bench.crowd", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


class Crowd(Deaf):
    """A gateway to a deployment of many secrets and roles, which answers at once."""

    def __init__(self):
        self.secrets = [f"project/team-{number % 97}/secret-{number}" for number in range(COUNT)]
        self.roles = [
            {"roleId": role.role_id, "scopes": list(role.scopes), "description": ""}
            for role in deployment(COUNT).roles.values()
        ]

    async def call(self, service, entry, *names, **_):
        """A secret, a role, or an error."""
        match service, entry:
            case "secrets", "get":
                return {"secret": {}, "expires": "2999-01-01T00:00:00.000Z"}
            case "auth", "role":
                times = {"created": "2026-01-01", "lastModified": "2026-01-01"}
                return {"roleId": names[0], "scopes": [], "expandedScopes": [], "description": "", **times}
            case _:
                return await super().call()

    async def items(self, service, entry, *_, **__):
        """All names of secrets, and nobody's history."""
        return self.secrets if (service, entry) == ("secrets", "list") else []

    async def pages(self, _service, entry, *_, **__):
        """All roles, and no clients."""
        found = self.roles if entry == "listRoles2" else []
        for first in range(0, len(found), 1_000):
            yield found[first : first + 1_000]


async def _timed(app, action, condition):
    started = time.monotonic()
    action()
    while not condition():
        if time.monotonic() - started > LIMIT_SECONDS:
            raise TimeoutError(drawn(app))
        await asyncio.sleep(0.005)
    return (time.monotonic() - started) * 1000


async def _measure(name):
    crowd = Crowd()
    count = len(crowd.secrets if name == "secrets" else crowd.roles)
    with tempfile.TemporaryDirectory() as folder:
        app = console(Path(folder), taskcluster=crowd)
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            listed = await _timed(
                app, lambda: app.action_show_screen(name), lambda: _rows(app.screen) == count
            )
            # The dates of the first secrets, and the first role's, are read meanwhile.
            await app.workers.wait_for_complete()
            filtered = app.screen.table if name == "secrets" else app.screen.roles
            filtered.action_filter()
            await pilot.pause()
            keys = [
                await _key(app, filtered, TYPED[name][:length]) for length in range(1, len(TYPED[name]) + 1)
            ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": count,
        "list": listed,
        "first": keys[0],
        "key": median(keys),
        "slowest": max(keys),
        "peak": peak,
    }


def _rows(screen):
    """How many rows are listed; while a frame is still to come, none."""
    table = getattr(screen, "table", None) or getattr(screen, "roles", None)
    return table.count if table is not None else 0


async def _key(app, filtered, typed):
    """Until the rows were filtered, and then drawn."""

    def type_letter():
        filtered.query_one("Input").value = typed

    done = asyncio.Event()
    handled = await _timed(app, type_letter, lambda: filtered._words == (typed,))
    return handled + await _timed(app, lambda: filtered.call_after_refresh(done.set), done.is_set)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_measure(sys.argv[1]))))
