"""Small role sets in which names collide, stars overlap and parameters are handed on; and the rules applied naively."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from console.domain.access import Access, Client, Role
from console.domain.scopes import BadScope, RoleCycle, Roles, check_role, normalise

# A busy machine is slow at times, at drawing role sets too.
UNHURRIED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.text("ab", max_size=3)
ROLE_IDS = st.builds(str.__add__, NAMES, st.sampled_from(["", "", "*"])).filter(bool)
STATED = st.one_of(
    st.builds("s:{}{}".format, NAMES, st.sampled_from(["", "*"])),
    st.builds("assume:{}{}".format, NAMES, st.sampled_from(["", "", "*"])),
    st.builds("s:{}<..>{}".format, NAMES, st.sampled_from(["", "b", "*"])),
    st.builds("assume:{}<..>{}".format, NAMES, st.sampled_from(["", "b", "*"])),
    st.sampled_from(["assu*", ":*"]),
)
HELD = st.one_of(
    st.builds("s:{}{}".format, NAMES, st.sampled_from(["", "*"])),
    st.builds("assume:{}{}".format, NAMES, st.sampled_from(["", "*"])),
    st.sampled_from(["a*", "assume*", "*", ":*", "zz"]),
)
CLIENTS = st.dictionaries(st.text("xy", min_size=1, max_size=2), st.lists(HELD, max_size=3), max_size=3)


def _acceptable(drawn):
    """What auth would have let be created, one role after the other."""
    roles: dict[str, list[str]] = {}
    for role_id, scopes in drawn.items():
        kept: list[str] = []
        for scope in dict.fromkeys(scopes):
            try:
                check_role(role_id, [scope])
                Roles.of(roles | {role_id: [*kept, scope]}).check_cycles()
            except (BadScope, RoleCycle):
                continue
            kept.append(scope)
        roles[role_id] = kept
    return roles


ROLE_SETS = st.dictionaries(ROLE_IDS, st.lists(STATED, max_size=4), max_size=7).map(_acceptable)


def access_of(roles, clients=()):
    return Access(
        [Role(role_id, tuple(scopes)) for role_id, scopes in roles.items()],
        [Client(client_id, tuple(scopes)) for client_id, scopes in dict(clients).items()],
    )


def matches(pattern, scope):
    stem = pattern.removesuffix("*")
    if scope.endswith("*") and stem.startswith(scope[:-1]):
        return True
    return scope.startswith(stem) if pattern.endswith("*") else scope == pattern


def given(pattern, stated, scope):
    """One scope of a role, as granted to a scope that matches the role's pattern."""
    before, found, after = stated.partition("<..>")
    if not (found and pattern.endswith("*")):
        return stated
    stem, own = pattern[:-1], scope.removesuffix("*")
    parameter = scope[len(stem) :] if len(own) >= len(stem) else "*"
    return before + parameter + (after if not parameter.endswith("*") else "")


def expanded(roles, held):
    """The fixed point: every rule on every scope until nothing is new."""
    known = set(held)
    while True:
        new = {
            given(f"assume:{role_id}", stated, scope)
            for role_id, scopes in roles.items()
            for scope in known
            if matches(f"assume:{role_id}", scope)
            for stated in scopes
        } - known
        if not new:
            return normalise(known)
        known |= new
