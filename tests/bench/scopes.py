"""What questions about access cost, on deployments of 100, 600, 1,000 and 10,000 roles made up to look like one.

Half of the roles are jobs of repositories (each repository's own, some for all its releases, each owner's for all
of its repositories), the rest are hooks, groups, pools and people; parameters are handed on over two levels, and
few roles assume many. There are half as many clients as roles.
"""

import time
from statistics import median

from console.domain.access import Access, Client, Role
from console.domain.explain import Yes, explain
from console.domain.principal import parse_principal
from console.domain.role_preview import preview
from console.domain.scopes import satisfies
from console.domain.who_can import who_can
from tests.bench.tables import show, table

SIZES = (100, 600, 1_000, 10_000)
SECRET = "secrets:get:repo:github.com/owner-0/app-{}:dockerhub"
HEAD = (
    "roles",
    "index ms",
    "yes ms",
    "slowest yes",
    "no ms",
    "slowest no",
    "who-can ms",
    "holders",
    "widest ms",
    "holders",
    "naive ms",
    "preview ms",
)
_APPS = 5  # of one owner
_QUESTIONS = 60


def run(repeats):
    """The table; `repeats` is how often a question about all roles is asked, `widest` one that most of them hold."""
    rows = [_row(size, repeats) for size in SIZES]
    show(
        "Access: budgets are 2 ms to explain and 50 ms for who-can, on 600 roles. Medians. `naive` asks each role's "
        f"and client's expansion for the scope, once, up to 1,000 roles.\n\n{table(HEAD, rows)}"
    )


def deployment(size):
    """A deployment of about that many roles."""
    roles = [*_shared(), *_hooks(size // 4), *_groups(size // 4)]
    app = 0
    while len(roles) < size:
        roles.extend(_repository(app, with_owner=app % _APPS == 0))
        app += 1
    clients = [
        Client(
            f"project/app-{number}", (f"assume:project:app-{number % app}", f"secrets:get:project/{number}/*")
        )
        for number in range(size // 2)
    ]
    return Access(roles, [*clients, Client("static/root", ("*",))])


def _repository(app, *, with_owner):
    owner, name = app // _APPS, f"app-{app}"
    prefix = f"repo:github.com/owner-{owner}/{name}"
    pool = f"queue:create-task:low:proj-{name}/ci"
    if with_owner:
        yield Role(f"repo:github.com/owner-{owner}/*", ("assume:owner-jobs:<..>", "queue:route:statuses"))
    secret = f"secrets:get:{prefix}:dockerhub"
    yield Role(
        f"{prefix}:branch:main", (secret, pool, f"assume:project:{name}", f"queue:route:index.{name}.*")
    )
    yield Role(f"{prefix}:release:*", (secret, pool, f"assume:project:{name}"))
    yield Role(f"{prefix}:pull-request", (pool, "queue:route:checks"))
    yield Role(f"project:{name}", (f"index:insert-task:project.{name}.*", f"secrets:get:project/{name}/*"))


def _shared():
    yield Role("owner-jobs:*", ("queue:route:notify.<..>.*", "assume:every-job"))
    yield Role("every-job", ("queue:create-task:project:none", "queue:scheduler-id:taskcluster-github"))
    yield Role("anonymous", ("queue:get-artifact:public/*", "index:find-task:*"))
    yield Role("administrator", ("assume:repo:*", "assume:hook-id:*", "auth:*", "secrets:*"))


def _hooks(count):
    for number in range(count):
        scopes = (
            f"queue:create-task:low:proj-{number}/*",
            f"assume:project:app-{number}",
            "assume:every-job",
        )
        yield Role(f"hook-id:project-{number % 40}/nightly-{number}", scopes)


def _groups(count):
    for number in range(count):
        granted = (f"assume:project:app-{number}", f"hooks:trigger-hook:project-{number % 40}/*")
        yield Role(f"group:team-{number}", (*granted, f"secrets:set:project/team-{number}/*"))


def _row(size, repeats):
    access = deployment(size)
    index, _ = _timed(lambda: (access.rules, access.grants, access.role_ids, access.grants.folded))
    role_ids = sorted(access.roles)
    asked = role_ids[:: max(len(role_ids) // _QUESTIONS, 1)]
    costs = {Yes: [0.0], None: [0.0]}
    for role_id in asked:
        for scope in (
            SECRET.format(0),
            "queue:route:statuses",
            "secrets:get:project/app-1/x",
            "no:such:scope",
        ):
            cost, answer = _timed(
                lambda role_id=role_id, scope=scope: explain(access, parse_principal(role_id), scope)
            )
            costs[Yes if isinstance(answer, Yes) else None].append(cost)
    who = [_holders(access, scope, repeats) for scope in (SECRET.format(0), "queue:create-task:project:none")]
    edit = "repo:github.com/owner-0/app-0:branch:main"
    edits = [
        _timed(lambda: preview(access, edit, [*access.roles[edit].scopes, "new"], ["*"]))[0]
        for _ in range(repeats)
    ]
    figures = (
        index,
        *(figure for kind in (Yes, None) for figure in (median(costs[kind][1:]), max(costs[kind]))),
        *(figure for pair in who for figure in pair),
        _naive(access) if size <= 1_000 else None,
        median(edits),
    )
    return (f"{len(access.roles):,}", *map(_shown, figures))


def _holders(access, scope, repeats):
    costs, found = zip(*(_timed(lambda: who_can(access, scope)) for _ in range(repeats)), strict=True)
    return median(costs), len(found[0].roles) + len(found[0].clients)


def _shown(figure):
    return "-" if figure is None else f"{figure:,}" if isinstance(figure, int) else f"{figure:.2f}"


def _naive(access):
    held = [(f"assume:{role_id}",) for role_id in access.roles] + [
        one.scopes for one in access.clients.values()
    ]
    return _timed(lambda: [satisfies(access.rules.expand(own), SECRET.format(0)) for own in held])[0]


def _timed(action):
    """Milliseconds of one call, and its result."""
    started = time.perf_counter()
    result = action()
    return (time.perf_counter() - started) * 1000, result
